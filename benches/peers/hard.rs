//! The work of `eight.scn` written out by hand over the libraries that scn uses, and nothing measured: what a scenario
//! could cost at least.

use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::ReadBufCursor;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::speed::CONNECTIONS;

/// Tasks and their weights, as in `eight.scn`.
const TASKS: [(&str, u32); 8] = [
    ("health", 5),
    ("status", 4),
    ("snapshot", 3),
    ("config", 3),
    ("scope", 3),
    ("items", 2),
    ("orders", 1),
    ("people", 1),
];

/// Does so for so many seconds and prints how many requests were made.
pub fn run(address: &str, seconds: &str) -> ExitCode {
    let seconds: u64 = seconds.parse().expect("the runner passes a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
    let total = runtime.expect("a runtime").block_on(async {
        let end = Instant::now() + Duration::from_secs(seconds);
        let users = (0..CONNECTIONS).map(|user| tokio::task::spawn_local(work(address.to_owned(), user, end)));
        let mut total = 0;
        for user in users.collect::<Vec<_>>() {
            total += user.await.expect("no user panics");
        }
        total
    });
    println!("{total}");
    ExitCode::SUCCESS
}

async fn work(address: String, user: u32, end: Instant) -> u64 {
    let stream = TcpStream::connect(&address).await.expect("the server is up");
    stream.set_nodelay(true).expect("a TCP stream");
    let (mut sender, connection) = http1::handshake(Plain(stream)).await.expect("HTTP/1.1");
    tokio::task::spawn_local(connection);
    let weights: u32 = TASKS.iter().map(|(_, weight)| weight).sum();
    let mut dice = u64::from(user) + 1;
    let mut count = 0;
    while Instant::now() < end {
        // xorshift: any dice do.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let mut left = (dice % u64::from(weights)) as u32;
        let task = TASKS.into_iter().find(|(_, weight)| {
            let found = left < *weight;
            left = left.saturating_sub(*weight);
            found
        });
        let (task, _) = task.expect("the dice show less than all weights");
        let found = get(&mut sender, &address, &format!("/api/{task}")).await;
        let state = found["status"].as_str().expect("a status");
        assert_eq!(state, "healthy");
        let again = get(&mut sender, &address, &format!("/api/{task}/{state}")).await;
        assert_eq!(again["status"], state);
        count += 2;
    }
    count
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, address: &str, path: &str) -> Value {
    let request = Request::get(path).header("host", address).body(Empty::new()).expect("a request");
    sender.ready().await.expect("the server keeps the connection");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

/// A TCP stream as hyper wants it.
struct Plain(TcpStream);

impl hyper::rt::Read for Plain {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        let most = to.remaining().min(bytes.len());
        let mut read = ReadBuf::new(&mut bytes[..most]);
        let done = Pin::new(&mut self.0).poll_read(cx, &mut read);
        to.put_slice(read.filled());
        done
    }
}

impl hyper::rt::Write for Plain {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
