//! Numbers that know their unit.

use std::fmt;
use std::time::Duration;

/// So many a second. Finite, never negative.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

/// A part of a whole: 1 % is `Share(0.01)`. May exceed 1 where the author wrote so.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// What every random draw of a run follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// A moment of the run: nanoseconds since its start, on its one monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl Offset {
    /// The start of the run.
    pub const ZERO: Offset = Offset(0);
    /// Later than any moment of any run.
    pub const NEVER: Offset = Offset(u64::MAX);

    /// The time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Offset) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// In seconds, for showing.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl std::ops::Add<Duration> for Offset {
    type Output = Offset;
    fn add(self, span: Duration) -> Offset {
        Offset(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl From<Duration> for Offset {
    fn from(span: Duration) -> Offset {
        Offset::ZERO + span
    }
}

/// As the language writes it: `20/s`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// As the language writes it: `1%`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ten digits are more than anyone writes and hide that 0.07 × 100 is 7.000000000000001.
        let percent = format!("{:.10}", self.0 * 100.0);
        write!(f, "{}%", percent.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// As the language writes it: the largest unit that leaves a whole number, `4KiB`.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => write!(f, "0B"),
            bytes if bytes % (1 << 30) == 0 => write!(f, "{}GiB", bytes >> 30),
            bytes if bytes % (1 << 20) == 0 => write!(f, "{}MiB", bytes >> 20),
            bytes if bytes % (1 << 10) == 0 => write!(f, "{}KiB", bytes >> 10),
            bytes => write!(f, "{bytes}B"),
        }
    }
}

/// A duration as the language writes it: `250us`, `1.5s`, `1m30s`.
pub fn duration_text(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros == 0 {
        return "0s".into();
    }
    if micros < 1_000 {
        return format!("{micros}us");
    }
    if micros < 1_000_000 {
        return format!("{}ms", micros as f64 / 1e3);
    }
    let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
    let seconds = (micros % 60_000_000) as f64 / 1e6;
    let mut text = String::new();
    if hours > 0 {
        text += &format!("{hours}h");
    }
    if minutes > 0 {
        text += &format!("{minutes}m");
    }
    if seconds > 0.0 {
        text += &format!("{seconds}s");
    }
    text
}

/// Reads a duration as the language writes it: `250us`, `10ms`, `1.5s`, `1m30s`, `1h`. Units `ns us µs ms s m h`,
/// each at most once and from large to small; no blanks, no sign. The other way round from [`duration_text`].
///
/// Errors: `None` for anything else, a bare number too: what that meant is for the caller to ask.
pub fn read_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 7] =
        [("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9)];
    let (mut rest, mut seconds, mut smallest) = (text, 0.0, f64::INFINITY);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = read_number(&rest[..unit_at])?;
        let unit_end =
            rest[unit_at..].find(|c: char| c.is_ascii_digit() || c == '.').map_or(rest.len(), |n| unit_at + n);
        let unit = &rest[unit_at..unit_end];
        let size = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        if size >= smallest {
            return None;
        }
        (seconds, smallest, rest) = (seconds + number * size, size, &rest[unit_end..]);
    }
    // Nanoseconds are the grain: 0.1 + 0.2 must not become 300000000.00000004 of something.
    if text.is_empty() {
        return None;
    }
    Duration::try_from_secs_f64((seconds * 1e9).round() / 1e9).ok()
}

/// Reads a rate: `20/s`, `300/m`, `3600/h`. `None` for anything else, a bare number too.
pub fn read_rate(text: &str) -> Option<Rate> {
    let (number, unit) = text.split_once('/')?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(Rate(read_number(number)? / seconds))
}

/// Reads a percentage: `1%`, `0.5%`. `None` for anything else, a bare number too.
pub fn read_share(text: &str) -> Option<Share> {
    Some(Share(read_number(text.strip_suffix('%')?)? / 100.0))
}

