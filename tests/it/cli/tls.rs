//! TLS as the machine has it: whose certificates the real binary trusts.

use std::sync::mpsc;
use std::thread;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::world::scn;
use crate::secure::world::{Authority, answer_all};

/// A server of HTTP/1.1 over TLS on a port of loopback, as long as the tests run.
fn serve(acceptor: TlsAcceptor) -> u16 {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(Default::default()).expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            tell.send(listener.local_addr().expect("its address").port()).expect("the test waits");
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::task::spawn_local(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer_all(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                    }
                });
            }
        });
    });
    told.recv().expect("it listens")
}

#[test]
fn the_authorities_of_this_machine_are_trusted_and_no_others() {
    let (ours, stranger) = (Authority::new(), Authority::named("A stranger"));
    let port = serve(ours.signs(&["localhost"], 2090).server(&["http/1.1"], None));
    let scenario = format!(
        "target \"https://localhost:{port}\"\nuser u {{ think 1s; task t {{ GET /a {{ expect status 200 }} }} }}\n"
    );
    // Where the machine's authorities lie, this variable says to everybody.
    let trusting = |ca: &Authority| {
        let call = scn("try a.scn").file("a.scn", &scenario).file("ca.pem", ca.pem());
        call.env("SSL_CERT_FILE", "ca.pem").run()
    };
    trusting(&ours).exits(0).prints("200");
    trusting(&stranger).exits(99).prints("tls");
}
