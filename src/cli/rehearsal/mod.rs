//! `scn try`: one iteration of each task, one after another, with everything that is said and found.

mod lines;
mod objects;

use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use clap::builder::TypedValueParser;

use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::render::text::render;
use super::run::{explain, run_id, serve, unended};
use super::screen::Screen;
use super::{demo::no_signals, parts, scenario, signals, values, ways};
use crate::base::{Seed, Sources};
use crate::demo;
use crate::diagnostic::nearest;
use crate::metrics::Snapshot;
use crate::plan::profile::{self, Profile};
use crate::plan::{self, Plan, TaskId};
use crate::run::trace::Listener;
use crate::run::{self, Options, Stop};

/// Run each task once and show everything
///
/// One user of each class does its tasks once, one after another: `on start` first, then the tasks in the order of the
/// file, then `on stop`. Each request and response, message, expectation, captured value and pause is shown as it
/// happens; JSON is laid out, long bodies are cut, secrets are `***`. Think times are left out, pauses inside tasks are
/// kept. Where a step fails, its line of the scenario is drawn.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct Arguments {
    /// The scenario; `-` reads it from standard input
    #[arg(value_name = "FILE", value_parser = clap::builder::StringValueParser::new().try_map(|text| values::path(&text)))]
    file: PathBuf,

    /// Only this task, `checkout` or `customer.checkout`; may be given several times
    #[arg(long, value_name = "TASK")]
    task: Vec<String>,

    /// Only the tasks of this class of users; may be given several times
    #[arg(short, long, value_name = "USER")]
    user: Vec<String>,

    #[command(flatten)]
    parts: parts::Flags,

    /// What every random draw follows from: the same seed, the same draws [default: by chance]
    #[arg(long, value_name = "NUMBER", value_parser = values::seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// Send everything here, in place of the scenario's target: http://127.0.0.1:8000
    #[arg(short, long, value_name = "URL", value_parser = values::aim, help_heading = "Target", conflicts_with = "demo")]
    target: Vec<values::Aim>,

    /// Also send to this host, beside this machine; may be given several times
    #[arg(short, long, value_name = "HOST", value_parser = values::host, help_heading = "Target")]
    allow: Vec<String>,

    /// Make connections from these addresses of this machine in turn, as in 127.0.0.2,127.0.0.3
    #[arg(long, value_name = "ADDRESS,…", value_parser = values::source, value_delimiter = ',', help_heading = "Target")]
    source: Vec<IpAddr>,

    #[command(flatten)]
    ways: ways::Flags,

    /// Serve the embedded oscilloscope service on a free port and send everything there
    #[arg(long, help_heading = "Target")]
    demo: bool,

    /// How it is told
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT", help_heading = "Results")]
    format: Format,
}

/// How a rehearsal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

const AFTER_HELP: &str = "\
Examples:
  scn try scenarios/oscilloscope.scn --demo
  scn try shop.scn --task checkout --seed 7
  scn try shop.scn --without visitor
  scn try shop.scn --target https://staging.example.com --allow staging.example.com
  scn try shop.scn --format json | jq 'select(.event == \"failed\")'

Environment:
  SCN_TARGET, SCN_ALLOW
                   the same for --target and --allow (hosts separated by commas)
  NO_COLOR         no colours

Exit codes:
  0    every task came to its end; a `check` is only counted, and `attempt` and `retry` catch failures
  2    usage: an unknown flag or task, a path that cannot be read
  99   a task failed
  104  the scenario is not sound
  105  stopped by a signal
  107  nothing could be tried: a host that is not allowed or does not resolve, a missing secret
";

