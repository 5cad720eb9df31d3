//! `scn run`: the whole pipeline, from a path to a verdict.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use std::time::Duration;

use clap::builder::TypedValueParser;

use super::demo::no_signals;
use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::failures::Failures;
use super::folder::{self, Folder, Results};
use super::interim::Interim;
use super::live::Live;
use super::render::text::Drawing;
use super::screen::Screen;
use super::summaries::{at, known, so_far, summary_text};
use super::{load, logs, metrics, scenario, signals, switches, values, ways};
use crate::base::Sources;
use crate::demo::{self, Switches};
use crate::diagnostic::Severity;
use crate::metrics::{Judged, Validity, Verdict};
use crate::plan::Plan;
use crate::report;
use crate::run::{self, Act, Options, Shortage, Stop};

/// Run a scenario and judge what came of it
///
/// Checks the scenario and its profile, runs the users they describe, and tells what was seen: thresholds kept or
/// broken, times and failures of each step, errors drawn on the scenario's own lines, and whether the run itself is to
/// be trusted. Load goes only to this machine and to hosts named by --allow.
///
/// The report goes to standard output, progress to standard error: a view redrawn in place on a terminal, a line every
/// five seconds elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after_help())]
pub struct Arguments {
    /// The scenario; `-` reads it from standard input
    #[arg(value_name = "FILE", value_parser = clap::builder::StringValueParser::new().try_map(|text| values::path(&text)))]
    file: PathBuf,

    #[command(flatten)]
    load: load::Flags,

    #[command(flatten)]
    metrics: metrics::Flags,

    #[command(flatten)]
    switches: switches::Flags,

    /// Send the load here, in place of the scenario's target: http://127.0.0.1:8000; NAME=URL for a target with a name
    #[arg(short, long, value_name = "URL", value_parser = values::aim, help_heading = "Target", conflicts_with = "demo")]
    target: Vec<values::Aim>,

    /// Also send to this host, beside this machine; may be given several times
    #[arg(short, long, value_name = "HOST", value_parser = values::host, help_heading = "Target")]
    allow: Vec<String>,

    /// Make connections from these addresses of this machine in turn, as in 127.0.0.2,127.0.0.3: each has ports of its own
    #[arg(long, value_name = "ADDRESS,…", value_parser = values::source, value_delimiter = ',', help_heading = "Target")]
    source: Vec<IpAddr>,

    #[command(flatten)]
    ways: ways::Flags,

    /// Serve the embedded oscilloscope service on a free port and send the load there
    #[arg(long, help_heading = "Target")]
    demo: bool,

    /// No progress, only the report
    #[arg(short, long, help_heading = "Results")]
    quiet: bool,

    /// Show what the scenario logs, on standard error; progress is then a line now and then
    #[arg(short, long, conflicts_with = "quiet", help_heading = "Results")]
    verbose: bool,

    /// Where run folders lie
    #[arg(short, long, value_name = "DIR", default_value = folder::DEFAULT, conflicts_with = "no_results", help_heading = "Results")]
    out: PathBuf,

    /// Leave no run folder
    #[arg(long, help_heading = "Results")]
    no_results: bool,

    /// Write the summary (JSON) here too
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    summary_export: Option<PathBuf>,

    /// Do not run with warnings: end with 104 as if they were errors
    #[arg(long, value_enum, value_name = "warnings", hide_possible_values = true)]
    deny: Option<scenario::Deny>,

    /// Threads that make the load [default: one a core]
    #[arg(long, value_name = "NUMBER", value_parser = values::threads, allow_negative_numbers = true, help_heading = "Load")]
    threads: Option<u16>,
}

