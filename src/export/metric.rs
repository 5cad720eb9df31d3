//! The metrics that are exported: names, units, labels and words, each once.

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name on `/metrics`, unit and `_total` included.
    pub name: &'static str,
    /// Its name over OTLP: the unit stands beside it.
    pub dotted: &'static str,
    /// How its values add up.
    pub kind: Kind,
    /// In the notation of UCUM: `s`, `By`, `{request}`; empty where there is none.
    pub unit: &'static str,
    /// Its labels, beside `run`.
    pub labels: &'static [&'static str],
    /// What it tells, in a sentence without a full stop.
    pub help: &'static str,
}

/// How the values of a metric add up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// As it stands now.
    Gauge,
    /// How often values lay between bounds: these on `/metrics`, exponential ones over OTLP.
    Histogram(&'static [f64]),
}

/// Upper bounds of times, in seconds. From what a service beside us takes to what a user gives up on; within a decade
/// never more than 2.5 times apart, around a tenth of a second, where limits are set, closer.
pub const TIMES: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4,
    0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0,
];

/// Upper bounds of our own lateness, in seconds: its limits, 10 ms and 100 ms, are among them.
pub const LATENESS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Upper bounds of what scenarios measure, whatever it is: seconds or plain numbers.
pub const MEASURES: &[f64] = &[
    0.0, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0,
    1e3, 2.5e3, 5e3, 1e4, 1e5, 1e6, 1e9,
];

macro_rules! metrics {
    ($($constant:ident = $name:literal, $dotted:literal, $kind:expr, $unit:literal, $labels:expr, $help:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help, ".")]
            pub static $constant: Metric =
                Metric { name: $name, dotted: $dotted, kind: $kind, unit: $unit, labels: &$labels, help: $help };
        )*

        /// Every metric, in the order of this list.
        pub static ALL: &[&Metric] = &[$(&$constant),*];
    };
}

