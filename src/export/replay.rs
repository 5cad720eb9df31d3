//! A second of a run, told to the instruments of one output.
//!
//! Cost: each sample of the second is one to three calls of a bound instrument, some 20 ns each; nothing here runs on a
//! load thread.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::metrics::Meter;

use super::family::{Counts, Naming, SeriesNumber, Spread, Stands};
use super::{Facts, Now, metric};
use crate::metrics::{ErrorKind, Numbers, Phase, Snapshot, Times};
use crate::plan::{MeasureUnit, Plan, PointKind, SeriesId, SeriesKind};

/// What the label `worker` says of the process that one talks to.
const WORKER: &str = "local";

/// What the label `target` says of the one without a name.
const DEFAULT: &str = "default";

/// All instruments of one output, and what each row of the plan is bound to.
pub struct Replay {
    naming: Naming,
    requests: Counts,
    request_duration: Spread,
    service_duration: Spread,
    errors: Counts,
    checks: Counts,
    users_active: Stands,
    requests_per_second: Stands,
    iterations: Counts,
    dropped_iterations: Counts,
    group_duration: Spread,
    measure: Spread,
    phase_duration: Spread,
    run_start: Stands,
    run_end: Stands,
    bytes_sent: Counts,
    bytes_received: Counts,
    websocket_connections: Stands,
    websocket_messages: Counts,
    threshold_ok: Stands,
    run_valid: Stands,
    lateness: Spread,
    cpu_ratio: Stands,
    folded: Counts,
    failed_pushes: Counts,
    facts: Facts,
    users: Vec<Class>,
    tasks: Vec<Task>,
    rows: Vec<Row>,
    /// Of each row that opens sockets or streams: its name, how many it has opened and how many have ended.
    sockets: Vec<Option<(String, u64, u64)>>,
    /// What each target is called.
    targets: Vec<String>,
    /// Of each point that is a check: the name of its step, and what it asks.
    checked: Vec<Option<(String, String)>>,
    /// Series that are told as folded already.
    told_folded: u64,
}

/// A class of users.
struct Class {
    name: String,
    /// Whether it stands for users, and not for who does `setup` and `teardown`.
    counts: bool,
    started: u64,
    ended: u64,
}

struct Task {
    user: String,
    name: String,
}

/// A row of the report.
enum Row {
    Request { method: String, name: String, duration: SeriesNumber, service: SeriesNumber, statuses: Statuses },
    Group(SeriesNumber),
    Measure(SeriesNumber),
}

/// The series of the statuses that a row has seen, rising.
type Statuses = Vec<(u16, SeriesNumber)>;

impl Replay {
    /// Instruments of `meter` for a run of `plan`. What may well be counted stands at 0 from the start, so that a rate
    /// over the first seconds misses nothing.
    pub fn new(plan: &Plan, meter: &Meter, naming: Naming, facts: Facts) -> Replay {
        let counts = |metric| Counts::counts(meter, metric, &naming);
        let spread = |metric| Spread::spread(meter, metric, &naming);
        let stands = |metric| Stands::stands(meter, metric, &naming);
        let mut run_info = stands(&metric::RUN_INFO);
        run_info.set(&[&facts.scenario, &facts.profile], 1.0);
        let mut replay = Replay {
            requests: counts(&metric::REQUESTS),
            request_duration: spread(&metric::REQUEST_DURATION),
            service_duration: spread(&metric::SERVICE_DURATION),
            errors: counts(&metric::ERRORS),
            checks: counts(&metric::CHECKS),
            users_active: stands(&metric::USERS_ACTIVE),
            requests_per_second: stands(&metric::REQUESTS_PER_SECOND),
            iterations: counts(&metric::ITERATIONS),
            dropped_iterations: counts(&metric::DROPPED_ITERATIONS),
            group_duration: spread(&metric::GROUP_DURATION),
            measure: spread(&metric::MEASURE),
            phase_duration: spread(&metric::PHASE_DURATION),
            run_start: stands(&metric::RUN_START),
            run_end: stands(&metric::RUN_END),
            bytes_sent: counts(&metric::BYTES_SENT),
            bytes_received: counts(&metric::BYTES_RECEIVED),
            websocket_connections: stands(&metric::WEBSOCKET_CONNECTIONS),
            websocket_messages: counts(&metric::WEBSOCKET_MESSAGES),
            threshold_ok: stands(&metric::THRESHOLD_OK),
            run_valid: stands(&metric::RUN_VALID),
            lateness: spread(&metric::LATENESS_SECONDS),
            cpu_ratio: stands(&metric::CPU_RATIO),
            folded: counts(&metric::FOLDED),
            failed_pushes: counts(&metric::FAILED_PUSHES),
            naming,
            facts,
            users: Vec::new(),
            tasks: Vec::new(),
            rows: Vec::new(),
            sockets: Vec::new(),
            targets: plan.targets.iter().map(|target| target.name.clone().unwrap_or_else(|| DEFAULT.into())).collect(),
            checked: Vec::new(),
            told_folded: 0,
        };
        replay.lay_out(plan);
        replay
    }

