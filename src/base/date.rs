//! Moments as people write them, in UTC.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// The moment `seconds` after the beginning of 1970, in UTC, as `format` says: the signs of `strftime`, `%Y-%m-%d`.
///
/// Errors: what is wrong with the format, or that the moment lies outside the years -9999 to 9999.
pub fn date_text(format: &str, seconds: f64) -> Result<String, String> {
    let far = || format!("{seconds} seconds from 1970 is no moment that has a date");
    if seconds.is_nan() || seconds.abs() > 1e12 {
        return Err(far());
    }
    let nanoseconds = (seconds.floor() as i128) * 1_000_000_000 + ((seconds - seconds.floor()) * 1e9) as i128;
    let moment = Timestamp::from_nanosecond(nanoseconds).map_err(|_| far())?;
    let moment = moment.to_zoned_datetime(TimeZone::UTC);
    strtime::format(format, &moment).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_the_format_says() {
        for (format, seconds, text) in [
            ("%Y-%m-%d", 0.0, "1970-01-01"),
            ("%Y-%m-%dT%H:%M:%SZ", 1_700_000_000.0, "2023-11-14T22:13:20Z"),
            ("%d.%m.%y, %A", 1_700_000_000.0, "14.11.23, Tuesday"),
            ("%H:%M:%S%.3f", 1_700_000_000.25, "22:13:20.250"),
            ("%s", -2.0, "-2"),
        ] {
            assert_eq!(date_text(format, seconds).as_deref(), Ok(text), "{format}");
        }
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        assert!(date_text("%Y-%!", 0.0).is_err());
        assert!(date_text("%Y", 1e15).is_err());
        assert!(date_text("%Y", f64::NAN).is_err());
    }
}
