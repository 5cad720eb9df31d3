//! How sockets end: closing, dropping, nonsense, and upgrades that never were.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::*;

#[test]
fn closing_waits_for_the_peers_frame() {
    let serve = |mut socket: Server| async move {
        let frame = socket.next().await.expect("a frame").expect("sound");
        let Frame::Close(Some(CloseFrame { code, reason })) = frame else { panic!("{frame:?}") };
        assert_eq!((u16::from(code), reason.as_str()), (4001, "bye"));
        sleep(ms(30)).await;
        // Flushes the reply that was queued by reading.
        let _ = socket.flush().await;
        pending().await
    };
    let op = Close { code: 4001, reason: Some(Expr::Literal(Value::from("bye"))), ..close(false) };
    let (result, seen) = dialogue(serve, async |user| {
        user.close(&op).await?;
        // Leaving the block afterwards is no second step.
        user.close(&close(true)).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CLOSE), (1, 30, 30, 30));
}

#[test]
fn leaving_closes_with_1000_while_messages_still_come() {
    let (result, seen) = dialogue(
        |socket| async move {
            let (mut sink, mut stream) = socket.split();
            let flood = async {
                for n in 0..5_000 {
                    let _ = sink.send(numbered(n)).await;
                }
            };
            let close = async {
                loop {
                    if let Some(Ok(Frame::Close(frame))) = stream.next().await {
                        break assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1000));
                    }
                }
            };
            tokio::join!(flood, close);
            let _ = sink.close().await;
            while stream.next().await.is_some() {}
        },
        async |user| user.close(&close(true)).await,
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CLOSE).0, 1);
}

#[test]
fn a_peer_that_never_closes_costs_the_timeout() {
    let silent = |socket: Server| async move {
        let _socket = socket;
        pending().await
    };
    let (result, seen) = dialogue(silent, async |user| user.close(&close(true)).await);
    assert_eq!(result, Err(Failed));
    assert_eq!(failed(&seen, CLOSE), (1, 1_000));
    assert_eq!(said(&seen, head(CLOSE), ErrorKind::Timeout), "the peer sent no close frame in 1s");
}

#[test]
fn a_peer_that_has_closed_needs_no_step_when_leaving() {
    let serve = |mut socket: Server| async move {
        let _ = socket.close(None).await;
        while socket.next().await.is_some() {}
    };
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(10)).await;
        user.close(&close(true)).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!((times(&seen, CLOSE).0, failed(&seen, CLOSE).0), (0, 0));
}

#[test]
fn a_peer_that_closes_in_the_middle_fails_the_step_that_wanted_more() {
    let serve = |mut socket: Server| async move {
        let _ = socket.send(numbered(0)).await;
        let _ = socket.close(Some(CloseFrame { code: 1013.into(), reason: "busy".into() })).await;
        while socket.next().await.is_some() {}
    };
    let (result, seen) = dialogue(serve, async |user| user.receive(&receive(2)).await);
    assert_eq!(result, Err(Failed));
    // What came before the close is still taken.
    assert_eq!((times(&seen, RECEIVE).0, failed(&seen, RECEIVE).0), (1, 1));
    let said = said(&seen, head(RECEIVE), ErrorKind::Closed);
    assert_eq!(said, "the peer closed the socket with 1013 \"busy\" after 1 of 2 messages");
}

#[test]
fn sending_to_a_peer_that_has_closed_fails_as_closed() {
    let serve = |mut socket: Server| async move {
        let _ = socket.close(None).await;
        while socket.next().await.is_some() {}
    };
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(10)).await;
        user.send(&send()).await
    });
    assert_eq!(result, Err(Failed));
    assert_eq!(said(&seen, head(SEND), ErrorKind::Closed), "the peer closed the socket");
}

#[test]
fn a_drop_without_a_closing_handshake_fails_also_when_leaving() {
    let drops = |socket: Server| async move {
        sleep(ms(50)).await;
        drop(socket);
    };
    let expected = "the peer closed the connection without a closing handshake";
    let (result, seen) = dialogue(drops, async |user| user.receive(&receive(1)).await);
    assert_eq!((result, failed(&seen, RECEIVE)), (Err(Failed), (1, 50)));
    assert_eq!(said(&seen, head(RECEIVE), ErrorKind::Closed), expected);
    let (result, seen) = dialogue(drops, async |user| {
        pause(user, ms(100)).await;
        user.close(&close(true)).await
    });
    assert_eq!((result, failed(&seen, CLOSE).0), (Err(Failed), 1));
    assert_eq!(said(&seen, head(CLOSE), ErrorKind::Closed), expected);
}

/// What a receive says of a peer that, once upgraded, sends these bytes.
fn received_bytes(bytes: &'static [u8]) -> (ErrorKind, String) {
    let serve = move |socket: Server| async move {
        let mut raw = socket.into_inner();
        let _ = raw.write_all(bytes).await;
        pending().await
    };
    let (result, seen) = dialogue(serve, async |user| user.receive(&receive(1)).await);
    assert_eq!((result, failed(&seen, RECEIVE).0), (Err(Failed), 1));
    let failure = &seen.points[RECEIVE.0 as usize].failures[0];
    (failure.kind, failure.notes.join("\n"))
}

