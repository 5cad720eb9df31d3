//! Where metrics are pushed: what the flag and OpenTelemetry's standard variables say of a collector.
//!
//! The SDK reads some of the variables itself and passes over in silence what it cannot read; so they are looked at here
//! first, as a load test whose numbers arrive nowhere is noticed too late.

use std::time::Duration;

use super::environment::Environment;
use super::exit::Failure;
use super::values;
use crate::export::Push;

/// From one push to the next unless told otherwise: a dashboard of a load test is looked at while it goes.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a push may take unless told otherwise: what the specification says.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The least time between two pushes.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// The path of metrics at a collector.
const PATH: &str = "/v1/metrics";

/// Whether, whereto and how metrics are pushed; `flag` is the collector's URL. Errors: a variable that cannot be read.
pub fn chosen(flag: Option<String>, environment: &Environment) -> Result<Option<Push>, Failure> {
    let text = |name: &str| environment.variables.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let off = text("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"))
        || text("OTEL_METRICS_EXPORTER").is_some_and(|text| text.eq_ignore_ascii_case("none"));
    let endpoint = match flag {
        Some(url) => Some(url),
        None if off => None,
        None => {
            let own = environment.flag_or(None, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", whole)?;
            own.map_or_else(|| environment.flag_or(None, "OTEL_EXPORTER_OTLP_ENDPOINT", url), |url| Ok(Some(url)))?
        }
    };
    let Some(endpoint) = endpoint else { return Ok(None) };
    for name in ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        if let Some(other) = text(name).filter(|text| *text != "http/protobuf") {
            let message = format!("{name} asks for `{other}`, and scn speaks `http/protobuf` only");
            return Err(Failure::usage(message).help("most collectors listen for it on port 4318"));
        }
        if text(name).is_some() {
            break;
        }
    }
    let own_timeout = environment.flag_or(None, "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", millis)?;
    let timeout = environment.flag_or(own_timeout, "OTEL_EXPORTER_OTLP_TIMEOUT", millis)?.unwrap_or(TIMEOUT);
    let interval = environment.flag_or(None, "OTEL_METRIC_EXPORT_INTERVAL", millis)?.unwrap_or(INTERVAL);
    // What the SDK reads itself, and would pass over in silence where it cannot be read.
    environment.flag_or(None, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)?;
    let names = ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
    let given = names.into_iter().find_map(|name| Some((name, headers(text(name)?))));
    if let Some((name, Err(why))) = given {
        let help = "NAME=VALUE, several with commas between; what is special in a value as %20";
        return Err(Failure::usage(format!("the headers in the variable {name} cannot be sent: {why}")).help(help));
    }
    environment.flag_or(None, "OTEL_RESOURCE_ATTRIBUTES", attributes)?;
    Ok(Some(Push { endpoint, timeout, interval: interval.max(INTERVAL_MIN) }))
}

/// The whole URL of a collector, taken as it stands.
fn whole(text: &str) -> Result<String, String> {
    values::target(text).map_err(|why| why.replace("a target is", "a collector is"))?;
    let url = url::Url::parse(text).map_err(|error| error.to_string())?;
    // The URL is shown and noted; headers are not.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("who one is belongs into OTEL_EXPORTER_OTLP_HEADERS: authorization=Basic%20…".into());
    }
    Ok(text.to_owned())
}

/// The URL of a collector: where the path names no signal, that of metrics is meant.
pub fn url(text: &str) -> Result<String, String> {
    let mut url = url::Url::parse(&whole(text)?).map_err(|error| error.to_string())?;
    if !url.path().ends_with(PATH) {
        let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url.into())
}

/// Whether pushes hold totals or growth, as the SDK reads it.
fn temporality(text: &str) -> Result<(), String> {
    let known = ["cumulative", "delta", "lowmemory"];
    let is_known = known.iter().any(|known| text.eq_ignore_ascii_case(known));
    is_known.then_some(()).ok_or_else(|| format!("there are {}", known.join(", ")))
}

/// Headers as the SDK reads them: it leaves out what it cannot read. The reason shows no value.
fn headers(text: &str) -> Result<(), String> {
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("one of them has no `=`")?;
        let name = name.trim();
        http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no name of a header"))?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8();
        let sendable = value.is_ok_and(|value| http::HeaderValue::from_str(&value).is_ok());
        sendable.then_some(()).ok_or_else(|| format!("no header can hold the value of `{name}`"))?;
    }
    Ok(())
}

