//! Values as a run holds them: what is read from an answer, kept in a slot, compared, and written into a request.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::data::Row;
use crate::base::units::duration_text;
use crate::base::{ByteSize, Rate, Share};

/// A value. Cheap to copy: what is large is shared.
///
/// `==` of Rust compares representations and is meant for tests; the language's `==` is [`Value::equals`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Bool(bool),
    /// Finite.
    Number(f64),
    Text(Arc<str>),
    Duration(Duration),
    Rate(Rate),
    Share(Share),
    Size(ByteSize),
    List(Arc<[Value]>),
    /// An object, an array or a number beyond 2⁵³ out of a JSON text. Never a string, bool, null or plain number:
    /// those have variants of their own, whatever they came from.
    Json(Arc<serde_json::Value>),
    /// A string whose bytes are no UTF-8: out of a file, `from_hex` or `unbase64`. Never one that could be a `Text`.
    Bytes(Arc<[u8]>),
    /// What `file(…)` has read: a string that a `multipart` body sends under a name and a type.
    File(Arc<File>),
    /// A row of data, its columns as members.
    Row(Row),
}

/// A file that was read before the run.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its name, without folders.
    pub name: String,
    /// Its media type, where the scenario names one: `image/png`.
    pub media_type: Option<String>,
    /// What it holds: [`Value::Text`] or [`Value::Bytes`].
    pub content: Value,
}

