//! The flags and variables that say whether metrics are told while a run goes, and whereto.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::collector;
use super::environment::Environment;
use super::exit::Failure;
use super::screen::Screen;
use crate::base::units::parse_duration;
use crate::export::{Error, Exporter, Facts, Now, Push, Pushed, Settings};
use crate::metrics::Verdict;
use crate::plan::Plan;
use crate::run::{self, Act, Stop, Tick};

/// Where `/metrics` is served unless told otherwise.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9646);

/// The flags that say where metrics go while a run goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Metrics")]
#[group(skip)]
pub struct Flags {
    /// Serve metrics for Prometheus while the run goes, on http://127.0.0.1:9646/metrics
    #[arg(long)]
    metrics: bool,

    /// Serve them here; with port 0 the system chooses
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    metrics_addr: Option<SocketAddr>,

    /// Let other machines read them: without it only an address of this machine is taken
    #[arg(long)]
    metrics_allow_remote: bool,

    /// What names begin with: scn, or locust for the five metrics that dashboards for Locust know
    #[arg(long, value_enum, value_name = "PREFIX", default_value = "scn", hide_default_value = true)]
    metrics_prefix: Prefix,

    /// Serve them so long after the run, so that the last scrape sees its end; a signal ends that early
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    metrics_linger: Option<Duration>,

    /// Push metrics to this collector over OTLP (HTTP): http://127.0.0.1:4318
    #[arg(long, value_name = "URL", value_parser = collector::url)]
    otlp: Option<String>,
}

/// What the names of metrics begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Prefix {
    /// `scn_`.
    Scn,
    /// `locust_` for five of them.
    Locust,
}

/// The variables, for `--help`.
pub const ENVIRONMENT_HELP: &str = "  SCN_METRICS_EXPORT=1, SCN_METRICS_ADDR
                   the same for --metrics and --metrics-addr
  OTEL_EXPORTER_OTLP_ENDPOINT (_METRICS_ENDPOINT, _HEADERS, _TIMEOUT …), OTEL_METRIC_EXPORT_INTERVAL,
  OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
                   where and how metrics are pushed, as in every OpenTelemetry program";

/// What is to be exported, as chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    serve: Option<SocketAddr>,
    like_locust: bool,
    linger: Duration,
    push: Option<Push>,
}

impl Flags {
    /// Puts the variables in where flags are absent. Errors: a variable that cannot be read, an address that other
    /// machines reach without leave, a flag that says how to serve what is not served.
    pub fn choose(self, environment: &Environment) -> Result<Choice, Failure> {
        let given = environment.flag_or(self.metrics_addr, "SCN_METRICS_ADDR", address)?;
        let asked = self.metrics || environment.flag_or(None, "SCN_METRICS_EXPORT", switch)?.unwrap_or(false);
        let serve = given.or(asked.then_some(ADDRESS));
        if let Some(address) = serve.filter(|address| !address.ip().is_loopback() && !self.metrics_allow_remote) {
            let message = format!("metrics on {address} could be read from other machines");
            return Err(Failure::usage(message).help(format!(
                "--metrics-allow-remote if they may; --metrics-addr {} for this machine alone",
                SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
            )));
        }
        let how = [
            ("--metrics-allow-remote", self.metrics_allow_remote),
            ("--metrics-prefix", self.metrics_prefix != Prefix::Scn),
            ("--metrics-linger", self.metrics_linger.is_some()),
        ];
        if let Some((flag, _)) = how.iter().find(|(_, given)| *given && serve.is_none()) {
            let message = format!("`{flag}` says how metrics are served, and none are");
            return Err(Failure::usage(message).help("--metrics serves them"));
        }
        Ok(Choice {
            serve,
            like_locust: self.metrics_prefix == Prefix::Locust,
            linger: self.metrics_linger.unwrap_or_default(),
            push: collector::chosen(self.otlp, environment)?,
        })
    }
}

/// Exports one run, if that was asked for.
pub struct Metrics<'a> {
    plan: &'a Plan,
    choice: Choice,
    exporter: Option<Exporter>,
}

