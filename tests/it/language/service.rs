//! The service of a case: in memory, and scripted.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

/// What is done with a socket, once it is open.
pub type Script = dyn Fn(Peer) -> Pin<Box<dyn Future<Output = ()>>>;

/// A request as the service hears it.
#[derive(Clone, Debug)]
pub struct Request {
    /// How many came before it, over all connections.
    pub number: usize,
    /// Which connection it came on, counted from 0.
    pub connection: u32,
    /// Since the start of the run.
    pub at: Duration,
    /// `GET` …
    pub method: String,
    /// Path and query, as in the first line.
    pub path: String,
    /// What the `Host` header says.
    pub host: String,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value, the first of that name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }

    /// Method and path: `GET /x`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What the service answers.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    after: Duration,
    /// The connection closes before the answer's head.
    cut: bool,
    /// What is written is not even HTTP.
    raw: bool,
    /// Pieces of an endless body, each after a pause; then the end, if `ends`.
    pieces: Option<(Vec<(Duration, String)>, bool)>,
}

impl Answer {
    /// 200 and `ok`.
    pub fn ok() -> Answer {
        Answer::text("ok")
    }

    /// 200 and this text.
    pub fn text(text: impl AsRef<[u8]>) -> Answer {
        Answer {
            status: 200,
            headers: Vec::new(),
            body: text.as_ref().to_vec(),
            after: Duration::ZERO,
            cut: false,
            raw: false,
            pieces: None,
        }
    }

    /// 200 and this JSON.
    pub fn json(value: serde_json::Value) -> Answer {
        Answer::text(value.to_string()).header("content-type", "application/json")
    }

    /// This status and no body.
    pub fn status(status: u16) -> Answer {
        Answer { status, ..Answer::text("") }
    }

    /// A redirect to there.
    pub fn to(status: u16, location: &str) -> Answer {
        Answer::status(status).header("location", location)
    }

    /// No answer: the connection is closed.
    pub fn cut() -> Answer {
        Answer { cut: true, ..Answer::ok() }
    }

    /// These bytes and nothing else; then the connection is closed.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Answer {
        Answer { raw: true, ..Answer::text(bytes) }
    }

    /// A stream of server-sent events: each piece of text after a pause. Then the stream ends, or stays open.
    pub fn stream(pieces: &[(u64, &str)], ends: bool) -> Answer {
        let pieces = pieces.iter().map(|(millis, text)| (Duration::from_millis(*millis), (*text).to_owned()));
        let stream = Answer { pieces: Some((pieces.collect(), ends)), ..Answer::text("") };
        stream.header("content-type", "text/event-stream")
    }

    /// With this status.
    pub fn with_status(mut self, status: u16) -> Answer {
        self.status = status;
        self
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// After so many milliseconds.
    pub fn after(mut self, millis: u64) -> Answer {
        self.after = Duration::from_millis(millis);
        self
    }
}

/// The far end of a WebSocket.
pub struct Peer {
    socket: WebSocketStream<DuplexStream>,
    said: Rc<RefCell<Vec<String>>>,
    /// The upgrade's request.
    pub request: Request,
    /// How many sockets were opened before.
    pub number: usize,
}