    fn lay_out(&mut self, plan: &Plan) {
        let classes = plan.classes().len();
        for (index, user) in plan.users.iter().enumerate() {
            let name = user.name.clone();
            self.users.push(Class { name, counts: index < classes, started: 0, ended: 0 });
        }
        for (index, task) in plan.tasks.iter().enumerate() {
            let user = &plan.users[task.user.0 as usize];
            let is_part = user.pass.is_some_and(|pass| pass.0 as usize != index);
            self.tasks.push(Task { user: user.name.clone(), name: task.name.clone() });
            if !is_part {
                for outcome in ["ok", "failed", "abandoned"] {
                    self.iterations.count(&[&user.name, &task.name, outcome], 0);
                }
            }
        }
        for user in plan.users.iter().filter(|user| user.on_start.is_some()) {
            for outcome in ["failed", "abandoned"] {
                self.iterations.count(&[&user.name, "on_start", outcome], 0);
            }
        }
        for user in plan.classes() {
            self.dropped_iterations.count(&[&user.name, "", "dropped"], 0);
        }
        for id in (0..plan.series.len() as u32).map(SeriesId) {
            let row = self.row(plan, id);
            self.rows.push(row);
            let series = &plan.series[id.0 as usize];
            let opens = (series.kind == SeriesKind::Connect).then(|| (series.name.clone(), 0, 0));
            if let Some((name, ..)) = &opens {
                for direction in ["sent", "received"] {
                    self.websocket_messages.count(&[name, direction], 0);
                }
            }
            self.sockets.push(opens);
        }
        for point in &plan.points {
            let step = point.step.filter(|_| point.kind == PointKind::Check);
            let names = step.map(|step| {
                let row = &plan.series[plan.steps[step.0 as usize].series.0 as usize];
                (row.name.clone(), point.text.strip_prefix("check ").unwrap_or(&point.text).to_owned())
            });
            if let Some((name, check)) = &names {
                for outcome in ["ok", "failed"] {
                    self.checks.count(&[name, check, outcome], 0);
                }
            }
            self.checked.push(names);
        }
        for empty in [&mut self.bytes_sent, &mut self.bytes_received, &mut self.folded, &mut self.failed_pushes] {
            empty.count(&[], 0);
        }
        self.lateness.series(&[WORKER]);
    }

    fn row(&mut self, plan: &Plan, id: SeriesId) -> Row {
        let row = &plan.series[id.0 as usize];
        match row.kind {
            SeriesKind::Group => Row::Group(self.group_duration.series(&[&row.name])),
            SeriesKind::Measure(MeasureUnit::Time | MeasureUnit::Number) => {
                Row::Measure(self.measure.series(&[&row.name]))
            }
            kind => {
                // Locust's names hold no method.
                let bare = row.name.strip_prefix(&row.method).and_then(|rest| rest.strip_prefix(' '));
                let name = match (&self.naming, bare) {
                    (Naming::Locust { .. }, Some(bare)) => bare,
                    _ => &row.name,
                };
                let (method, name) = (row.method.clone(), name.to_owned());
                let statuses = usual_status(kind).iter().map(|&status| {
                    let series = self.requests.series(&[&method, &name, &status.to_string()]);
                    self.requests.add(series, 0);
                    (status, series)
                });
                let statuses = statuses.collect();
                for error in usual_errors(plan, id) {
                    self.errors.count(&[&method, &name, error.name()], 0);
                }
                Row::Request {
                    duration: self.request_duration.series(&[&method, &name]),
                    service: self.service_duration.series(&[&method, &name]),
                    method,
                    name,
                    statuses,
                }
            }
        }
    }

