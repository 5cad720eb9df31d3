//! A body as a person looks at it: JSON laid out, text as it is, bytes in hexadecimal; never more than a screenful.

/// Most lines that are shown of one body or message.
pub const BODY_LINES_MAX: usize = 30;
/// Longest line that is shown of one; the rest is cut, with a mark.
pub const BODY_LINE_CHARS_MAX: usize = 160;
/// What fits into so many columns stands on one line.
const WIDTH: usize = 90;
/// So many bytes are shown of a body that is no text.
pub const HEX_BYTES_MAX: usize = 64;

/// The lines of a body. `size` is how long it was in all: what was not kept cannot be shown, and is told.
pub fn body(bytes: &[u8], size: u64) -> Vec<String> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let whole = bytes.len() as u64 == size;
    let mut lines = match std::str::from_utf8(bytes) {
        Ok(text) if is_text(text) => text_lines(text, whole),
        _ => return hex(bytes, size),
    };
    if lines.len() > BODY_LINES_MAX {
        let more = lines.len() - BODY_LINES_MAX;
        lines.truncate(BODY_LINES_MAX);
        lines.push(format!("… {more} more line{}", if more == 1 { "" } else { "s" }));
    }
    if !whole {
        lines.push(format!("… {} of {} bytes are kept", bytes.len(), size));
    }
    lines
}

fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{1b}'))
}

fn text_lines(text: &str, whole: bool) -> Vec<String> {
    let json = matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'['));
    if json
        && whole
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
    {
        return laid_out(&value, "").lines().map(line).collect();
    }
    text.lines().map(line).collect()
}

/// JSON as a person lays it out: on one line what fits on one, a list of numbers or words in as few lines as it takes.
fn laid_out(value: &serde_json::Value, indent: &str) -> String {
    use serde_json::Value;
    let flat = flat(value);
    let inner = format!("{indent}  ");
    match value {
        _ if indent.len() + flat.chars().count() <= WIDTH => flat,
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{inner}{}: {}", Value::from(key.as_str()), laid_out(value, &inner))
            };
            format!("{{\n{}\n{indent}}}", members.iter().map(member).collect::<Vec<_>>().join(",\n"))
        }
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            let mut text = String::from("[");
            let mut column = WIDTH;
            for (index, item) in items.iter().enumerate() {
                let item = format!("{item}{}", if index + 1 == items.len() { "" } else { "," });
                column += 1 + item.chars().count();
                if column > WIDTH {
                    text += &format!("\n{inner}{item}");
                    column = inner.len() + item.chars().count();
                } else {
                    text += &format!(" {item}");
                }
            }
            format!("{text}\n{indent}]")
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| format!("{inner}{}", laid_out(item, &inner))).collect();
            format!("[\n{}\n{indent}]", items.join(",\n"))
        }
        _ => flat,
    }
}

/// JSON on one line, with a blank where a reader wants one.
fn flat(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".into(),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), flat(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A line without what would move the terminal's cursor, and not too long.
fn line(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == BODY_LINE_CHARS_MAX {
            let more = text.chars().count() - count;
            shown.push_str(&format!("… {more} more characters"));
            break;
        }
        match c {
            '\t' => shown.push_str("  "),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

fn hex(bytes: &[u8], size: u64) -> Vec<String> {
    let row = |row: &[u8]| {
        let digits: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let letters = row.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '·' });
        format!("{:47}  {}", digits.join(" "), letters.collect::<String>())
    };
    let shown = &bytes[..bytes.len().min(HEX_BYTES_MAX)];
    let mut lines: Vec<String> = shown.chunks(16).map(row).collect();
    if size > shown.len() as u64 {
        lines.push(format!("… {} more bytes", size - shown.len() as u64));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: impl AsRef<[u8]>) -> Vec<String> {
        body(text.as_ref(), text.as_ref().len() as u64)
    }

    #[test]
    fn short_json_stands_on_a_line_and_long_json_is_laid_out() {
        assert_eq!(whole(r#"{"a":1,"b":[true,null],"c":{}}"#), [r#"{ "a": 1, "b": [true, null], "c": {} }"#]);
        let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(90));
        assert_eq!(whole(&long).len(), 3);
        let numbers = (100..140).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let lines = whole(format!("{{\"numbers\":[{numbers}]}}"));
        assert_eq!((lines.len(), lines[1].as_str(), &lines[2][..14]), (7, "  \"numbers\": [", "    100, 101, "));
        assert_eq!(whole("[1, 2"), ["[1, 2"]);
    }

    #[test]
    fn a_long_body_is_cut_and_says_so() {
        let lines = whole("a\n".repeat(100));
        assert_eq!((lines.len(), lines[BODY_LINES_MAX].as_str()), (BODY_LINES_MAX + 1, "… 70 more lines"));
        let line = &whole("y".repeat(1000))[0];
        assert!(line.ends_with("… 840 more characters"), "{line}");
        assert_eq!(body(b"abc", 10), ["abc", "… 3 of 10 bytes are kept"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hexadecimal() {
        let lines = whole(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR!");
        assert_eq!(lines[0], "89 50 4e 47 0d 0a 1a 0a 00 00 00 0d 49 48 44 52  ·PNG········IHDR");
        assert_eq!(lines.len(), 2);
        assert_eq!(whole([0; 100]).last().map(String::as_str), Some("… 36 more bytes"));
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(whole("a\u{1b}[2Jb\tc"), ["a\\u{1b}[2Jb  c"]);
    }
}