impl<'a> Metrics<'a> {
    /// Begins to export; nothing at all where that was not asked for. Errors: the address is taken.
    pub fn start(plan: &'a Plan, choice: Choice, run_id: &str) -> Result<Metrics<'a>, Failure> {
        if choice.serve.is_none() && choice.push.is_none() {
            return Ok(Metrics { plan, choice, exporter: None });
        }
        let facts = Facts {
            run_id: run_id.to_owned(),
            scenario: plan.scenario.clone(),
            profile: plan.load.profile.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let (serve, like_locust, push) = (choice.serve, choice.like_locust, choice.push.clone());
        let exporter = Exporter::start(plan, &Settings { serve, like_locust, push, facts }).map_err(explain)?;
        Ok(Metrics { plan, choice, exporter: Some(exporter) })
    }

    /// Where metrics go, in words; `None`: nowhere.
    pub fn place(&self) -> Option<String> {
        let served = self.url().map(|url| format!("metrics on {url}"));
        let pushed = self.choice.push.as_ref().map(|push| format!("metrics go to {}", push.endpoint));
        let places: Vec<_> = served.into_iter().chain(pushed).collect();
        (!places.is_empty()).then(|| places.join(" · "))
    }

    fn url(&self) -> Option<String> {
        let address = self.exporter.as_ref()?.address()?;
        Some(format!("http://{address}/metrics"))
    }

    /// Takes in what was seen in a second; what is worth a word.
    pub fn see(&mut self, tick: &Tick<'_>) -> Vec<String> {
        let Some(exporter) = &mut self.exporter else { return Vec::new() };
        let now = (tick.act == Act::Load && !tick.warming).then(|| {
            let judged = tick.watch.judge(tick.total, tick.elapsed.saturating_sub(self.plan.load.warm_up));
            Now::of(self.plan, tick.total, &judged, tick.started)
        });
        exporter.see(tick.window, tick.act != Act::Load, now);
        exporter.warnings()
    }

    /// The run has ended: tells that, and pushes for the last time. What a report should note.
    pub fn finish(&mut self, finished: &run::Finished, verdict: &Verdict) -> Option<String> {
        let exporter = self.exporter.as_mut()?;
        let now = Now::ended(&finished.judged, verdict, finished.started);
        let pushed = exporter.finish(now, finished.length);
        self.choice.push.as_ref().and_then(|push| told(&pushed, &push.endpoint))
    }

    /// Serves `/metrics` on for as long as was asked for, or until a signal comes; `pressed`: how many had come when the
    /// run ended.
    pub fn linger(self, stop: &Stop, pressed: u8, screen: &Screen) {
        let (Some(url), false) = (self.url(), self.choice.linger.is_zero()) else { return };
        // Pressed twice, all ends at once.
        if pressed > 1 {
            return;
        }
        let length = crate::base::units::duration_text(self.choice.linger);
        screen.say(&format!("{url} stays for {length}; Ctrl-C ends that"));
        wait(self.choice.linger, stop, pressed);
    }
}

/// Waits until so long is over or the button was pressed more often than that.
fn wait(length: Duration, stop: &Stop, pressed: u8) {
    let begun = Instant::now();
    while begun.elapsed() < length && stop.presses() == pressed {
        std::thread::sleep(LOOK_EVERY.min(length));
    }
}

/// So often whoever lingers looks for a signal.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How pushes fared, where not all arrived.
fn told(pushed: &Pushed, endpoint: &str) -> Option<String> {
    let trouble = pushed.trouble.as_ref()?;
    let Pushed { pushes, failures, .. } = pushed;
    Some(format!("{failures} of {pushes} pushes of metrics did not reach {endpoint}: {trouble}"))
}

fn explain(error: Error) -> Failure {
    match error {
        Error::Listen(address, error) => {
            Failure::cannot_run(format!("metrics cannot be served on {address}: {error}; nothing was sent"))
                .help("--metrics-addr 127.0.0.1:0 lets the system choose a port")
        }
        Error::Thread(error) => {
            Failure::cannot_run(format!("the system refuses what exporting metrics needs: {error}"))
        }
        Error::Sdk(why) => Failure::cannot_run(format!("metrics cannot be exported: {why}")),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port are needed, as in 127.0.0.1:9646 or [::1]:0".into())
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("1 or 0 is needed".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clap::Parser;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn choose(words: &[&str], variables: &[(&str, &str)]) -> Result<Choice, String> {
        let line = Line::try_parse_from([&["run"], words].concat()).map_err(|error| error.to_string())?;
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment { variables: HashMap::from_iter(variables) };
        line.flags.choose(&environment).map_err(|failure| {
            assert_eq!(failure.exit, crate::cli::exit::Exit::Usage);
            failure.to_string()
        })
    }

    #[test]
    fn nothing_is_exported_unless_it_is_asked_for() {
        let choice = choose(&[], &[("SCN_METRICS_EXPORT", "0"), ("SCN_METRICS_ADDR", "")]).unwrap();
        assert_eq!((choice.serve, choice.push), (None, None));
    }

    #[test]
    fn flags_and_variables_say_where_metrics_are_served() {
        let serve = |words: &[&str], variables: &[(&str, &str)]| choose(words, variables).unwrap().serve;
        assert_eq!(serve(&["--metrics"], &[]), Some(ADDRESS));
        assert_eq!(serve(&[], &[("SCN_METRICS_EXPORT", "1")]), Some(ADDRESS));
        let other = Some("127.0.0.1:9000".parse().unwrap());
        assert_eq!(serve(&["--metrics-addr", "127.0.0.1:9000"], &[("SCN_METRICS_ADDR", "127.0.0.1:1")]), other);
        assert_eq!(serve(&[], &[("SCN_METRICS_ADDR", "127.0.0.1:9000")]), other);
        assert!(choose(&[], &[("SCN_METRICS_EXPORT", "maybe")]).unwrap_err().contains("SCN_METRICS_EXPORT"));
        assert!(choose(&["--metrics-addr", "9646"], &[]).unwrap_err().contains("127.0.0.1:9646"));
    }

    #[test]
    fn other_machines_read_metrics_only_with_leave() {
        let refused = choose(&["--metrics-addr", "0.0.0.0:9646"], &[]).unwrap_err();
        assert!(refused.contains("--metrics-allow-remote") && refused.contains("127.0.0.1:9646"), "{refused}");
        assert!(choose(&["--metrics-addr", "0.0.0.0:9646", "--metrics-allow-remote"], &[]).is_ok());
        assert!(choose(&["--metrics-addr", "[::1]:0"], &[]).is_ok());
    }

    #[test]
    fn how_to_serve_says_nothing_where_nothing_is_served() {
        for words in [&["--metrics-linger", "30s"][..], &["--metrics-prefix", "locust"], &["--metrics-allow-remote"]] {
            assert!(choose(words, &[]).unwrap_err().contains("--metrics serves them"), "{words:?}");
        }
    }

    #[test]
    fn a_signal_while_the_report_is_written_ends_the_lingering_too() {
        let (stop, pressed_when_the_run_ended) = (Stop::default(), 0);
        stop.press();
        wait(Duration::from_secs(3_600), &stop, pressed_when_the_run_ended);
    }
}
