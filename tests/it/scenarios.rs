//! The scenarios and examples that come with scn, and those of the README: they check clean, plan under every built-in
//! profile, and run against the demo.

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use scn::base::{Seed, Share, Sources};
use scn::check::{self, Sound};
use scn::demo::{Service, Switches};
use scn::metrics::{ErrorKind, Snapshot};
use scn::plan::profile::Wanted;
use scn::plan::profile::{self, Profile};
use scn::plan::{self, Plan};
use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use scn::run::{self, Options, Stop};
use scn::syntax;

/// Examples for services of other kinds than the demo; each has a test with such a service under `examples/`.
const OF_OTHER_SERVICES: &[&str] =
    &["examples/ethereum.scn", "examples/graphql_subscription.scn", "examples/home_assistant.scn", "examples/shop.scn"];

/// Name and text of every scenario in the repository that is meant to be run on the demo.
fn scenarios() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["scenarios", "examples", "benches/truth", "benches/work"] {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "scn") {
                let name = format!("{folder}/{}", path.file_name().unwrap().display());
                if OF_OTHER_SERVICES.contains(&name.as_str()) {
                    continue;
                }
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The scenario in `text`; everything that is wrong with it, notes included, fails the test.
fn sound(name: &str, text: &str) -> (Sound, Sources) {
    let mut sources = Sources::default();
    let file = sources.add(name, text);
    let parsed = syntax::parse(file, text);
    assert_eq!(parsed.diagnostics, [], "{name}");
    let checked = check::check(&parsed.ast, &sources);
    assert_eq!(checked.diagnostics, [], "{name}");
    (checked.sound(&parsed.diagnostics).expect("nothing was wrong"), sources)
}

fn built_in(name: &str) -> Profile {
    let mut sources = Sources::default();
    let text = profile::built_in(name).unwrap();
    profile::parse(sources.add(name, text), text).profile.unwrap()
}

fn planned(name: &str, text: &str, profile: &Profile) -> Plan {
    let (sound, sources) = sound(name, text);
    match plan::compile(&sound, profile, Seed(1), &sources) {
        Ok(compiled) => compiled.plan,
        Err(diagnostics) => panic!("{name} under {}: {diagnostics:?}", profile.name),
    }
}

/// Every connection leads to the service, over memory.
struct Memory(Arc<Service>);

impl Network for Memory {
    fn resolve(&self, _host: &str, port: u16) -> Local<std::io::Result<Found>> {
        Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into())))
    }

    fn connect(&self, _to: SocketAddr) -> Local<std::io::Result<Stream>> {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        tokio::spawn(Arc::clone(&self.0).serve(theirs));
        Box::pin(std::future::ready(Ok(Stream::Memory(ours))))
    }
}

/// Runs `plan` in virtual time against a service with these switches; what was seen, and the service as it is then.
fn run(plan: &Plan, switches: Switches) -> (Snapshot, Arc<Service>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build_local(Default::default()).unwrap();
    runtime.block_on(async {
        let service = Service::new(switches);
        let options = Options {
            threads: 1,
            target: Some("http://127.0.0.1:8000".into()),
            allow: Vec::new(),
            environment: Default::default(),
            run_id: "test".into(),
            ..Options::default()
        };
        let network = Rc::new(Memory(Arc::clone(&service)));
        let finished = run::drive(plan, network, &options, &Stop::default(), &mut |_| {}).await;
        (finished.unwrap_or_else(|error| panic!("{error:?}")).total, service)
    })
}

#[test]
fn every_scenario_checks_clean_and_plans_under_every_built_in_profile() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 7, "{scenarios:?}");
    for (name, text) in &scenarios {
        for (profile, _) in profile::BUILT_IN {
            planned(name, text, &built_in(profile));
        }
    }
}

#[test]
fn every_scenario_runs_against_the_demo_without_a_failure() {
    // Those of benches want loads of their own.
    for (name, text) in scenarios().into_iter().filter(|(name, _)| !name.starts_with("benches")) {
        let (seen, service) = run(&planned(&name, &text, &built_in("smoke")), Switches::default());
        let totals = seen.totals();
        assert_eq!((totals.failures, totals.failed_iterations), (0, 0), "{name}");
        assert!(totals.iterations >= 5 && totals.requests > 0, "{name}: {totals:?}");
        assert!(service.counters.requests.load(Ordering::Relaxed) > 0, "{name}");
    }
}

#[test]
fn users_hold_the_stream_for_a_minute_and_miss_no_frame() {
    let text = include_str!("../../benches/truth/hold.scn");
    let profile = Profile {
        wanted: Wanted::Users { users: 5, spawn_rate: 1000.0 },
        duration: Duration::from_secs(60),
        ..built_in("smoke")
    };
    let (seen, service) = run(&planned("hold.scn", text, &profile), Switches::default());
    let totals = seen.totals();
    assert_eq!((totals.iterations, totals.failed_iterations, totals.abandoned_iterations), (5, 0, 0));
    assert_eq!(service.counters.frames.load(Ordering::Relaxed), 5 * 600);
    // Four steps beside the frames: connect, start, stop, close.
    assert_eq!(totals.requests, 5 * (600 + 4));
}

#[test]
fn each_socket_that_the_service_drops_is_one_failed_iteration_of_a_known_kind() {
    let text = include_str!("../../benches/truth/drops.scn");
    let profile = Profile {
        wanted: Wanted::Users { users: 50, spawn_rate: 1000.0 },
        duration: Duration::from_secs(60),
        ..built_in("smoke")
    };
    let plan = planned("drops.scn", text, &profile);
    let (seen, service) = run(&plan, Switches { drop_connections: Share(0.01), ..Switches::default() });
    let dropped = service.counters.dropped.load(Ordering::Relaxed);
    assert!(dropped > 100, "{dropped}");
    assert_eq!(seen.totals().failed_iterations, dropped);
    let of = |kind| -> u64 { seen.series.iter().map(|row| row.errors(kind)).sum() };
    assert_eq!(of(ErrorKind::Closed) + of(ErrorKind::Reset), dropped);
}

#[test]
fn the_scenarios_in_the_readme_check_clean() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks: Vec<&str> = readme.split("```scn\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "the README shows a scenario");
    for block in blocks {
        sound("README.md", block);
    }
}