metrics! {
    REQUESTS = "scn_requests_total", "scn.requests", Kind::Counter, "{request}", ["method", "name", "status"],
        "Requests and messages that were tried, by status code; 0 where there was none";
    REQUEST_DURATION = "scn_request_duration_seconds", "scn.request.duration", Kind::Histogram(TIMES), "s",
        ["method", "name"], "Response time, from when a request was due to its last byte: what a user felt";
    SERVICE_DURATION = "scn_service_duration_seconds", "scn.service.duration", Kind::Histogram(TIMES), "s",
        ["method", "name"], "Service time, from a request's first byte to the answer's last: what the target did";
    ERRORS = "scn_errors_total", "scn.errors", Kind::Counter, "{error}", ["method", "name", "exception"],
        "Failed requests, by kind";
    CHECKS = "scn_checks_total", "scn.checks", Kind::Counter, "{check}", ["name", "check", "outcome"],
        "Checks of answers, by whether they held: ok or failed";
    USERS_ACTIVE = "scn_users_active", "scn.users.active", Kind::Gauge, "{user}", ["user"], "Users that live now";
    REQUESTS_PER_SECOND = "scn_requests_per_second", "scn.requests.per_second", Kind::Gauge, "{request}/s", [],
        "Requests and messages a second, over the last second";
    ITERATIONS = "scn_iterations_total", "scn.iterations", Kind::Counter, "{iteration}", ["user", "task", "outcome"],
        "Iterations that ended: ok, failed, or abandoned by the end of the run";
    DROPPED_ITERATIONS = "scn_dropped_iterations_total", "scn.dropped_iterations", Kind::Counter, "{iteration}",
        ["user", "task", "outcome"], "Arrivals that no user could take";
    GROUP_DURATION = "scn_group_duration_seconds", "scn.group.duration", Kind::Histogram(TIMES), "s", ["name"],
        "Times of groups, less their pauses";
    MEASURE = "scn_measure", "scn.measure", Kind::Histogram(MEASURES), "", ["name"],
        "What the scenario measured: seconds, or plain numbers";
    PHASE_DURATION = "scn_phase_duration_seconds", "scn.phase.duration", Kind::Histogram(TIMES), "s",
        ["phase", "target"], "Where the time of requests goes: blocked, dns, connect, tls, send, wait, receive";
    RUN_INFO = "scn_run_info", "scn.run.info", Kind::Gauge, "", ["scenario", "profile"], "Always 1: which run this is";
    RUN_START = "scn_run_start_time_seconds", "scn.run.start_time", Kind::Gauge, "s", ["scenario", "profile"],
        "When the first user started, since 1970";
    RUN_END = "scn_run_end_time_seconds", "scn.run.end_time", Kind::Gauge, "s", ["scenario", "profile"],
        "When the last iteration ended, since 1970; absent until then";
    BYTES_SENT = "scn_bytes_sent_total", "scn.bytes.sent", Kind::Counter, "By", [], "Payload and heads that went out";
    BYTES_RECEIVED = "scn_bytes_received_total", "scn.bytes.received", Kind::Counter, "By", [],
        "Payload and heads that came in";
    WEBSOCKET_CONNECTIONS = "scn_websocket_connections", "scn.websocket.connections", Kind::Gauge, "{connection}",
        ["name"], "Sockets and streams of events that are open now";
    WEBSOCKET_MESSAGES = "scn_websocket_messages_total", "scn.websocket.messages", Kind::Counter, "{message}",
        ["name", "direction"], "Messages over sockets and streams: sent or received";
    THRESHOLD_OK = "scn_threshold_ok", "scn.threshold.ok", Kind::Gauge, "", ["threshold"],
        "1 as long as the threshold holds, else 0; absent while there is nothing to judge";
    RUN_VALID = "scn_run_valid", "scn.run.valid", Kind::Gauge, "", [],
        "1 as long as the run is to be trusted, 0 once it is INVALID: the generator got in the way";
    LATENESS_SECONDS = "scn_generator_lateness_seconds", "scn.generator.lateness", Kind::Histogram(LATENESS), "s",
        ["worker"], "How late requests began, by our own fault";
    CPU_RATIO = "scn_generator_cpu_ratio", "scn.generator.cpu.ratio", Kind::Gauge, "1", ["worker"],
        "What the busiest load thread used of its core in the last second; 1 is all of it";
    FOLDED = "scn_export_folded_total", "scn.export.folded", Kind::Counter, "{series}", [],
        "Series beyond the limit of their metric, counted in one whose labels all say `other`";
    FAILED_PUSHES = "scn_export_failures_total", "scn.export.failures", Kind::Counter, "{push}", [],
        "Pushes over OTLP that did not arrive";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a collector makes a name for Prometheus of one that came over OTLP.
    fn translated(metric: &Metric) -> String {
        let mut name = metric.dotted.replace('.', "_");
        let unit = match metric.unit {
            "s" => "seconds",
            "By" => "bytes",
            "1" => "ratio",
            "{request}/s" => "per_second",
            _ => "",
        };
        if !unit.is_empty() && !name.contains(unit) {
            name = format!("{name}_{unit}");
        }
        if metric.kind == Kind::Counter { name + "_total" } else { name }
    }

    #[test]
    fn names_over_otlp_become_those_of_the_scrape() {
        for metric in ALL {
            assert_eq!(translated(metric), metric.name);
        }
    }

    #[test]
    fn no_name_is_given_twice_and_each_metric_is_explained() {
        for (index, metric) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != metric.name && other.dotted != metric.dotted));
            assert!(metric.help.len() > 10 && !metric.help.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn bounds_rise_and_hold_the_limits_of_a_verdict() {
        for bounds in [TIMES, LATENESS, MEASURES] {
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        }
        for limit in [crate::metrics::verdict::LATENESS_DEGRADED, crate::metrics::verdict::LATENESS_INVALID] {
            assert!(LATENESS.contains(&limit.as_secs_f64()));
        }
    }
}
