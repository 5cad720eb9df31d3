//! `receive until`, `for`, `all` and `close`: what they take, what they pass over, and what their times are.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::*;
use crate::plan::{Expected, ReceiveAll, ReceiveClose};

fn until(n: f64) -> Receive {
    Receive { form: ReceiveForm::Until(n_is(n)), ..receive(1) }
}

fn lasting(length: Duration, at_least: Option<f64>) -> Receive {
    let literal = |value| Expr::Literal(value);
    let at_least = at_least.map(|least| literal(Value::Number(least)));
    Receive { form: ReceiveForm::For { length: literal(Value::Duration(length)), at_least }, ..receive(1) }
}

/// Two messages: the second number in the row of receives, the first in that of calls.
fn both(first: f64, second: f64, since: Option<Since>) -> ReceiveAll {
    let expected = |step, n| Expected { step, condition: Some(n_is(n)), parts: Vec::new() };
    let expected = vec![expected(CALL, first), expected(RECEIVE, second)];
    ReceiveAll { socket: SOCKET, expected, within: ms(1_000), since, point: head(RECEIVE) }
}

fn close_of(code: Option<u16>) -> ReceiveClose {
    ReceiveClose { step: RECEIVE, socket: SOCKET, code, within: ms(1_000), since: None }
}

#[test]
fn until_takes_every_message_up_to_the_one_that_fits_and_that_one() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 10, ms(100)),
        async |user| {
            user.receive(&until(3.0)).await?;
            user.receive(&receive(1)).await
        },
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (5, 100, 100, 500));
    assert_eq!(seen.counter(Counter::PassedOver), 0);
}

#[test]
fn until_passes_over_what_its_where_does_not_want_but_for_the_last() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 10, ms(100)),
        async |user| user.receive(&Receive { condition: Some(n_is(1.0)), ..until(3.0) }).await,
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (2, 200, 200, 400));
    assert_eq!(seen.counter(Counter::PassedOver), 2);
}

#[test]
fn until_times_out_and_says_what_came() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 3, ms(100)),
        async |user| user.receive(&Receive { within: ms(1_000), ..until(9.0) }).await,
    );
    assert_eq!(result, Err(Failed));
    assert_eq!((times(&seen, RECEIVE).0, failed(&seen, RECEIVE)), (3, (1, 700)));
    let said = said(&seen, head(RECEIVE), ErrorKind::Timeout);
    assert_eq!(said, "the message that ends it did not come within 1s; 3 messages came before");
}

#[test]
fn for_takes_all_that_arrive_in_its_time_and_lasts_as_long() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 100, ms(100)),
        async |user| {
            user.receive(&lasting(ms(1_050), Some(10.0))).await?;
            assert_eq!(user.due, Offset::from(ms(1_050)));
            // The gap to the next message is whole: the receive ended with its last message.
            user.receive(&receive(1)).await
        },
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (11, 100, 100, 1_100));
}

#[test]
fn for_passes_over_what_came_before_it_began() {
    let (result, seen) = dialogue(
        |socket| ticks(socket, 6, ms(100)),
        async |user| {
            pause(user, ms(350)).await;
            user.receive(&lasting(ms(1_000), None)).await
        },
    );
    assert_eq!(result, Ok(()));
    assert_eq!((seen.counter(Counter::PassedOver), seen.counter(Counter::Early)), (3, 0));
    // From the end of the connect to the fourth, then gaps.
    assert_eq!(times(&seen, RECEIVE), (3, 100, 400, 600));
}

