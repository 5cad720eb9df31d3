//! Bodies of parts with names, as a browser's form with files sends them (RFC 7578).

use crate::plan::Value;

/// What stands between the parts, unless one of them holds it.
const BOUNDARY: &str = "scn-boundary";

/// The body of these parts, and its boundary.
pub(super) fn body(parts: &[(&str, Value)]) -> (Vec<u8>, String) {
    let holds = |boundary: &str| {
        let needle = boundary.as_bytes();
        parts.iter().any(|(_, value)| value.raw().windows(needle.len()).any(|window| window == needle))
    };
    let boundaries = (0..).map(|number| format!("{BOUNDARY}-{number}"));
    let boundary = boundaries.into_iter().find(|boundary| !holds(boundary)).expect("one is in none of finitely many");
    let mut body = Vec::new();
    for (name, value) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{}\r\n\r\n", head(name, value)).as_bytes());
        body.extend_from_slice(&value.raw());
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (body, boundary)
}

fn head(name: &str, value: &Value) -> String {
    let disposition = format!("Content-Disposition: form-data; name=\"{}\"", escaped(name));
    match value {
        Value::File(file) => {
            let media = file.media_type.as_deref().unwrap_or("application/octet-stream");
            format!("{disposition}; filename=\"{}\"\r\nContent-Type: {media}", escaped(&file.name))
        }
        Value::Bytes(_) => format!("{disposition}\r\nContent-Type: application/octet-stream"),
        _ => disposition,
    }
}

/// As browsers write it inside the quotes.
fn escaped(text: &str) -> String {
    text.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_in_none_of_the_parts() {
        let (body, boundary) = body(&[("a\"b", Value::from("x scn-boundary-0 y")), ("c", Value::Number(1.0))]);
        assert_eq!(boundary, "scn-boundary-1");
        assert_eq!(
            String::from_utf8(body).expect("text"),
            "--scn-boundary-1\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\nx scn-boundary-0 y\r\n\
             --scn-boundary-1\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n1\r\n--scn-boundary-1--\r\n"
        );
    }
}
