//! What histograms take: many steps, two load threads, and times from one end of what can be told apart to the other.

use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use scn::base::{Offset, Seed, Sources};
use scn::metrics::{ErrorKind, IterationEnd, IterationOutcome, Outcome, Recorder, Sample, Snapshot};
use scn::plan::profile::{Profile, Wanted};
use scn::plan::{self, Plan, StepId, TaskId, UserId};

use crate::measure::{resident_kib, tell};

const STEPS: usize = 200;
const STEPS_PER_TASK: usize = 10;
const THREADS: usize = 2;
/// Ten minutes, handed over each second.
const SECONDS: u64 = 600;
/// Of each step on each thread: 100,000 samples a second in all, more than two cores make.
const SAMPLES_PER_SECOND: u64 = 250;
/// One sample in so many fails, and goes into a histogram of its own.
const FAILS_ONE_IN: u64 = 50;
/// The shortest and the longest time that a histogram tells apart, in µs.
const SHORTEST: f64 = 1.0;
const LONGEST: f64 = 3.6e9;

/// Resident memory with all histograms full, less that of the same process before the first sample.
pub fn memory() {
    let this = std::env::current_exe().expect("the program knows itself");
    let output = Command::new(this).arg("as-histograms").stderr(Stdio::inherit()).output().expect("it starts itself");
    let said = String::from_utf8_lossy(&output.stdout);
    let mut numbers = said.split_whitespace().map(|word| word.parse::<f64>().expect("it prints numbers"));
    let mut next = || numbers.next().expect("it prints three numbers");
    let (before, most, after) = (next(), next(), next());
    println!(
        "histograms of {STEPS} steps on {THREADS} threads: {:.1} MiB at the end, {:.1} MiB at most",
        after - before,
        most - before
    );
    tell("histograms of 200 steps on two threads", most - before, 64.0, " MiB");
}

/// Records on two threads and adds up on a third, as a run does, and prints MiB before, at most and after.
pub fn run() -> ExitCode {
    let plan = plan();
    let resident = || resident_kib(std::process::id()) / 1024.0;
    let before = resident();
    let (tell, hear) = mpsc::sync_channel::<Snapshot>(THREADS);
    for thread in 0..THREADS {
        let (plan, tell) = (plan.clone(), tell.clone());
        std::thread::spawn(move || {
            let mut recorder = Recorder::new(&plan, thread as u32);
            let mut dice = thread as u64 + 1;
            for second in 1..=SECONDS {
                let now = Offset::from(Duration::from_secs(second));
                for step in 0..STEPS {
                    for sample in 0..SAMPLES_PER_SECOND {
                        record(&mut recorder, &plan, step, time(&mut dice), sample == second % FAILS_ONE_IN);
                    }
                }
                // Closed: the other side has fallen, and says so itself.
                let _ = tell.send(recorder.take(now, Duration::ZERO));
            }
        });
    }
    drop(tell);
    let (mut total, mut most) = (Snapshot::default(), before);
    while let Ok(first) = hear.recv() {
        let mut window = first;
        if let Ok(other) = hear.recv() {
            window.merge(&other);
        }
        total.merge(&window);
        most = f64::max(most, resident());
    }
    println!("{before} {most} {}", resident());
    // Alive until here.
    assert_eq!(total.totals().requests, SECONDS * SAMPLES_PER_SECOND * (STEPS * THREADS) as u64);
    ExitCode::SUCCESS
}

fn record(recorder: &mut Recorder, plan: &Plan, step: usize, time: Duration, fails: bool) {
    let (step, done) = (StepId(step as u32), Offset::from(time));
    let start = Offset::ZERO;
    let point = plan.steps[step.0 as usize].point;
    let outcome = if fails { Outcome::Failed(ErrorKind::Timeout, point) } else { Outcome::Ok };
    recorder.record(&Sample {
        step,
        due: start,
        ready: start,
        begun: start,
        sent: start,
        done,
        outcome,
        status: 200,
        bytes_sent: 1,
        bytes_received: 1,
    });
    if (step.0 as usize).is_multiple_of(STEPS_PER_TASK) {
        let task = Some(TaskId(step.0 / STEPS_PER_TASK as u32));
        recorder.iteration(&IterationEnd { user: UserId(0), task, outcome: IterationOutcome::Ok, time });
    }
}

/// Evenly over all magnitudes.
fn time(dice: &mut u64) -> Duration {
    // xorshift: any dice do.
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    let share = (*dice >> 11) as f64 / (1_u64 << 53) as f64;
    Duration::from_secs_f64(SHORTEST * (LONGEST / SHORTEST).powf(share) / 1e6)
}

fn plan() -> Plan {
    let mut text = String::from("scenario \"Many\"\ntarget \"http://127.0.0.1:1\"\nuser one {\n");
    for step in 0..STEPS {
        if step % STEPS_PER_TASK == 0 {
            text += &format!("  task number_{} {{\n", step / STEPS_PER_TASK);
        }
        text += &format!("    GET /items/{step} {{ expect status 200 }}\n");
        if step % STEPS_PER_TASK == STEPS_PER_TASK - 1 {
            text += "  }\n";
        }
    }
    text += "}\n";
    let mut sources = Sources::default();
    let file = sources.add("many.scn", &text);
    let parsed = scn::syntax::parse(file, &text);
    let checked = scn::check::check(&parsed.ast, &sources);
    let sound = checked.sound(&parsed.diagnostics).expect("the scenario is sound");
    let profile = Profile {
        name: "many".into(),
        description: String::new(),
        wanted: Wanted::Users { users: 50, spawn_rate: 50.0 },
        iterations: None,
        warm_up: Duration::ZERO,
        duration: Duration::from_secs(SECONDS),
        graceful_stop: None,
        mix: Vec::new(),
        thresholds: Vec::new(),
    };
    plan::compile(&sound, &profile, Seed(7), &sources).expect("a plan").plan
}
