//! Finding a place in a JSON text. Simple paths are walked to while reading: what lies before is skipped, what lies
//! behind is not read, and only the value that is found is built. What is not JSON up to that place holds nothing.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::plan::Value;
use crate::plan::expr::{JsonPath, Segment};

/// The value at `path`; of several, the first. Where a key stands twice in an object, a simple path takes the first.
pub(super) fn find(text: &[u8], path: &JsonPath) -> Option<Value> {
    match path {
        JsonPath::Simple(segments) => {
            let mut found = None;
            seek(text, segments, &mut Goal::Build(&mut found));
            found.map(Value::from_json)
        }
        JsonPath::Query(query) => {
            let document: serde_json::Value = serde_json::from_slice(text).ok()?;
            query.query(&document).first().cloned().map(Value::from_json)
        }
    }
}

/// Every value at `path`, in the order of the document; `None`: the text is no JSON.
pub(super) fn find_all(text: &[u8], path: &JsonPath) -> Option<Vec<Value>> {
    let document: serde_json::Value = serde_json::from_slice(text).ok()?;
    Some(every(&document, path))
}

/// The value at `path` in a document that is built already; of several, the first.
pub(super) fn first(document: &serde_json::Value, path: &JsonPath) -> Option<Value> {
    match path {
        JsonPath::Simple(segments) => walk(document, segments).cloned().map(Value::from_json),
        JsonPath::Query(query) => query.query(document).first().cloned().map(Value::from_json),
    }
}

/// Every value at `path` in a document that is built already.
pub(super) fn every(document: &serde_json::Value, path: &JsonPath) -> Vec<Value> {
    match path {
        JsonPath::Simple(_) => first(document, path).into_iter().collect(),
        JsonPath::Query(query) => {
            query.query(document).iter().map(|found| Value::from_json((*found).clone())).collect()
        }
    }
}

fn walk<'d>(document: &'d serde_json::Value, path: &[Segment]) -> Option<&'d serde_json::Value> {
    path.iter().try_fold(document, |place, segment| match segment {
        Segment::Name(name) => place.as_object()?.get(name),
        Segment::Index(index) => place.as_array()?.get(*index),
    })
}

/// Whether there is a value at `path`, `null` included.
pub(super) fn exists(text: &[u8], path: &JsonPath) -> bool {
    match path {
        JsonPath::Simple(segments) => {
            let mut found = false;
            seek(text, segments, &mut Goal::Touch(&mut found));
            found
        }
        JsonPath::Query(_) => find(text, path).is_some(),
    }
}

/// Characters, items or members of the value at `path`, without building it; `None`: nothing there, or it has no
/// length, or the path is not simple.
pub(super) fn length(text: &[u8], path: &JsonPath) -> Option<usize> {
    let JsonPath::Simple(segments) = path else { return None };
    let mut found = None;
    seek(text, segments, &mut Goal::Count(&mut found));
    found
}

/// What is done at the end of a path.
enum Goal<'g> {
    Build(&'g mut Option<serde_json::Value>),
    Touch(&'g mut bool),
    Count(&'g mut Option<usize>),
}

/// Walks to `path`; the goal holds what was found.
fn seek(text: &[u8], path: &[Segment], goal: &mut Goal<'_>) {
    // Having arrived, the walk leaves lists and objects half read. That is an error to serde_json, and how it stops
    // early. What does not parse before the goal is reached leaves the goal as it was.
    let _ = Seek { path, goal }.deserialize(&mut serde_json::Deserializer::from_slice(text));
}

/// What is left of the walk, at some place in the text.
struct Seek<'a, 'g> {
    path: &'a [Segment],
    goal: &'a mut Goal<'g>,
}

impl<'de> DeserializeSeed<'de> for Seek<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        if !self.path.is_empty() {
            return text.deserialize_any(self);
        }
        match self.goal {
            Goal::Build(found) => **found = Some(serde::Deserialize::deserialize(text)?),
            Goal::Touch(found) => {
                text.deserialize_ignored_any(IgnoredAny)?;
                **found = true;
            }
            Goal::Count(found) => **found = text.deserialize_any(Count)?,
        }
        Ok(())
    }
}

