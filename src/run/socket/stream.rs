//! How a stream of events comes: over a connection of its own in HTTP/1.1, or beside other requests over the user's
//! one of HTTP/2.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::response::Parts;
use hyper::body::{Body as _, Frame, Incoming};

use crate::base::Offset;
use crate::base::units::duration_text;
use crate::metrics::{Counter, ErrorKind, Sample};
use crate::run::body::{Body, Payload};
use crate::run::connection::{self, Connection};
use crate::run::dial::Trouble;
use crate::run::lines::{Found, Tries};
use crate::run::network::Stream;
use crate::run::place::Origin;
use crate::run::session::Session;
use crate::run::thread::Thread;
use crate::run::tls::Offer;
use crate::run::two::{self, Learned};
use crate::run::wire::{Traffic, Wires};

/// What is asked for.
pub(super) struct Asked {
    pub request: Request<Body>,
    /// What stands behind its head.
    pub payload: Payload,
    pub origin: Rc<Origin>,
    /// Until when the head of the answer is waited for.
    pub deadline: Offset,
    /// The time that is given, for the words.
    pub timeout: Duration,
}

/// The body of an answer that comes for as long as it is wanted.
#[allow(clippy::large_enum_variant)] // it lives in a box, one a stream
pub(super) enum Way {
    /// Over a connection of its own, which ends with it.
    One {
        body: Incoming,
        /// Until it has ended.
        connection: Option<connection::Live>,
        /// The connection ends when nobody could send over it any more.
        _sender: connection::Sender,
        traffic: Rc<Traffic>,
    },
    /// Beside others. It ends alone.
    Two { body: two::Incoming, _line: Rc<two::Line> },
}

/// Sends the request and reads the head of its answer. The sample learns when the request left, the status that came,
/// and the bytes both ways.
pub(super) async fn open(
    thread: &Rc<Thread>,
    session: &Session,
    asked: Asked,
    sample: &mut Sample,
) -> Result<(Parts, Way), Trouble> {
    let offer = thread.offer(&asked.origin);
    let made = match offer {
        Offer::One => None,
        _ => match open_over_two(thread, session, offer, &asked, sample).await? {
            Opened::Two(opened) => return Ok(*opened),
            Opened::One(made) => made,
        },
    };
    open_alone(thread, asked, made, sample).await
}

/// What came of asking for HTTP/2.
enum Opened {
    Two(Box<(Parts, Way)>),
    /// The server speaks HTTP/1.1 alone; over this connection, if one was made to learn it.
    One(Option<Stream>),
}

async fn open_over_two(
    thread: &Rc<Thread>,
    session: &Session,
    offer: Offer,
    asked: &Asked,
    sample: &mut Sample,
) -> Result<Opened, Trouble> {
    let Asked { request, payload, origin, deadline, timeout } = asked;
    let lines = session.lines();
    let mut tries = Tries::default();
    loop {
        let line = match lines.find(thread, origin, offer, *deadline).await? {
            Found::Two(line) => line,
            Found::One(made) => return Ok(Opened::One(made)),
        };
        let request = two::request(&line, request, request.headers().clone(), payload.size());
        let request = request.map_err(|why| Trouble::new(ErrorKind::Value, why))?;
        let mut learned = Learned::default();
        let opened = line.open(thread, request, payload, (*deadline, *timeout), &mut learned).await;
        sample.sent = learned.sent.unwrap_or(sample.begun);
        sample.bytes_sent += learned.bytes_sent;
        sample.bytes_received += learned.bytes_received;
        sample.status = learned.status;
        match opened {
            Ok((head, body)) => {
                if line.carried.replace(line.carried.get() + 1) > 0 {
                    thread.recorder.borrow_mut().count(Counter::ConnectionsReused, 1);
                }
                return Ok(Opened::Two(Box::new((head, Way::Two { body, _line: line }))));
            }
            Err(lost) => tries.lost(thread, &lines, &line, lost)?,
        }
    }
}

/// The same over a connection of its own: one that was made already, or a new one.
async fn open_alone(
    thread: &Rc<Thread>,
    asked: Asked,
    made: Option<Stream>,
    sample: &mut Sample,
) -> Result<(Parts, Way), Trouble> {
    let Asked { mut request, origin, deadline, timeout, .. } = asked;
    if let Some(proxy) = thread.forwards(&origin) {
        proxy.forward(&mut request, &origin);
    }
    let connection = match made {
        Some(stream) => Connection::over(thread, stream, origin).await?,
        None => Connection::open(thread, origin, deadline).await?,
    };
    let Connection { mut sender, mut connection, traffic, .. } = *connection;
    traffic.begin(request.body().watch());
    let mut response = Box::pin(sender.send_request(request));
    let polled =
        poll_fn(|cx| connection::drive(&mut connection, &traffic, &thread.wires, cx, |cx| response.as_mut().poll(cx)));
    let answer = thread.clock.within(deadline, polled).await;
    drop(response);
    sample.sent = traffic.first_out.get().unwrap_or(sample.begun);
    (sample.bytes_sent, sample.bytes_received) = (traffic.sent.get(), traffic.received.get());
    let answer = match answer {
        Err(_) => {
            let text = format!("no answer within {}", duration_text(timeout));
            return Err(Trouble::new(ErrorKind::Timeout, text));
        }
        Ok(Err(error)) => {
            return Err(connection::trouble(&error, &traffic, "before the answer's head"));
        }
        Ok(Ok(answer)) => answer,
    };
    sample.status = answer.status().as_u16();
    let (head, body) = answer.into_parts();
    Ok((head, Way::One { body, connection, _sender: sender, traffic }))
}

impl Way {
    /// The next piece; `None`: the stream has ended.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>, wires: &Wires) -> Poll<Option<Result<Bytes, Trouble>>> {
        match self {
            Way::One { body, connection, traffic, .. } => poll_alone(body, connection, traffic, cx, wires),
            Way::Two { body, .. } => {
                let data = ready!(body.poll_data(cx));
                if let Some(Ok(data)) = &data {
                    body.set_aside(data.len() as u64);
                }
                Poll::Ready(data)
            }
        }
    }
}

fn poll_alone(
    body: &mut Incoming,
    connection: &mut Option<connection::Live>,
    traffic: &Traffic,
    cx: &mut Context<'_>,
    wires: &Wires,
) -> Poll<Option<Result<Bytes, Trouble>>> {
    connection::drive(connection, traffic, wires, cx, |cx| {
        while let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => return Poll::Ready(Some(Ok(data))),
                // Trailers.
                Ok(Err(_)) => {}
                Err(error) => {
                    return Poll::Ready(Some(Err(connection::trouble(&error, traffic, "in the stream of events"))));
                }
            }
        }
        Poll::Ready(None)
    })
}