#[test]
fn for_fails_with_fewer_than_it_wants_at_least_and_only_then() {
    let serve = |socket| ticks(socket, 3, ms(100));
    let (result, seen) = dialogue(serve, async |user| user.receive(&lasting(ms(1_000), Some(4.0))).await);
    assert_eq!(result, Err(Failed));
    assert_eq!((times(&seen, RECEIVE).0, failed(&seen, RECEIVE)), (3, (1, 700)));
    assert_eq!(said(&seen, head(RECEIVE), ErrorKind::Timeout), "3 messages came in 1s, expected at least 4");
    let (result, seen) = dialogue(serve, async |user| user.receive(&lasting(ms(1_000), Some(3.0))).await);
    assert_eq!((result, failed(&seen, RECEIVE).0), (Ok(()), 0));
    let silent = |socket| ticks(socket, 0, ms(0));
    let (result, seen) = dialogue(silent, async |user| user.receive(&lasting(ms(1_000), None)).await);
    assert_eq!((result, times(&seen, RECEIVE).0, failed(&seen, RECEIVE).0), (Ok(()), 0, 0));
}

#[test]
fn all_takes_its_messages_in_any_order_and_times_each_from_the_same_moment() {
    let (result, seen) =
        dialogue(|socket| ticks(socket, 10, ms(100)), async |user| user.receive_all(&both(4.0, 1.0, None)).await);
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (1, 200, 200, 200));
    assert_eq!(times(&seen, CALL), (1, 500, 500, 500));
    assert_eq!(seen.counter(Counter::PassedOver), 3);
}

#[test]
fn all_passes_over_what_came_before_its_reference() {
    let serve = |socket| ticks(socket, 10, ms(100));
    let (result, seen) = dialogue(serve, async |user| {
        pause(user, ms(250)).await;
        user.send(&send()).await?;
        pause(user, ms(200)).await;
        // Sent at 250: the messages of 100 and 200 are older, those of 300 and 400 lie there already.
        user.receive_all(&both(2.0, 5.0, Some(Since::Step(SeriesId(SEND.0))))).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, CALL), (1, 50, 50, 50));
    assert_eq!(times(&seen, RECEIVE), (1, 350, 350, 350));
    assert_eq!((seen.counter(Counter::PassedOver), seen.counter(Counter::Early)), (4, 0));
    // Without `since` it is the end of the previous step.
    let (result, seen) = dialogue(serve, async |user| {
        user.receive(&receive(2)).await?;
        pause(user, ms(200)).await;
        user.receive_all(&both(2.0, 3.0, None)).await
    });
    assert_eq!(result, Ok(()));
    assert_eq!((times(&seen, CALL), seen.counter(Counter::PassedOver)), ((1, 100, 100, 100), 0));
}

#[test]
fn all_takes_two_messages_for_two_entries_that_the_same_message_fits() {
    let any = |step| Expected { step, condition: None, parts: Vec::new() };
    let op = ReceiveAll { expected: vec![any(RECEIVE), any(CALL)], ..both(0.0, 0.0, None) };
    let (result, seen) = dialogue(|socket| ticks(socket, 5, ms(100)), async |user| user.receive_all(&op).await);
    assert_eq!(result, Ok(()));
    assert_eq!((times(&seen, RECEIVE), times(&seen, CALL)), ((1, 100, 100, 100), (1, 200, 200, 200)));
}

#[test]
fn each_message_of_all_that_does_not_come_is_a_step_that_fails() {
    let serve = |socket| ticks(socket, 5, ms(100));
    let (result, seen) = dialogue(serve, async |user| user.receive_all(&both(99.0, 98.0, None)).await);
    assert_eq!(result, Err(Failed));
    assert_eq!((failed(&seen, RECEIVE), failed(&seen, CALL)), ((1, 1_000), (1, 1_000)));
    let (result, seen) = dialogue(serve, async |user| user.receive_all(&both(99.0, 1.0, None)).await);
    assert_eq!(result, Err(Failed));
    assert_eq!((times(&seen, RECEIVE).0, failed(&seen, RECEIVE).0, failed(&seen, CALL)), (1, 0, (1, 1_000)));
    let said = said(&seen, head(CALL), ErrorKind::Timeout);
    assert_eq!(said, "no message that fits came within 1s; 1 of 2 messages came; 4 other messages did not fit");
}

