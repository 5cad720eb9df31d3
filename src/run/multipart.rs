//! Bodies of parts with names, as a browser's form with files sends them (RFC 7578).

use std::rc::Rc;

use bytes::Bytes;

use super::body::{Payload, Piece, Upload};
use super::random::Random;
use crate::plan::Value;

/// What stands between the parts, unless one of them holds it.
const BOUNDARY: &str = "scn-boundary";

/// Parts up to so much together are looked through for the boundary and copied into one piece. Larger ones go out from
/// where they lie, and the boundary is one that nobody can have guessed.
const COPIED_MAX: usize = 64 << 10;

/// What one part holds.
pub(super) enum Part {
    Value(Value),
    /// Read while it is sent.
    File(Rc<Upload>),
}

/// The body of these parts, and its boundary, which is drawn where it cannot be looked for.
pub(super) fn body(parts: &[(&str, Part)], random: &mut Random) -> (Payload, String) {
    let values = || parts.iter().map(|(_, part)| if let Part::Value(value) = part { Some(value) } else { None });
    let size: Option<usize> = values().map(|value| value.map(|value| value.raw().len())).sum();
    let boundary = match size {
        Some(..=COPIED_MAX) => {
            let holds = |boundary: &str| {
                let needle = boundary.as_bytes();
                values().flatten().any(|value| value.raw().windows(needle.len()).any(|window| window == needle))
            };
            let mut boundaries = (0..).map(|number| format!("{BOUNDARY}-{number}"));
            boundaries.find(|boundary| !holds(boundary)).expect("one is in none of finitely many")
        }
        _ => format!("{BOUNDARY}-{:016x}{:016x}", random.bits(), random.bits()),
    };
    let mut pieces = Vec::new();
    let mut text = Vec::new();
    for (name, part) in parts {
        text.extend_from_slice(format!("--{boundary}\r\n{}\r\n\r\n", head(name, part)).as_bytes());
        let large = match part {
            Part::File(upload) => Some(Piece::File(upload.clone())),
            Part::Value(value) => match value.as_bytes() {
                Some(bytes) if bytes.len() > COPIED_MAX => Some(Piece::Bytes(Bytes::from_owner(Shared(value.clone())))),
                _ => {
                    text.extend_from_slice(&value.raw());
                    None
                }
            },
        };
        if let Some(large) = large {
            pieces.extend([Piece::Bytes(std::mem::take(&mut text).into()), large]);
        }
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let payload = match pieces.is_empty() {
        true => Payload::Whole(text.into()),
        false => {
            pieces.push(Piece::Bytes(text.into()));
            Payload::Pieces(pieces.into())
        }
    };
    (payload, boundary)
}

/// A string whose bytes are sent from where they lie.
struct Shared(Value);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes().unwrap_or_default()
    }
}

fn head(name: &str, part: &Part) -> String {
    let disposition = format!("Content-Disposition: form-data; name=\"{}\"", escaped(name));
    let of_file = |name: &str, media: Option<&str>| {
        let media = media.unwrap_or("application/octet-stream");
        format!("{disposition}; filename=\"{}\"\r\nContent-Type: {media}", escaped(name))
    };
    match part {
        Part::File(upload) => of_file(upload.name(), upload.media_type()),
        Part::Value(Value::File(file)) => of_file(&file.name, file.media_type.as_deref()),
        Part::Value(Value::Bytes(_)) => format!("{disposition}\r\nContent-Type: application/octet-stream"),
        Part::Value(_) => disposition,
    }
}

/// As browsers write it inside the quotes.
fn escaped(text: &str) -> String {
    text.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;

    fn made(parts: &[(&str, Value)]) -> (Payload, String) {
        let parts: Vec<_> = parts.iter().map(|(name, value)| (*name, Part::Value(value.clone()))).collect();
        body(&parts, &mut Random::new(Seed(1), 0))
    }

    #[test]
    fn a_boundary_is_in_none_of_the_parts() {
        let (body, boundary) = made(&[("a\"b", Value::from("x scn-boundary-0 y")), ("c", Value::Number(1.0))]);
        assert_eq!(boundary, "scn-boundary-1");
        assert_eq!(
            String::from_utf8(body.beginning(usize::MAX).into_owned()).expect("text"),
            "--scn-boundary-1\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\nx scn-boundary-0 y\r\n\
             --scn-boundary-1\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n1\r\n--scn-boundary-1--\r\n"
        );
    }

    #[test]
    fn what_is_large_is_sent_from_where_it_lies() {
        let large = Value::from("x".repeat(COPIED_MAX + 1).as_str());
        let (body, boundary) =
            made(&[("small", Value::from("s")), ("large", large.clone()), ("last", Value::from("l"))]);
        let Payload::Pieces(pieces) = &body else { panic!("it is in pieces") };
        let Piece::Bytes(lies) = &pieces[1] else { panic!("it lies in memory") };
        assert_eq!((pieces.len(), lies.as_ptr()), (3, large.as_bytes().expect("a text").as_ptr()));
        let text = String::from_utf8(body.beginning(usize::MAX).into_owned()).expect("text");
        assert_eq!(text.len() as u64, body.size());
        assert_eq!((boundary.len(), text.matches(&boundary).count()), (BOUNDARY.len() + 33, 4));
        assert!(text.ends_with(&format!("name=\"last\"\r\n\r\nl\r\n--{boundary}--\r\n")), "{boundary}");
    }
}