impl Peer {
    /// The next message, as text; bytes as `0x` and hex. `None`: the socket is closed.
    pub async fn next(&mut self) -> Option<String> {
        let text = match self.socket.next().await? {
            Ok(Message::Text(text)) => text.to_string(),
            Ok(Message::Binary(bytes)) => {
                format!("0x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }
            Ok(Message::Close(frame)) => {
                let told = frame.map_or("close".to_owned(), |frame| {
                    format!("close {} {}", u16::from(frame.code), frame.reason).trim_end().to_owned()
                });
                self.said.borrow_mut().push(told);
                // Read on, so that the library's answer to the close frame goes out.
                while let Some(Ok(_)) = self.socket.next().await {}
                return None;
            }
            Ok(_) => return Box::pin(self.next()).await,
            Err(_) => return None,
        };
        self.said.borrow_mut().push(text.clone());
        Some(text)
    }

    /// The next message, as JSON.
    pub async fn json(&mut self) -> Option<serde_json::Value> {
        let text = self.next().await?;
        Some(serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
    }

    /// Sends a text. Nobody may listen any more.
    pub async fn send(&mut self, text: impl AsRef<str>) {
        let _ = self.socket.send(Message::text(text.as_ref())).await;
    }

    /// Sends a JSON text.
    pub async fn send_json(&mut self, value: serde_json::Value) {
        self.send(value.to_string()).await;
    }

    /// Sends bytes.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.socket.send(Message::binary(bytes.to_vec())).await;
    }

    /// Closes it with this code and reason, and reads on until the other side has answered.
    pub async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        let _ = self.socket.send(Message::Close(Some(frame))).await;
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

/// Waits so many milliseconds of virtual time.
pub async fn millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Says all that it hears.
pub async fn echo(mut peer: Peer) {
    while let Some(text) = peer.next().await {
        peer.send(text).await;
    }
}

/// The service in memory.
#[derive(Clone)]
pub struct Service {
    pub answer: Rc<dyn Fn(&Request) -> Answer>,
    pub refuses: bool,
    pub socket: Rc<Script>,
    pub welcome: Rc<str>,
    pub heard: Rc<RefCell<Vec<Request>>>,
    pub said: Rc<RefCell<Vec<String>>>,
    pub dialled: Rc<Cell<u32>>,
    pub upgrades: Rc<Cell<usize>>,
    pub began: Rc<Cell<Option<tokio::time::Instant>>>,
}

impl Service {
    async fn serve(self, mut stream: DuplexStream, connection: u32, began: tokio::time::Instant) {
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    break at;
                }
                if !more(&mut stream, &mut bytes).await {
                    return;
                }
            };
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes.drain(..end + 4);
            let mut lines = head.split("\r\n");
            let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
            let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let header = |name: &str| headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
            let length: usize = header("content-length").map_or(0, |length| length.parse().expect("a length"));
            while bytes.len() < length {
                if !more(&mut stream, &mut bytes).await {
                    return;
                }
            }
            let body: Vec<u8> = bytes.drain(..length).collect();
            let request = Request {
                number: self.heard.borrow().len(),
                connection,
                at: began.elapsed(),
                method,
                path,
                host: header("host").unwrap_or_default(),
                headers: headers.clone(),
                body,
            };
            self.heard.borrow_mut().push(request.clone());
            if header("upgrade").is_some() {
                return self.upgrade(stream, bytes, request).await;
            }
            let answer = (self.answer)(&request);
            tokio::time::sleep(answer.after).await;
            if answer.raw {
                let _ = stream.write_all(&answer.body).await;
                return;
            }
            if answer.cut || !write(&mut stream, &request, answer).await {
                return;
            }
        }
    }

    async fn upgrade(self, mut stream: DuplexStream, rest: Vec<u8>, request: Request) {
        let key = request.header("sec-websocket-key").unwrap_or_default();
        let mut head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {}\r\n",
            derive_accept_key(key.as_bytes())
        );
        if let Some(offered) = request.header("sec-websocket-protocol") {
            // The first that is offered is taken.
            let first = offered.split(',').next().unwrap_or_default().trim();
            head += &format!("sec-websocket-protocol: {first}\r\n");
        }
        head += &self.welcome;
        if stream.write_all(format!("{head}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Server, None).await;
        let number = self.upgrades.replace(self.upgrades.get() + 1);
        (self.socket)(Peer { socket, said: self.said.clone(), request, number }).await;
    }
}

async fn more(stream: &mut DuplexStream, bytes: &mut Vec<u8>) -> bool {
    let mut read = [0; 4096];
    match stream.read(&mut read).await {
        Ok(0) | Err(_) => false,
        Ok(count) => {
            bytes.extend_from_slice(&read[..count]);
            true
        }
    }
}

/// Writes an answer; whether the connection can carry another one.
async fn write(stream: &mut DuplexStream, request: &Request, answer: Answer) -> bool {
    let mut head = format!("HTTP/1.1 {} Told\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if let Some((pieces, ends)) = answer.pieces {
        head += "transfer-encoding: chunked\r\n\r\n";
        if stream.write_all(head.as_bytes()).await.is_err() {
            return false;
        }
        for (after, text) in pieces {
            tokio::time::sleep(after).await;
            if stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.is_err() {
                return false;
            }
        }
        if !ends {
            // Until the other side goes away.
            let mut nothing = [0; 64];
            while matches!(stream.read(&mut nothing).await, Ok(count) if count > 0) {}
            return false;
        }
        return stream.write_all(b"0\r\n\r\n").await.is_ok();
    }
    let bodiless = answer.status == 204 || answer.status == 304;
    if !bodiless {
        head += &format!("content-length: {}\r\n", answer.body.len());
    }
    let mut all = format!("{head}\r\n").into_bytes();
    if !bodiless && request.method != "HEAD" {
        all.extend(answer.body);
    }
    stream.write_all(&all).await.is_ok()
}

impl Network for Service {
    fn resolve(&self, _: &str, port: u16) -> Local<io::Result<Found>> {
        Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into())))
    }

    fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
        let service = self.clone();
        let began = service.began.get().expect("set before the run");
        Box::pin(async move {
            if service.refuses {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let number = service.dialled.replace(service.dialled.get() + 1);
            let (ours, theirs) = tokio::io::duplex(64 << 10);
            tokio::task::spawn_local(service.serve(theirs, number, began));
            Ok(Stream::Memory(ours))
        })
    }
}
