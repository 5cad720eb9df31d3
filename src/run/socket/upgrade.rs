//! Opening a socket: the request, the dial, the upgrade.
//!
//! The handshake is made here and not by the protocol's library, which takes no `Connection: keep-alive, Upgrade` for
//! an upgrade, though RFC 6455 lets a server say so.

use std::cell::OnceCell;
use std::pin::pin;
use std::rc::Rc;

use http::HeaderMap;
use http::header::{
    ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::line::Line;
use super::transport::{Counted, Socket};
use super::{Reason, User};
use crate::base::units::duration_text;
use crate::metrics::{ErrorKind, Sample};
use crate::plan::{Connect, PointId};
use crate::run::dial::{Trouble, reach_socket};
use crate::run::place::Origin;
use crate::run::request::{Ready, header_value};
use crate::run::session::Session;
use crate::run::thread::Thread;
use crate::run::trace::Event;

/// Longest head of an answer to an upgrade.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most headers in it.
const HEADERS_MAX: usize = 128;
/// How much is read at a time.
const READ_BYTES: usize = 1 << 10;

/// An upgrade that is ready to go.
struct Upgrade {
    origin: Rc<Origin>,
    /// The request as it goes out.
    head: Vec<u8>,
    key: String,
    /// The protocols offered; empty: none.
    offered: String,
    /// Who keeps the cookies that are set, if the target lets users keep any, and from which URL.
    keeps: Option<(Rc<Session>, Rc<str>)>,
    /// What was answered, where that is no upgrade.
    refused: OnceCell<Answered>,
}

/// What a server says to an upgrade.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    /// What came behind the head.
    rest: Vec<u8>,
}

impl User {
    /// Dials and upgrades by the step's timeout. The sample learns when the request left, the status that came, and
    /// the bytes both ways, also where it fails.
    pub(super) async fn open(&mut self, op: &Connect, sample: &mut Sample, point: PointId) -> Result<Line, Reason> {
        let thread = self.thread.clone();
        let (upgrade, url) = self.upgrade(op, point)?;
        let due = sample.due;
        let deadline = due + op.request.timeout;
        let shaken = shake_hands(&thread, &upgrade, deadline, sample);
        let opening = pin!(thread.clock.within(deadline, shaken));
        let trouble = match self.wait(opening).await {
            Ok(Ok(stream)) => return Ok(Line::new(stream, url, due, thread.clock.now())),
            Ok(Err(trouble)) => trouble,
            Err(_) => {
                let within = duration_text(op.request.timeout);
                Trouble::new(ErrorKind::Timeout, format!("the upgrade was not answered within {within}"))
            }
        };
        self.note(point, trouble.kind, || trouble.text.clone());
        self.hold_opening(point, trouble.kind, |user| {
            let answered =
                upgrade.refused.get().map(|Answered { status, headers, rest }| (status.as_u16(), headers, &rest[..]));
            user.opening("GET", &url, &fields_of(&upgrade.head), answered)
        });
        Err((trouble.kind, point))
    }

    /// The upgrade of this step, for this user now, and its URL: the author's request, and what makes it an upgrade.
    fn upgrade(&mut self, op: &Connect, point: PointId) -> Result<(Upgrade, Rc<str>), Reason> {
        let (request, _, Ready { origin, url, .. }) = self.request_once(&op.request, point)?;
        let (parts, _) = request.into_parts();
        let mut request = Request::from_parts(parts, ());
        let headers = request.headers_mut();
        if !op.request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            headers.remove(ACCEPT);
        }
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let key = generate_key();
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).expect("a key is base64"));
        let offered = match &op.subprotocol {
            None => String::new(),
            Some(value) => {
                let value = self.value(value, point)?;
                match header_value(&SEC_WEBSOCKET_PROTOCOL, &value) {
                    Ok(offer) => request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offer),
                    Err(why) => return Err(self.no_value(point, &why)),
                };
                value.text().into_owned()
            }
        };
        let keeps = self.thread.plan.targets[op.request.target.0 as usize].cookies;
        let keeps = keeps.then(|| (self.session.clone(), url.clone()));
        let url: Rc<str> = url.replacen("http", "ws", 1).into();
        self.tell(|| Event::Request {
            step: op.step,
            method: "GET",
            url: &url,
            headers: request.headers(),
            body: &[],
            size: 0,
        });
        Ok((Upgrade { origin, head: head_of(&request), key, offered, keeps, refused: OnceCell::new() }, url))
    }
}

/// Dials, sends the upgrade and checks what is answered.
async fn shake_hands(
    thread: &Thread,
    upgrade: &Upgrade,
    deadline: crate::base::Offset,
    sample: &mut Sample,
) -> Result<Socket, Trouble> {
    let mut stream = Counted::new(reach_socket(thread, &upgrade.origin, deadline).await?);
    sample.sent = thread.clock.now();
    let answered = exchange(&mut stream, &upgrade.head).await;
    (sample.bytes_sent, sample.bytes_received) = (stream.written, stream.read);
    let answered = answered?;
    let status = answered.status;
    sample.status = status.as_u16();
    if let Some((session, url)) = &upgrade.keeps {
        session.learn(thread, url, &answered.headers);
    }
    let wrong = match status {
        StatusCode::SWITCHING_PROTOCOLS => {
            fault(&answered.headers, upgrade).map(|why| Trouble::new(ErrorKind::Protocol, why))
        }
        _ => Some(Trouble::new(ErrorKind::Status, format!("the upgrade was answered with {status}"))),
    };
    if let Some(trouble) = wrong {
        let _ = upgrade.refused.set(answered);
        return Err(trouble);
    }
    Ok(Socket::new(stream, answered.rest))
}

