//! The floor: about the least a server can do for a request. One thread, one epoll, one read and one write for each
//! request, a fixed answer; after a WebSocket handshake every message goes back as it came. `GET /ping-all` pings all
//! sockets and answers how many there are, `GET /pongs` how many pongs have come.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"status\":\"healthy\"}";
const LISTENER: u64 = u64::MAX;
/// The first byte of a pong in one frame.
const PONG: u8 = 0x8a;

struct Client {
    stream: TcpStream,
    websocket: bool,
    /// What was read and is not a whole request or frame yet.
    rest: Vec<u8>,
}

/// Serves until it is killed; its first line of output is its address.
pub fn serve() -> ExitCode {
    crate::measure::raise_descriptor_limit();
    match try_serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut clients: HashMap<u64, Client> = HashMap::new();
    let mut next = 0;
    let mut pongs = 0;
    let mut events: Vec<Event> = Vec::with_capacity(256);
    let mut bytes = vec![0; 64 << 10];
    loop {
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            // A machine that is stopped for a while and goes on interrupts it.
            Err(rustix::io::Errno::INTR) => continue,
            waited => waited?,
        };
        for event in events.drain(..) {
            let id = event.data.u64();
            if id == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    epoll::add(&epoll, &stream, EventData::new_u64(next), EventFlags::IN)?;
                    clients.insert(next, Client { stream, websocket: false, rest: Vec::new() });
                    next += 1;
                }
                continue;
            }
            let Some(client) = clients.get_mut(&id) else { continue };
            let alive = match client.stream.read(&mut bytes) {
                Ok(0) | Err(_) => false,
                Ok(count) if bytes[..count].starts_with(b"GET /pongs ") => client.tell(pongs).is_ok(),
                Ok(count) if bytes[..count].starts_with(b"GET /ping-all ") => {
                    let mut pinged = 0;
                    for client in clients.values_mut().filter(|client| client.websocket) {
                        pinged += u64::from(client.stream.write_all(b"\x89\x00").is_ok());
                    }
                    clients.get_mut(&id).is_some_and(|client| client.tell(pinged).is_ok())
                }
                Ok(count) => client.take(&bytes[..count], &mut pongs).is_ok(),
            };
            if !alive {
                // Closing takes it out of the epoll as well.
                clients.remove(&id);
            }
        }
    }
}

impl Client {
    fn take(&mut self, bytes: &[u8], pongs: &mut u64) -> io::Result<()> {
        // Nearly always exactly one whole request.
        if !self.websocket && self.rest.is_empty() && bytes.ends_with(b"\r\n\r\n") && !upgrades(bytes) {
            let requests = bytes.windows(4).filter(|end| end == b"\r\n\r\n").count();
            return (0..requests).try_for_each(|_| self.stream.write_all(ANSWER));
        }
        self.rest.extend_from_slice(bytes);
        if !self.websocket && self.rest.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned();
            let key = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
            });
            let Some(key) = key else { return self.stream.write_all(ANSWER) };
            self.websocket = true;
            let accept = derive_accept_key(key.as_bytes());
            return write!(
                self.stream,
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-accept: {accept}\r\n\r\n"
            );
        }
        if self.websocket { self.echo(pongs) } else { Ok(()) }
    }

    /// Answers with a number.
    fn tell(&mut self, number: u64) -> io::Result<()> {
        let body = format!("{number}\n");
        write!(self.stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// Whole frames in `rest` go back unmasked, but for pongs, which are counted. Short ones only (125 bytes), which is what the measurement sends.
    fn echo(&mut self, pongs: &mut u64) -> io::Result<()> {
        let mut back = Vec::with_capacity(self.rest.len());
        while let [first, second, ..] = self.rest[..] {
            let length = usize::from(second & 0x7f);
            if length > 125 || second & 0x80 == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.rest.len() < 6 + length {
                break;
            }
            if first == PONG {
                *pongs += 1;
                self.rest.drain(..6 + length);
                continue;
            }
            back.extend([first, length as u8]);
            let mask = [self.rest[2], self.rest[3], self.rest[4], self.rest[5]];
            back.extend(self.rest[6..6 + length].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
            self.rest.drain(..6 + length);
        }
        self.stream.write_all(&back)
    }
}

/// Handshakes are rare: the one byte that most requests lack is looked for first.
fn upgrades(head: &[u8]) -> bool {
    head.windows(8).any(|window| window.eq_ignore_ascii_case(b"upgrade:"))
}
