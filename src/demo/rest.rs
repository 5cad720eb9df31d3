//! The REST interface: requests in, answers out.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::service::{Answer, Service, State};
use std::sync::atomic::Ordering;

/// Most that a body may hold. A configuration has some hundred bytes.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The request with its whole body, or at once the answer to one that has none we could read.
pub(super) async fn read(request: Request<Incoming>) -> Result<Request<Bytes>, Answer> {
    let (head, body) = request.into_parts();
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(Request::from_parts(head, body.to_bytes())),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Answer::detail(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large"))
        }
        Err(_) => Err(Answer::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body")),
    }
}

/// What the service says to a request.
pub(super) fn answer(service: &Service, request: Request<Bytes>) -> Answer {
    let get = request.method() == Method::GET;
    let post = request.method() == Method::POST;
    let put = request.method() == Method::PUT;
    match request.uri().path() {
        "/api/health" if get => Answer::ok(json!({ "status": "healthy" })),
        "/api/status" if get => Answer::ok(json!({
            "status": "running",
            "uptime_seconds": (service.uptime().as_secs_f64() * 1e3).round() / 1e3,
            "websocket_connections": service.counters.websockets.load(Ordering::Relaxed),
            "version": env!("CARGO_PKG_VERSION"),
        })),
        "/api/oscilloscope/config" if get => Answer::ok(service.state().settings.to_json()),
        "/api/oscilloscope/config" if put => configure(&mut service.state(), request.body()),
        "/api/oscilloscope/status" if get => Answer::ok(status(&service.state())),
        "/api/oscilloscope/start" if post => {
            let now = service.unix_time();
            let mut state = service.state();
            state.streaming_since.get_or_insert(now);
            Answer::ok(status(&state))
        }
        "/api/oscilloscope/stop" if post => {
            let mut state = service.state();
            state.streaming_since = None;
            Answer::ok(status(&state))
        }
        "/api/oscilloscope/snapshot" if get => {
            let settings = service.state().settings;
            Answer::ok(settings.frame(0, service.unix_time(), || service.roll()))
        }
        "/api/oscilloscope/ws" if get => handshake(request.headers()),
        path => match allowed(path) {
            Some(methods) => wrong_method(methods),
            None => Answer::detail(StatusCode::NOT_FOUND, "Not Found"),
        },
    }
}

/// The methods a path knows; `None`: there is no such path.
fn allowed(path: &str) -> Option<&'static str> {
    match path {
        "/api/health" | "/api/status" | "/api/oscilloscope/status" => Some("GET"),
        "/api/oscilloscope/snapshot" | "/api/oscilloscope/ws" => Some("GET"),
        "/api/oscilloscope/config" => Some("GET, PUT"),
        "/api/oscilloscope/start" | "/api/oscilloscope/stop" => Some("POST"),
        _ => None,
    }
}

fn wrong_method(methods: &'static str) -> Answer {
    let allow = (ALLOW, HeaderValue::from_static(methods));
    Answer::Json(StatusCode::METHOD_NOT_ALLOWED, json!({ "detail": "Method Not Allowed" }), vec![allow])
}

fn configure(state: &mut State, body: &[u8]) -> Answer {
    match state.settings.merged_text(body) {
        Ok(settings) => {
            state.settings = settings;
            Answer::ok(settings.to_json())
        }
        Err(problems) => {
            let detail: Vec<Value> = problems.iter().map(|problem| problem.to_json()).collect();
            Answer::Json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": detail }), Vec::new())
        }
    }
}

fn status(state: &State) -> Value {
    json!({ "streaming": state.streaming_since.is_some(), "since": state.streaming_since })
}

/// The server's half of the WebSocket handshake (RFC 6455, 4.2).
fn handshake(headers: &HeaderMap) -> Answer {
    let says = |name, word: &str| {
        headers.get_all(name).iter().any(|value| {
            value.to_str().is_ok_and(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
        })
    };
    if !says(UPGRADE, "websocket") || !says(CONNECTION, "upgrade") {
        let upgrade = (UPGRADE, HeaderValue::from_static("websocket"));
        let detail = json!({ "detail": "This path speaks WebSocket" });
        return Answer::Json(StatusCode::UPGRADE_REQUIRED, detail, vec![upgrade]);
    }
    if !says(SEC_WEBSOCKET_VERSION, "13") {
        let version = (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let detail = json!({ "detail": "This path speaks version 13 of WebSocket" });
        return Answer::Json(StatusCode::UPGRADE_REQUIRED, detail, vec![version]);
    }
    match headers.get(SEC_WEBSOCKET_KEY) {
        Some(key) => {
            let accept = derive_accept_key(key.as_bytes());
            Answer::Upgrade(HeaderValue::try_from(accept).expect("base64 is plain ASCII"))
        }
        None => Answer::detail(StatusCode::BAD_REQUEST, "The handshake has no key"),
    }
}