fn after_help() -> String {
    format!(
        "\
Examples:
  scn run scenarios/oscilloscope.scn --demo
  scn run scenarios/http.scn --demo --error-rate 5% --metrics
  scn run shop.scn --profile stress --target http://127.0.0.1:8080
  scn run shop.scn --users 20 --duration 1m --seed 7
  scn run shop.scn --only customer.checkout
  scn run shop.scn --target https://staging.example.com --allow staging.example.com
  scn run chat.scn --users 60000 --source 127.0.0.2,127.0.0.3,127.0.0.4

Ctrl-C (SIGINT), SIGTERM or a closed terminal (SIGHUP, unless nohup is used): no iteration begins any
more, and running ones may come to their end within the profile's graceful_stop (30 s unless it says
otherwise). Then the report. A second time: all ends at once, still with the report.

Files:
  scn-results/UTC-SCENARIO-ID/summary.json      the run's numbers, written anew each second while it goes, so that a
                                                run that is killed leaves them; scn never deletes results
  scn-results/UTC-SCENARIO-ID/failures.jsonl    the first three failures of each kind at each step, with request,
                                                answer and messages; written as they come

Environment:
{}
  SCN_TARGET, SCN_ALLOW
                   the same for --target and --allow (hosts separated by commas)
{}
  NO_COLOR         no colours

Exit codes: of several, the first in the order 107, 105, 98, 99
  0    every threshold held
  2    usage: an unknown flag or profile, a path that cannot be read
  98   the run is not valid: the generator was saturated, or nothing was finished
  99   a threshold was broken
  104  the scenario or the profile is not sound
  105  stopped by a signal, after the report
  107  the run could not start or go on: `setup` failed, a host that is not allowed or does not resolve, too few
       descriptors or source ports, a full disk, the port for metrics is taken
",
        load::ENVIRONMENT_HELP,
        metrics::ENVIRONMENT_HELP
    )
}

/// Runs the scenario under its load, tells what was seen, and ends with what it means.
pub fn run(arguments: Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let environment = Environment::real();
    let choices = choose(arguments, &environment)?;
    let mut sources = Sources::default();
    let (_, sound) = scenario::sound_enough(&choices.file, &mut sources, screen, choices.load.deny)?;
    let plan = choices.load.plan(sound, &choices.file, &mut sources, screen)?;

    let stop = Stop::default();
    // A view that is redrawn in place and lines of a log would write over each other.
    let mut view = screen.clone();
    view.err.terminal &= !choices.verbose;
    let mut live = Live::new(&plan, stop.clone(), choices.quiet, &view);
    listen(&stop, live.tells_of_stopping(), screen)?;
    let id = run_id();
    let mut metrics = metrics::Metrics::start(&plan, choices.metrics.clone(), &id)?;
    let service = choices.demo.clone().map(serve).transpose()?;
    let results = reserve(&choices, &plan.scenario, &id)?;
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let options = Options {
        keeps_failures: results.folder().is_some(),
        threads: choices.threads,
        target: service.as_ref().map(demo::Running::url).or(choices.target.clone()),
        named_targets: choices.named_targets.clone(),
        allow: choices.allow.clone(),
        sources: choices.sources.clone(),
        pinned: choices.ways.resolve.clone(),
        name_servers: choices.ways.dns_server.clone(),
        environment: environment.variables,
        run_id: id.clone(),
        served_here: service.is_some(),
        listener: choices.verbose.then(|| logs::listener(screen)),
        warned: Some(Arc::new({
            let (warnings, screen) = (warnings.clone(), screen.clone());
            move |what: &run::Warning| {
                let text = warning(what);
                screen.say(&format!("warning: {text}"));
                warnings.lock().expect("nobody panics with it").push(text);
            }
        })),
    };
    if !choices.quiet {
        screen.say(&opening(&plan, options.target.as_deref(), service.is_some()));
        metrics.place().iter().for_each(|place| screen.say(place));
    }
    let known = known(&id, &sources, choices.demo.is_some());
    let mut failures = Failures::new(results.folder());
    let mut interim = match Interim::start(results.interim()) {
        Ok(interim) => interim,
        Err(error) => {
            results.abandon();
            return Err(Failure::cannot_run(format!("the system refuses a thread: {error}")));
        }
    };
    let mut length = Duration::ZERO;
    let finished = run::run(&plan, &options, &stop, &mut |tick| {
        for warning in metrics.see(tick) {
            live.clear();
            screen.say(&format!("warning: {warning}"));
        }
        live.show(tick);
        failures.keep(tick.kept, |exchange| report::failure(&plan, &sources, &options.run_id, exchange));
        if tick.act == Act::Load {
            length = tick.elapsed;
        }
        let warning = interim.keep(|| {
            let mut meta = at(&known, &plan, tick.started, length);
            meta.stopped = stop.by_hand();
            meta.notes.extend_from_slice(&warnings.lock().expect("nobody panics with it"));
            so_far(tick, &plan, &sources, &meta)
        });
        if let Some(warning) = warning {
            live.clear();
            screen.say(&warning);
        }
    });
    // From now on a signal says that metrics need not be served any longer.
    let pressed = stop.presses();
    live.clear();
    let unwritten = interim.finish();
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => {
            results.abandon();
            return Err(explain(error, &sources, screen));
        }
    };
    drop(service);

    let judged = &finished.judged;
    let verdict = Verdict::of(&plan, &finished.total, judged);
    let meta = at(&known, &plan, finished.started, finished.length);
    let mut meta = report::Meta { finished: true, stopped: finished.stopped, ..meta };
    meta.notes.append(&mut warnings.lock().expect("nobody panics with it"));
    meta.notes.extend(metrics.finish(&finished, &verdict));
    meta.notes.extend(unwritten);
    meta.notes.extend(unended(finished.tasks_left));
    let told = report::Finished {
        plan: &plan,
        sources: &sources,
        seen: &finished.total,
        warm_up: finished.warm_up.as_ref(),
        judged,
        verdict: &verdict,
        meta: &meta,
    };
    let failures = failures.finish();
    let text = tell(&told, results.folder(), failures.as_ref().ok().and_then(Option::as_deref), screen);
    let summary = summary_text(&told);
    // Each is told even where the other cannot be.
    if let Some(why) = &finished.setup_failed {
        screen.say(&no_user_started(why));
    }
    let kept = results.finish(&summary, &id);
    let printed = screen.print(&text).map_err(|error| {
        // What was measured is told in any case.
        screen.say(text.trim_end_matches('\n'));
        Failure::from(error)
    });
    Failure::together([printed, failures.map(drop), kept])?;
    metrics.linger(&stop, pressed, screen);
    Ok(judge(&finished, &verdict))
}

