//! Before the first packet: constants, the target, and whether it may be sent to.

use std::io::{self, Read as _};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use url::Url;

use super::clock::Clock;
use super::deal::Deck;
use super::dial::{is_allowed, is_allowed_by_name, is_pinned_here, may_be_allowed};
use super::eval::{self, Scope};
use super::network::{Network, Tcp};
use super::place::{Base, Origin};
use super::proxy::Proxy;
use super::random::Random;
use super::resolve::Found;
use super::thread::{Seedling, Shared, Thread};
use super::tls::Security;
use super::veil::Veil;
use super::{Error, Options};
use crate::base::Span;
use crate::plan::expr::Function;
use crate::plan::{Expr, Plan, Target, TargetId, Value};

/// The user number whose dice constants are drawn with: one that no user has.
const NOBODY: u64 = u64::MAX;

/// The run's constants, evaluated in order.
pub(super) fn constants(plan: &Plan, options: &Options) -> Result<Vec<Value>, Error> {
    let mut random = Random::new(plan.seed, NOBODY);
    let mut constants = Vec::new();
    for (expr, span) in plan.constants.iter().zip(&plan.constant_spans) {
        constants.push(match expr {
            Expr::Call(Function::Secret, name) => secret(name, *span, options)?,
            Expr::Call(Function::Env, name) if let [Expr::Literal(name)] = &name[..] => variable(name, *span, options)?,
            _ => value(expr, *span, plan, options, &constants, &mut random)?,
        });
    }
    Ok(constants)
}

/// Largest file that a secret is read from: keys and certificates have a few KiB.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// What `env(name)` without a default reads.
fn variable(name: &Value, span: Span, options: &Options) -> Result<Value, Error> {
    let name = name.text();
    match options.environment.get(&*name) {
        Some(value) => Ok(Value::from(value.as_str())),
        None => Err(Error::Missing(span, format!("the variable `{name}` is not set where this was typed"))),
    }
}

/// A secret: the variable of that name, else what the file holds that the variable `NAME_FILE` names, without the line
/// end behind it.
fn secret(name: &[Expr], span: Span, options: &Options) -> Result<Value, Error> {
    let [Expr::Literal(name)] = name else { panic!("`check` has the name of each secret") };
    let name = name.text();
    if let Some(value) = options.environment.get(&*name) {
        return Ok(Value::from(value.as_str()));
    }
    let wrong = |why: String| Error::Missing(span, why);
    let Some(path) = options.environment.get(&format!("{name}_FILE")) else {
        return Err(wrong(format!("neither `{name}` nor `{name}_FILE` is set where this was typed")));
    };
    let unreadable = |error: io::Error| wrong(format!("`{name}_FILE` names `{path}`, which cannot be read: {error}"));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(wrong(format!(
            "`{name}_FILE` names `{path}`, which is larger than {} KiB",
            SECRET_BYTES_MAX >> 10
        )));
    }
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    bytes.truncate(end);
    Ok(Value::from_bytes(bytes))
}

/// The targets as the user typed them, else as the scenario says; each may be sent to.
pub(super) fn targets(plan: &Plan, options: &Options, constants: &[Value]) -> Result<Vec<Url>, Error> {
    let is_named = |typed: &str| plan.targets.iter().any(|target| target.name.as_deref() == Some(typed));
    if let Some((name, url)) = options.named_targets.iter().find(|(name, _)| !is_named(name)) {
        return Err(Error::TargetUrl(url.clone(), format!("the scenario has no target that is named `{name}`")));
    }
    if let (Some(typed), true) = (&options.target, plan.targets.iter().all(|target| target.name.is_some())) {
        let name = plan.targets.iter().find_map(|target| target.name.as_deref()).unwrap_or("name");
        let why = format!("every target of the scenario has a name; say which one is meant, `{name}=URL`");
        return Err(Error::TargetUrl(typed.clone(), why));
    }
    plan.targets.iter().map(|target| one_target(target, plan, options, constants)).collect()
}

fn one_target(target: &Target, plan: &Plan, options: &Options, constants: &[Value]) -> Result<Url, Error> {
    let typed = match &target.name {
        None => options.target.as_ref(),
        Some(name) => options.named_targets.iter().find(|(known, _)| known == name).map(|(_, url)| url),
    };
    let text = match typed {
        Some(typed) => typed.clone(),
        None => {
            let mut random = Random::new(plan.seed, NOBODY);
            value(&target.url, target.span, plan, options, constants, &mut random)?.text().into_owned()
        }
    };
    let secret = constants.iter().zip(&plan.secrets.constants).filter(|(_, secret)| **secret).map(|(value, _)| value);
    let veil = Veil::of(secret);
    let hide = |text: &str| veil.hide(text, std::iter::empty()).into_owned();
    let wrong = |why: String| Error::TargetUrl(hide(&text), hide(&why));
    let url = Url::parse(text.trim()).map_err(|error| match text.contains("://") {
        true => wrong(error.to_string()),
        false => wrong(format!("it has no scheme: did you mean `http://{}`?", text.trim())),
    })?;
    if !url.has_host() {
        return Err(wrong(format!("it has no scheme: did you mean `http://{}`?", text.trim())));
    }
    let base = Base::of(&url, TargetId(0)).map_err(wrong)?;
    let Origin { host, port, .. } = &*base.origin;
    if !may_be_allowed(host, *port, &options.allow) && !is_pinned_here(host, *port, &options.pinned) {
        return Err(Error::HostNotAllowed(hide(host)));
    }
    Ok(url)
}

