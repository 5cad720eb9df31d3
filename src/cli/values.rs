//! Readers of values on the command line and in variables: what is so, then what would help, in one line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::base::units::{parse_duration, read_rate};
use crate::base::{Rate, Share};
use crate::plan::profile::{SPAWN_RATE_MAX, USERS_MAX};
use crate::run::resolve::Pinned;

/// Most threads of one run.
const THREADS_MAX: u16 = 1024;

/// A number of users: a whole number from 1.
pub fn users(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err("a run needs at least one user".into()),
        Ok(users) if f64::from(users) > USERS_MAX => Err(format!("a run has at most {USERS_MAX} users")),
        Ok(users) => Ok(users),
        Err(_) => Err("a whole number of users is needed, as in 50".into()),
    }
}

/// A seed: a whole number from 0.
pub fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a whole number from 0 to {} is needed, as in 7", u64::MAX))
}

/// A number of threads: more than any machine has cores for are no help.
pub fn threads(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(threads @ 1..=THREADS_MAX) => Ok(threads),
        _ => Err(format!("a whole number from 1 to {THREADS_MAX} is needed, as in 4")),
    }
}

/// A duration above zero, as the language writes it. A bare number is refused: of what?
pub fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("it must be longer than nothing".into()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

/// Users a second: `5`, `0.5`, or a rate of the language: `5/s`, `30/m`.
pub fn spawn_rate(text: &str) -> Result<f64, String> {
    let rate = read_rate(text).map(|rate| rate.0).or_else(|| text.parse().ok());
    match rate {
        Some(rate) if rate > SPAWN_RATE_MAX => Err(format!("at most {SPAWN_RATE_MAX} users can start a second")),
        Some(rate) if rate > 0.0 => Ok(rate),
        Some(_) => Err("at that rate no user would ever start".into()),
        None => Err("users a second are written like 5, 0.5 or 30/m".into()),
    }
}

/// A rate above zero: `500/s`.
pub fn rate(text: &str) -> Result<Rate, String> {
    match text.parse::<Rate>() {
        Ok(Rate(0.0)) => Err("at that rate nothing would ever be answered".into()),
        Ok(rate) => Ok(rate),
        Err(error) => Err(error.to_string()),
    }
}

/// A percentage from 0 to 100: `1%`. A bare number is refused: `1` might be all.
pub fn share(text: &str) -> Result<Share, String> {
    match text.parse::<Share>() {
        Ok(share) if share.0 > 1.0 => Err("there is no more than 100%".into()),
        Ok(share) => Ok(share),
        Err(error) => Err(error.to_string()),
    }
}

/// Shares of user classes: `http=60,websocket=40`. At least one above zero, each class once.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix(pub Vec<(String, f64)>);

impl FromStr for Mix {
    type Err = String;
    fn from_str(text: &str) -> Result<Mix, String> {
        let mut shares: Vec<(String, f64)> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, number)) = part.split_once('=') else {
                return Err(format!("`{part}` has no share: write class=share, as in http=60,websocket=40"));
            };
            let (name, number) = (name.trim(), number.trim());
            if name.is_empty() {
                return Err(format!("`{part}` names no class: write class=share, as in http=60,websocket=40"));
            }
            let share = number.strip_suffix('%').unwrap_or(number).parse::<f64>();
            let Some(share) = share.ok().filter(|share| share.is_finite() && *share >= 0.0) else {
                return Err(format!("`{number}` is no share for `{name}`: a number from 0 is needed, as in {name}=60"));
            };
            if shares.iter().any(|(known, _)| known == name) {
                return Err(format!("`{name}` has two shares"));
            }
            shares.push((name.to_owned(), share));
        }
        if !shares.iter().any(|(_, share)| *share > 0.0) {
            return Err("it gives no class any users: write class=share, as in http=60,websocket=40".into());
        }
        Ok(Mix(shares))
    }
}

/// The URL of a target: absolute, http or https.
pub fn target(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        Ok(url) if url.has_host() => Err(format!("a target is reached over http or https, not `{}`", url.scheme())),
        Err(error) if text.contains("://") => Err(error.to_string()),
        _ => Err(format!("a target is a whole URL: did you mean http://{text}?")),
    }
}

/// A target, and which one it stands for: `URL` for the one without a name, `NAME=URL` for another.
#[derive(Clone, Debug, PartialEq)]
pub struct Aim {
    name: Option<String>,
    url: String,
}

/// `URL` or `NAME=URL`.
pub fn aim(text: &str) -> Result<Aim, String> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    match text.split_once('=') {
        Some((name, url)) if is_name(name) => Ok(Aim { name: Some(name.to_owned()), url: target(url)? }),
        _ => Ok(Aim { name: None, url: target(text)? }),
    }
}

/// The one without a name, and those with one; of two for the same the last holds.
pub fn aims(aims: Vec<Aim>) -> (Option<String>, Vec<(String, String)>) {
    let (mut nameless, mut named) = (None, Vec::new());
    for Aim { name, url } in aims {
        match name {
            None => nameless = Some(url),
            Some(name) => {
                named.retain(|(known, _)| *known != name);
                named.push((name, url));
            }
        }
    }
    (nameless, named)
}

