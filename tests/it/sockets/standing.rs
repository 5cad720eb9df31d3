//! Standing answers and timers: what happens beside the dialogue, and what of it the dialogue sees.

use std::cell::RefCell;

use super::*;

type Heard = Rc<RefCell<Vec<(u128, String)>>>;

/// Runs this for so long against a server that sends these texts, each so many milliseconds after the socket was
/// opened, echoes what begins with `echo`, and notes what it hears and when.
fn against(
    text: &str,
    duration: Duration,
    says: &'static [(u64, &'static str)],
) -> (Plan, Finished, Vec<(u128, String)>) {
    let plan = plan(text, 1, duration);
    let heard = Heard::default();
    let serve = {
        let heard = heard.clone();
        move |socket: WebSocketStream<DuplexStream>| {
            let heard = heard.clone();
            let begun = tokio::time::Instant::now();
            async move {
                let (mut sink, mut stream) = socket.split();
                let mut says = says.iter().peekable();
                loop {
                    let next = says.peek().map_or(Duration::MAX / 4, |(at, _)| ms(*at));
                    tokio::select! {
                        () = tokio::time::sleep_until(begun + next), if says.peek().is_some() => {
                            let (_, text) = says.next().expect("just seen");
                            if sink.send(Message::text(*text)).await.is_err() { return }
                        }
                        message = stream.next() => match message {
                            Some(Ok(Message::Text(text))) => {
                                heard.borrow_mut().push((begun.elapsed().as_millis(), text.to_string()));
                                if text.starts_with("echo") {
                                    sleep(ms(100)).await;
                                    let _ = sink.send(Message::text(text.to_string())).await;
                                }
                            }
                            Some(Ok(Message::Close(_))) => { let _ = sink.close().await; }
                            Some(Ok(_)) => {}
                            _ => return,
                        }
                    }
                }
            }
        }
    };
    let finished = pretend(&plan, serve);
    let heard = heard.borrow().clone();
    (plan, finished, heard)
}

fn at(millis: u128, text: &str) -> (u128, String) {
    (millis, text.to_owned())
}

/// A scenario of one user with this task, once.
fn once(task: &str) -> String {
    format!(
        "scenario \"Standing\"\ntarget \"http://127.0.0.1:80\"\nuser u {{\n  think 1h\n  task t {{\n{task}\n  }}\n}}\n"
    )
}

const SAYS: &[(u64, &str)] = &[
    (100, r#"{"t": "ping", "n": 1}"#),
    (200, r#"{"t": "data", "n": 2}"#),
    (300, r#"{"t": "ping", "n": 3}"#),
    (400, r#"{"t": "data", "n": 4}"#),
];

#[test]
fn a_standing_answer_answers_while_the_user_pauses_and_receives_never_see_what_it_took() {
    let text = once(
        r#"websocket /ws {
             on receive where json $.t == "ping" { pong: send text "pong ${json $.n}" }
             pause 250ms
             data: receive 2 within 1s { expect json $.t == "data" }
           }"#,
    );
    let (plan, finished, heard) = against(&text, ms(2_000), SAYS);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(heard, [at(100, "pong 1"), at(300, "pong 3")]);
    // Arrived at 200 after the connect at 0, and the gap of 200 between them: the answers leave the dialogue's times alone.
    assert_eq!(row(&plan, &finished.total, "data"), (2, 0, 400));
    assert_eq!((row(&plan, &finished.total, "pong").0, finished.total.counter(Counter::PassedOver)), (2, 0));
}

#[test]
fn with_keep_it_only_looks() {
    let text = once(
        r#"websocket /ws {
             on receive where json $.n == 2 keep { saw: send text "saw ${json $.n}" }
             on receive where json $.n >= 2 keep { too: send text "too ${json $.n}" }
             all: receive 4 within 1s
           }"#,
    );
    let (plan, finished, heard) = against(&text, ms(2_000), SAYS);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(row(&plan, &finished.total, "all"), (4, 0, 400));
    assert_eq!(heard, [at(200, "saw 2"), at(200, "too 2"), at(300, "too 3"), at(400, "too 4")]);
}

#[test]
fn the_first_answer_that_fits_takes_the_message_also_one_that_lay_there_before() {
    let text = once(
        r#"websocket /ws {
             pause 150ms
             on receive where json $.n == 1 { one: send text "one" }
             on receive where json $.t == "ping" { other: send text "other" }
             data: receive until json $.n == 4 within 1s
           }"#,
    );
    let (plan, finished, heard) = against(&text, ms(2_000), SAYS);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(heard, [at(150, "one"), at(300, "other")]);
    assert_eq!(row(&plan, &finished.total, "data").0, 2);
}

#[test]
fn a_timer_takes_its_turns_as_long_as_its_socket_is_open() {
    let text = once(
        r#"websocket /ws {
             every 300ms { beat: send text "beat" }
             pause 1s
             data: receive within 1s
             left: send text "left"
           }
           pause 1s
           GET /never"#,
    );
    let text = text.replace("\n           GET /never", "");
    let (plan, finished, heard) = against(&text, ms(5_000), &[(1_300, "data")]);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(heard, [at(300, "beat"), at(600, "beat"), at(900, "beat"), at(1_200, "beat"), at(1_300, "left")]);
    assert_eq!(row(&plan, &finished.total, "data"), (1, 0, 1_300));
}

