//! Tests of `demo`: the service over streams in memory, in virtual time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use scn::base::{Rate, Share};
use scn::demo::{Service, Switches};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn dial(service: &Arc<Service>) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    tokio::spawn(Arc::clone(service).serve(theirs));
    ours
}

/// One request on a kept connection; `None`: it ended without an answer.
async fn ask(stream: &mut DuplexStream, method: &str, path: &str, body: &str) -> Option<Reply> {
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head[9..12].parse().unwrap();
    let mut reply = Reply { status, head, body: Value::Null };
    let mut body = vec![0; reply.header("content-length").unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    reply.body = serde_json::from_slice(&body).unwrap();
    Some(reply)
}

async fn get(service: &Arc<Service>, path: &str) -> Reply {
    ask(&mut dial(service), "GET", path, "").await.unwrap()
}

async fn open(service: &Arc<Service>) -> WebSocketStream<DuplexStream> {
    tokio_tungstenite::client_async("ws://demo/api/oscilloscope/ws", dial(service)).await.unwrap().0
}

async fn command(socket: &mut WebSocketStream<DuplexStream>, command: Value) {
    socket.send(Message::text(command.to_string())).await.unwrap();
}

async fn next(socket: &mut WebSocketStream<DuplexStream>) -> Value {
    serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_request_of_the_page_is_answered_as_it_says() {
    let service = Service::new(Switches::default());
    let mut stream = dial(&service);
    let mut said = async |method, path, body| {
        let reply = ask(&mut stream, method, path, body).await.unwrap();
        assert_eq!(reply.status, 200, "{method} {path}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        reply.body
    };
    assert_eq!(said("GET", "/api/health", "").await, json!({ "status": "healthy" }));
    let status = said("GET", "/api/status", "").await;
    assert_eq!(status["websocket_connections"], 0);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        said("GET", "/api/oscilloscope/config", "").await,
        json!({ "sample_rate": 1000, "buffer_size": 100, "wave_type": "sine", "frequency": 10.0, "amplitude": 1.0,
                "offset": 0.0, "supported_wave_types": ["sine", "square", "noise"] })
    );
    let applied = said("PUT", "/api/oscilloscope/config", r#"{"wave_type":"square","frequency":25}"#).await;
    assert_eq!(
        (&applied["wave_type"], &applied["frequency"], &applied["amplitude"]),
        (&json!("square"), &json!(25.0), &json!(1.0))
    );
    assert_eq!(said("GET", "/api/oscilloscope/config", "").await, applied);
    assert_eq!(said("GET", "/api/oscilloscope/status", "").await, json!({ "streaming": false, "since": null }));
    let started = said("POST", "/api/oscilloscope/start", "").await;
    assert_eq!(started["streaming"], true);
    assert_eq!(said("POST", "/api/oscilloscope/start", "").await, started, "starting twice is no error");
    assert_eq!(said("POST", "/api/oscilloscope/stop", "").await["streaming"], false);
    let snapshot = said("GET", "/api/oscilloscope/snapshot", "").await;
    assert_eq!(snapshot["samples"].as_array().unwrap().len(), 100);
    assert_eq!(snapshot["wave_type"], "square");
    assert_eq!(service.counters.requests.load(Ordering::Relaxed), 10);
}

#[tokio::test(start_paused = true)]
async fn unknown_paths_and_wrong_methods_say_so() {
    let service = Service::new(Switches::default());
    let reply = get(&service, "/nothing").await;
    assert_eq!((reply.status, reply.body), (404, json!({ "detail": "Not Found" })));
    for (method, path, allow) in [
        ("DELETE", "/api/health", "GET"),
        ("POST", "/api/oscilloscope/config", "GET, PUT"),
        ("GET", "/api/oscilloscope/start", "POST"),
        ("POST", "/api/oscilloscope/ws", "GET"),
    ] {
        let reply = ask(&mut dial(&service), method, path, "").await.unwrap();
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{method} {path}");
    }
    assert_eq!(get(&service, "/api/oscilloscope/ws").await.status, 426, "a request without a handshake");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_out_of_range_is_answered_with_422_and_not_applied() {
    let service = Service::new(Switches::default());
    let body = r#"{"frequency":1000,"amplitude":2}"#;
    let reply = ask(&mut dial(&service), "PUT", "/api/oscilloscope/config", body).await.unwrap();
    assert_eq!(reply.status, 422);
    assert_eq!(
        reply.body,
        json!({ "detail": [{ "loc": ["body", "frequency"], "msg": "Input should be less than or equal to 100",
                             "type": "less_than_equal" }] })
    );
    assert_eq!(get(&service, "/api/oscilloscope/config").await.body["amplitude"], 1.0);
}

#[tokio::test(start_paused = true)]
async fn server_timing_holds_the_latency_that_was_asked_for() {
    let service = Service::new(Switches { latency: Duration::from_millis(40), ..Switches::default() });
    let before = Instant::now();
    let reply = get(&service, "/api/health").await;
    assert_eq!(before.elapsed(), Duration::from_millis(40));
    assert_eq!(reply.header("server-timing"), Some("total;dur=40.000"));
}

#[tokio::test(start_paused = true)]
async fn frames_come_every_tenth_of_a_second_and_do_not_drift() {
    let service = Service::new(Switches::default());
    let mut socket = open(&service).await;
    let before = Instant::now();
    command(&mut socket, json!({ "command": "start" })).await;
    for index in 0..600 {
        let frame = next(&mut socket).await;
        assert_eq!(before.elapsed(), Duration::from_millis(100) * index);
        assert_eq!(frame["samples"].as_array().unwrap().len(), 100);
    }
    assert_eq!(service.counters.frames.load(Ordering::Relaxed), 600);
}

#[tokio::test(start_paused = true)]
async fn nothing_flows_before_start_and_after_stop() {
    let service = Service::new(Switches::default());
    let mut socket = open(&service).await;
    let silent = async |socket: &mut WebSocketStream<DuplexStream>| {
        tokio::time::timeout(Duration::from_secs(10), socket.next()).await.is_err()
    };
    assert!(silent(&mut socket).await);
    command(&mut socket, json!({ "command": "start" })).await;
    next(&mut socket).await;
    command(&mut socket, json!({ "command": "stop" })).await;
    assert!(silent(&mut socket).await);
}

#[tokio::test(start_paused = true)]
async fn each_socket_has_settings_of_its_own() {
    let service = Service::new(Switches::default());
    let (mut one, mut other) = (open(&service).await, open(&service).await);
    command(&mut one, json!({ "command": "start", "wave_type": "noise", "amplitude": 2 })).await;
    command(&mut one, json!({ "command": "configure", "frequency": 25 })).await;
    command(&mut other, json!({ "command": "start" })).await;
    let frame = next(&mut one).await;
    assert_eq!(frame["wave_type"], "noise");
    let frame = next(&mut one).await;
    assert_eq!(frame["parameters"], json!({ "frequency": 25.0, "amplitude": 2.0, "offset": 0.0 }));
    assert_eq!(next(&mut other).await["parameters"], json!({ "frequency": 10.0, "amplitude": 1.0, "offset": 0.0 }));
    assert_eq!(get(&service, "/api/status").await.body["websocket_connections"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_be_obeyed_is_answered_and_the_socket_stays_open() {
    let service = Service::new(Switches::default());
    let mut socket = open(&service).await;
    for (text, error) in [
        ("{", "the command is no JSON"),
        ("[]", "a command is a JSON object"),
        (r#"{"frequency":1}"#, "`command` is missing"),
        (r#"{"command":"sing"}"#, "there is no command `sing`"),
        (r#"{"command":"start","frequency":101}"#, "frequency: Input should be less than or equal to 100"),
    ] {
        socket.send(Message::text(text)).await.unwrap();
        let said = next(&mut socket).await;
        assert!(said["error"].as_str().unwrap().starts_with(error), "{said}");
    }
    command(&mut socket, json!({ "command": "start" })).await;
    assert_eq!(next(&mut socket).await["wave_type"], "sine");
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))), "the closing handshake is finished");
}

#[tokio::test(start_paused = true)]
async fn errors_and_drops_come_as_often_as_the_switches_say() {
    let switches = Switches { error_rate: Share(0.2), drop_connections: Share(0.1), ..Switches::default() };
    let service = Service::new(switches);
    let (mut errors, mut ends) = (0, 0);
    for _ in 0..2_000 {
        match ask(&mut dial(&service), "GET", "/api/health", "").await {
            Some(reply) if reply.status == 503 => errors += 1,
            Some(_) => {}
            None => ends += 1,
        }
    }
    assert_eq!(service.counters.dropped.load(Ordering::Relaxed), ends);
    assert!((150..250).contains(&ends), "{ends}");
    assert!((300..420).contains(&errors), "{errors}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_socket_ends_without_a_closing_handshake() {
    let service = Service::new(Switches { drop_connections: Share(0.5), ..Switches::default() });
    let (mut opened, mut ended) = (0, 0);
    for _ in 0..20 {
        let dialled = tokio_tungstenite::client_async("ws://demo/api/oscilloscope/ws", dial(&service)).await;
        let Ok((mut socket, _)) = dialled else { continue };
        opened += 1;
        command(&mut socket, json!({ "command": "start" })).await;
        while let Some(Ok(message)) = socket.next().await {
            assert!(message.is_text(), "{message}");
        }
        ended += 1;
    }
    assert!(opened > 0);
    assert_eq!(ended, opened);
    assert_eq!(service.counters.dropped.load(Ordering::Relaxed), 20);
}

#[tokio::test(start_paused = true)]
async fn a_stall_holds_answers_and_frames_until_its_end() {
    let service = Service::new(Switches { stall: "1s/5s".parse().ok(), ..Switches::default() });
    let mut socket = open(&service).await;
    let before = Instant::now();
    command(&mut socket, json!({ "command": "start" })).await;
    tokio::time::sleep(Duration::from_millis(4_300)).await;
    let reply = get(&service, "/api/health").await;
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    assert_eq!(reply.header("server-timing"), Some("total;dur=700.000"));
    for _ in 0..=50 {
        next(&mut socket).await;
    }
    assert_eq!(before.elapsed(), Duration::from_secs(5), "frames due in the stall come at its end");
}

#[tokio::test(start_paused = true)]
async fn beyond_its_capacity_the_service_slows_down() {
    let service = Service::new(Switches { capacity: Some(Rate(100.0)), ..Switches::default() });
    let before = Instant::now();
    let asked: Vec<_> = (0..201)
        .map(|_| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { get(&service, "/api/health").await.status })
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), 200);
    }
    assert_eq!(before.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_limit_are_refused_and_places_given_back() {
    let service = Service::new(Switches { max_connections: Some(1), ..Switches::default() });
    let mut first = dial(&service);
    assert_eq!(ask(&mut first, "GET", "/api/health", "").await.unwrap().status, 200);
    let mut second = dial(&service);
    let reply = ask(&mut second, "GET", "/api/health", "").await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (503, Some("close")));
    assert_eq!(second.read(&mut [0]).await.unwrap(), 0, "it is closed");
    drop((first, second));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(get(&service, "/api/health").await.status, 200);
    assert_eq!(service.counters.refused.load(Ordering::Relaxed), 1);
}

#[test]
fn a_started_service_answers_on_a_port_of_the_systems_choice_until_it_is_stopped() {
    use std::io::{Read, Write};
    let running = scn::demo::start("127.0.0.1:0".parse().unwrap(), Switches::default()).unwrap();
    let address = running.address();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /api/health HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with(r#"{"status":"healthy"}"#), "{said}");
    assert!(scn::demo::start(address, Switches::default()).is_err(), "a port that is taken is said at once");
    running.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}