/// The largest whole number up to which an `f64` counts every one.
pub const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// What came out of a JSON text. Whole numbers beyond 2⁵³ stay as they were written, so that a 64-bit id that is
    /// captured goes back out with every digit.
    pub fn from_json(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(truth) => Value::Bool(truth),
            serde_json::Value::String(text) => Value::Text(text.into()),
            serde_json::Value::Number(number) => match plain_number(&number) {
                Some(plain) => Value::Number(plain),
                None => Value::Json(Arc::new(serde_json::Value::Number(number))),
            },
            other @ (serde_json::Value::Array(_) | serde_json::Value::Object(_)) => Value::Json(Arc::new(other)),
        }
    }

    /// A string of these bytes: text where they are UTF-8.
    pub fn from_bytes(bytes: Vec<u8>) -> Value {
        match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text.into()),
            Err(error) => Value::Bytes(error.into_bytes().into()),
        }
    }

    /// As it stands in a JSON text. Whole numbers have no fraction (`10`, not `10.0`); durations, rates, percentages
    /// and sizes, which JSON does not have, are the strings that the language writes (`"1m30s"`).
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => serde_json::Value::Bool(*truth),
            Value::Number(number) => json_number(*number),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Json(json) => (**json).clone(),
            Value::Row(row) => row.to_json(),
            Value::Text(_)
            | Value::Duration(_)
            | Value::Rate(_)
            | Value::Share(_)
            | Value::Size(_)
            | Value::Bytes(_)
            | Value::File(_) => serde_json::Value::String(self.text().into_owned()),
        }
    }

    /// Its text: what `${…}`, a header or a query holds. Lists and objects are compact JSON; of a string that is no
    /// UTF-8 what fits, see [`Value::as_bytes`].
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Value::Text(text) => Cow::Borrowed(text),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
            Value::File(file) => file.content.text(),
            Value::Null => Cow::Borrowed("null"),
            Value::Bool(true) => Cow::Borrowed("true"),
            Value::Bool(false) => Cow::Borrowed("false"),
            _ => {
                let mut text = String::new();
                self.write_text(&mut text);
                Cow::Owned(text)
            }
        }
    }

    /// Appends [`Value::text`] without making a string of its own for the common kinds.
    pub fn write_text(&self, to: &mut String) {
        // Writing into a `String` cannot fail.
        let _ = match self {
            Value::Null => to.write_str("null"),
            Value::Bool(truth) => write!(to, "{truth}"),
            Value::Number(number) => write!(to, "{}", number + 0.0), // -0.0 + 0.0 is 0.0: nobody wants `-0`
            Value::Text(text) => to.write_str(text),
            Value::Duration(duration) => to.write_str(&duration_text(*duration)),
            Value::Rate(rate) => write!(to, "{rate}"),
            Value::Share(share) => write!(to, "{share}"),
            Value::Size(size) => write!(to, "{size}"),
            Value::List(_) | Value::Row(_) => write!(to, "{}", self.to_json()),
            Value::Json(json) => write!(to, "{json}"),
            Value::Bytes(_) | Value::File(_) => to.write_str(&self.text()),
        };
    }

    /// Whether both are the same, as `==` of the language says; `None`: of different types.
    ///
    /// `null` can be compared with anything and equals only itself, so that `json $.token != null` means what it says.
    /// Inside lists and objects everything can be compared; keys of objects have no order, and `1` equals `1.0`.
    pub fn equals(&self, other: &Value) -> Option<bool> {
        Some(match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Rate(a), Value::Rate(b)) => a == b,
            (Value::Share(a), Value::Share(b)) => a == b,
            (Value::Size(a), Value::Size(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b) == Some(true))
            }
            (Value::List(list), Value::Json(json)) | (Value::Json(json), Value::List(list)) => {
                let serde_json::Value::Array(array) = &**json else { return None };
                let same = |(value, json): (&Value, &serde_json::Value)| equals_json(value, json);
                list.len() == array.len() && list.iter().zip(array).all(same)
            }
            (Value::Json(a), Value::Json(b)) => {
                if json_type(a) != json_type(b) {
                    return None;
                }
                same_json(a, b)
            }
            (Value::Number(_), Value::Json(json)) | (Value::Json(json), Value::Number(_)) if json.is_number() => {
                false // one lies beyond 2⁵³, the other does not
            }
            (Value::Row(_), Value::Row(_) | Value::Json(_)) | (Value::Json(_), Value::Row(_)) => {
                let (a, b) = (self.to_json(), other.to_json());
                if json_type(&a) != json_type(&b) {
                    return None;
                }
                same_json(&a, &b)
            }
            _ => match (self.as_bytes(), other.as_bytes()) {
                (Some(a), Some(b)) => a == b,
                _ => return None,
            },
        })
    }

    /// Which comes first, as `<` of the language says; `None`: of different types, or of one without an order.
    pub fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
            (Value::Rate(a), Value::Rate(b)) => a.partial_cmp(b),
            (Value::Share(a), Value::Share(b)) => a.partial_cmp(b),
            (Value::Size(a), Value::Size(b)) => Some(a.cmp(b)),
            (Value::Json(a), Value::Json(b)) => match (&**a, &**b) {
                (serde_json::Value::Number(a), serde_json::Value::Number(b)) => Some(order_numbers(a, b)),
                _ => None,
            },
            _ => match (self.as_bytes(), other.as_bytes()) {
                (Some(a), Some(b)) => Some(a.cmp(b)),
                _ => self.as_number()?.partial_cmp(&other.as_number()?),
            },
        }
    }

    /// Whether a condition with this value holds; `None`: it is neither true nor false.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// As a number, if it is one; beyond 2⁵³ the nearest.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Json(json) => json.as_f64(),
            _ => None,
        }
    }

    /// As text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::File(file) => file.content.as_text(),
            _ => None,
        }
    }

    /// The bytes of a string, UTF-8 or not; `None`: it is no string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            Value::File(file) => file.content.as_bytes(),
            _ => None,
        }
    }

    /// What goes over the wire as it is: the bytes of a string, else its text.
    pub fn raw(&self) -> Cow<'_, [u8]> {
        match self.as_bytes() {
            Some(bytes) => Cow::Borrowed(bytes),
            None => match self.text() {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        }
    }

    /// As a duration, if it is one.
    pub fn as_duration(&self) -> Option<Duration> {
        match self {
            Value::Duration(duration) => Some(*duration),
            _ => None,
        }
    }

    /// Characters of a text, bytes of a string that is none, items of a list, members of an object; `None`: it has no
    /// length.
    pub fn length(&self) -> Option<usize> {
        match self {
            Value::Text(text) => Some(text.chars().count()),
            Value::Bytes(bytes) => Some(bytes.len()),
            Value::File(file) => file.content.length(),
            Value::Row(row) => Some(row.width()),
            Value::List(items) => Some(items.len()),
            Value::Json(json) => match &**json {
                serde_json::Value::Array(items) => Some(items.len()),
                serde_json::Value::Object(members) => Some(members.len()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The member of an object; `None`: no object, or no such member.
    pub fn member(&self, key: &str) -> Option<Value> {
        match self {
            Value::Json(json) => json.as_object()?.get(key).cloned().map(Value::from_json),
            Value::Row(row) => row.member(key),
            _ => None,
        }
    }

    /// The item of a list, counted from 0; `None`: no list, or not so long.
    pub fn item(&self, index: usize) -> Option<Value> {
        match self {
            Value::List(items) => items.get(index).cloned(),
            Value::Json(json) => json.as_array()?.get(index).cloned().map(Value::from_json),
            _ => None,
        }
    }

    /// How many items a list has; `None`: no list.
    pub fn items_count(&self) -> Option<usize> {
        match self {
            Value::List(items) => Some(items.len()),
            Value::Json(json) => Some(json.as_array()?.len()),
            _ => None,
        }
    }

    /// The items of a list; `None`: no list.
    pub fn items(&self) -> Option<Vec<Value>> {
        match self {
            Value::List(items) => Some(items.to_vec()),
            Value::Json(json) => Some(json.as_array()?.iter().cloned().map(Value::from_json).collect()),
            _ => None,
        }
    }

    /// What it is, as the language says it: `number`, `string`, `percentage`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::Duration(_) => "duration",
            Value::Rate(_) => "rate",
            Value::Share(_) => "percentage",
            Value::Size(_) => "size",
            Value::List(_) => "list",
            Value::Json(json) => json_type(json),
            Value::Bytes(_) | Value::File(_) => "string",
            Value::Row(_) => "row",
        }
    }

    /// The same value that shares nothing with this one. Counting references from two threads makes their cores pass
    /// a cache line to and fro at each request; a plan is therefore copied whole for each load thread.
    pub fn unshared(&self) -> Value {
        match self {
            Value::Text(text) => Value::Text(Arc::from(&**text)),
            Value::List(items) => Value::List(items.iter().map(Value::unshared).collect()),
            Value::Json(json) => Value::Json(Arc::new((**json).clone())),
            Value::Bytes(bytes) => Value::Bytes(Arc::from(&**bytes)),
            Value::Row(row) => Value::Row(row.unshared()),
            Value::File(file) => Value::File(Arc::new(File { content: file.content.unshared(), ..(**file).clone() })),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Duration(_)
            | Value::Rate(_)
            | Value::Share(_)
            | Value::Size(_) => self.clone(),
        }
    }
}

/// [`Value::text`].
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Value {
        Value::Duration(duration)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::List(items.into())
    }
}

