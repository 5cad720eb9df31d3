//! The bare loop that scn's `call` is compared with: tokio-tungstenite with a small read buffer, and nothing measured.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// As many sockets as scn has users.
pub const SOCKETS: usize = 50;
/// What goes there and back.
pub const MESSAGE: &str = "hello, echo";

/// Sends and receives for so many seconds and prints how many round trips were made.
pub fn run(address: &str, seconds: &str) -> ExitCode {
    let seconds: u64 = seconds.parse().expect("the runner passes a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let total = runtime.block_on(async {
        let end = Instant::now() + Duration::from_secs(seconds);
        let sockets: Vec<_> = (0..SOCKETS).map(|_| tokio::spawn(talk(address.to_owned(), end))).collect();
        let mut total = 0;
        for socket in sockets {
            total += socket.await.expect("no socket panics");
        }
        total
    });
    println!("{total}");
    ExitCode::SUCCESS
}

async fn talk(address: String, end: Instant) -> u64 {
    let stream = tokio::net::TcpStream::connect(&address).await.expect("the server is up");
    stream.set_nodelay(true).expect("a TCP stream");
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let url = format!("ws://{address}/");
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await.expect("a handshake");
    let mut count = 0;
    while Instant::now() < end {
        socket.send(Message::text(MESSAGE)).await.expect("the server reads");
        let back = socket.next().await.expect("the server answers").expect("a frame");
        assert_eq!(back.into_data(), MESSAGE.as_bytes());
        count += 1;
    }
    count
}
