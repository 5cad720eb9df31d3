//! Upgrades: what is offered, what is taken for one, and what is not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;

/// What connecting makes of a server that answers the upgrade with these headers, `KEY` in them the right answer to
/// the client's; and what it heard.
fn answered(op: &Connect, headers: &'static str) -> (Result<(), Failed>, Option<(ErrorKind, String)>, String) {
    let heard = Rc::new(std::cell::RefCell::new(String::new()));
    let serve = {
        let heard = heard.clone();
        move |mut bytes: DuplexStream| {
            let heard = heard.clone();
            async move {
                let mut request = [0; 4096];
                let read = bytes.read(&mut request).await.expect("a request");
                let request = String::from_utf8_lossy(&request[..read]).to_ascii_lowercase();
                let raw = String::from_utf8_lossy(&request.as_bytes()[..read]).into_owned();
                *heard.borrow_mut() = raw;
                let _ = bytes.write_all(headers.as_bytes()).await;
                pending::<()>().await;
            }
        }
    };
    let op = Connect { ..op.clone() };
    let mut result = Ok(());
    let (_, seen) = pretend(walk(user_of_bytes(serve), async |mut user| {
        result = user.connect(&op).await;
        user
    }));
    let failure =
        seen.points[CONNECT.0 as usize].failures.first().map(|failure| (failure.kind, failure.notes.join("\n")));
    let heard = heard.borrow().clone();
    (result, failure, heard)
}

/// As [`answered`], with the right answer to the client's key in place of `KEY`.
fn upgraded(op: &Connect, headers: &'static str) -> (Result<(), Failed>, Option<String>) {
    let serve = move |mut bytes: DuplexStream| async move {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0; 256];
            let read = bytes.read(&mut byte).await.expect("a request");
            request.extend_from_slice(&byte[..read]);
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let key = request.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).expect("a key");
        let head = headers.replace("KEY", &derive_accept_key(key.trim().as_bytes()));
        // In two pieces, the second with the first message right behind the head.
        let (first, second) = head.split_at(20);
        let _ = bytes.write_all(first.as_bytes()).await;
        sleep(ms(10)).await;
        let _ = bytes.write_all(&[second.as_bytes(), b"\r\n\x81\x05hello"].concat()).await;
        pending::<()>().await;
    };
    let op = op.clone();
    let mut result = Ok(());
    let (_, seen) = pretend(walk(user_of_bytes(serve), async |mut user| {
        result = user.connect(&op).await;
        if result.is_ok() {
            result = user.receive(&receive(1)).await;
        }
        user
    }));
    let failure = seen.points[CONNECT.0 as usize].failures.first();
    (result, failure.map(|failure| failure.notes.join("\n")))
}

fn offering(subprotocol: &str) -> Connect {
    Connect { subprotocol: Some(Expr::Literal(Value::from(subprotocol))), ..connect() }
}

#[test]
fn an_upgrade_may_say_more_in_its_connection_header_and_a_message_may_follow_at_once() {
    for headers in [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: KEY\r\n",
        "HTTP/1.1 101 OK\r\nUPGRADE: WebSocket\r\nConnection: keep-alive, Upgrade\r\nsec-websocket-accept: KEY\r\n",
        "HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: keep-alive\r\nconnection: upgrade\r\nsec-websocket-accept: KEY\r\n",
    ] {
        assert_eq!(upgraded(&connect(), headers), (Ok(()), None), "{headers}");
    }
}

#[test]
fn an_answer_that_lacks_what_makes_it_an_upgrade_says_so() {
    for (headers, said) in [
        (
            "HTTP/1.1 101 OK\r\nconnection: upgrade\r\nsec-websocket-accept: KEY\r\n",
            "the answer does not upgrade to a WebSocket: its `Upgrade` or `Connection` header is missing",
        ),
        (
            "HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\n",
            "the answer is not to this upgrade: its `Sec-WebSocket-Accept` does not fit the key",
        ),
        (
            "HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: KEY\r\n\
             sec-websocket-extensions: permessage-deflate\r\n",
            "the server speaks an extension that was not offered: `permessage-deflate`",
        ),
    ] {
        assert_eq!(upgraded(&connect(), headers), (Err(Failed), Some(said.to_owned())));
    }
}

#[test]
fn the_subprotocol_that_the_server_chooses_is_one_of_those_offered() {
    const NONE: &str = "HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: KEY\r\n";
    const V1: &str = "HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: KEY\r\n\
                      sec-websocket-protocol: v1\r\n";
    assert_eq!(upgraded(&offering("v2, v1"), V1), (Ok(()), None));
    for (op, headers, said) in [
        (offering("v2"), V1, "the server chose the subprotocol `v1`, offered was `v2`"),
        (connect(), V1, "the server chose the subprotocol `v1`, and none was offered"),
        (offering("v2"), NONE, "the server chose no subprotocol, offered was `v2`"),
    ] {
        assert_eq!(upgraded(&op, headers), (Err(Failed), Some(said.to_owned())));
    }
}

#[test]
fn what_makes_an_upgrade_is_ours_whatever_the_author_says() {
    let mut op = offering("graphql-transport-ws");
    let header = |name: &str, value: &str| (name.to_owned(), Expr::Literal(Value::from(value)));
    op.request.headers = vec![header("Connection", "close"), header("Sec-WebSocket-Key", "x"), header("Origin", "o")];
    let (result, failure, heard) = answered(&op, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(result, Err(Failed));
    assert_eq!(failure.map(|(kind, _)| kind), Some(ErrorKind::Status));
    for line in ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "origin: o"] {
        assert_eq!(heard.lines().filter(|heard| *heard == line).count(), 1, "{line} in {heard}");
    }
    assert!(heard.contains("sec-websocket-protocol: graphql-transport-ws\r\n"), "{heard}");
    assert!(!heard.contains("sec-websocket-key: x\r\n") && !heard.contains("connection: close"), "{heard}");
    assert!(!heard.contains("accept: */*") && heard.ends_with("\r\n\r\n"), "{heard}");
}

#[test]
fn a_head_without_end_is_cut_off() {
    let serve = |mut bytes: DuplexStream| async move {
        let _ = bytes.write_all(b"HTTP/1.1 101 OK\r\n").await;
        while bytes.write_all(b"x-more: and more\r\n").await.is_ok() {}
    };
    let (_, seen) = pretend(walk(user_of_bytes(serve), async |mut user| {
        assert_eq!(user.connect(&connect()).await, Err(Failed));
        user
    }));
    let failure = &seen.points[CONNECT.0 as usize].failures[0];
    assert_eq!(failure.kind, ErrorKind::Protocol, "{:?}", failure.notes);
}