#[test]
fn standing_things_of_a_users_socket_also_run_while_it_thinks() {
    let text = r#"
scenario "Thinking"
target "http://127.0.0.1:80"
user u {
  think 1s
  on start {
    feed: open websocket /ws {
      on receive where json $.t == "ping" { pong: send text "pong ${json $.n}" }
      every 250ms..250ms { beat: send text "beat" }
    }
  }
  task t { with feed { tell: send text "task" } }
}
"#;
    let (_, finished, heard) = against(text, ms(1_100), SAYS);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(
        heard,
        [
            at(0, "task"),
            at(100, "pong 1"),
            at(250, "beat"),
            at(300, "pong 3"),
            at(500, "beat"),
            at(750, "beat"),
            at(1_000, "beat"),
            // Nothing has come back from the target in the first iteration: it lasts its 10 ms.
            at(1_010, "task"),
        ]
    );
}

#[test]
fn a_failure_in_one_ends_the_iteration_at_the_next_step_and_not_before() {
    let text = once(
        r#"websocket /ws {
             every 150ms { beat: call text "no echo" where body == "never" within 100ms }
             data: receive 4 within 1s
             never: send text "never"
           }"#,
    );
    let (plan, finished, heard) = against(&text, ms(2_000), SAYS);
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.failed_iterations), (1, 1));
    // The receive comes to its end: what failed beside it is told at the next step.
    assert_eq!(row(&plan, &finished.total, "data"), (4, 0, 400));
    assert_eq!(row(&plan, &finished.total, "never").0 + row(&plan, &finished.total, "never").1, 0);
    assert!(row(&plan, &finished.total, "beat").1 >= 1);
    assert!(heard.iter().all(|(_, text)| text == "no echo"));
}

#[test]
fn a_call_in_a_timer_takes_its_reply_and_leaves_the_dialogues_messages_alone() {
    let text = once(
        r#"websocket /ws {
             every 150ms { beat: call text "echo" where body == "echo" within 1s }
             data: receive 4 within 2s { expect json $.n exists }
           }"#,
    );
    let (plan, finished, heard) = against(&text, ms(2_000), SAYS);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    // The server is busy with an echo for 100 ms: it says the third at 300 and the fourth at 400 or a little later.
    let (beats, _, time) = row(&plan, &finished.total, "beat");
    assert_eq!((beats, time), (heard.len() as u64, u128::from(beats) * 100));
    assert_eq!(row(&plan, &finished.total, "data").0, 4);
    assert_eq!(finished.total.counter(Counter::PassedOver), 0);
}

#[test]
fn an_if_in_an_answer_looks_into_the_message() {
    let text = once(
        r#"websocket /ws {
             on receive {
               let n = json $.n
               if json $.t == "ping" { pong: send json { pong: n } } else { other: send json { other: json $.n } }
             }
             pause 500ms
           }"#,
    );
    let (_, finished, heard) = against(&text, ms(2_000), SAYS);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    let texts: Vec<&str> = heard.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, [r#"{"pong":1}"#, r#"{"other":2}"#, r#"{"pong":3}"#, r#"{"other":4}"#]);
}
