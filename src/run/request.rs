//! An HTTP request from its plan: what never varies is built once per step and thread, the rest per request.
//!
//! Cost per request of a step without values: a copy of the header table (two allocations), a reference to path and body.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Mutex;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};

use super::body::{Body as Sent, Payload, Piece as SentPiece, Upload};
use super::decode;
use super::eval::{self, Scope};
use super::multipart::{self, Part};
use super::place::{Origin, Place};
use super::random::Random;
use super::thread::Thread;
use super::user::User;
use crate::base::Seed;
use crate::metrics::ErrorKind;
use crate::plan::expr::Piece;
use crate::plan::functions;
use crate::plan::{Body, Expr, Field, Http, PointId, SeriesKind, Value};

/// What we say we are.
const AGENT: &str = concat!("scn/", env!("CARGO_PKG_VERSION"));

/// What of a step's request never varies.
pub struct Prepared {
    pub(super) method: Method,
    /// The URL, and path and query as the request's first line has them, where nothing in them varies; on the target's
    /// server.
    place: Option<(Rc<str>, PathAndQuery)>,
    /// All headers that do not vary, defaults included.
    headers: HeaderMap,
    /// The others: their name, and their index in [`Http::headers`].
    varying: Vec<(HeaderName, usize)>,
    /// The body, where nothing in it varies.
    body: Option<Payload>,
    /// The files that are read while they are sent: of each part of the body, where it is one.
    uploads: Vec<Option<Rc<Upload>>>,
    /// Whether nothing varies but the cookies that a user has.
    steady: bool,
}

/// What of one request varies. A request is large and is made of this when it is sent, and once more where it is sent
/// again.
pub(super) struct Varied {
    /// Path and query, where they are not the step's own.
    path: Option<PathAndQuery>,
    /// The host, where it is not that of the target.
    host: Option<HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The cookies that go out, the user's own among them.
    pub cookie: Option<HeaderValue>,
    /// Those that the step itself says.
    pub cookies: Vec<(String, String)>,
    /// Nothing where the step's body is always the same.
    body: Payload,
}

/// A request that can be made, and where it goes.
pub(super) struct Ready {
    pub origin: Rc<Origin>,
    pub url: Rc<str>,
    /// Nothing where the request is the same each time.
    pub varied: Option<Box<Varied>>,
}

impl Prepared {
    /// The request itself, as HTTP/1.1 has it.
    pub(super) fn request(&self, varied: Option<&Varied>) -> Request<Sent> {
        let path = varied.and_then(|varied| varied.path.as_ref()).or(self.place.as_ref().map(|(_, path)| path));
        let mut request = Request::new(self.payload(varied).body());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = path.cloned().map(Uri::from).unwrap_or_default();
        *request.headers_mut() = self.headers(varied);
        request
    }

    /// What stands behind its head.
    pub(super) fn payload(&self, varied: Option<&Varied>) -> Payload {
        self.body.as_ref().or(varied.map(|varied| &varied.body)).cloned().unwrap_or_default()
    }

    /// Its headers.
    pub(super) fn headers(&self, varied: Option<&Varied>) -> HeaderMap {
        let mut headers = self.headers.clone();
        let Some(varied) = varied else { return headers };
        for (name, value) in &varied.headers {
            match *name == CONTENT_TYPE {
                // That of a body in parts takes in what the author says.
                true => drop(headers.insert(name, value.clone())),
                false => drop(headers.append(name, value.clone())),
            }
        }
        for (name, value) in [(HOST, &varied.host), (COOKIE, &varied.cookie)] {
            value.as_ref().map(|value| headers.insert(name, value.clone()));
        }
        headers
    }
}