#[test]
fn what_is_not_websocket_fails_as_protocol() {
    for bytes in [
        &[0x81, 2, 0xc3, 0x28][..],   // a text that is not UTF-8
        &[0xc1, 1, b'x'],             // a reserved bit
        &[0x83, 0],                   // an opcode that does not exist
        &[0x80, 0],                   // a continuation of nothing
        &[0x81, 0x81, 0, 0, 0, 0, 1], // a masked frame from a server
        &[0x09, 0],                   // a ping in pieces
    ] {
        assert_eq!(received_bytes(bytes).0, ErrorKind::Protocol, "{bytes:?}");
    }
}

#[test]
fn a_message_longer_than_the_queue_overflows_it() {
    let (kind, said) = received_bytes(&[0x82, 127, 0, 0, 0, 0, 0x10, 0, 0, 0]);
    assert_eq!(kind, ErrorKind::Overflow);
    assert_eq!(said, "a message of 268435456 bytes is longer than the 4 MiB kept");
}

/// What connecting says of a peer that answers the upgrade with this text.
fn answered(answer: &'static str) -> (ErrorKind, String, Snapshot) {
    let serve = move |mut bytes: DuplexStream| async move {
        let mut request = [0; 1024];
        let read = bytes.read(&mut request).await.expect("a request");
        let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
        assert!(request.starts_with("get /ws http/1.1\r\nhost: 127.0.0.1\r\n"), "{request}");
        let _ = bytes.write_all(answer.as_bytes()).await;
    };
    let (_, seen) = pretend(walk(user_of_bytes(serve), async |mut user| {
        assert_eq!(user.connect(&connect()).await, Err(Failed));
        user
    }));
    assert_eq!(failed(&seen, CONNECT).0, 1);
    let failure = seen.points[CONNECT.0 as usize].failures[0].clone();
    (failure.kind, failure.notes.join("\n"), seen)
}

#[test]
fn a_refused_upgrade_fails_as_status_and_keeps_it() {
    let (kind, said, seen) = answered("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((kind, said.as_str()), (ErrorKind::Status, "the upgrade was answered with 403 Forbidden"));
    assert_eq!(seen.series[CONNECT.0 as usize].statuses, [(403, 1)]);
    let (kind, _, seen) = answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(kind, ErrorKind::Status);
    assert_eq!(seen.series[CONNECT.0 as usize].statuses, [(200, 1)]);
}

#[test]
fn an_upgrade_that_is_none_fails_as_protocol_or_closed() {
    let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: nonsense\r\n\r\n";
    assert_eq!(answered(wrong).0, ErrorKind::Protocol);
    assert_eq!(answered("SSH-2.0-OpenSSH\r\n").0, ErrorKind::Protocol);
    assert_eq!(answered("").0, ErrorKind::Closed);
}

#[test]
fn an_upgrade_that_never_comes_costs_the_timeout() {
    let stalls = |bytes: DuplexStream| async move {
        let _bytes = bytes;
        pending().await
    };
    let (user, seen) = pretend(walk(user_of_bytes(stalls), async |mut user| {
        assert_eq!(user.connect(&connect()).await, Err(Failed));
        user
    }));
    assert_eq!(failed(&seen, CONNECT), (1, 1_000));
    assert_eq!(said(&seen, head(CONNECT), ErrorKind::Timeout), "the upgrade was not answered within 1s");
    assert!(user.sockets.with(SOCKET, |_| ()).is_none());
}

#[test]
fn cutting_drops_the_connection_at_once() {
    let (gone, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let (_, _) = dialogue(
        move |mut socket: Server| {
            let gone = gone.clone();
            async move {
                while let Some(Ok(_)) = socket.next().await {}
                let _ = gone.send(());
            }
        },
        async |user| {
            user.sockets.cut();
            assert_eq!(heard.recv().await, Some(()));
            Ok(())
        },
    );
}

#[test]
fn headers_query_and_values_are_part_of_the_upgrade() {
    let serve = |mut bytes: DuplexStream| async move {
        let mut request = [0; 1024];
        let read = bytes.read(&mut request).await.expect("a request");
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        assert!(request.starts_with("GET /ws?room=a%20b HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-key: 7\r\n"), "{request}");
        assert!(request.contains("Host: 127.0.0.1\r\n"), "{request}");
        assert!(request.contains("user-agent: scn/"), "{request}");
    };
    let request = Http {
        query: vec![("room".into(), Expr::Literal(Value::from("a b")))],
        headers: vec![("X-Key".into(), Expr::Literal(Value::Number(7.0)))],
        ..request()
    };
    let op = Connect { request, ..connect() };
    pretend(walk(user_of_bytes(serve), async |mut user| {
        assert_eq!(user.connect(&op).await, Err(Failed));
        user
    }));
}
