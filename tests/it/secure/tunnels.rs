//! WebSockets over TLS, and what goes through an HTTP proxy by a tunnel: WebSockets with and without TLS, HTTP/2, streams
//! of events.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use super::two::{Server, good, ok, over_tls};
use super::world::{Authority, Net, accept, scene};

type Lines = Rc<RefCell<Vec<String>>>;

/// Upgrades, writes down what it was asked, chooses the subprotocol that is offered, and sends each message back.
async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin, heard: Lines) {
    // What the library wants of a callback.
    #[allow(clippy::result_large_err)]
    let look = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let said =
            |name: &str| request.headers().get(name).map_or("-", |value| value.to_str().unwrap_or("?")).to_owned();
        heard.borrow_mut().push(format!("{} {} {}", request.uri().path(), said("host"), said("cookie")));
        if let Some(offered) = request.headers().get("sec-websocket-protocol") {
            response.headers_mut().insert("sec-websocket-protocol", offered.clone());
        }
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, look).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// A request's head.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// Answers the first request over TLS with a cookie, and then upgrades on a connection of its own.
fn secure(acceptor: TlsAcceptor, heard: Lines) -> Net {
    Net::new(move |far, number| {
        let (acceptor, heard) = (acceptor.clone(), heard.clone());
        async move {
            let Some(mut stream) = accept(&acceptor, far).await else { return };
            if number > 0 {
                return echo(stream, heard).await;
            }
            while read_head(&mut stream).await.is_some() {
                let head = "HTTP/1.1 200 OK\r\nset-cookie: sid=7; Secure; Path=/\r\ncontent-length: 0\r\n\r\n";
                if stream.write_all(head.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        }
    })
}

#[test]
fn a_websocket_over_tls_has_the_users_cookies_and_a_subprotocol() {
    let ca = Authority::new();
    let heard = Lines::default();
    let task = "GET /login { expect status 200 }
      websocket /ws {
        subprotocol \"v1\"
        text: call text \"hello\" { expect body == \"hello\" }
        bytes: call binary from_hex(\"ff00\") { expect size == 2B }
        close 1000 \"bye\"
      }";
    let net = secure(ca.signs(&["shop.test"], 2090).server(&["http/1.1"], None), heard.clone());
    let seen = over_tls(&ca, "", task).run(&net);
    good(&seen, 5);
    assert_eq!(*heard.borrow(), ["/ws shop.test sid=7"]);
    // One whose certificate is not trusted is not spoken with.
    let stranger = Authority::named("A stranger");
    let net = secure(stranger.signs(&["shop.test"], 2090).server(&[], None), Lines::default());
    let seen = over_tls(&ca, "", "websocket /ws { call text \"hello\" }").run(&net);
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((1, 1), vec![("tls", 1)], 0));
}

/// A proxy that makes every tunnel it is asked for, and `serve`s its far end itself; what it was asked.
fn proxy<F: Future<Output = ()> + 'static>(serve: impl Fn(DuplexStream, u32) -> F + 'static) -> (Net, Lines) {
    let asked = Lines::default();
    let (kept, serve) = (asked.clone(), Rc::new(serve));
    let net = Net::new(move |mut far, number| {
        let (kept, serve) = (kept.clone(), serve.clone());
        async move {
            let Some(head) = read_head(&mut far).await else { return };
            kept.borrow_mut().push(head.lines().next().unwrap_or_default().to_owned());
            if !head.starts_with("CONNECT ") {
                return;
            }
            let _ = far.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            serve(far, number).await;
        }
    });
    (net, asked)
}

const SOCKET: &str = "websocket /ws { text: call text \"hello\" { expect body == \"hello\" } }";

#[test]
fn websockets_go_through_a_tunnel_of_the_proxy_with_tls_and_without() {
    let ca = Authority::new();
    let heard = Lines::default();
    let (acceptor, kept) = (ca.signs(&["shop.test"], 2090).server(&[], None), heard.clone());
    let (net, asked) = proxy(move |far, _| {
        let (acceptor, kept) = (acceptor.clone(), kept.clone());
        async move {
            if let Some(stream) = accept(&acceptor, far).await {
                echo(stream, kept).await;
            }
        }
    });
    let seen = over_tls(&ca, "proxy \"http://127.0.0.1:3128\"", SOCKET).run(&net);
    good(&seen, 3);
    assert_eq!(
        (&*asked.borrow(), &*heard.borrow()),
        (&vec!["CONNECT shop.test:443 HTTP/1.1".into()], &vec!["/ws shop.test -".into()])
    );

    let heard = Lines::default();
    let kept = heard.clone();
    let (net, asked) = proxy(move |far, _| echo(far, kept.clone()));
    let text = format!(
        "target \"http://127.0.0.1:81\" {{ proxy \"http://127.0.0.1:3128\" }}\nuser u {{ think 1h; task t {{\n{SOCKET}\n}} }}"
    );
    let seen = scene(&text).run(&net);
    good(&seen, 3);
    assert_eq!(
        (&*asked.borrow(), &*heard.borrow()),
        (&vec!["CONNECT 127.0.0.1:81 HTTP/1.1".into()], &vec!["/ws 127.0.0.1:81 -".into()])
    );
}

#[test]
fn http_2_goes_through_a_tunnel_of_the_proxy_once_for_all_requests() {
    let ca = Authority::new();
    let server = Server::new(|_| ok());
    let (acceptor, behind) = (ca.signs(&["shop.test"], 2090).server(&["h2"], None), server.clone());
    let (net, asked) = proxy(move |far, number| {
        let (acceptor, behind) = (acceptor.clone(), behind.clone());
        async move {
            if let Some(stream) = accept(&acceptor, far).await {
                behind.serve(stream, number).await;
            }
        }
    });
    let task = "GET /a { expect status 200 }\nGET /b { expect body == \"ok\" }";
    let seen = over_tls(&ca, "proxy \"http://127.0.0.1:3128\"", task).run(&net);
    good(&seen, 2);
    assert_eq!(*asked.borrow(), ["CONNECT shop.test:443 HTTP/1.1"]);
    assert_eq!(server.heard.borrow()[1].uri, "https://shop.test/b");
}

#[test]
fn http_2_without_tls_goes_through_a_tunnel_too_and_to_addresses_of_ipv6() {
    for (target, line) in [("127.0.0.1:81", "CONNECT 127.0.0.1:81 HTTP/1.1"), ("[::1]:81", "CONNECT [::1]:81 HTTP/1.1")]
    {
        let server = Server::new(|_| ok());
        let behind = server.clone();
        let (net, asked) = proxy(move |far, number| behind.clone().serve(far, number));
        let settings = "http 2; proxy \"http://127.0.0.1:3128\"";
        let text = format!(
            "target \"http://{target}\" {{ {settings} }}\nuser u {{ task t {{ GET /a {{ expect status 200 }} }} }}"
        );
        good(&scene(&text).run(&net), 1);
        assert_eq!(
            (&asked.borrow()[..], &*server.heard.borrow()[0].uri),
            (&[line.to_owned()][..], &*format!("http://{target}/a"))
        );
    }
}

#[test]
fn a_stream_of_events_over_plain_http_is_asked_of_the_proxy_itself() {
    let asked = Lines::default();
    let kept = asked.clone();
    let net = Net::new(move |mut far, _| {
        let kept = kept.clone();
        async move {
            let Some(head) = read_head(&mut far).await else { return };
            kept.borrow_mut().push(head.lines().next().unwrap_or_default().to_owned());
            let _ = far.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n").await;
            let _ = far.read(&mut [0; 1]).await;
        }
    });
    let target = "target \"http://api.test:81\" { proxy \"http://127.0.0.1:3128\" }";
    let task = "events GET /prices { one: receive within 1s { expect body == \"1\" } }";
    let seen = scene(&format!("{target}\nuser u {{ think 1h; task t {{ {task} }} }}")).allow("api.test").run(&net);
    good(&seen, 2);
    assert_eq!(*asked.borrow(), ["GET http://api.test:81/prices HTTP/1.1"]);
}
