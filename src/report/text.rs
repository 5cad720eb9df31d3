//! Numbers and names as people read them, and columns that line up.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style::{Ink, Style};

/// A time with three digits and its unit: `850µs`, `1.23ms`, `45.6s`, `2m03s`.
pub fn time(time: Duration) -> String {
    let micros = time.as_nanos() as f64 / 1e3;
    // Where three digits round up to the next unit, say that: 999.6 µs are 1.00ms.
    if micros < 999.5 {
        if micros < 9.95 && micros.fract() != 0.0 { format!("{micros:.1}µs") } else { format!("{micros:.0}µs") }
    } else if micros < 999_500.0 {
        format!("{}ms", three_digits(micros / 1e3))
    } else if micros < 99_950_000.0 {
        format!("{}s", three_digits(micros / 1e6))
    } else {
        let seconds = time.as_secs_f64().round() as u64;
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
            (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
        }
    }
}

/// A stretch of the run, in whole seconds: `30s`, `1m30s`, `2h05m00s`.
pub fn clock(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes:02}m{seconds:02}s"),
    }
}

/// A number with three digits, or all of its whole ones: `0.123`, `12.3`, `1234`.
pub fn three_digits(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        size if size < 9.995 => format!("{number:.2}"),
        size if size < 99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// A part of a whole, to a tenth of a percent; never 0 % of something, nor 100 % when a little is missing.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0%".into(),
        100.0 => "100%".into(),
        small if small < 0.05 => "<0.1%".into(),
        large if large > 99.95 && large < 100.0 => ">99.9%".into(),
        _ => format!("{}%", format!("{percent:.1}").trim_end_matches(".0")),
    }
}

/// Bytes in the largest unit that leaves a number above 1: `12.3 KiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut amount = count as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three_digits(amount), UNITS[unit])
}

/// `1 user`, `2 users`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// How many columns a text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text`, or its two ends with `…` between where it is wider than `room`: a path is told by its beginning and its end.
pub fn shorten(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    if room == 0 {
        return String::new();
    }
    let left = prefix(text.chars(), (room - 1).div_ceil(2));
    let right: String = prefix(text.chars().rev(), (room - 1) / 2).chars().rev().collect();
    format!("{left}…{right}")
}

/// `text`, cut off behind `room` columns with `…`.
pub fn cut(text: &str, room: usize) -> String {
    if width(text) <= room { text.to_owned() } else { format!("{}…", prefix(text.chars(), room.saturating_sub(1))) }
}

fn prefix(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut taken = 0;
    chars
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken <= room
        })
        .collect()
}

/// A piece of a line: text, to which side it keeps in its column, and its ink.
#[derive(Clone, Debug)]
pub struct Cell {
    pub text: String,
    pub right: bool,
    pub ink: Option<Ink>,
}

impl Cell {
    pub fn left(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), right: false, ink: None }
    }

    pub fn right(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), right: true, ink: None }
    }

    pub fn ink(self, ink: Ink) -> Cell {
        Cell { ink: Some(ink), ..self }
    }
}

/// Two blanks between columns.
pub const GAP: usize = 2;

/// The width of each column, for rows that may be shorter than others.
pub fn widths<'a>(rows: impl IntoIterator<Item = &'a [Cell]>) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        row.iter()
            .zip(&mut widths)
            .for_each(|(cell, have): (&Cell, &mut usize)| *have = (*have).max(width(&cell.text)));
    }
    widths
}

/// One line of cells in columns of these widths, without blanks at its end.
pub fn line(cells: &[Cell], widths: &[usize], style: Style) -> String {
    let mut line = String::new();
    let last = cells.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |index| index + 1);
    for (index, (cell, wide)) in cells[..last].iter().zip(widths).enumerate() {
        let blanks = " ".repeat(wide.saturating_sub(width(&cell.text)));
        let text = cell.ink.map_or_else(|| cell.text.clone(), |ink| style.paint(ink, &cell.text));
        if index > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        match (cell.right, index + 1 == last) {
            (true, _) => line.extend([blanks, text]),
            (false, false) => line.extend([text, blanks]),
            (false, true) => line.push_str(&text),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_the_unit_that_fits() {
        for (nanos, text) in [
            (1_500, "1.5µs"),
            (850_000, "850µs"),
            (999_600, "1.00ms"),
            (1_234_000, "1.23ms"),
            (45_600_000, "45.6ms"),
            (312_000_000, "312ms"),
            (999_700_000, "1.00s"),
            (12_345_000_000, "12.3s"),
            (123_000_000_000, "2m03s"),
            (3_600_000_000_000, "1h00m"),
        ] {
            assert_eq!(time(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_to_all() {
        for (share, text) in
            [(0.0, "0%"), (0.00001, "<0.1%"), (0.0123, "1.2%"), (0.5, "50%"), (0.99999, ">99.9%"), (1.0, "100%")]
        {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn long_names_keep_both_ends_and_wide_letters_count_twice() {
        assert_eq!(shorten("/api/oscilloscope/config", 13), "/api/o…config");
        assert_eq!(shorten("/api", 13), "/api");
        assert_eq!(width(&shorten("日本語日本語日本語", 8)), 7);
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!((shorten("abc", 1), shorten("abc", 0)), ("…".into(), String::new()));
    }

    #[test]
    fn bytes_take_the_unit_that_fits() {
        assert_eq!(
            [0, 1023, 1024, 145 * 1024, 3 << 30].map(bytes),
            ["0 B", "1023 B", "1.00 KiB", "145 KiB", "3.00 GiB"]
        );
    }
}