/// What is told where tasks have outlived the last user.
pub(super) fn unended(tasks: u64) -> Option<String> {
    let what = match tasks {
        0 => return None,
        1 => "1 task of scn's".to_owned(),
        _ => format!("{tasks} tasks of scn's"),
    };
    Some(format!("{what} did not end with the last user: a fault of scn, not of what was tested"))
}

/// The exit code that says most: stopped, not valid, or a broken threshold.
fn judge(finished: &run::Finished, verdict: &Verdict) -> Exit {
    let no_setup = !matches!(finished.setup_failed, None | Some(run::SetupFailed::Stopped));
    let ends = [
        (no_setup, Exit::CannotRun),
        (finished.stopped, Exit::Stopped),
        (verdict.validity() == Validity::Invalid, Exit::Invalid),
        (finished.judged.iter().any(Judged::broken), Exit::Threshold),
    ];
    Exit::first(ends.into_iter().filter(|(holds, _)| *holds).map(|(_, exit)| exit))
}

/// Why no user has started, in words; the place is drawn with the report.
fn no_user_started(why: &run::SetupFailed) -> String {
    match why {
        run::SetupFailed::Failed => "`setup` failed, so no user was started".to_owned(),
        run::SetupFailed::Stopped => "stopped in `setup`, so no user was started".to_owned(),
        run::SetupFailed::TooLarge(bytes) => format!(
            "what `setup` has set makes {bytes} bytes of JSON, and at most {} are given to users; none was started",
            crate::plan::SETUP_BYTES_MAX
        ),
    }
}

/// The report: thresholds, table, errors on the scenario's own lines, validity, the run folder.
fn tell(told: &report::Finished<'_>, folder: Option<&Path>, failures: Option<&Path>, screen: &Screen) -> String {
    let look = screen.out;
    let mut text = report::seen(told, look.width, look.style());
    for errors in report::errors_on_lines(told.plan, told.seen) {
        let drawing = Drawing {
            code: None,
            message: errors.title,
            severity: Severity::Error,
            labels: errors.labels.into_iter().map(|label| (label.span, label.text)).collect(),
            help: None,
        };
        text += &format!("\n{}", drawing.draw(told.sources, look));
    }
    text += &format!("\n{}", report::trust(told, look.width, look.style()));
    if let Some(folder) = folder {
        text += &format!("results in {}\n", folder.display());
    }
    if let Some(failures) = failures {
        text += &format!("the first failures are kept in {}\n", failures.display());
    }
    text
}