impl Prepared {
    /// What of `op` never varies, or why no such request can be made.
    pub fn new(op: &Http, thread: &Thread) -> Result<Prepared, String> {
        let method = Method::from_bytes(op.method.as_bytes()).map_err(|_| format!("`{}` is no method", op.method))?;
        let mut headers = HeaderMap::new();
        let mut varying = Vec::new();
        for (index, (name, value)) in op.headers.iter().enumerate() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` cannot name a header"))?;
            match fixed(value, thread) {
                Some(Value::Null) => {}
                Some(value) => {
                    headers.append(name.clone(), header_value(&name, &value)?);
                }
                None => varying.push((name, index)),
            }
        }
        let given = |name: &HeaderName| headers.contains_key(name) || varying.iter().any(|(other, _)| other == name);
        let base = &thread.bases[op.target.0 as usize];
        let host = HeaderValue::from_maybe_shared(lasting(&base.origin.authority));
        let host = host.map_err(|_| "the target's host is odd")?;
        // A stream of events is read as it comes, and the answer to an upgrade has no body.
        let is_http =
            thread.plan.series[thread.plan.steps[op.step.0 as usize].series.0 as usize].kind == SeriesKind::Http;
        let compression = is_http && thread.plan.targets[op.target.0 as usize].compression;
        let defaults = [
            (HOST, Some(host)),
            (USER_AGENT, Some(HeaderValue::from_static(AGENT))),
            (ACCEPT, Some(HeaderValue::from_static("*/*"))),
            (ACCEPT_ENCODING, compression.then_some(decode::ACCEPTED)),
            (CONTENT_TYPE, content_type(&op.body).map(HeaderValue::from_static)),
            (CONTENT_TYPE, media_type(&op.body, thread)),
        ];
        let missing: Vec<_> = defaults.into_iter().filter(|(name, _)| !given(name)).collect();
        for (name, value) in missing {
            value.map(|value| headers.insert(name, value));
        }
        let place = constant_path(op).map(|path| {
            let path = format!("{}{path}", base.prefix);
            Place { origin: base.origin.clone(), path }
        });
        let place =
            place.map(|place| path_in(lasting(&place.path)).map(|path| (place.url().into(), path))).transpose()?;
        let body = match &op.body {
            Body::None => Some(Bytes::new().into()),
            Body::Json(value) => fixed(value, thread).map(|value| Payload::Whole(value.to_json().to_string().into())),
            Body::Text(value) => fixed(value, thread).map(|value| Payload::Whole(value.raw().into_owned().into())),
            Body::File(disk) => Some(Payload::Pieces([SentPiece::File(Rc::new(Upload::new(disk.clone())))].into())),
            Body::Form(_) | Body::Multipart(_) => None,
        };
        let uploads = match &op.body {
            Body::Multipart(fields) => fields.iter().map(|(_, field)| upload(field)).collect(),
            _ => Vec::new(),
        };
        let steady = place.is_some() && varying.is_empty() && body.is_some() && op.cookies.is_empty();
        Ok(Prepared { method, place, headers, varying, body, uploads, steady })
    }
}

impl User {
    /// The request of a step that opens a socket or a stream: that happens rarely, and is prepared each time.
    pub(super) fn request_once(
        &mut self,
        op: &Http,
        point: PointId,
    ) -> Result<(Request<Sent>, Payload, Ready), (ErrorKind, PointId)> {
        match Prepared::new(op, &self.thread) {
            Ok(prepared) => {
                let ready = self.request(op, &prepared, point)?;
                let request = prepared.request(ready.varied.as_deref());
                let payload = prepared.payload(ready.varied.as_deref());
                Ok((request, payload, ready))
            }
            Err(why) => {
                self.note(point, ErrorKind::Value, || why);
                Err((ErrorKind::Value, point))
            }
        }
    }

    /// What the request of this step is made of, for this user now. What has no value fails at `point`, and is noted.
    pub(super) fn request(
        &mut self,
        op: &Http,
        prepared: &Prepared,
        point: PointId,
    ) -> Result<Ready, (ErrorKind, PointId)> {
        let wrong = |user: &User, why: String| {
            user.note(point, ErrorKind::Value, || why);
            (ErrorKind::Value, point)
        };
        let home = &self.thread.bases[op.target.0 as usize].origin;
        if let (true, Some((url, _))) = (prepared.steady && !self.session.has_cookies(), &prepared.place) {
            return Ok(Ready { origin: home.clone(), url: url.clone(), varied: None });
        }
        let (origin, url, path) = match &prepared.place {
            Some((url, _)) => (home.clone(), url.clone(), None),
            None => {
                let place = self.place(op, point)?;
                let path = path_of(&place).map_err(|why| wrong(self, why))?;
                let url = place.url().into();
                (place.origin, url, Some(path))
            }
        };
        let mut host = None;
        if !Rc::ptr_eq(&origin, &self.thread.bases[op.target.0 as usize].origin) {
            let said = HeaderValue::from_str(&origin.authority).map_err(|error| wrong(self, error.to_string()))?;
            host = Some(said);
        }
        let mut headers = Vec::new();
        for (name, index) in &prepared.varying {
            let value = self.value(&op.headers[*index].1, point)?;
            if value != Value::Null {
                let value = header_value(name, &value).map_err(|why| wrong(self, why))?;
                headers.push((name.clone(), value));
            }
        }
        let body = match (&prepared.body, &op.body) {
            (Some(_), _) | (None, Body::None | Body::File(_)) => Payload::default(),
            (None, Body::Json(value)) => Payload::Whole(self.value(value, point)?.to_json().to_string().into()),
            (None, Body::Text(value)) => Payload::Whole(self.value(value, point)?.raw().into_owned().into()),
            (None, Body::Form(fields)) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (key, value) in fields {
                    for value in self.spread(value, point)? {
                        form.append_pair(key, &value.text());
                    }
                }
                Payload::Whole(form.finish().into())
            }
            (None, Body::Multipart(fields)) => {
                let mut parts = Vec::new();
                for ((name, field), upload) in fields.iter().zip(&prepared.uploads) {
                    match (field, upload) {
                        (Field::Value(value), _) => {
                            let values = self.spread(value, point)?.into_iter();
                            parts.extend(values.map(|value| (name.as_str(), Part::Value(value))));
                        }
                        (Field::File(_), upload) => {
                            parts.extend(upload.clone().map(|upload| (name.as_str(), Part::File(upload))));
                        }
                    }
                }
                let (body, boundary) = multipart::body(&parts, &mut self.random);
                let varied = headers.iter().rfind(|(name, _)| *name == CONTENT_TYPE).map(|(_, said)| said);
                let said = varied.or(prepared.headers.get(CONTENT_TYPE)).and_then(|said| said.to_str().ok());
                if said.is_none_or(|said| !said.contains("boundary=")) {
                    let said = format!("{}; boundary={boundary}", said.unwrap_or("multipart/form-data"));
                    let said = HeaderValue::from_str(&said).map_err(|error| wrong(self, error.to_string()))?;
                    headers.push((CONTENT_TYPE, said));
                }
                body
            }
        };
        let mut cookies = Vec::new();
        for (name, value) in &op.cookies {
            let value = self.value(value, point)?;
            if value != Value::Null {
                cookies.push((name.clone(), value.text().into_owned()));
            }
        }
        let mut cookie = None;
        let given = || prepared.headers.contains_key(COOKIE) || headers.iter().any(|(name, _)| *name == COOKIE);
        if (!cookies.is_empty() || self.session.has_cookies()) && !given() {
            let keeps = self.thread.plan.targets[op.target.0 as usize].cookies;
            if let Some(said) = self.session.cookies(self.thread.clock.now(), &url, keeps, &cookies) {
                let said = header_value(&COOKIE, &Value::from(said.as_str())).map_err(|why| wrong(self, why))?;
                cookie = Some(said);
            }
        }
        let varied = Some(Box::new(Varied { path, host, headers, cookie, cookies, body }));
        Ok(Ready { origin, url, varied })
    }
}

/// The content type that a body has unless the author says another.
fn content_type(body: &Body) -> Option<&'static str> {
    match body {
        Body::None => None,
        Body::Json(_) => Some("application/json"),
        Body::Form(_) => Some("application/x-www-form-urlencoded"),
        // With its boundary, or with its file's own type.
        Body::Multipart(_) => None,
        Body::File(_) => None,
        Body::Text(value) if is_fixed(value) => None,
        Body::Text(_) => Some("text/plain; charset=utf-8"),
    }
}

/// The content type of a body that is the same for all: a file's own, bytes as bytes, text as text.
fn media_type(body: &Body, thread: &Thread) -> Option<HeaderValue> {
    let of_file = |media: Option<&str>| match media {
        Some(media) => HeaderValue::from_str(media).ok(),
        None => Some(HeaderValue::from_static("application/octet-stream")),
    };
    let value = match body {
        Body::Text(value) => value,
        Body::File(disk) => return of_file(disk.media_type.as_deref()),
        _ => return None,
    };
    match fixed(value, thread)? {
        Value::File(file) => of_file(file.media_type.as_deref()),
        Value::Bytes(_) => of_file(None),
        _ => Some(HeaderValue::from_static("text/plain; charset=utf-8")),
    }
}

/// The file that a part of a body is, where it is read while it is sent.
fn upload(field: &Field) -> Option<Rc<Upload>> {
    match field {
        Field::Value(_) => None,
        Field::File(disk) => Some(Rc::new(Upload::new(disk.clone()))),
    }
}

/// The step's path, where neither it nor a query varies.
fn constant_path(op: &Http) -> Option<&str> {
    match op.path.pieces.as_slice() {
        [Piece::Literal(path)] if op.query.is_empty() => Some(path),
        _ => None,
    }
}

/// What of it stands in a request's first line.
pub(super) fn path_of(place: &Place) -> Result<PathAndQuery, String> {
    path_in(Bytes::copy_from_slice(place.path.as_bytes()))
}

fn path_in(text: Bytes) -> Result<PathAndQuery, String> {
    PathAndQuery::from_maybe_shared(text.clone()).map_err(|_| {
        format!("`{}` cannot stand in a request: only what a URI may hold can", String::from_utf8_lossy(&text))
    })
}

/// So many texts last at most: more than the hosts and constant paths of any plan but a made-up one.
const LASTING_MAX: usize = 10_000;

/// A text that stands in very many requests, for as long as the process lives and once in it: so a request takes it
/// without counting who else has it. Beyond [`LASTING_MAX`] it is counted as other bytes are.
fn lasting(text: &str) -> Bytes {
    static ALL: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut all = ALL.lock().expect("nobody panics with it");
    let known = all.get(text).copied().or_else(|| {
        let room = all.len() < LASTING_MAX;
        room.then(|| {
            let lasting: &'static str = Box::leak(text.into());
            all.insert(lasting);
            lasting
        })
    });
    known.map_or_else(|| Bytes::copy_from_slice(text.as_bytes()), |known| Bytes::from_static(known.as_bytes()))
}

/// A header's value, or why it cannot be one.
pub(super) fn header_value(name: &HeaderName, value: &Value) -> Result<HeaderValue, String> {
    let text = value.text();
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| format!("the value of header `{name}` holds a line break or another control character"))
}

/// The value of `expr`, if it is the same for all users and at all times.
fn fixed(expr: &Expr, thread: &Thread) -> Option<Value> {
    if !is_fixed(expr) {
        return None;
    }
    let mut nobody = Random::new(Seed(0), 0);
    let mut scope = Scope { thread, user: 0, iteration: 0, slots: &[], random: &mut nobody, answer: None };
    eval::eval(expr, &mut scope).ok().flatten()
}

fn is_fixed(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(_) | Expr::Constant(_) | Expr::RunId => true,
        Expr::Text(template) => template.pieces.iter().all(|piece| match piece {
            Piece::Literal(_) => true,
            Piece::Value(value) => is_fixed(value),
        }),
        Expr::List(items) => items.iter().all(is_fixed),
        Expr::Object(members) => members.iter().all(|(_, value)| is_fixed(value)),
        Expr::Member(of, _) | Expr::Secret(of) => is_fixed(of),
        Expr::Call(function, arguments) => functions::is_steady(*function) && arguments.iter().all(is_fixed),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_lasts_is_there_once() {
        let (first, again) = (lasting("/only/here"), lasting("/only/here"));
        assert_eq!((&first[..], first.as_ptr()), (&b"/only/here"[..], again.as_ptr()));
    }
}