#[test]
fn an_expectation_that_fails_in_all_is_the_only_failure() {
    let mut op = both(0.0, 1.0, None);
    op.expected[0].parts = vec![Part::Expect { condition: n_is(7.0), otherwise: None, point: PART }];
    let (result, seen) = dialogue(|socket| ticks(socket, 5, ms(100)), async |user| user.receive_all(&op).await);
    assert_eq!(result, Err(Failed));
    assert_eq!((failed(&seen, RECEIVE).0, failed(&seen, CALL)), (0, (1, 100)));
}

/// Sends two messages and closes with this code after so long.
async fn closes(mut socket: Server, code: Option<u16>, after: Duration) {
    for n in 0..2 {
        let _ = socket.send(numbered(n)).await;
    }
    sleep(after).await;
    let frame = code.map(|code| CloseFrame { code: code.into(), reason: "".into() });
    let _ = socket.close(frame).await;
    while socket.next().await.is_some() {}
}

#[test]
fn the_peers_close_is_waited_for_and_messages_before_it_are_passed_over() {
    let (result, seen) = dialogue(
        |socket| closes(socket, Some(1000), ms(300)),
        async |user| {
            user.receive_close(&close_of(Some(1000))).await?;
            // It is closed by both sides now: leaving is no step.
            user.close(&close(true)).await
        },
    );
    assert_eq!(result, Ok(()));
    assert_eq!(times(&seen, RECEIVE), (1, 300, 300, 300));
    assert_eq!((times(&seen, CLOSE).0, seen.counter(Counter::PassedOver)), (0, 2));
}

#[test]
fn a_close_that_has_come_already_took_no_time_and_is_early() {
    let (result, seen) = dialogue(
        |socket| closes(socket, None, ms(100)),
        async |user| {
            pause(user, ms(500)).await;
            user.receive_close(&close_of(None)).await
        },
    );
    assert_eq!((result, times(&seen, RECEIVE)), (Ok(()), (1, 100, 100, 100)));
    let (result, seen) = dialogue(
        |socket| closes(socket, None, ms(100)),
        async |user| {
            user.receive(&receive(1)).await?;
            pause(user, ms(500)).await;
            user.receive(&receive(1)).await?;
            user.receive_close(&close_of(None)).await
        },
    );
    assert_eq!((result, times(&seen, RECEIVE).0, seen.counter(Counter::Early)), (Ok(()), 3, 0));
}

#[test]
fn another_code_than_the_expected_one_fails_and_so_does_none() {
    for (code, said_so) in [
        (Some(1001), "the peer closed the socket with 1001, expected 1000"),
        (None, "the peer closed the socket without a code, expected 1000"),
    ] {
        let (result, seen) = dialogue(
            move |socket| closes(socket, code, ms(10)),
            async |user| user.receive_close(&close_of(Some(1000))).await,
        );
        assert_eq!((result, failed(&seen, RECEIVE)), (Err(Failed), (1, 10)));
        assert_eq!(said(&seen, head(RECEIVE), ErrorKind::Expect), said_so);
    }
}

#[test]
fn a_close_that_never_comes_costs_the_time_and_a_drop_is_none() {
    let (result, seen) =
        dialogue(|socket| ticks(socket, 3, ms(100)), async |user| user.receive_close(&close_of(None)).await);
    assert_eq!((result, failed(&seen, RECEIVE)), (Err(Failed), (1, 1_000)));
    let expected = "the peer did not close the socket within 1s";
    assert_eq!(said(&seen, head(RECEIVE), ErrorKind::Timeout), expected);
    let drops = |socket: Server| async move {
        sleep(ms(50)).await;
        drop(socket);
    };
    let (result, seen) = dialogue(drops, async |user| user.receive_close(&close_of(None)).await);
    assert_eq!((result, failed(&seen, RECEIVE)), (Err(Failed), (1, 50)));
    let expected = "the peer closed the connection without a closing handshake";
    assert_eq!(said(&seen, head(RECEIVE), ErrorKind::Closed), expected);
}