    /// Tells what was seen in a second; `aside`: what `setup` or `teardown` saw, which lies in none.
    pub fn second(&mut self, window: &Snapshot, aside: bool) {
        self.requests(window);
        self.beside(window);
        self.lives(window);
        self.sockets(window);
        for (seen, target) in window.phases.iter().zip(&self.targets) {
            for phase in Phase::ALL.into_iter().filter(|phase| !seen.of(*phase).is_empty()) {
                let series = self.phase_duration.series(&[phase.name(), target]);
                record(&self.phase_duration, series, seen.of(phase));
            }
        }
        for (point, names) in window.points.iter().zip(&self.checked) {
            if let Some((name, check)) = names {
                self.checks.count(&[name, check, "ok"], point.passed);
                self.checks.count(&[name, check, "failed"], point.failed);
            }
        }
        let lateness = self.lateness.series(&[WORKER]);
        record(&self.lateness, lateness, &window.lateness);
        if !aside {
            let seconds = window.length().as_secs_f64();
            if seconds > 0.0 {
                self.requests_per_second.set(&[], window.totals().requests as f64 / seconds);
            }
            if let Some(busiest) = window.health.shares().map(|(_, share)| share).max_by(f64::total_cmp) {
                self.cpu_ratio.set(&[WORKER], busiest);
            }
        }
        self.tell_folded();
    }

    /// Tells how things stand.
    pub fn now(&mut self, now: &Now) {
        let facts = [self.facts.scenario.as_str(), self.facts.profile.as_str()];
        self.run_start.set(&facts, seconds_since_1970(now.started));
        for (threshold, holds) in &now.thresholds {
            self.threshold_ok.set(&[threshold], f64::from(u8::from(*holds)));
        }
        self.run_valid.set(&[], f64::from(u8::from(now.valid)));
    }

    /// The run has come to its end after `length`.
    pub fn end(&mut self, now: &Now, length: Duration) {
        self.now(now);
        let facts = [self.facts.scenario.as_str(), self.facts.profile.as_str()];
        self.run_end.set(&facts, seconds_since_1970(now.started + length));
        self.requests_per_second.set(&[], 0.0);
        self.users.iter_mut().for_each(|class| class.ended = class.started);
        self.tell_users();
        self.sockets.iter_mut().flatten().for_each(|(_, opened, ended)| *ended = *opened);
        self.tell_sockets();
    }

    /// So many pushes did not arrive, beside those told before.
    pub fn failed_pushes(&mut self, count: u64) {
        self.failed_pushes.count(&[], count);
    }

    fn requests(&mut self, window: &Snapshot) {
        let (mut sent, mut received) = (0, 0);
        for (seen, row) in window.series.iter().zip(&mut self.rows) {
            let Row::Request { method, name, duration, service, statuses } = row else { continue };
            if seen.requests() == 0 {
                continue;
            }
            sent += seen.bytes_sent;
            received += seen.bytes_received;
            let with_status: u64 = seen.statuses.iter().map(|(_, count)| count).sum();
            let without = (0, seen.requests() - with_status.min(seen.requests()));
            for (status, count) in seen.statuses.iter().copied().chain(Some(without).filter(|(_, count)| *count > 0)) {
                let at = match statuses.binary_search_by_key(&status, |(known, _)| *known) {
                    Ok(at) => at,
                    Err(at) => {
                        let series = self.requests.series(&[method, name, &status.to_string()]);
                        statuses.insert(at, (status, series));
                        at
                    }
                };
                self.requests.add(statuses[at].1, count);
            }
            record(&self.request_duration, *duration, &seen.ok);
            record(&self.request_duration, *duration, &seen.failed);
            record(&self.service_duration, *service, &seen.service);
            for kind in ErrorKind::ALL {
                let count = seen.errors(*kind);
                if count > 0 {
                    self.errors.count(&[method, name, kind.name()], count);
                }
            }
        }
        self.bytes_sent.count(&[], sent);
        self.bytes_received.count(&[], received);
    }

    /// Groups and measures.
    fn beside(&mut self, window: &Snapshot) {
        for (seen, row) in window.beside.iter().zip(&self.rows) {
            match row {
                Row::Request { .. } => {}
                Row::Group(series) => {
                    record(&self.group_duration, *series, &seen.ok);
                    record(&self.group_duration, *series, &seen.failed);
                }
                Row::Measure(series) => {
                    record(&self.measure, *series, &seen.ok);
                    record_numbers(&self.measure, *series, &seen.numbers);
                }
            }
        }
    }

