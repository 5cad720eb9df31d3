//! The live stream: commands in, a frame every tenth of a second out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::service::{Service, add};
use super::wave::{Problem, Settings};

/// From one frame to the next.
const FRAME_EVERY: Duration = Duration::from_millis(100);

/// Frames that are late (a stall, a client that does not read) are sent one after another, up to so many; what is
/// older than ten seconds is left out.
const FRAMES_LATE_MAX: u32 = 100;

/// A command has some hundred bytes; a longer message ends the connection.
const COMMAND_BYTES_MAX: usize = 64 << 10;

/// Small, because a socket holds it for as long as it is open.
const READ_BUFFER_BYTES: usize = 4 << 10;

/// A stream that was started: frame `index` is due at `started + index × FRAME_EVERY`, however late the last one was.
struct Streaming {
    started: Instant,
    index: u32,
}

impl Streaming {
    fn due(&self) -> Instant {
        self.started + FRAME_EVERY * self.index
    }
}

/// Serves one WebSocket from after its handshake to its end. `read` was read behind the handshake already.
pub(super) async fn stream<S: AsyncRead + AsyncWrite + Unpin>(service: &Service, stream: S, read: Bytes) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(COMMAND_BYTES_MAX))
        .max_frame_size(Some(COMMAND_BYTES_MAX));
    let mut socket = WebSocketStream::from_partially_read(stream, read.to_vec(), Role::Server, Some(config)).await;
    let _open = Open::new(service);
    let mut settings = Settings::default();
    let mut streaming: Option<Streaming> = None;
    loop {
        let due = streaming.as_ref().map(Streaming::due);
        let message = tokio::select! {
            // A command that has come before the next frame holds for that frame.
            biased;
            message = socket.next() => message,
            () = reached(due) => {
                let Some(now) = &mut streaming else { continue };
                service.wait_for_stall().await;
                if service.drops_now() {
                    return;
                }
                let frame = settings.frame(now.index.into(), service.unix_time(), || service.roll());
                if socket.send(Message::text(frame.to_string())).await.is_err() {
                    return;
                }
                add(&service.counters.frames);
                now.index += 1;
                let late = now.started.elapsed().as_millis() / FRAME_EVERY.as_millis();
                now.index = now.index.max((late as u32).saturating_sub(FRAMES_LATE_MAX));
                continue;
            }
        };
        let obeyed = match message {
            Some(Ok(Message::Text(text))) => obey(&text, &mut settings, &mut streaming),
            Some(Ok(Message::Binary(_))) => Err("a command is a text message".into()),
            // Pings and the closing handshake are answered below us.
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => return,
        };
        if let Err(error) = obeyed {
            service.wait_for_stall().await;
            let answer = json!({ "error": error }).to_string();
            if service.drops_now() || socket.send(Message::text(answer)).await.is_err() {
                return;
            }
        }
    }
}

/// Does what a command says; an error says why not, and nothing has changed then.
fn obey(text: &str, settings: &mut Settings, streaming: &mut Option<Streaming>) -> Result<(), String> {
    let members = match serde_json::from_str(text) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err("a command is a JSON object".into()),
        Err(error) => return Err(format!("the command is no JSON: {error}")),
    };
    let brought = || settings.merged(&members).map_err(|problems| sentence(&problems));
    match members.get("command").and_then(Value::as_str) {
        Some("start") => {
            *settings = brought()?;
            streaming.get_or_insert_with(|| Streaming { started: Instant::now(), index: 0 });
        }
        Some("configure") => *settings = brought()?,
        Some("stop") => *streaming = None,
        Some(other) => return Err(format!("there is no command `{other}`: start, configure or stop")),
        None => return Err("`command` is missing: start, configure or stop".into()),
    }
    Ok(())
}

fn sentence(problems: &[Problem]) -> String {
    let parts: Vec<_> = problems.iter().map(|p| format!("{}: {}", p.field.unwrap_or("command"), p.message)).collect();
    parts.join("; ")
}

/// Waits until `due`; for ever when nothing is.
async fn reached(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// A WebSocket that is counted as open; no longer when dropped.
struct Open<'a>(&'a Service);

impl Open<'_> {
    fn new(service: &Service) -> Open<'_> {
        add(&service.counters.websockets);
        Open(service)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counters.websockets.fetch_sub(1, Ordering::Relaxed);
    }
}
