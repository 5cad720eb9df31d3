//! The oscilloscope service behind a stream that makes its `Server-Timing` a plain number, in a header of its own.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use scn::demo::{Service, Switches};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What the service writes, and what goes out in its place: as long, so that nothing else moves.
const TIMING: &[u8] = b"server-timing: total;dur=";
const NUMBER: &[u8] = b"x-took:                  ";

/// Serves on a thread of its own for as long as the program runs. Where.
pub fn serve(switches: Switches) -> SocketAddr {
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let service = Service::new(switches);
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            told.send(listener.local_addr().expect("bound")).expect("someone waits for it");
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a TCP stream");
                tokio::spawn(Arc::clone(&service).serve(Tap(stream)));
            }
        });
    });
    address.recv().expect("the service starts")
}

struct Tap(TcpStream);

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, bytes)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // An answer of the service is one write.
        let mut bytes = bytes.to_vec();
        if let Some(at) = bytes.windows(TIMING.len()).position(|window| window == TIMING) {
            bytes[at..at + TIMING.len()].copy_from_slice(NUMBER);
        }
        Pin::new(&mut self.0).poll_write(cx, &bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
