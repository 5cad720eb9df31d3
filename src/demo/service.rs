//! The service apart from any port: its state, its misbehaviour, and how one connection is served.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::stream::Stream;
use super::switches::Switches;
use super::wave::Settings;
use super::{rest, websocket};
use crate::base::Share;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How long a connection beyond the limit may take over its one request.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(5);

/// The oscilloscope service: state, switches, counters. Served over any number of streams at once, on any thread
/// that has a tokio runtime; all its time is tokio's, so that a paused clock makes it virtual.
pub struct Service {
    switches: Switches,
    /// What it has done so far.
    pub counters: Counters,
    state: Mutex<State>,
    dice: Mutex<rand_pcg::Pcg64Mcg>,
    connections: AtomicUsize,
    started: Instant,
    started_unix: f64,
}

/// What the service has done so far. Each only ever grows, but for the open ones.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections taken.
    pub connections: AtomicU64,
    /// Connections refused beyond `max_connections`.
    pub refused: AtomicU64,
    /// Requests whose head was read, handshakes too.
    pub requests: AtomicU64,
    /// Connections ended by the `drop_connections` switch.
    pub dropped: AtomicU64,
    /// WebSocket frames with samples that were sent.
    pub frames: AtomicU64,
    /// WebSockets open now.
    pub websockets: AtomicU64,
}

/// What the REST interface reads and writes.
#[derive(Default)]
pub(super) struct State {
    pub(super) settings: Settings,
    /// Seconds since 1970; `None`: stopped.
    pub(super) streaming_since: Option<f64>,
    /// When the line of `capacity` is empty.
    line_ends: Option<Instant>,
}

/// What the service has to say to a request.
pub(super) enum Answer {
    /// An answer with a JSON body.
    Json(StatusCode, Value, Vec<(HeaderName, HeaderValue)>),
    /// The finished handshake: what follows on the connection is WebSocket.
    Upgrade(HeaderValue),
}

impl Answer {
    /// 200 with `body`.
    pub(super) fn ok(body: Value) -> Answer {
        Answer::Json(StatusCode::OK, body, Vec::new())
    }

    /// A refusal that says why.
    pub(super) fn detail(status: StatusCode, detail: &str) -> Answer {
        Answer::Json(status, json!({ "detail": detail }), Vec::new())
    }
}

/// The connection ends here, by the `drop_connections` switch.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection was dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

