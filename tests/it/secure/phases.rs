//! Where the time of a request goes, by target: each phase a histogram, over both versions.

use std::time::Duration;

use scn::metrics::Phase;
use scn::plan::TargetId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::two::{Reply, Server, good, over_tcp};
use super::world::{Authority, Net, Seen, accept, scene};

const SECOND: Duration = Duration::from_secs(1);

/// How many requests to a target had each phase, and the longest of them in whole seconds.
fn phases(seen: &Seen, target: u32) -> Vec<(&'static str, u64, u64)> {
    let phases = seen.finished.total.phases_of(TargetId(target)).expect("there were requests");
    let told = |phase: &Phase| {
        let times = phases.of(*phase);
        (phase.name(), times.count(), times.max().map_or(0, |time| time.as_secs_f64().round() as u64))
    };
    Phase::ALL.iter().map(told).collect()
}

/// Answers the head of each request after a second, and two bytes of body two seconds later.
async fn answer_slowly(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
        tokio::time::sleep(SECOND).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n").await;
        let _ = stream.flush().await;
        tokio::time::sleep(2 * SECOND).await;
        let _ = stream.write_all(b"ok").await;
        let _ = stream.flush().await;
    }
}

#[test]
fn each_request_has_its_phases_in_the_histograms_of_its_target() {
    let ca = Authority::new();
    let acceptor = ca.signs(&["shop.test"], 2090).server(&["http/1.1"], None);
    let net = Net::new(move |far, _| {
        let acceptor = acceptor.clone();
        async move {
            // The handshake takes a second, too.
            tokio::time::sleep(SECOND).await;
            if let Some(stream) = accept(&acceptor, far).await {
                answer_slowly(stream).await;
            }
        }
    });
    let targets =
        "target \"https://shop.test\" { http 1.1; tls { ca \"ca.pem\" } }\ntarget idle: \"http://127.0.0.1\"\n";
    let steps = "parallel { for n in 1..8 { GET /${n} { expect status 200 } } }\nGET /a { expect status 200 }";
    let text = format!("{targets}user u {{ think 1h; task t {{\n{steps}\n}} }}");
    let seen = scene(&text).file("ca.pem", &ca.pem()).allow("shop.test").run(&net);
    good(&seen, 9);
    // Six go at once, two wait for them; the ninth has a connection that lay still.
    let all = [
        ("blocked", 2, 4),
        ("dns", 6, 0),
        ("connect", 6, 0),
        ("tls", 6, 1),
        ("send", 9, 0),
        ("wait", 9, 1),
        ("receive", 9, 2),
    ];
    assert_eq!(phases(&seen, 0), all);
    assert!(phases(&seen, 1).iter().all(|(_, count, _)| *count == 0));
}

#[test]
fn the_phases_of_http_2_are_those_of_each_stream() {
    let server = Server::new(|_| Reply::Ok(b"ok".to_vec(), SECOND)).at_most(2);
    let seen =
        over_tcp("parallel { for n in 1..3 { POST /${n} { body \"x\"; expect status 200 } } }").run(&server.plain());
    good(&seen, 3);
    let all = phases(&seen, 0);
    assert_eq!(&all[1..4], [("dns", 0, 0), ("connect", 1, 0), ("tls", 0, 0)]);
    assert_eq!(&all[4..], [("send", 3, 0), ("wait", 3, 1), ("receive", 3, 0)]);
}