/// Sends a request and reads the head of its answer.
async fn exchange(stream: &mut Counted, head: &[u8]) -> Result<Answered, Trouble> {
    stream.write_all(head).await.map_err(|error| Trouble::of_io(&error))?;
    stream.flush().await.map_err(|error| Trouble::of_io(&error))?;
    let mut bytes = Vec::with_capacity(READ_BYTES);
    loop {
        if bytes.len() > HEAD_BYTES_MAX {
            let limit = HEAD_BYTES_MAX >> 10;
            return Err(Trouble::new(ErrorKind::Protocol, format!("the answer's head is longer than {limit} KiB")));
        }
        bytes.reserve(READ_BYTES);
        match stream.read_buf(&mut bytes).await {
            Ok(0) => {
                let text = "the peer closed the connection before the upgrade was finished";
                return Err(Trouble::new(ErrorKind::Closed, text));
            }
            Ok(_) => {}
            Err(error) => return Err(Trouble::of_io(&error)),
        }
        // What only says that an answer comes is passed over; that may be there already.
        while let Some(length) = hint(&bytes) {
            bytes.drain(..length);
        }
        let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(&bytes) {
            Ok(httparse::Status::Partial) => {}
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
                let status = status.ok_or_else(|| Trouble::new(ErrorKind::Protocol, "the answer's status is none"))?;
                let headers = response.headers.iter().filter_map(|field| {
                    let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
                    Some((name, HeaderValue::from_bytes(field.value).ok()?))
                });
                let mut all = HeaderMap::new();
                headers.for_each(|(name, value)| {
                    all.append(name, value);
                });
                return Ok(Answered { status, headers: all, rest: bytes[length..].to_vec() });
            }
            Err(error) => return Err(Trouble::new(ErrorKind::Protocol, format!("what came is not HTTP: {error}"))),
        }
    }
}

/// How long the head is that stands first, where it only says that an answer comes.
fn hint(bytes: &[u8]) -> Option<usize> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            response.code.filter(|code| (100..=199).contains(code) && *code != 101).map(|_| length)
        }
        _ => None,
    }
}

/// Why an answer with status 101 is no upgrade to what was asked for (RFC 6455, 4.1); `None`: it is.
fn fault(headers: &HeaderMap, upgrade: &Upgrade) -> Option<String> {
    if !says(headers, &UPGRADE, "websocket") || !says(headers, &CONNECTION, "upgrade") {
        return Some(
            "the answer does not upgrade to a WebSocket: its `Upgrade` or `Connection` header is missing".into(),
        );
    }
    let accept = headers.get(SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes().trim_ascii());
    if accept != Some(derive_accept_key(upgrade.key.as_bytes()).as_bytes()) {
        return Some("the answer is not to this upgrade: its `Sec-WebSocket-Accept` does not fit the key".into());
    }
    if let Some(extension) = headers.get(SEC_WEBSOCKET_EXTENSIONS).filter(|value| !value.is_empty()) {
        let extension = String::from_utf8_lossy(extension.as_bytes()).into_owned();
        return Some(format!("the server speaks an extension that was not offered: `{extension}`"));
    }
    let chosen = headers.get(SEC_WEBSOCKET_PROTOCOL).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match (&chosen, upgrade.offered.as_str()) {
        (None, "") => None,
        (None, offered) => Some(format!("the server chose no subprotocol, offered was `{offered}`")),
        (Some(chosen), offered) if offered.split(',').any(|offer| offer.trim() == chosen.trim()) => None,
        (Some(chosen), "") => Some(format!("the server chose the subprotocol `{chosen}`, and none was offered")),
        (Some(chosen), offered) => {
            Some(format!("the server chose the subprotocol `{chosen}`, offered was `{offered}`"))
        }
    }
}

/// Whether one of a header's values, which commas separate, is this word.
fn says(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
}

/// The headers in a head that was made by [`head_of`].
fn fields_of(head: &[u8]) -> HeaderMap {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let mut headers = HeaderMap::new();
    if request.parse(head).is_ok() {
        for field in request.headers.iter() {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(field.name.as_bytes()), HeaderValue::from_bytes(field.value))
            {
                headers.append(name, value);
            }
        }
    }
    headers
}

/// A request's head as it goes out, the host first.
fn head_of(request: &Request<()>) -> Vec<u8> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut head = format!("GET {path} HTTP/1.1\r\n").into_bytes();
    let mut field = |name: &str, value: &HeaderValue| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    };
    if let Some(host) = request.headers().get(HOST) {
        field("Host", host);
    }
    request.headers().iter().filter(|(name, _)| *name != HOST).for_each(|(name, value)| field(name.as_str(), value));
    head.extend_from_slice(b"\r\n");
    head
}