/// A plain decimal number without sign or exponent.
fn read_number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.starts_with(|c: char| c.is_ascii_digit());
    if plain && !text.ends_with('.') { text.parse().ok() } else { None }
}

/// A text is no duration, rate or share; says what is so and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError(String);

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnitError {}

/// [`read_duration`] for the command line: the error is a sentence.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    read_duration(text).ok_or_else(|| match read_number(text) {
        Some(_) => UnitError(format!("`{text}` is no duration; did you mean `{text}s`?")),
        None => {
            UnitError(format!("`{text}` is no duration; write numbers with `h`, `m`, `s`, `ms` or `us`, as `1m30s`"))
        }
    })
}

/// [`read_rate`] for the command line.
impl std::str::FromStr for Rate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Rate, UnitError> {
        read_rate(text).ok_or_else(|| match read_number(text) {
            Some(_) => UnitError(format!("`{text}` is no rate; did you mean `{text}/s`?")),
            None => UnitError(format!("`{text}` is no rate; write how many a second, `500/s`, or `/m`, `/h`")),
        })
    }
}

/// [`read_share`] for the command line.
impl std::str::FromStr for Share {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Share, UnitError> {
        read_share(text).ok_or_else(|| match read_number(text) {
            Some(number) if number > 0.0 && number < 1.0 => {
                UnitError(format!("`{text}` is no percentage; did you mean `{}`?", Share(number)))
            }
            Some(_) => UnitError(format!("`{text}` is no percentage; did you mean `{text}%`?")),
            None => UnitError(format!("`{text}` is no percentage; write a number and `%`, `1%`")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, micros) in [
            ("250us", 250),
            ("1.5ms", 1_500),
            ("1.5s", 1_500_000),
            ("1m30s", 90_000_000),
            ("1h", 3_600_000_000),
            ("0s", 0),
            ("90s", 90_000_000),
        ] {
            assert_eq!(read_duration(text), Some(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", "5", "5 s", "-5s", "1s1m", "1s1s", "5secs", "s", ".5s", "5.s", "1e3s", "1..5s"] {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }

    #[test]
    fn rates_and_shares_are_read_as_they_are_written() {
        assert_eq!(read_rate("20/s"), Some(Rate(20.0)));
        assert_eq!(read_rate("300/m"), Some(Rate(5.0)));
        assert_eq!(read_rate("20"), None);
        assert_eq!(read_share("1%"), Some(Share(0.01)));
        assert_eq!(read_share("1"), None);
        assert_eq!(read_share("-1%"), None);
    }

    #[test]
    fn units_show_themselves_as_the_language_writes_them() {
        assert_eq!(Share(0.07).to_string(), "7%");
        assert_eq!(Share(0.005).to_string(), "0.5%");
        assert_eq!(Rate(20.0).to_string(), "20/s");
        assert_eq!(ByteSize(4096).to_string(), "4KiB");
        assert_eq!(ByteSize(1000).to_string(), "1000B");
        for (duration, text) in
            [(250, "250us"), (1_500, "1.5ms"), (1_500_000, "1.5s"), (90_000_000, "1m30s"), (3_600_000_000, "1h")]
        {
            assert_eq!(duration_text(Duration::from_micros(duration)), text);
        }
    }

    #[test]
    fn a_unit_that_is_missing_on_the_command_line_is_asked_for() {
        let duration = |text: &str| parse_duration(text).unwrap_err().to_string();
        assert_eq!(duration("5"), "`5` is no duration; did you mean `5s`?");
        assert!(duration("-5s").contains("as `1m30s`"));
        assert_eq!("500".parse::<Rate>().unwrap_err().to_string(), "`500` is no rate; did you mean `500/s`?");
        assert_eq!("0.01".parse::<Share>().unwrap_err().to_string(), "`0.01` is no percentage; did you mean `1%`?");
        assert_eq!("5".parse::<Share>().unwrap_err().to_string(), "`5` is no percentage; did you mean `5%`?");
        assert_eq!("1%".parse(), Ok(Share(0.01)));
    }
}
