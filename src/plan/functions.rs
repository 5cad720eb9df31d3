//! The functions whose value follows from their arguments alone: one home, so that folding before the run and
//! evaluating in it agree. Those that draw, read the clock or the environment are the run's.

use std::cmp::Ordering;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT, URL_SAFE_NO_PAD, URL_SAFE_PAD_INDIFFERENT};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Value;
use super::expr::Function;
use super::value::WHOLE_MAX;
use crate::check::functions::Signature;

/// Longest text that a function of these makes; `replace` could grow without end in a loop.
pub const TEXT_BYTES_MAX: usize = 64 << 20;

/// Whether [`call`] knows it: the same arguments always give the same value.
pub fn is_steady(function: Function) -> bool {
    Signature::of(function).steady
}

/// What a steady function makes of its arguments, whose count has been checked. `Ok(None)`: it finds nothing.
///
/// Errors: why there is no value, in a few words.
pub fn call(function: Function, arguments: &[Value]) -> Result<Option<Value>, String> {
    let of = |index: usize| arguments.get(index).unwrap_or(&Value::Null);
    Ok(Some(match function {
        Function::Length => match of(0).length() {
            Some(length) => Value::Number(length as f64),
            None => return Err(format!("a {} has no length", of(0).type_name())),
        },
        Function::Number => number(of(0))?,
        Function::String => string(of(0)),
        Function::Lower => text(function, of(0))?.to_lowercase().into(),
        Function::Replace => {
            let (whole, old, new) = (text(function, of(0))?, text(function, of(1))?, text(function, of(2))?);
            replaced(whole, old, new)?
        }
        Function::After => match text(function, of(0))?.split_once(text(function, of(1))?) {
            Some((_, behind)) => behind.into(),
            None => return Ok(None),
        },
        Function::Before => match text(function, of(0))?.split_once(text(function, of(1))?) {
            Some((before, _)) => before.into(),
            None => return Ok(None),
        },
        Function::Min => extreme(function, arguments, Ordering::Less)?,
        Function::Max => extreme(function, arguments, Ordering::Greater)?,
        Function::Base64 => STANDARD.encode(bytes(function, of(0))?).into(),
        Function::Base64Url => URL_SAFE_NO_PAD.encode(bytes(function, of(0))?).into(),
        Function::Unbase64 => unbase64(text(function, of(0))?)?,
        Function::ToHex => to_hex(of(0))?,
        Function::FromHex => from_hex(text(function, of(0))?)?,
        Function::Sha256 => encoded(&Sha256::digest(bytes(function, of(0))?), arguments.get(1))?,
        Function::HmacSha256 => {
            let mut code = Hmac::<Sha256>::new_from_slice(bytes(function, of(0))?)
                .expect("a key of this code may have any length");
            code.update(bytes(function, of(1))?);
            encoded(&code.finalize().into_bytes(), arguments.get(2))?
        }
        Function::UrlEncode => percent_encoding::percent_encode(bytes(function, of(0))?, RESERVED).to_string().into(),
        _ => panic!("`{function:?}` is the run's: it does not follow from its arguments"),
    }))
}

/// A digest as text, in the encoding that the last argument names.
///
/// Errors: there is no such encoding.
pub fn encoded(digest: &[u8], encoding: Option<&Value>) -> Result<Value, String> {
    match encoding.map(Value::text).as_deref() {
        None | Some("hex") => Ok(hex(digest).into()),
        Some("base64") => Ok(STANDARD.encode(digest).into()),
        Some("base64url") => Ok(URL_SAFE_NO_PAD.encode(digest).into()),
        Some(other) => {
            Err(format!("the encoding is \"hex\", \"base64\" or \"base64url\", and this is {}", short(other)))
        }
    }
}

/// What a URL may hold without meaning anything by it (RFC 3986, "unreserved").
const RESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn text(function: Function, value: &Value) -> Result<&str, String> {
    value.as_text().ok_or_else(|| wrong(function, value))
}

fn bytes(function: Function, value: &Value) -> Result<&[u8], String> {
    value.as_bytes().ok_or_else(|| wrong(function, value))
}

fn wrong(function: Function, value: &Value) -> String {
    let name = Signature::of(function).name;
    match value {
        Value::Bytes(_) => format!("`{name}` takes text, and these bytes are none"),
        _ => format!("`{name}` takes a string, and this is a {}", value.type_name()),
    }
}

fn string(value: &Value) -> Value {
    match value {
        Value::Text(_) | Value::Bytes(_) => value.clone(),
        Value::File(file) => file.content.clone(),
        _ => Value::from(&*value.text()),
    }
}

