//! How the service misbehaves: one switch for each accident that a load test should notice.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::base::units::{duration_text, parse_duration};
use crate::base::{Rate, Share};

/// How the service misbehaves. The default is not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Switches {
    /// Each answer comes so much later.
    pub latency: Duration,
    /// Up to so much is added to the latency or taken from it, evenly.
    pub latency_jitter: Duration,
    /// This share of the requests, handshakes too, is answered with 503.
    pub error_rate: Share,
    /// Nothing is answered and no frame is sent for a while, again and again.
    pub stall: Option<Stall>,
    /// More answers than this are not given; what comes faster waits in line. WebSocket frames do not count.
    pub capacity: Option<Rate>,
    /// Each answer and each frame is, with this probability, not sent: the connection ends there instead, without a
    /// closing handshake. In place of the message and not after it, so that whoever waits for it notices.
    pub drop_connections: Share,
    /// A connection beyond so many is answered once, with 503, and closed.
    pub max_connections: Option<usize>,
    /// What the dice of the shares and of jitter and noise start from.
    pub seed: u64,
}

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            latency: Duration::ZERO,
            latency_jitter: Duration::ZERO,
            error_rate: Share(0.0),
            stall: None,
            capacity: None,
            drop_connections: Share(0.0),
            max_connections: None,
            seed: 0,
        }
    }
}

/// `1s/5s`: of every five seconds the last one is silent. What becomes due in it comes at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// How long nothing is answered; shorter than `every`.
    pub length: Duration,
    /// From one stall's end to the next one's end.
    pub every: Duration,
}

impl Stall {
    /// What is left of the stall that holds `uptime`; zero outside of one.
    pub fn left(self, uptime: Duration) -> Duration {
        let phase = Duration::from_nanos((uptime.as_nanos() % self.every.as_nanos()) as u64);
        if phase < self.every - self.length { Duration::ZERO } else { self.every - phase }
    }
}

impl FromStr for Stall {
    type Err = String;
    fn from_str(text: &str) -> Result<Stall, String> {
        let Some((length, every)) = text.split_once('/') else {
            return Err(format!("`{text}` does not say how often: write `1s/5s` for one second in every five"));
        };
        let length = parse_duration(length).map_err(|e| e.to_string())?;
        let every = parse_duration(every).map_err(|e| e.to_string())?;
        if length >= every {
            return Err(format!("`{text}` would never answer: the stall must be shorter than what it repeats in"));
        }
        Ok(Stall { length, every })
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", duration_text(self.length), duration_text(self.every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_silent_in_the_last_part_of_each_period() {
        let stall: Stall = "1s/5s".parse().unwrap();
        for (uptime_ms, left_ms) in [(0, 0), (3_999, 0), (4_000, 1_000), (4_250, 750), (5_000, 0), (9_500, 500)] {
            assert_eq!(stall.left(Duration::from_millis(uptime_ms)), Duration::from_millis(left_ms), "at {uptime_ms}");
        }
        assert_eq!(stall.to_string(), "1s/5s");
    }

    #[test]
    fn a_stall_that_never_ends_is_refused() {
        assert!("5s/5s".parse::<Stall>().unwrap_err().contains("never answer"));
        assert!("5s".parse::<Stall>().unwrap_err().contains("how often"));
        assert!("1/5s".parse::<Stall>().unwrap_err().contains("did you mean `1s`"));
    }
}