impl Service {
    /// A service that misbehaves as `switches` say. To be called within a tokio runtime: its uptime begins now.
    pub fn new(switches: Switches) -> Arc<Service> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Arc::new(Service {
            dice: Mutex::new(rand_pcg::Pcg64Mcg::seed_from_u64(switches.seed)),
            switches,
            counters: Counters::default(),
            state: Mutex::default(),
            connections: AtomicUsize::new(0),
            started: Instant::now(),
            started_unix: wall.as_secs_f64(),
        })
    }

    /// Serves one connection until either side ends it. Never fails: what a client does wrong ends its connection only.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self: Arc<Service>, stream: S) {
        let held = Held::new(&self.connections);
        if self.switches.max_connections.is_some_and(|most| held.count > most) {
            add(&self.counters.refused);
            let _ = tokio::time::timeout(REFUSAL_TIME_MAX, self.refuse(stream)).await;
            return;
        }
        add(&self.counters.connections);
        // hyper writes the answer to the handshake and hands the stream back then; nothing else hands it back whole.
        let upgraded = AtomicBool::new(false);
        let answer = service_fn(|request| self.answer(request, &upgraded));
        let served = http1::Builder::new().serve_connection(Stream(stream), answer).without_shutdown().await;
        if let Ok(parts) = served
            && upgraded.load(Ordering::Relaxed)
        {
            websocket::stream(&self, parts.io.0, parts.read_buf).await;
        }
    }

    /// Answers one request: reads its body, waits as long as the switches want, and then says what is so.
    async fn answer(
        &self,
        request: Request<Incoming>,
        upgraded: &AtomicBool,
    ) -> Result<Response<Full<Bytes>>, Dropped> {
        let begun = Instant::now();
        add(&self.counters.requests);
        let request = rest::read(request).await;
        self.wait_for_latency().await;
        self.wait_in_line().await;
        self.wait_for_stall().await;
        if self.drops_now() {
            return Err(Dropped);
        }
        let answer = match request {
            _ if self.hits(self.switches.error_rate) => {
                Answer::detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Ok(request) => rest::answer(self, request),
            Err(refusal) => refusal,
        };
        upgraded.store(matches!(answer, Answer::Upgrade(_)), Ordering::Relaxed);
        let mut response = answer.into_response();
        let took = format!("total;dur={:.3}", begun.elapsed().as_secs_f64() * 1e3);
        response.headers_mut().insert(SERVER_TIMING, HeaderValue::try_from(took).expect("a number is plain ASCII"));
        Ok(response)
    }

    /// Says 503 to the first request of a connection that is one too many, and ends it.
    async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        let answer = service_fn(|_: Request<Incoming>| async {
            let mut response = Answer::detail(StatusCode::SERVICE_UNAVAILABLE, "Too many connections").into_response();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            Ok::<_, Infallible>(response)
        });
        let _ = http1::Builder::new().keep_alive(false).serve_connection(Stream(stream), answer).await;
    }

    /// Waits for `latency`, more or less by `latency_jitter`.
    async fn wait_for_latency(&self) {
        let jitter = self.switches.latency_jitter.as_secs_f64();
        let mut latency = self.switches.latency.as_secs_f64();
        if jitter > 0.0 {
            latency = (latency + jitter * (self.roll() * 2.0 - 1.0)).max(0.0);
        }
        if latency > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(latency)).await;
        }
    }

    /// Waits until `capacity` lets one more answer out. The line is no longer than there are connections.
    async fn wait_in_line(&self) {
        let Some(capacity) = self.switches.capacity.filter(|rate| rate.0 > 0.0) else { return };
        let now = Instant::now();
        let turn = {
            let mut state = self.state();
            let turn = state.line_ends.map_or(now, |ends| ends.max(now));
            state.line_ends = Some(turn + Duration::from_secs_f64(1.0 / capacity.0));
            turn
        };
        if turn > now {
            tokio::time::sleep_until(turn).await;
        }
    }

    /// Waits until no stall is on.
    pub(super) async fn wait_for_stall(&self) {
        let Some(stall) = self.switches.stall else { return };
        let left = stall.left(self.uptime());
        if !left.is_zero() {
            tokio::time::sleep(left).await;
        }
    }

    /// Whether the connection at hand ends here, and if so counts it.
    pub(super) fn drops_now(&self) -> bool {
        let drops = self.hits(self.switches.drop_connections);
        if drops {
            add(&self.counters.dropped);
        }
        drops
    }

    /// True with this probability.
    fn hits(&self, share: Share) -> bool {
        share.0 > 0.0 && self.roll() < share.0
    }

    /// An even draw from 0 up to 1.
    pub(super) fn roll(&self) -> f64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// Never held across an `await`.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the service began.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Seconds since 1970. Follows the runtime's clock from when the service began, so that it never jumps.
    pub(super) fn unix_time(&self) -> f64 {
        self.started_unix + self.uptime().as_secs_f64()
    }
}

impl Answer {
    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        match self {
            Answer::Json(status, body, headers) => {
                *response.status_mut() = status;
                *response.body_mut() = Full::from(body.to_string());
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response.headers_mut().extend(headers);
            }
            Answer::Upgrade(accept) => {
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                let headers = response.headers_mut();
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
            }
        }
        response
    }
}

/// One more, in a counter that others only read.
pub(super) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A place among the open connections; given back when dropped.
struct Held<'a> {
    open: &'a AtomicUsize,
    /// How many were open with this one.
    count: usize,
}

impl Held<'_> {
    fn new(open: &AtomicUsize) -> Held<'_> {
        Held { open, count: open.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