/// A number as JSON writes it: whole ones without a fraction.
pub fn json_number(number: f64) -> serde_json::Value {
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        return serde_json::Value::from(number as i64);
    }
    serde_json::Number::from_f64(number).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// The number as `f64`, unless that would change it.
fn plain_number(number: &serde_json::Number) -> Option<f64> {
    let near = number.as_f64()?;
    (number.is_f64() || near.abs() <= WHOLE_MAX).then_some(near)
}

fn json_type(json: &serde_json::Value) -> &'static str {
    match json {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "bool",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "list",
        serde_json::Value::Object(_) => "object",
    }
}

fn order_numbers(a: &serde_json::Number, b: &serde_json::Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

fn equals_json(value: &Value, json: &serde_json::Value) -> bool {
    match (value, json) {
        (Value::Text(a), serde_json::Value::String(b)) => **a == **b,
        (Value::Json(a), b) => same_json(a, b),
        _ => value.equals(&Value::from_json(json.clone())) == Some(true),
    }
}

/// Whether two JSON values mean the same: as serde_json's `==`, but `1` and `1.0` are one number.
fn same_json(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    match (a, b) {
        (serde_json::Value::Number(a), serde_json::Value::Number(b)) => order_numbers(a, b) == Ordering::Equal,
        (serde_json::Value::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (serde_json::Value::Object(a), serde_json::Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json(value: serde_json::Value) -> Value {
        Value::from_json(value)
    }

    #[test]
    fn whole_numbers_have_no_fraction_in_text_and_json() {
        assert_eq!(Value::Number(10.0).text(), "10");
        assert_eq!(Value::Number(-0.0).text(), "0");
        assert_eq!(Value::Number(0.1).text(), "0.1");
        assert_eq!(Value::Number(10.0).to_json().to_string(), "10");
        assert_eq!(Value::Number(-2.5).to_json().to_string(), "-2.5");
        assert_eq!(Value::Number(1e300).to_json().to_string(), "1e+300");
    }

    #[test]
    fn a_64_bit_id_keeps_every_digit() {
        let id = json(json!(9_223_372_036_854_775_807_i64));
        assert_eq!(id.text(), "9223372036854775807");
        assert_eq!(id.to_json(), json!(9_223_372_036_854_775_807_i64));
        assert_eq!(id.equals(&json(json!(9_223_372_036_854_775_806_i64))), Some(false));
        assert_eq!(id.order(&Value::Number(1.0)), Some(Ordering::Greater));
        assert_eq!(id.equals(&Value::Number(1.0)), Some(false));
        assert_eq!(id.type_name(), "number");
    }

    #[test]
    fn json_scalars_become_the_languages_own() {
        assert_eq!(json(json!("a")), Value::from("a"));
        assert_eq!(json(json!(null)), Value::Null);
        assert_eq!(json(json!(10.0)), Value::Number(10.0));
        assert_eq!(json(json!(7)), Value::Number(7.0));
    }

    #[test]
    fn text_is_as_the_language_writes_it() {
        for (value, text) in [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Duration(Duration::from_secs(90)), "1m30s"),
            (Value::Rate(Rate(20.0)), "20/s"),
            (Value::Share(Share(0.01)), "1%"),
            (Value::Size(ByteSize(4096)), "4KiB"),
            (vec![Value::Number(1.0), Value::from("a")].into(), r#"[1,"a"]"#),
            (json(json!({"b": 1, "a": [null]})), r#"{"b":1,"a":[null]}"#),
        ] {
            assert_eq!(value.text(), text);
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn values_of_different_types_are_neither_equal_nor_unequal() {
        assert_eq!(Value::Number(1.0).equals(&Value::from("1")), None);
        assert_eq!(Value::Duration(Duration::ZERO).equals(&Value::Number(0.0)), None);
        assert_eq!(json(json!({})).equals(&json(json!([]))), None);
        assert_eq!(json(json!({})).equals(&Value::List([].into())), None);
        assert_eq!(Value::Number(1.0).order(&Value::from("1")), None);
    }

    #[test]
    fn null_can_be_compared_with_anything() {
        assert_eq!(Value::Null.equals(&Value::Null), Some(true));
        assert_eq!(Value::from("x").equals(&Value::Null), Some(false));
        assert_eq!(Value::Null.equals(&json(json!([]))), Some(false));
    }

    #[test]
    fn lists_and_objects_are_compared_by_what_they_hold() {
        let list: Value = vec![Value::Number(1.0), Value::from("a")].into();
        assert_eq!(list.equals(&json(json!([1, "a"]))), Some(true));
        assert_eq!(json(json!([1.0, "a"])).equals(&list), Some(true));
        assert_eq!(list.equals(&json(json!(["a", 1]))), Some(false));
        assert_eq!(json(json!({"a": 1, "b": 2})).equals(&json(json!({"b": 2.0, "a": 1.0}))), Some(true));
        assert_eq!(json(json!({"a": 1})).equals(&json(json!({"a": "1"}))), Some(false));
    }

    #[test]
    fn what_has_an_order_is_ordered() {
        assert_eq!(Value::from("a").order(&Value::from("b")), Some(Ordering::Less));
        assert_eq!(Value::Number(2.0).order(&Value::Number(10.0)), Some(Ordering::Less));
        assert_eq!(Value::Share(Share(0.1)).order(&Value::Share(Share(0.1))), Some(Ordering::Equal));
        assert_eq!(Value::Bool(true).order(&Value::Bool(false)), None);
        assert_eq!(json(json!([1])).order(&json(json!([2]))), None);
    }

    #[test]
    fn parts_of_values_are_values() {
        let object = json(json!({"list": [10, {"x": "y"}]}));
        let list = object.member("list").unwrap();
        assert_eq!(list.item(0), Some(Value::Number(10.0)));
        assert_eq!(list.item(1).unwrap().member("x"), Some(Value::from("y")));
        assert_eq!(list.item(2), None);
        assert_eq!(list.length(), Some(2));
        assert_eq!(Value::from("größe").length(), Some(5));
        assert_eq!(Value::Number(1.0).length(), None);
    }

    #[test]
    fn strings_that_are_no_utf_8_are_strings_all_the_same() {
        let bytes = Value::from_bytes(vec![0xff, b'a']);
        assert_eq!(bytes, Value::Bytes([0xff, b'a'].into()));
        assert_eq!(Value::from_bytes(b"tea".to_vec()), Value::from("tea"));
        assert_eq!((bytes.type_name(), bytes.length(), bytes.as_text()), ("string", Some(2), None));
        assert_eq!(bytes.equals(&Value::from("a")), Some(false));
        assert_eq!(bytes.equals(&bytes.unshared()), Some(true));
        assert_eq!(bytes.order(&Value::from("a")), Some(Ordering::Greater));
        assert_eq!(&*bytes.raw(), [0xff, b'a']);
        assert_eq!(bytes.text(), "\u{fffd}a");
        let file = Value::File(Arc::new(File { name: "a.txt".into(), media_type: None, content: Value::from("tea") }));
        assert_eq!(file.equals(&Value::from("tea")), Some(true));
        assert_eq!((file.as_text(), file.to_json()), (Some("tea"), json!("tea")));
    }

    #[test]
    fn a_value_is_three_words() {
        assert!(size_of::<Option<Value>>() <= 24);
    }

    #[test]
    fn an_unshared_copy_has_a_memory_of_its_own() {
        let text = Value::from("shared");
        let copy = text.unshared();
        assert_eq!(copy, text);
        let (Value::Text(a), Value::Text(b)) = (&text, &copy) else { panic!("both are texts") };
        assert!(!Arc::ptr_eq(a, b));
    }
}