/// Attributes of the resource as the SDK reads them: it leaves out what has no `=`.
fn attributes(text: &str) -> Result<(), String> {
    let lacking =
        text.split_terminator(',').find(|pair| pair.split_once('=').is_none_or(|(key, _)| key.trim().is_empty()));
    lacking.map_or(Ok(()), |pair| Err(format!("`{}` is not KEY=VALUE", pair.trim())))
}

fn millis(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0) => Err("it must be longer than nothing".into()),
        Ok(millis) => Ok(Duration::from_millis(millis)),
        Err(_) => Err("a whole number of milliseconds is needed, as in 10000".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::cli::exit::Exit;

    /// What is chosen with this URL and these variables.
    fn choose(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Push>, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment { variables: HashMap::from_iter(variables) };
        chosen(flag.map(|flag| url(flag).expect("a collector's URL")), &environment).map_err(|failure| {
            assert_eq!(failure.exit, Exit::Usage);
            failure.to_string()
        })
    }

    fn endpoint(flag: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        choose(flag, variables).unwrap().map(|push| push.endpoint)
    }

    #[test]
    fn a_collector_is_found_by_flag_then_by_the_standard_variables() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/");
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://b:4318/otlp");
        assert_eq!(endpoint(None, &[]), None);
        assert_eq!(endpoint(None, &[base]).unwrap(), "http://a:4318/v1/metrics");
        assert_eq!(endpoint(None, &[base, own]).unwrap(), "http://b:4318/otlp");
        assert_eq!(endpoint(Some("http://c:4318"), &[base, own]).unwrap(), "http://c:4318/v1/metrics");
        assert_eq!(endpoint(Some("http://c/otlp/v1/metrics"), &[]).unwrap(), "http://c/otlp/v1/metrics");
        assert_eq!(endpoint(Some("http://c/otlp"), &[]).unwrap(), "http://c/otlp/v1/metrics");
        assert_eq!(endpoint(None, &[base, ("OTEL_SDK_DISABLED", "true")]), None);
        assert_eq!(endpoint(None, &[base, ("OTEL_METRICS_EXPORTER", "none")]), None);
    }

    #[test]
    fn what_no_collector_can_be_is_refused() {
        for wrong in ["", "collector:4318", "ftp://collector", "http://", "http://me:secret@collector"] {
            assert!(url(wrong).is_err() && whole(wrong).is_err(), "{wrong}");
        }
        assert!(url("collector:4318").unwrap_err().contains("http://collector:4318"));
        assert!(!url("http://me:secret@collector").unwrap_err().contains("me:secret"));
    }

    #[test]
    fn variables_of_pushing_matter_only_where_something_is_pushed() {
        let wrong = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "no header"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
            ("OTEL_RESOURCE_ATTRIBUTES", "staging"),
        ];
        assert_eq!(choose(None, &wrong).unwrap(), None);
        for wrong in wrong {
            let refused = choose(Some("http://c:4318"), &[wrong]).unwrap_err();
            assert!(refused.contains(wrong.0), "{refused}");
        }
    }

    #[test]
    fn what_metrics_say_of_their_own_goes_before_what_all_signals_say() {
        let protocols =
            [("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert!(choose(Some("http://c:4318"), &protocols).is_ok());
        let headers = [("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a=b"), ("OTEL_EXPORTER_OTLP_HEADERS", "none")];
        assert!(choose(Some("http://c:4318"), &headers).is_ok());
        let times = [("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "300"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "700")];
        let push = choose(Some("http://c:4318"), &times).unwrap().unwrap();
        assert_eq!(push.timeout, Duration::from_millis(300));
    }

    #[test]
    fn headers_that_cannot_be_sent_are_named_without_their_value() {
        assert_eq!(headers("authorization=Bearer%20a=b, x-scope-orgid=team,"), Ok(()));
        for wrong in ["hunter2", "two words=hunter2", "key=hunter2%0Ax: y"] {
            let why = headers(wrong).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn times_of_pushing_are_those_of_the_variables() {
        let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", "700"), ("OTEL_METRIC_EXPORT_INTERVAL", "1500")];
        let push = choose(Some("http://c:4318"), &variables).unwrap().unwrap();
        assert_eq!((push.timeout, push.interval), (Duration::from_millis(700), Duration::from_millis(1500)));
        let plain = choose(Some("http://c:4318"), &[]).unwrap().unwrap();
        assert_eq!((plain.timeout, plain.interval), (TIMEOUT, INTERVAL));
    }
}