fn number(value: &Value) -> Result<Value, String> {
    let Some(text) = value.as_text() else {
        return match value.as_number() {
            // One beyond 2⁵³ keeps its digits.
            Some(_) => Ok(value.clone()),
            None => Err(format!("a {} is no number", value.type_name())),
        };
    };
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, trimmed),
    };
    let read = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some("") => None,
        // Balances of a chain have up to 256 bits.
        Some(hex) => hex.chars().try_fold(0.0, |sum, c| Some(sum * 16.0 + f64::from(c.to_digit(16)?))),
        // Rust also reads `inf`, `nan` and a second sign; JSON and people do not write them.
        None if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => digits.parse().ok(),
        None => None,
    };
    match read {
        Some(number) if f64::is_finite(number) => Ok(Value::Number(sign * number)),
        _ => Err(format!("{} is no number", short(text))),
    }
}

fn replaced(whole: &str, old: &str, new: &str) -> Result<Value, String> {
    if old.is_empty() {
        return Err("`replace` looks for a text, and this one is empty".into());
    }
    let grown = new.len().saturating_sub(old.len()).saturating_mul(whole.len() / old.len());
    if grown > TEXT_BYTES_MAX {
        return Err(format!("the text would grow beyond {} MiB", TEXT_BYTES_MAX >> 20));
    }
    Ok(whole.replace(old, new).into())
}

/// The least or greatest of the arguments, or of the items of the only one.
fn extreme(function: Function, arguments: &[Value], wanted: Ordering) -> Result<Value, String> {
    let name = Signature::of(function).name;
    let items = match arguments {
        [list] => list.items(),
        _ => None,
    };
    let items = items.as_deref().unwrap_or(arguments);
    let Some((first, rest)) = items.split_first() else { return Err(format!("`{name}` of an empty list")) };
    let mut best = first;
    if best.order(best).is_none() {
        return Err(format!("`{name}` needs an order, and a {} has none", best.type_name()));
    }
    for item in rest {
        match item.order(best) {
            Some(order) if order == wanted => best = item,
            Some(_) => {}
            None => {
                let (a, b) = (best.type_name(), item.type_name());
                return Err(format!("`{name}` compares values of one type, and here are a {a} and a {b}"));
            }
        }
    }
    Ok(best.clone())
}

fn unbase64(text: &str) -> Result<Value, String> {
    // Mails and certificates break their lines.
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let decoded = match packed.contains(['-', '_']) {
        true => URL_SAFE_PAD_INDIFFERENT.decode(&packed),
        false => STANDARD_PAD_INDIFFERENT.decode(&packed),
    };
    decoded.map(Value::from_bytes).map_err(|_| format!("{} is no Base64", short(text)))
}

fn to_hex(value: &Value) -> Result<Value, String> {
    if let Some(bytes) = value.as_bytes() {
        return Ok(hex(bytes).into());
    }
    match value.as_number() {
        Some(number) if number >= 0.0 && number.fract() == 0.0 && number <= WHOLE_MAX => {
            Ok(format!("{:x}", number as u64).into())
        }
        Some(_) => Err(format!("`to_hex` takes whole numbers from 0 to 2⁵³, not {value}")),
        None => Err(wrong(Function::ToHex, value)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn from_hex(text: &str) -> Result<Value, String> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!("{} is not hexadecimal", short(text)));
    }
    if !digits.len().is_multiple_of(2) {
        return Err(format!("{} is half a byte too long or too short: two digits make one", short(text)));
    }
    let pairs = digits.as_bytes().chunks_exact(2).map(|pair| {
        let digit = |c: u8| char::from(c).to_digit(16).expect("they are hexadecimal") as u8;
        digit(pair[0]) << 4 | digit(pair[1])
    });
    Ok(Value::from_bytes(pairs.collect()))
}