/// What flags and variables decide.
struct Choices {
    file: PathBuf,
    load: load::Choice,
    target: Option<String>,
    named_targets: Vec<(String, String)>,
    allow: Vec<String>,
    sources: Vec<IpAddr>,
    ways: ways::Flags,
    /// The embedded service is to be served, and misbehaves like this.
    demo: Option<Switches>,
    threads: usize,
    metrics: metrics::Choice,
    quiet: bool,
    verbose: bool,
    out: Option<PathBuf>,
    summary_export: Option<PathBuf>,
}

fn choose(arguments: Arguments, environment: &Environment) -> Result<Choices, Failure> {
    if let (false, Some(flag)) = (arguments.demo, arguments.switches.given()) {
        let message = format!("`{flag}` says how the demo misbehaves, and the load does not go there");
        return Err(Failure::usage(message).help("--demo serves it and sends the load there"));
    }
    let (target, named_targets) = values::aims(arguments.target);
    let allow = (!arguments.allow.is_empty()).then_some(arguments.allow);
    Ok(Choices {
        file: arguments.file,
        load: arguments.load.choose(environment)?.denying(arguments.deny),
        // With --demo the target is known: a variable meant for other runs is not even read.
        target: match arguments.demo {
            true => None,
            false => environment.flag_or(target, "SCN_TARGET", values::target)?,
        },
        named_targets,
        allow: environment.flag_or(allow, "SCN_ALLOW", values::hosts)?.unwrap_or_default(),
        sources: values::each_once(arguments.source),
        ways: arguments.ways,
        demo: arguments.demo.then(|| arguments.switches.switches(0)),
        threads: arguments.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from),
        metrics: arguments.metrics.choose(environment)?,
        quiet: arguments.quiet,
        verbose: arguments.verbose,
        out: (!arguments.no_results).then_some(arguments.out),
        summary_export: arguments.summary_export,
    })
}

/// Makes the places that the summary goes to.
fn reserve(choices: &Choices, scenario: &str, id: &str) -> Result<Results, Failure> {
    let now = jiff::Timestamp::now();
    let folder = choices.out.as_deref().map(|out| Folder::create(out, now, scenario, id)).transpose()?;
    Results::reserve(folder, choices.summary_export.as_deref())
}

/// The line before the run: what is run, how much of it, and how to have the same draws again.
fn opening(plan: &Plan, target: Option<&str>, demo: bool) -> String {
    let load = plan.load.text();
    let target = match (target, demo) {
        (Some(url), true) => format!(" on the demo at {url}"),
        (Some(url), false) => format!(" on {url}"),
        (None, _) => String::new(),
    };
    format!("{}: {} ({load}){target}, seed {}", plan.scenario, plan.load.profile, plan.seed.0)
}

/// Presses the stop button at each signal, and says so where no view does.
fn listen(stop: &Stop, says_so: bool, screen: &Screen) -> Result<(), Failure> {
    let (stop, screen) = (stop.clone(), screen.clone());
    signals::listen(move |count| {
        stop.press();
        match count {
            _ if !says_so => {}
            1 => screen.say("stopping: no iteration begins any more, running ones may end; once more to stop at once"),
            _ => screen.say("stopping at once"),
        }
    })
    .map_err(no_signals)
}

/// The embedded service on a free port of this machine, on threads of its own.
pub(super) fn serve(switches: Switches) -> Result<demo::Running, Failure> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    demo::start(anywhere, switches)
        .map_err(|error| Failure::cannot_run(format!("cannot serve the oscilloscope on a free port: {error}")))
}

/// What stands for a run in names of folders and in reports: eight letters and digits by chance, without those that
/// look like others.
pub(super) fn run_id() -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let chance = super::chance();
    (0..8).map(|place| char::from(LETTERS[(chance >> (5 * place)) as usize & 31])).collect()
}