    /// Iterations and users.
    fn lives(&mut self, window: &Snapshot) {
        for (seen, task) in window.tasks.iter().zip(&self.tasks).filter(|(seen, _)| !seen.in_pass) {
            for (outcome, count) in [("ok", seen.ok), ("failed", seen.failed), ("abandoned", seen.abandoned)] {
                if count > 0 {
                    self.iterations.count(&[&task.user, &task.name, outcome], count);
                }
            }
        }
        for (seen, class) in window.users.iter().zip(&mut self.users) {
            class.started += seen.started;
            class.ended += seen.ended;
            for (outcome, count) in [("failed", seen.failed_starts), ("abandoned", seen.abandoned_starts)] {
                if count > 0 {
                    self.iterations.count(&[&class.name, "on_start", outcome], count);
                }
            }
            if seen.dropped > 0 {
                self.dropped_iterations.count(&[&class.name, "", "dropped"], seen.dropped);
            }
        }
        self.tell_users();
    }

    fn sockets(&mut self, window: &Snapshot) {
        for (seen, socket) in window.sockets.iter().zip(&mut self.sockets) {
            let Some((name, opened, ended)) = socket else { continue };
            *opened += seen.opened;
            *ended += seen.ended;
            self.websocket_messages.count(&[name, "sent"], seen.sent);
            self.websocket_messages.count(&[name, "received"], seen.received);
        }
        self.tell_sockets();
    }

    /// Rows of one name stand together.
    fn tell_sockets(&mut self) {
        let mut open: std::collections::BTreeMap<&str, u64> = Default::default();
        for (name, opened, ended) in self.sockets.iter().flatten() {
            *open.entry(name).or_default() += opened.saturating_sub(*ended);
        }
        for (name, open) in open {
            self.websocket_connections.set(&[name], open as f64);
        }
    }

    fn tell_users(&mut self) {
        let classes = self.users.iter().filter(|class| class.counts);
        let active = |class: &Class| class.started.saturating_sub(class.ended) as f64;
        if self.naming.labels(&metric::USERS_ACTIVE).is_empty() {
            self.users_active.set(&[], classes.map(active).sum());
        } else {
            classes.for_each(|class| self.users_active.set(&[&class.name], active(class)));
        }
    }

    fn tell_folded(&mut self) {
        let counts = [&self.requests, &self.errors, &self.checks, &self.iterations, &self.dropped_iterations];
        let spread = [&self.request_duration, &self.service_duration, &self.group_duration, &self.measure];
        let folded = counts.iter().map(|family| family.folded).sum::<u64>()
            + spread.iter().map(|family| family.folded).sum::<u64>()
            + self.threshold_ok.folded;
        self.folded.count(&[], folded - self.told_folded);
        self.told_folded = folded;
    }
}

/// The statuses that answers to a row's requests usually have: 0 stands for none.
fn usual_status(kind: SeriesKind) -> &'static [u16] {
    match kind {
        SeriesKind::Http | SeriesKind::Retry => &[200],
        SeriesKind::Connect => &[101],
        _ => &[0],
    }
}

/// What a row's requests fail of where they do: what the scenario expects of them and how long it waits.
fn usual_errors(plan: &Plan, id: SeriesId) -> Vec<ErrorKind> {
    let mut usual = vec![ErrorKind::Timeout];
    let kind = plan.series[id.0 as usize].kind;
    if matches!(kind, SeriesKind::Http | SeriesKind::Connect) {
        usual.extend([ErrorKind::Status, ErrorKind::ConnectRefused]);
    }
    let expects = |point: &crate::plan::Point| {
        let row = point.step.map(|step| plan.steps[step.0 as usize].series);
        point.kind == PointKind::Expect && row == Some(id)
    };
    if plan.points.iter().any(expects) {
        usual.push(ErrorKind::Expect);
    }
    usual
}

fn record(spread: &Spread, series: SeriesNumber, times: &Times) {
    times.each(|micros, count| spread.record(series, micros * 1e-6, count));
}

fn record_numbers(spread: &Spread, series: SeriesNumber, numbers: &Numbers) {
    numbers.each(|number, count| spread.record(series, number, count));
}

fn seconds_since_1970(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