/// Tries the scenario out, tells what happens, and ends with what it means.
pub fn rehearse(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let environment = Environment::real();
    let allow = (!arguments.allow.is_empty()).then_some(arguments.allow);
    let allow = environment.flag_or(allow, "SCN_ALLOW", values::hosts)?.unwrap_or_default();
    let (target, named_targets) = values::aims(arguments.target);
    let target = match arguments.demo {
        true => None,
        false => environment.flag_or(target, "SCN_TARGET", values::target)?,
    };
    let seed = Seed(arguments.seed.unwrap_or_else(|| super::chance() >> 32));

    let mut sources = Sources::default();
    let (_, sound) = scenario::sound(&arguments.file, &mut sources, screen)?;
    let sound = parts::select(sound, &arguments.parts.parts())?;
    let profile = one_of_each(sound.scenario().users.len(), &mut sources);
    let plan = match plan::compile(&sound, &profile, seed, &sources) {
        // What it says of the load is nothing here: there is none.
        Ok(compiled) => compiled.plan,
        Err(diagnostics) => {
            screen.say(render(&diagnostics, &sources, screen.err).trim_end_matches('\n'));
            return Err(Failure::unsound());
        }
    };
    let tasks = chosen(&plan, &arguments.task, &arguments.user)?;

    let service = arguments.demo.then(|| serve(demo::Switches::default())).transpose()?;
    let target = service.as_ref().map(demo::Running::url).or(target);
    let stop = Stop::default();
    let pressed = stop.clone();
    signals::listen(move |_| pressed.press()).map_err(no_signals)?;
    let told = Arc::new((plan.clone(), sources.clone(), screen.clone()));
    let listener = match arguments.format {
        Format::Text => Listener::new(move || Rc::new(lines::Lines::new(told.clone()))),
        Format::Json => Listener::new(move || Rc::new(objects::Objects::new(told.clone()))),
    };
    let options = Options {
        keeps_failures: false,
        threads: 1,
        target: target.clone(),
        named_targets,
        allow,
        sources: values::each_once(arguments.source),
        pinned: arguments.ways.resolve,
        name_servers: arguments.ways.dns_server,
        environment: environment.variables,
        run_id: run_id(),
        served_here: service.is_some(),
        listener: Some(listener),
        warned: None,
    };
    if arguments.format == Format::Text {
        let on = target.map(|url| format!(" · {url}")).unwrap_or_default();
        screen.print(&format!("{}{on} · seed {}\n", plan.scenario, seed.0))?;
    }
    let came = run::rehearse(&plan, &tasks, &options, &stop).map_err(|error| explain(error, &sources, screen))?;
    if let Some(note) = unended(came.tasks_left) {
        screen.say(&note);
    }
    let failed = failed(&plan, &came.seen);
    if arguments.format == Format::Text {
        screen.print(&lines::summary(&came.seen, tasks.len(), failed, screen))?;
    }
    Ok(match (came.stopped, failed) {
        (true, _) => Exit::Stopped,
        (false, true) => Exit::Threshold,
        (false, false) => Exit::Good,
    })
}

/// Whether a task or what stands around it failed; what `attempt` and `retry` caught is no failure of it.
fn failed(plan: &Plan, seen: &Snapshot) -> bool {
    let on_stop = plan.series.iter().zip(&seen.series).filter(|(series, _)| series.task_name == "on_stop");
    seen.totals().failed_iterations > 0 || on_stop.into_iter().any(|(_, seen)| seen.failures() > 0)
}

/// A profile that leaves no class out.
fn one_of_each(classes: usize, sources: &mut Sources) -> Profile {
    let text = format!("name: try\nusers: {}\nspawn_rate: 1000\nduration: 1h\n", classes.max(1));
    let file = sources.add("<try>", text.as_str());
    profile::parse(file, &text).profile.expect("it says all that a profile needs")
}

/// The tasks that are tried, in the order of the plan. Errors: a name that is none's.
fn chosen(plan: &Plan, tasks: &[String], users: &[String]) -> Result<Vec<TaskId>, Failure> {
    let user_of = |task: &plan::Task| plan.users[task.user.0 as usize].name.as_str();
    let is = |task: &plan::Task, name: &str| {
        !name.is_empty() && task.name == name || format!("{}.{}", user_of(task), task.name) == name
    };
    let unknown = |what: &str, name: &str, known: Vec<&str>| {
        let failure = Failure::usage(format!("no {what} is called `{name}`"));
        match nearest(name, known.iter().copied()) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help(format!("there are: {}", known.join(", "))),
        }
    };
    for name in tasks {
        if !plan.tasks.iter().any(|task| is(task, name)) {
            let known = plan.tasks.iter().map(|task| task.name.as_str()).filter(|name| !name.is_empty());
            return Err(unknown("task", name, known.collect()));
        }
    }
    for name in users {
        if !plan.users.iter().any(|user| user.name == *name) {
            return Err(unknown("user", name, plan.users.iter().map(|user| user.name.as_str()).collect()));
        }
    }
    // Tasks that run in order are tried as the one iteration that they are, unless some of them are asked for.
    let pass_of = |task: &plan::Task| plan.users[task.user.0 as usize].pass;
    let wanted = |id: TaskId, task: &plan::Task| {
        let class = &plan.users[task.user.0 as usize];
        let is_left_out = !class.tasks.contains(&id) && (class.pass != Some(id) || class.tasks.is_empty());
        let of_user = users.is_empty() || users.iter().any(|name| user_of(task) == name);
        let of_task = match (tasks.is_empty(), pass_of(task)) {
            (true, Some(pass)) => pass == id,
            (true, None) => true,
            (false, _) => tasks.iter().any(|name| is(task, name)),
        };
        of_user && of_task && !is_left_out
    };
    let ids = plan.tasks.iter().enumerate().map(|(index, task)| (TaskId(index as u32), task));
    let ids: Vec<TaskId> = ids.filter(|(id, task)| wanted(*id, task)).map(|(id, _)| id).collect();
    match ids.is_empty() {
        true => Err(Failure::usage("no such task belongs to such a user, or it is left out")),
        false => Ok(ids),
    }
}
