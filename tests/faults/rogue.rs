//! A server that does what a test tells it with every request, and counts its connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What the server does with a request. `true`: it goes on with the next one of that connection.
type Conduct = dyn Fn(&mut Call) -> bool + Send + Sync;

/// A server on a port that the system has chosen.
pub struct Rogue {
    address: std::net::SocketAddr,
    state: Arc<State>,
    listening: Option<JoinHandle<()>>,
}

struct State {
    conduct: Box<Conduct>,
    /// Whether a request is read before anything is done.
    reads: bool,
    ended: AtomicBool,
    asked: Mutex<Vec<String>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
    connections: Mutex<Vec<JoinHandle<()>>>,
}

impl Rogue {
    /// Begins to listen.
    pub fn new(conduct: impl Fn(&mut Call) -> bool + Send + Sync + 'static) -> Rogue {
        Rogue::on(TcpListener::bind("127.0.0.1:0").expect("a port"), true, conduct)
    }

    /// One that does something with every connection before it has read a request.
    pub fn at_the_door(conduct: impl Fn(&mut Call) -> bool + Send + Sync + 'static) -> Rogue {
        Rogue::on(TcpListener::bind("127.0.0.1:0").expect("a port"), false, conduct)
    }

    /// Begins to listen here.
    pub fn on(
        listener: TcpListener,
        reads: bool,
        conduct: impl Fn(&mut Call) -> bool + Send + Sync + 'static,
    ) -> Rogue {
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State {
            conduct: Box::new(conduct),
            reads,
            ended: AtomicBool::new(false),
            asked: Mutex::default(),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            connections: Mutex::default(),
        });
        let shared = state.clone();
        let listening = spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
                let open = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
                shared.most.fetch_max(open, Ordering::SeqCst);
                let state = shared.clone();
                let connection = spawn(move || {
                    state.serve(stream, number);
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
                shared.connections.lock().expect("nobody panics with it").push(connection);
            }
        });
        Rogue { address, state, listening: Some(listening) }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first line of every request so far, without the version: `GET /x`.
    pub fn asked(&self) -> Vec<String> {
        self.state.asked.lock().expect("nobody panics with it").clone()
    }

    /// How many requests had this first line.
    pub fn asked_for(&self, line: &str) -> u64 {
        self.asked().iter().filter(|asked| *asked == line).count() as u64
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst) as u64
    }

    /// How many connections were open at once, at most.
    pub fn most(&self) -> u64 {
        self.state.most.load(Ordering::SeqCst) as u64
    }

    /// Accepts no more connections; those that are open go on.
    pub fn stops_listening(&mut self) {
        let Some(listening) = self.listening.take() else { return };
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which sees that it has ended.
        drop(TcpStream::connect(self.address));
        listening.join().expect("the listener does not panic");
    }

    /// Stops listening and waits until the other side has closed every connection.
    pub fn end(&mut self) {
        self.stops_listening();
        let connections = std::mem::take(&mut *self.state.connections.lock().expect("nobody panics with it"));
        for connection in connections {
            connection.join().expect("a connection does not panic");
        }
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread that is not counted as one of the test that has made it.
fn spawn(does: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().name("rogue".into()).spawn(does).expect("a thread")
}

/// Where nobody listens: a port that was free a moment ago.
pub fn nobody() -> String {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    format!("http://{address}")
}

impl State {
    /// The connection that so many came before.
    fn serve(&self, mut stream: TcpStream, number: usize) {
        // Whoever leaves a connection open fails a test here and not by hanging.
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it is not zero");
        stream.set_nodelay(true).expect("it is a socket");
        if !self.reads {
            let mut call = Call { stream, head: String::new(), line: String::new(), number };
            (self.conduct)(&mut call);
            return;
        }
        loop {
            let Some(head) = read_head(&mut stream) else { return };
            let line = head.lines().next().unwrap_or_default();
            let line = line.rsplit_once(' ').map_or(line, |(line, _)| line).to_owned();
            let number = {
                let mut asked = self.asked.lock().expect("nobody panics with it");
                asked.push(line.clone());
                asked.iter().filter(|one| **one == line).count() - 1
            };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok()).flatten()
            });
            if let Some(length) = length {
                let _ = std::io::copy(&mut (&stream).take(length), &mut std::io::sink());
            }
            let mut call = Call { stream, head, line, number };
            let goes_on = (self.conduct)(&mut call);
            stream = call.stream;
            if !goes_on {
                return;
            }
        }
    }
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// A request, and the connection it came on.
pub struct Call {
    pub stream: TcpStream,
    /// The whole head.
    pub head: String,
    /// Its first line without the version: `GET /x`.
    pub line: String,
    /// How many with the same first line came before it; where none was read, how many connections.
    pub number: usize,
}

impl Call {
    /// Path and query.
    pub fn path(&self) -> &str {
        self.line.split_once(' ').map_or("", |(_, path)| path)
    }

    /// Writes, whoever listens.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// A whole answer.
    pub fn answer(&mut self, status: u16, body: &str) -> bool {
        self.write(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        true
    }

    /// A redirect.
    pub fn redirect(&mut self, location: &str) -> bool {
        self.write(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"));
        true
    }

    /// Finishes the handshake of a WebSocket: what follows are frames.
    pub fn upgrade(&mut self) {
        let key = self.head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
        });
        let accept = derive_accept_key(key.expect("it asks for an upgrade").as_bytes());
        self.write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {accept}\r\n\r\n"
        ));
    }

    /// Closes with a reset instead of an end, once what was written has been read.
    pub fn reset(&mut self) -> bool {
        // A reset overtakes what the other side has not read yet.
        thread::sleep(Duration::from_millis(20));
        set_socket_linger(&self.stream, Some(Duration::ZERO)).expect("it is a socket");
        false
    }

    /// Says nothing more until the other side gives up.
    pub fn stays_silent(&mut self) -> bool {
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
        false
    }

    /// Says that nothing more comes, and waits until the other side has closed.
    pub fn ends(&mut self) -> bool {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.stays_silent()
    }
}