/// The proxy of each target.
pub(super) fn proxies(plan: &Plan, options: &Options, constants: &[Value]) -> Result<Vec<Option<Proxy>>, Error> {
    let of = |target: &Target| {
        let Some(proxy) = &target.proxy else { return Ok(None) };
        let mut random = Random::new(plan.seed, NOBODY);
        let text = value(proxy, target.span, plan, options, constants, &mut random)?;
        // What it says may hold a password, so that is not told.
        Proxy::of(&text.text()).map(Some).map_err(Error::Proxy)
    };
    plan.targets.iter().map(of).collect()
}

/// The addresses that connections to each target go to, its proxy's where it has one; both may be sent to.
pub(super) async fn addresses(
    network: &dyn Network,
    targets: &[Url],
    proxies: &[Option<Proxy>],
    options: &Options,
) -> Result<Vec<Found>, Error> {
    let mut all = Vec::new();
    for (base, proxy) in Base::all(targets).iter().zip(proxies) {
        let Origin { host, port, .. } = &*base.origin;
        if proxy.as_ref().is_some_and(Proxy::knows_names) && !is_allowed_by_name(host, *port, &options.allow) {
            return Err(Error::HostNotAllowed(host.clone()));
        }
        let (host, port) = proxy.as_ref().map_or((host, port), |proxy| (&proxy.host, &proxy.port));
        let found = network.resolve(host, *port).await;
        let found = found.map_err(|error| Error::Unresolved(host.clone(), error.to_string()))?;
        if found.addresses.is_empty() {
            return Err(Error::Unresolved(host.clone(), "it has no address".into()));
        }
        if !is_allowed(host, *port, &found.addresses, &options.allow) && !is_pinned_here(host, *port, &options.pinned) {
            return Err(Error::HostNotAllowed(host.clone()));
        }
        all.push(found);
    }
    Ok(all)
}

/// Makes what the targets need to speak TLS.
pub(super) fn security(shared: &Shared) -> Result<(), Error> {
    shared.security.prepare(&Base::all(&shared.targets)).map_err(|unfit| match unfit.span {
        Some(span) => Error::Certificate(span, unfit.why),
        None => Error::Tls(unfit.why),
    })
}

/// What all threads share.
pub(super) fn shared(plan: &Plan, options: &Options, targets: Vec<Url>, proxies: Vec<Option<Proxy>>) -> Arc<Shared> {
    Arc::new(Shared {
        started: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO),
        run_id: options.run_id.clone(),
        environment: options.environment.clone(),
        targets,
        allow: options.allow.clone(),
        security: Arc::new(Security::new(plan)),
        pinned: options.pinned.clone(),
        proxies,
        counter: AtomicU64::new(0),
        deck: Deck::new(plan),
        next_user: AtomicU64::new(plan.starts(1).len() as u64),
        iterations: AtomicU64::new(plan.load.iterations.unwrap_or(0)),
    })
}

/// As [`shared`], for what comes behind `before`: numbers of `counter()` go on.
pub(super) fn shared_after(plan: &Plan, options: &Options, targets: Vec<Url>, before: &Shared) -> Arc<Shared> {
    let mut shared = shared(plan, options, targets, before.proxies.clone());
    let fresh = Arc::get_mut(&mut shared).expect("nobody else has it yet");
    fresh.security = before.security.clone();
    *fresh.counter.get_mut() = before.counter.load(std::sync::atomic::Ordering::Relaxed);
    shared
}

fn value(
    expr: &Expr,
    span: Span,
    plan: &Plan,
    options: &Options,
    constants: &[Value],
    random: &mut Random,
) -> Result<Value, Error> {
    // Expressions see a thread's world; before the run there is one that goes nowhere.
    let nowhere = Url::parse("http://localhost").expect("it is a URL");
    let nowhere = vec![nowhere];
    let bases = Base::all(&nowhere);
    let plan = Plan { ops: Vec::new(), data: Vec::new(), ..plan.clone() };
    let seedling = Seedling {
        shared: shared(&plan, options, nowhere, Vec::new()),
        plan,
        constants: constants.to_vec(),
        setup: Vec::new(),
        addresses: Vec::new(),
        index: 0,
        threads: 1,
        listener: None,
        keeps: false,
    };
    let thread = Thread::new(seedling, bases, Clock::paused(), Rc::new(Tcp::default()));
    let mut scope = Scope { thread: &thread, user: 0, iteration: 0, slots: &[], random, answer: None };
    match eval::eval(expr, &mut scope) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Error::Constant(span, "it has no value".into())),
        Err(error) => {
            let why = thread.veil.hide(&error.why, std::iter::empty()).into_owned();
            Err(Error::Constant(span, why))
        }
    }
}