/// A host that may be sent to: a name or an address, without scheme, path or port.
pub fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<std::net::IpAddr>().is_ok();
    match url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)) {
        _ if text.is_empty() => Err("a host is needed, as in staging.example.com".into()),
        _ if address => Ok(bare.to_owned()),
        Some(host) => Err(format!("only the host is named: did you mean {host}?")),
        None => match text.split_once([':', '/']) {
            Some((host, _)) => Err(format!("only the host is named: did you mean {host}?")),
            None => url::Host::parse(text).map(|_| text.to_ascii_lowercase()).map_err(|error| error.to_string()),
        },
    }
}

/// Hosts in one variable, separated by commas or blanks.
pub fn hosts(text: &str) -> Result<Vec<String>, String> {
    text.split([',', ' ']).filter(|part| !part.is_empty()).map(host).collect()
}

/// An address that connections can come from.
pub fn source(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() || address.is_multicast() => Err("nothing comes from there".into()),
        Ok(IpAddr::V4(address)) if address.is_broadcast() => Err("nothing comes from there".into()),
        Ok(address) => Ok(address),
        Err(_) if text.contains('%') => Err("addresses with a zone are not supported".into()),
        Err(_) => Err("an address of this machine is needed, as in 127.0.0.2; several with commas between".into()),
    }
}

/// The same without repetitions.
pub fn each_once(mut all: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut known = std::collections::HashSet::new();
    all.retain(|address| known.insert(*address));
    all
}

/// What a name stands for.
pub fn pinned(text: &str) -> Result<Pinned, String> {
    text.parse()
}

/// The address of a name server; 53 where no port is said.
pub fn name_server(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse().ok();
    let without = bare.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53));
    without.or_else(with_port).ok_or_else(|| "an address is needed, as in 127.0.0.1 or 127.0.0.1:5353".into())
}

/// A path; clap's own reader takes an empty one.
pub fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a path is needed".into()) } else { Ok(text.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_no_duration_and_no_share() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert!(duration("30").unwrap_err().contains("did you mean `30s`?"));
        assert!(duration("0s").is_err());
        assert!(share("1").unwrap_err().contains("did you mean `1%`?"));
        assert!(share("101%").is_err());
    }

    #[test]
    fn a_spawn_rate_is_a_number_or_a_rate() {
        assert_eq!(spawn_rate("5"), Ok(5.0));
        assert_eq!(spawn_rate("30/m"), Ok(0.5));
        assert!(spawn_rate("0").is_err());
        assert!(spawn_rate("-1").is_err());
        assert!(spawn_rate("NaN").is_err());
        assert!(spawn_rate("inf").is_err());
    }

    #[test]
    fn numbers_have_their_limits_and_are_asked_for_in_words() {
        assert_eq!(users("10000000"), Ok(10_000_000));
        assert!(users("10000001").unwrap_err().contains("at most 10000000 users"));
        assert!(spawn_rate("1e9").unwrap_err().contains("at most 1000000 users"));
        assert!(seed("x").unwrap_err().contains("a whole number from 0"));
        assert_eq!(threads("4"), Ok(4));
        for wrong in ["0", "-1", "x", "1025"] {
            assert!(threads(wrong).unwrap_err().contains("from 1 to 1024"), "{wrong}");
        }
    }

    #[test]
    fn a_target_with_a_scheme_gets_no_second_one() {
        assert!(target("127.0.0.1:8000").unwrap_err().contains("did you mean http://127.0.0.1:8000?"));
        assert_eq!(target("http://127.0.0.1:99999"), Err("invalid port number".into()));
        assert_eq!(target("http://"), Err("empty host".into()));
    }

    #[test]
    fn a_mix_names_each_class_once() {
        let mix = |text: &str| text.parse::<Mix>();
        assert_eq!(mix("http=60,websocket=40"), Ok(Mix(vec![("http".into(), 60.0), ("websocket".into(), 40.0)])));
        assert_eq!(mix("http=60%"), Ok(Mix(vec![("http".into(), 60.0)])));
        for wrong in ["", "=", "=1", "http", "http=", "http=x", "http=-1", "http=1,http=2", "http=0"] {
            assert!(mix(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_stands_without_scheme_and_port() {
        assert_eq!(host("staging.example.com"), Ok("staging.example.com".into()));
        assert_eq!(host("10.0.0.1"), Ok("10.0.0.1".into()));
        assert_eq!(host("[::1]"), Ok("::1".into()));
        assert_eq!(
            host("https://staging.example.com/x"),
            Err("only the host is named: did you mean staging.example.com?".into())
        );
        assert_eq!(
            host("staging.example.com:8080"),
            Err("only the host is named: did you mean staging.example.com?".into())
        );
        assert_eq!(source("[::1]"), Ok(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
        for wrong in ["", "localhost", "127.0.0.1:80", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "fe80::1%eth0"]
        {
            assert!(source(wrong).is_err(), "{wrong}");
        }
        let server = |text: &str| name_server(text).map(|address| address.to_string());
        assert_eq!(server("127.0.0.1").as_deref(), Ok("127.0.0.1:53"));
        assert_eq!(server("127.0.0.1:5353").as_deref(), Ok("127.0.0.1:5353"));
        assert_eq!(server("::1").as_deref(), Ok("[::1]:53"));
        assert_eq!(server("[::1]:5353").as_deref(), Ok("[::1]:5353"));
        assert!(server("dns.test").is_err());
        assert_eq!(hosts("a.example, b.example"), Ok(vec!["a.example".into(), "b.example".into()]));
    }
}
