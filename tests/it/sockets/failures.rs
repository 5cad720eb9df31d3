//! What is kept of failures on sockets: the upgrade, and what was last said.

use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use scn::metrics::exchange::{Exchange, Kept, Speaker};
use scn::plan::Plan;
use scn::run::{self, Options, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Memory, ms, options, plan};
use crate::sockets::raw::Raw;

/// What a run of one user keeps of its failures.
fn kept(plan: &Plan, network: Rc<dyn run::network::Network>) -> Vec<Exchange> {
    let mut kept = Vec::new();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
    runtime.block_on(async {
        let options = Options { keeps_failures: true, ..options("http://127.0.0.1:80") };
        let watch = &mut |tick: &run::Tick<'_>| kept.extend_from_slice(tick.kept);
        run::drive(plan, network, &options, &Stop::default(), watch).await.expect("it can run");
    });
    kept
}

/// Who said what, and when in milliseconds.
fn said(exchange: &Exchange) -> Vec<(Speaker, u64, &str)> {
    fn text(kept: &Kept) -> &str {
        match kept {
            Kept::Text(text) => text,
            Kept::Bytes(_) => "(bytes)",
        }
    }
    exchange.messages.iter().map(|said| (said.by, said.at.0 / 1_000_000, text(&said.body.kept))).collect()
}

fn dialogue(steps: &str) -> Plan {
    let user = format!("user u {{ think 1m; task t {{ websocket /ws {{ {steps} }} }} }}");
    plan(&format!("target \"http://127.0.0.1:80\"\n{user}"), 1, ms(5_000))
}

/// Numbers the messages it sends, one every 100 ms, once it is spoken to.
async fn counts(mut socket: WebSocketStream<DuplexStream>) {
    let _ = socket.next().await;
    for number in 1.. {
        sleep(ms(100)).await;
        if socket.send(Message::text(format!("{{\"n\": {number}}}"))).await.is_err() {
            return;
        }
    }
}

#[test]
fn a_receive_in_vain_tells_what_was_sent_and_what_was_passed_over() {
    let steps = "send text \"one\"; send text \"two\"; send text \"three\"; receive where json $.n == 77 within 1050ms { expect json $.n == 77 }";
    let kept = kept(&dialogue(steps), Rc::new(Memory(counts)));
    let [exchange] = &kept[..] else { panic!("one failure: {kept:?}") };
    assert_eq!((exchange.kind.name(), &exchange.request, &exchange.sent), ("timeout", &None, &None));
    use Speaker::{PassedOver, Sent};
    let wanted = [
        (Sent, 0, "two"),
        (Sent, 0, "three"),
        (PassedOver, 800, "{\"n\": 8}"),
        (PassedOver, 900, "{\"n\": 9}"),
        (PassedOver, 1_000, "{\"n\": 10}"),
    ];
    assert_eq!(said(exchange), wanted);
}

#[test]
fn a_message_that_is_not_as_expected_is_told_and_what_waits_behind_it() {
    let steps = "send text \"go\"; receive 2 within 1s { expect json $.n > 0 }; pause 450ms; receive within 1s { expect json $.n == 7 }";
    let kept = kept(&dialogue(steps), Rc::new(Memory(counts)));
    let [exchange] = &kept[..] else { panic!("one failure: {kept:?}") };
    use Speaker::{Sent, Taken, Waiting};
    let wanted = [
        (Sent, 0, "go"),
        (Taken, 300, "{\"n\": 3}"),
        (Waiting, 400, "{\"n\": 4}"),
        (Waiting, 500, "{\"n\": 5}"),
        (Waiting, 600, "{\"n\": 6}"),
    ];
    assert_eq!(said(exchange), wanted);
    assert_eq!(exchange.message, "`json $.n` is 3, expected 7");
}

#[test]
fn a_call_without_a_reply_tells_its_own_message_and_that_the_peer_has_gone() {
    let steps = "call json { ask: 1 } where json $.n == 5 within 2s { expect json $.n == 5 }";
    let kept = kept(
        &dialogue(steps),
        Rc::new(Memory(|mut socket: WebSocketStream<DuplexStream>| async move {
            let _ = socket.next().await;
            sleep(ms(200)).await;
            let _ = socket.send(Message::text("{\"n\": 4}")).await;
            let _ = socket.close(None).await;
            while socket.next().await.is_some() {}
        })),
    );
    let [exchange] = &kept[..] else { panic!("one failure: {kept:?}") };
    assert_eq!(exchange.kind.name(), "closed");
    assert!(exchange.sent.is_some());
    assert_eq!(said(exchange), [(Speaker::Sent, 0, "{\"ask\":1}"), (Speaker::PassedOver, 200, "{\"n\": 4}")]);
}

#[test]
fn a_long_message_that_was_sent_is_not_held() {
    let long = "x".repeat(5_000);
    let steps = format!("send text \"short\"; send text \"{long}\"; receive within 1s {{ expect json $.n == 77 }}");
    let kept = kept(&dialogue(&steps), Rc::new(Memory(counts)));
    assert_eq!(said(&kept[0]), [(Speaker::Sent, 0, "short"), (Speaker::Taken, 100, "{\"n\": 1}")]);
}

#[test]
fn an_upgrade_that_is_refused_is_told_with_its_answer() {
    let refuses = |mut stream: DuplexStream| async move {
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nx-why: no\r\ncontent-length: 4\r\n\r\nshoo").await;
    };
    let plan = dialogue("receive within 1s { expect json $.n == 1 }");
    let kept = kept(&plan, Rc::new(Raw(refuses)));
    let [exchange] = &kept[..] else { panic!("one failure: {kept:?}") };
    let (request, response) =
        (exchange.request.as_ref().expect("it was sent"), exchange.response.as_ref().expect("it came"));
    assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "ws://127.0.0.1/ws"));
    assert!(request.headers.contains(&("upgrade".into(), "websocket".into())), "{:?}", request.headers);
    assert_eq!((response.status, &response.body.kept), (403, &Kept::Text("shoo".into())));
    assert!(response.headers.contains(&("x-why".into(), "no".into())));
}

#[test]
fn a_stream_of_events_that_is_none_is_told_with_its_answer() {
    let answers = |mut stream: DuplexStream| async move {
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi").await;
        sleep(ms(1_000)).await;
    };
    let text = "target \"http://127.0.0.1:80\"\nuser u { think 1m; task t { events GET /feed { receive within 1s } } }";
    let kept = kept(&plan(text, 1, ms(5_000)), Rc::new(Raw(answers)));
    let [exchange] = &kept[..] else { panic!("one failure: {kept:?}") };
    assert_eq!(exchange.request.as_ref().map(|request| request.url.as_str()), Some("http://127.0.0.1/feed"));
    let response = exchange.response.as_ref().expect("it came");
    assert_eq!((response.status, exchange.kind.name()), (200, "protocol"));
}
