//! Numbers and what their unit makes of them.

use std::time::Duration;

use super::{Builder, P};
use crate::base::{ByteSize, Rate, Share, Span};
use crate::diagnostic::{Rule, nearest};
use crate::syntax::ast::ExprKind;
use crate::syntax::keyword;

/// Why a number could not be read.
struct Trouble {
    rule: Rule,
    message: String,
    /// What was probably meant: the whole number.
    better: Option<String>,
}

impl<'t> Builder<'t> {
    pub(super) fn number(&mut self, pair: P<'t>) -> ExprKind {
        let span = self.place(&pair);
        let mut children = pair.into_inner();
        let numeric = children.next().expect("a number has digits");
        let written = numeric.as_str();
        let value = match children.next() {
            None => read(written),
            Some(detached) => {
                let glued: String = format!("{written}{}", detached.as_str()).split_whitespace().collect();
                let value = read(&glued);
                let better = match &value {
                    Ok(_) => Some(glued),
                    Err(trouble) => trouble.better.clone(),
                };
                self.complain_number(span, Rule::BlankBeforeUnit, "no blank stands before a unit".into(), better);
                return value.unwrap_or(ExprKind::Bad);
            }
        };
        match value {
            Ok(kind) => kind,
            Err(Trouble { rule, message, better }) => {
                self.complain_number(span, rule, message, better);
                ExprKind::Bad
            }
        }
    }

    fn complain_number(&mut self, span: Span, rule: Rule, message: String, better: Option<String>) {
        let complaint = self.wrong_as(rule, span, message);
        match better {
            Some(better) => drop(complaint.label(format!("did you mean `{better}`?")).fix(span, better)),
            None if rule == Rule::UnknownUnit => {
                drop(complaint.help("units are `us ms s m h`, `%`, `/s /m /h` and `B KiB MiB GiB`"));
            }
            None => {}
        }
    }
}

/// Reads a whole number with its unit.
fn read(written: &str) -> Result<ExprKind, Trouble> {
    let wrong = |message: String, better: Option<String>| Trouble { rule: Rule::Syntax, message, better };
    if written.starts_with('.') {
        return Err(wrong("a number begins with a digit".into(), Some(format!("0{written}"))));
    }
    let digits = digits_of(written);
    let (number, unit) = written.split_at(digits);
    let value: f64 = number.parse().map_err(|_| wrong(format!("`{number}` is not a number"), None))?;
    if !value.is_finite() {
        return Err(wrong("this number is too large".into(), None));
    }
    let unknown = |better: Option<String>| Trouble {
        rule: Rule::UnknownUnit,
        message: format!("there is no unit `{unit}`"),
        better,
    };
    match unit {
        "" => return Ok(ExprKind::Number(value)),
        "%" => return Ok(ExprKind::Share(Share(value / 100.0))),
        "/s" => return Ok(ExprKind::Rate(Rate(value))),
        "/m" => return Ok(ExprKind::Rate(Rate(value / 60.0))),
        "/h" => return Ok(ExprKind::Rate(Rate(value / 3600.0))),
        _ => {}
    }
    if let Some(power) = keyword::SIZE_UNITS.iter().position(|size| *size == unit) {
        let bytes = value * 1024f64.powi(power as i32);
        return match bytes.fract() == 0.0 && bytes < u64::MAX as f64 {
            true => Ok(ExprKind::Size(ByteSize(bytes as u64))),
            false => Err(wrong("a size is a whole number of bytes".into(), None)),
        };
    }
    if unit.starts_with('_') && unit.chars().all(|c| c == '_' || c.is_ascii_digit()) {
        let plain = written.replace('_', "");
        return Err(wrong("digits stand without `_` between them".into(), Some(plain)));
    }
    if number == "0" && unit.starts_with(['x', 'X']) {
        let better = u64::from_str_radix(&unit[1..], 16).ok().map(|n| n.to_string());
        return Err(wrong("numbers are decimal; `number(\"0x1f\")` reads others".into(), better));
    }
    if unit.eq_ignore_ascii_case("xx") {
        let message =
            format!("`{written}` stands right behind `status`, without an operator: `expect status {written}`");
        return Err(wrong(message, None));
    }
    if let Some(rate) = unit.strip_prefix('/') {
        return Err(unknown(
            base_unit(rate).filter(|unit| ["s", "m", "h"].contains(unit)).map(|unit| format!("{number}/{unit}")),
        ));
    }
    joined_duration(written).map(ExprKind::Duration).map_err(|better| match better {
        DurationTrouble::TooLong => wrong("this is longer than a run can be".into(), None),
        DurationTrouble::NoUnitAtEnd(unit) => Trouble {
            rule: Rule::MissingUnit,
            message: format!("the last number of `{written}` has no unit"),
            better: Some(format!("{written}{unit}")),
        },
        DurationTrouble::Unknown(better) => unknown(better),
    })
}