/// What the machine lacks, in words.
fn short(shortages: &[Shortage]) -> Failure {
    let (mut said, mut helps) = (Vec::new(), Vec::new());
    for shortage in shortages {
        match shortage {
            Shortage::Descriptors { need, have } => {
                said.push(format!(
                    "the plan needs {need} file descriptors for its connections and some for scn itself, and this \
                     process may have {have}"
                ));
                helps.push("raise the hard limit (ulimit -Hn, LimitNOFILE), or run fewer users".to_owned());
            }
            Shortage::Ports { target, need, have, ports } => {
                said.push(format!(
                    "the plan holds up to {need} connections to {target}, and this machine has {have} source ports \
                     towards it"
                ));
                helps.push(format!(
                    "each source address has {ports} ports (net.ipv4.ip_local_port_range): name several, as in \
                     --source 127.0.0.2,127.0.0.3"
                ));
            }
        }
    }
    Failure::cannot_run(said.join("\n")).help(helps.join("\n"))
}

/// What may be wrong with the load, in words.
pub(super) fn warning(warning: &run::Warning) -> String {
    match warning {
        run::Warning::Unreachable { target, why } => {
            format!("before the load, {target} could not be reached: {why}")
        }
    }
}

/// Why a run could not start or go on, in words; drawn on the scenario where it stands there.
pub(super) fn explain(error: run::Error, sources: &Sources, screen: &Screen) -> Failure {
    use run::Error;
    match error {
        Error::TargetUrl(url, why) => Failure::cannot_run(format!("no load can be sent to `{url}`: {why}"))
            .help("a target is a whole URL, as http://127.0.0.1:8000 or https://shop.test"),
        Error::HostNotAllowed(host) => {
            Failure::cannot_run(format!("`{host}` is neither this machine nor allowed; nothing was sent"))
                .help(format!("if the load may go there: --allow {host}"))
        }
        Error::Proxy(why) => Failure::cannot_run(format!("the proxy of a target cannot be used: {why}"))
            .help("a proxy is a URL as http://127.0.0.1:3128, socks5://127.0.0.1:1080 or socks5h://127.0.0.1:1080"),
        Error::Unresolved(host, why) => Failure::cannot_run(format!("the name `{host}` does not resolve: {why}")),
        Error::Missing(span, why) => {
            let drawing = Drawing {
                code: None,
                message: "this is missing, so the run cannot start".into(),
                severity: Severity::Error,
                labels: vec![(span, why)],
                help: None,
            };
            screen.say(drawing.draw(sources, screen.err).trim_end_matches('\n'));
            Failure { exit: Exit::CannotRun, message: String::new(), help: None }
        }
        Error::Constant(span, why) => {
            let drawing = Drawing {
                code: None,
                message: "this constant has no value, so the run cannot start".into(),
                severity: Severity::Error,
                labels: vec![(span, why)],
                help: None,
            };
            screen.say(drawing.draw(sources, screen.err).trim_end_matches('\n'));
            Failure { exit: Exit::CannotRun, message: String::new(), help: None }
        }
        Error::Certificate(span, why) => {
            let drawing = Drawing {
                code: None,
                message: "no TLS can be spoken with this file".into(),
                severity: Severity::Error,
                labels: vec![(span, why)],
                help: None,
            };
            screen.say(drawing.draw(sources, screen.err).trim_end_matches('\n'));
            Failure::unsound()
        }
        Error::Tls(why) => Failure::cannot_run(format!("no TLS can be spoken: {why}"))
            .help("name the authority that signed the target's certificate: `tls { ca \"ca.pem\" }`"),
        Error::Shortages(shortages) => short(&shortages),
        Error::Source(address, error) => {
            let why = match error.kind() {
                ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
                _ => error.to_string(),
            };
            Failure::cannot_run(format!("no connection can come from {address}: {why}"))
                .help("`ip address` lists the addresses that there are; every 127.x.y.z is one of its own")
        }
        Error::NoSource(host, why) => Failure::cannot_run(format!("no connection to `{host}` can be made: {why}"))
            .help("name one of that family, too, or leave `--source` out"),
        Error::Thread(error) => Failure::cannot_run(format!("the system refuses what a load thread needs: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_that_have_outlived_the_last_user_are_told_as_a_fault_of_ours() {
        assert_eq!(unended(0), None);
        let told = |tasks| unended(tasks).expect("there are some");
        let fault = "did not end with the last user: a fault of scn, not of what was tested";
        assert_eq!(told(1), format!("1 task of scn's {fault}"));
        assert_eq!(told(2), format!("2 tasks of scn's {fault}"));
    }
}