/// A text in quotes, cut where it gets long.
fn short(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(function: Function, arguments: &[Value]) -> Result<Option<Value>, String> {
        call(function, arguments)
    }

    fn text_of(function: Function, arguments: &[&str]) -> String {
        let arguments: Vec<Value> = arguments.iter().map(|text| Value::from(*text)).collect();
        made(function, &arguments).unwrap().unwrap().text().into_owned()
    }

    #[test]
    fn texts_are_changed_and_cut() {
        assert_eq!(text_of(Function::Lower, &["GRÖSSE"]), "grösse");
        assert_eq!(text_of(Function::Replace, &["a-b-c", "-", "+"]), "a+b+c");
        assert_eq!(text_of(Function::After, &["id=7;x=1", "="]), "7;x=1");
        assert_eq!(text_of(Function::Before, &["id=7;x=1", ";"]), "id=7");
        assert_eq!(made(Function::After, &["abc".into(), "=".into()]), Ok(None));
        assert!(made(Function::Replace, &["a".into(), "".into(), "b".into()]).is_err());
        assert!(made(Function::Lower, &[Value::Number(1.0)]).unwrap_err().contains("takes a string"));
    }

    #[test]
    fn encodings_are_the_published_ones() {
        // RFC 4648, RFC 4231 (case 2), FIPS 180.
        assert_eq!(text_of(Function::Base64, &["fooba"]), "Zm9vYmE=");
        assert_eq!(text_of(Function::Unbase64, &["Zm9vYmE="]), "fooba");
        assert_eq!(text_of(Function::Unbase64, &["Zm9vYmE"]), "fooba");
        assert_eq!(text_of(Function::Base64Url, &["\u{3ff}\u{3ff}>>>?"]), "z7_Pvz4-Pj8");
        assert_eq!(text_of(Function::Unbase64, &["z7_Pvz4-Pj8"]), "\u{3ff}\u{3ff}>>>?");
        assert_eq!(text_of(Function::ToHex, &["AZ"]), "415a");
        assert_eq!(text_of(Function::FromHex, &["0x415A"]), "AZ");
        let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(text_of(Function::Sha256, &["abc"]), sha);
        assert_eq!(text_of(Function::Sha256, &["abc", "base64"]), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        let code = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(text_of(Function::HmacSha256, &["Jefe", "what do ya want for nothing?"]), code);
        assert_eq!(
            text_of(Function::HmacSha256, &["Jefe", "what do ya want for nothing?", "base64"]),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
        );
        assert_eq!(text_of(Function::UrlEncode, &["a b&c/é~"]), "a%20b%26c%2F%C3%A9~");
        assert!(made(Function::Sha256, &["a".into(), "rot13".into()]).is_err());
        assert!(made(Function::Unbase64, &["!".into()]).is_err());
        assert!(made(Function::FromHex, &["abc".into()]).unwrap_err().contains("half a byte"));
        assert!(made(Function::FromHex, &["xy".into()]).is_err());
    }

    #[test]
    fn bytes_that_are_no_text_go_through_and_come_back() {
        let bytes = made(Function::FromHex, &["fffe00".into()]).unwrap().unwrap();
        assert_eq!(bytes, Value::Bytes([0xff, 0xfe, 0].into()));
        assert_eq!(made(Function::ToHex, std::slice::from_ref(&bytes)), Ok(Some("fffe00".into())));
        assert_eq!(made(Function::Base64, std::slice::from_ref(&bytes)), Ok(Some("//4A".into())));
        assert_eq!(made(Function::Length, std::slice::from_ref(&bytes)), Ok(Some(Value::Number(3.0))));
        assert!(made(Function::Lower, &[bytes]).unwrap_err().contains("no"), "bytes have no case");
    }

    #[test]
    fn numbers_are_read_and_written() {
        for (text, number) in [("12", 12.0), (" -0.5 ", -0.5), ("0x1f", 31.0), ("-0X10", -16.0), ("1e3", 1000.0)] {
            assert_eq!(made(Function::Number, &[text.into()]), Ok(Some(Value::Number(number))), "{text}");
        }
        let wei = made(Function::Number, &["0x56bc75e2d63100000".into()]);
        assert_eq!(wei, Ok(Some(Value::Number(1e20))));
        for text in ["", "x", "inf", "0x", "--1", "1 2", "0xg"] {
            assert!(made(Function::Number, &[text.into()]).is_err(), "{text}");
        }
        assert_eq!(made(Function::ToHex, &[Value::Number(255.0)]), Ok(Some("ff".into())));
        assert!(made(Function::ToHex, &[Value::Number(-1.0)]).is_err());
    }

    #[test]
    fn the_least_and_the_greatest_are_of_one_type() {
        let numbers = [Value::Number(3.0), Value::Number(1.0), Value::Number(2.0)];
        assert_eq!(made(Function::Min, &numbers), Ok(Some(Value::Number(1.0))));
        assert_eq!(made(Function::Max, &numbers), Ok(Some(Value::Number(3.0))));
        let list = Value::from_json(json!([4, 9, 2]));
        assert_eq!(made(Function::Max, &[list]), Ok(Some(Value::Number(9.0))));
        assert_eq!(made(Function::Min, &["b".into(), "a".into()]), Ok(Some("a".into())));
        assert!(made(Function::Min, &["b".into(), Value::Number(1.0)]).unwrap_err().contains("one type"));
        assert!(made(Function::Max, &[Value::List([].into())]).unwrap_err().contains("empty"));
        assert!(made(Function::Max, &[true.into()]).unwrap_err().contains("order"));
    }
}
