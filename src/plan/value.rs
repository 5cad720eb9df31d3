//! Values as a run holds them.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{ByteSize, Rate, Share};

/// A value. Cheap to copy: what is large is shared.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Bool(bool),
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
}
