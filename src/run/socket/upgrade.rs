//! Opening a socket: the request, the dial, the upgrade.

use std::pin::pin;

use http::header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use super::Reason;
use super::line::{Counted, Line, configuration, trouble};
use crate::base::units::duration_text;
use crate::metrics::{ErrorKind, Sample};
use crate::plan::{Connect, PointId, Value};
use crate::run::dial::{Trouble, dial};
use crate::run::place::Place;
use crate::run::thread::Thread;
use crate::run::trace::Event;
use crate::run::user::User;

impl User {
    /// Dials and upgrades by the step's timeout. The sample learns when the request left, the status that came, and
    /// the bytes both ways, also where it fails.
    pub(super) async fn open(&mut self, op: &Connect, sample: &mut Sample, point: PointId) -> Result<Line, Reason> {
        let place = self.place(&op.path, &op.query, point)?;
        let request = self.upgrade_request(op, &place, point)?;
        let url = request.uri().to_string();
        self.tell(|| Event::Request { step: op.step, method: "GET", url: &url, headers: request.headers(), body: &[] });
        let thread = self.thread.clone();
        let upgraded = pin!(upgrade(&thread, op, &place, request, sample));
        match self.wait(upgraded).await {
            Ok(line) => Ok(line),
            Err(trouble) => {
                self.note(point, trouble.kind, || trouble.text);
                Err((trouble.kind, point))
            }
        }
    }

    /// The upgrade's request: the author's headers, and those that make it an upgrade.
    fn upgrade_request(&mut self, op: &Connect, place: &Place, point: PointId) -> Result<Request<()>, Reason> {
        let wrong = |user: &User, why: String| {
            user.note(point, ErrorKind::Value, || why);
            (ErrorKind::Value, point)
        };
        let mut request = Request::new(());
        *request.uri_mut() = format!("ws://{}{}", place.origin.authority, place.path)
            .parse()
            .map_err(|error| wrong(self, format!("`{}` cannot stand in a request: {error}", place.path)))?;
        for (name, value) in &op.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong(self, format!("`{name}` cannot name a header")))?;
            let value = self.value(value, point)?;
            if value != Value::Null {
                let value = HeaderValue::from_bytes(value.text().as_bytes()).map_err(|_| {
                    wrong(self, format!("the value of header `{name}` holds a line break or another control character"))
                })?;
                request.headers_mut().append(name, value);
            }
        }
        let host = HeaderValue::from_str(&place.origin.authority).map_err(|error| wrong(self, error.to_string()))?;
        let headers = request.headers_mut();
        headers.entry(HOST).or_insert(host);
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("scn/", env!("CARGO_PKG_VERSION"))));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let key = HeaderValue::from_str(&generate_key()).expect("a key is base64");
        headers.insert(SEC_WEBSOCKET_KEY, key);
        Ok(request)
    }
}

/// Dials and upgrades.
async fn upgrade(
    thread: &Thread,
    op: &Connect,
    place: &Place,
    request: Request<()>,
    sample: &mut Sample,
) -> Result<Line, Trouble> {
    let deadline = sample.due + op.timeout;
    let url = request.uri().to_string();
    let stream = dial(thread, &place.origin.host, place.origin.port, deadline).await?;
    sample.sent = thread.clock.now();
    // The request's size, should the upgrade fail and take the counting stream with it.
    sample.bytes_sent = head_bytes(&request);
    let upgrade = tokio_tungstenite::client_async_with_config(request, Counted::new(stream), Some(configuration()));
    match thread.clock.within(deadline, upgrade).await {
        Ok(Ok((stream, response))) => {
            sample.status = response.status().as_u16();
            sample.bytes_sent = stream.get_ref().written;
            sample.bytes_received = stream.get_ref().read;
            Ok(Line::new(stream, url.into(), sample.due, thread.clock.now()))
        }
        Ok(Err(Error::Http(response))) => {
            sample.status = response.status().as_u16();
            sample.bytes_received = response.body().as_ref().map_or(0, Vec::len) as u64;
            Err(Trouble::new(ErrorKind::Status, format!("the upgrade was answered with {}", response.status())))
        }
        Ok(Err(error)) => Err(trouble(&error)),
        Err(_) => {
            let text = format!("the upgrade was not answered within {}", duration_text(op.timeout));
            Err(Trouble::new(ErrorKind::Timeout, text))
        }
    }
}

/// The size of a request's head on the wire.
fn head_bytes(request: &Request<()>) -> u64 {
    let path = request.uri().path_and_query().map_or(1, |path| path.as_str().len());
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    ("GET  HTTP/1.1\r\n\r\n".len() + path + headers) as u64
}