enum DurationTrouble {
    TooLong,
    /// The unit that would come next.
    NoUnitAtEnd(&'static str),
    Unknown(Option<String>),
}

/// `1m30s`: numbers, each with its unit.
fn joined_duration(written: &str) -> Result<Duration, DurationTrouble> {
    let mut nanos = 0f64;
    let mut better = String::new();
    let mut known = true;
    let mut rest = written;
    let mut last = "";
    while !rest.is_empty() {
        let digits = digits_of(rest);
        if digits == 0 {
            return Err(DurationTrouble::Unknown(None));
        }
        let (number, behind) = rest.split_at(digits);
        let length = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(length);
        rest = behind;
        if unit.is_empty() {
            let next = keyword::DURATION_UNITS.iter().take_while(|unit| **unit != last).last();
            return Err(DurationTrouble::NoUnitAtEnd(next.copied().unwrap_or("s")));
        }
        let (Some(right), Ok(value)) = (base_unit(unit), number.parse::<f64>()) else {
            return Err(DurationTrouble::Unknown(None));
        };
        known &= right == unit && keyword::DURATION_UNITS.contains(&right);
        better += &format!("{number}{right}");
        let nanos_per_unit = match right {
            "us" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            _ => 3600e9,
        };
        nanos += value * nanos_per_unit;
        last = right;
    }
    if !known {
        return Err(DurationTrouble::Unknown(Some(better)));
    }
    // A hundred years; far from overflow, far beyond any run.
    if nanos > 3.2e18 {
        return Err(DurationTrouble::TooLong);
    }
    Ok(Duration::from_nanos(nanos.round() as u64))
}

/// The unit that was meant: ours as it is, others by their names elsewhere, then by nearness.
fn base_unit(unit: &str) -> Option<&'static str> {
    if let Some(ours) = keyword::UNITS.iter().find(|ours| **ours == unit) {
        return Some(ours);
    }
    match unit.to_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "hr" | "hrs" | "hour" | "hours" => Some("h"),
        "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => Some("ms"),
        "usec" | "usecs" | "micros" | "microseconds" | "µs" | "us" => Some("us"),
        "byte" | "bytes" => Some("B"),
        "k" | "kb" | "kib" => Some("KiB"),
        "mb" | "mib" => Some("MiB"),
        "g" | "gb" | "gib" => Some("GiB"),
        "percent" => Some("%"),
        "rps" | "ps" => Some("/s"),
        _ => nearest(unit, keyword::UNITS.iter().copied()).filter(|_| unit.len() > 2),
    }
}

/// How many bytes of digits, with a fraction and an exponent, a text begins with.
fn digits_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = run(0);
    if end > 0 && bytes.get(end) == Some(&b'.') {
        let fraction = run(end + 1);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    if end > 0 && matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let from = (end + 1 + sign).min(bytes.len());
        let exponent = run(from);
        if exponent > 0 {
            end = from + exponent;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_decides_what_a_number_is() {
        let kind = |text: &str| read(text).unwrap_or_else(|trouble| panic!("{}", trouble.message));
        assert_eq!(kind("42"), ExprKind::Number(42.0));
        assert_eq!(kind("1e3"), ExprKind::Number(1000.0));
        assert_eq!(kind("2.5e-1"), ExprKind::Number(0.25));
        assert_eq!(kind("1%"), ExprKind::Share(Share(0.01)));
        assert_eq!(kind("300/m"), ExprKind::Rate(Rate(5.0)));
        assert_eq!(kind("4KiB"), ExprKind::Size(ByteSize(4096)));
        assert_eq!(kind("1m30s"), ExprKind::Duration(Duration::from_secs(90)));
        assert_eq!(kind("250us"), ExprKind::Duration(Duration::from_micros(250)));
        assert_eq!(kind("1.5s"), ExprKind::Duration(Duration::from_millis(1500)));
    }

    #[test]
    fn what_was_probably_meant_is_proposed() {
        let better = |text: &str| read(text).err().and_then(|trouble| trouble.better);
        assert_eq!(better("5secs").as_deref(), Some("5s"));
        assert_eq!(better("1min30sec").as_deref(), Some("1m30s"));
        assert_eq!(better("1m30").as_deref(), Some("1m30s"));
        assert_eq!(better("10kb").as_deref(), Some("10KiB"));
        assert_eq!(better("20/sec").as_deref(), Some("20/s"));
        assert_eq!(better(".5").as_deref(), Some("0.5"));
        assert_eq!(better("1_000").as_deref(), Some("1000"));
        assert_eq!(better("7foo"), None);
    }
}