/// The next step of the walk. A scalar has no inside: the walk ends there, without having found anything.
impl<'de> Visitor<'de> for Seek<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        let [Segment::Name(name), rest @ ..] = self.path else { return Ok(()) };
        while let Some(here) = members.next_key_seed(Is(name))? {
            if here {
                return members.next_value_seed(Seek { path: rest, goal: self.goal });
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        let [Segment::Index(index), rest @ ..] = self.path else { return Ok(()) };
        for _ in 0..*index {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        items.next_element_seed(Seek { path: rest, goal: self.goal })?;
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Whether a key is this one, escapes read.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// How long a value is; `None` for what has no length.
struct Count;

impl<'de> Visitor<'de> for Count {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Option<usize>, M::Error> {
        let mut count = 0;
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Some(count))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Option<usize>, S::Error> {
        let mut count = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Some(count))
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<usize>, E> {
        Ok(Some(text.chars().count()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<usize>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::base::Seed;
    use crate::run::random::Random;

    fn name(name: &str) -> Segment {
        Segment::Name(name.into())
    }

    fn simple(segments: &[Segment]) -> JsonPath {
        JsonPath::Simple(segments.to_vec())
    }

    #[test]
    fn a_walk_stops_at_what_it_looks_for() {
        let path = simple(&[name("a"), Segment::Index(1), name("b")]);
        assert_eq!(find(br#"{"x": [1, {"a": 0}], "a": [{}, {"c": "}", "b": 7}]}"#, &path), Some(Value::Number(7.0)));
        // What lies behind the place is not read, so it may be broken.
        assert_eq!(find(br#"{"a": [0, {"b": 7 oops"#, &path), Some(Value::Number(7.0)));
        // What lies before it is.
        assert_eq!(find(br#"{oops "a": [0, {"b": 7}]}"#, &path), None);
    }

    #[test]
    fn nothing_is_found_where_the_path_does_not_lead() {
        for text in
            [r#"{"a": 1}"#, r#"{"a": [1]}"#, r#"{"a": [1, 2]}"#, r#"{"a": [1, {}]}"#, "[1]", "\"a\"", "", "null"]
        {
            let path = simple(&[name("a"), Segment::Index(1), name("b")]);
            assert_eq!(find(text.as_bytes(), &path), None, "{text}");
            assert!(!exists(text.as_bytes(), &path), "{text}");
            assert_eq!(length(text.as_bytes(), &path), None, "{text}");
        }
    }

    #[test]
    fn escaped_keys_and_the_root_are_found() {
        assert_eq!(find(br#"{"a\u0062": true}"#, &simple(&[name("ab")])), Some(Value::Bool(true)));
        assert_eq!(find(b" 12 ", &simple(&[])), Some(Value::Number(12.0)));
        assert_eq!(find(b"<html>", &simple(&[])), None);
    }

    #[test]
    fn null_is_found_and_present() {
        assert_eq!(find(br#"{"a": null}"#, &simple(&[name("a")])), Some(Value::Null));
        assert!(exists(br#"{"a": null}"#, &simple(&[name("a")])));
    }

    #[test]
    fn lengths_are_counted_without_building() {
        let text = r#"{"list": [1, [2], {}], "object": {"a": 1, "b": 2}, "text": "größe", "number": 5}"#;
        for (key, expected) in [("list", Some(3)), ("object", Some(2)), ("text", Some(5)), ("number", None)] {
            assert_eq!(length(text.as_bytes(), &simple(&[name(key)])), expected, "{key}");
        }
    }

    #[test]
    fn queries_are_full_rfc_9535() {
        let text = br#"{"items": [{"id": 1, "price": 20}, {"id": 2, "price": 5}]}"#;
        let query = |path: &str| JsonPath::Query(serde_json_path::JsonPath::parse(path).unwrap());
        assert_eq!(find(text, &query("$.items[-1].id")), Some(Value::Number(2.0)));
        assert!(exists(text, &query("$.items[?(@.price < 10)].id")));
        assert!(!exists(text, &query("$.items[?(@.price < 1)].id")));
        assert_eq!(find(b"not json", &query("$..id")), None);
    }

    /// A document of at most `depth` levels, and the paths to all that is in it.
    fn grow(random: &mut Random, depth: u32, at: &mut Vec<Segment>, paths: &mut Vec<Vec<Segment>>) -> Json {
        paths.push(at.clone());
        let scalars = [json!(null), json!(true), json!(-12), json!(0.5), json!("a \"b\" }] ü"), json!(u64::MAX)];
        let kind = if depth == 0 { 2 } else { random.index(3) };
        match kind {
            0 => (0..random.index(5))
                .map(|index| {
                    at.push(Segment::Index(index as usize));
                    let item = grow(random, depth - 1, at, paths);
                    at.pop();
                    item
                })
                .collect(),
            1 => {
                let mut object = serde_json::Map::new();
                for index in 0..random.index(5) {
                    let key = ["a", "b c", "\"", "ä", ""][index as usize];
                    at.push(name(key));
                    object.insert(key.into(), grow(random, depth - 1, at, paths));
                    at.pop();
                }
                Json::Object(object)
            }
            _ => scalars[random.index(scalars.len() as u64) as usize].clone(),
        }
    }

    #[test]
    fn every_walk_finds_what_building_the_document_and_looking_finds() {
        for user in 0..300 {
            let (mut random, mut paths) = (Random::new(Seed(5), user), Vec::new());
            let document = grow(&mut random, 5, &mut Vec::new(), &mut paths);
            let text =
                if user % 2 == 0 { document.to_string() } else { serde_json::to_string_pretty(&document).unwrap() };
            paths.push(vec![name("missing")]);
            paths.push(vec![Segment::Index(9)]);
            for path in paths {
                let expected = path.iter().try_fold(&document, |place, segment| match segment {
                    Segment::Name(name) => place.as_object()?.get(name),
                    Segment::Index(index) => place.as_array()?.get(*index),
                });
                let value = expected.cloned().map(Value::from_json);
                let path = simple(&path);
                assert_eq!(exists(text.as_bytes(), &path), value.is_some(), "{path:?} in {text}");
                assert_eq!(
                    length(text.as_bytes(), &path),
                    value.as_ref().and_then(Value::length),
                    "{path:?} in {text}"
                );
                assert_eq!(find(text.as_bytes(), &path), value, "{path:?} in {text}");
            }
        }
    }
}
