//! Sockets that outlive their blocks: the user's for life, a task's for an iteration.

use std::cell::RefCell;

use super::*;

/// What a server heard, in order, over all its sockets.
type Heard = Rc<RefCell<Vec<String>>>;

/// Answers each message with itself, notes what it hears, and drops the connection after so many messages.
async fn echo_until(mut socket: WebSocketStream<DuplexStream>, heard: Heard, most: usize) {
    heard.borrow_mut().push("opened".into());
    for _ in 0..most {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                heard.borrow_mut().push(text.to_string());
                let _ = socket.send(Message::text(text.to_string())).await;
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map(|frame| u16::from(frame.code));
                heard.borrow_mut().push(format!("closed {code:?}"));
                while socket.next().await.is_some() {}
                return;
            }
            _ => {
                heard.borrow_mut().push("cut".into());
                return;
            }
        }
    }
}

/// Runs this with one user for so long against an echo that drops each connection after so many messages.
fn against_echo(text: &str, duration: Duration, most: usize) -> (Plan, Finished, Vec<String>) {
    let plan = plan(text, 1, duration);
    let heard = Heard::default();
    let serve = {
        let heard = heard.clone();
        move |socket| echo_until(socket, heard.clone(), most)
    };
    let finished = pretend(&plan, serve);
    let heard = heard.borrow().clone();
    (plan, finished, heard)
}

const LIFE: &str = r#"
scenario "Life"
target "http://127.0.0.1:80"
user caller {
  think 1s
  on start {
    feed: open websocket /ws {
      hello: call text "hello" within 1s { capture greeting = body }
    }
  }
  task ask {
    with feed { asked: call text "${greeting} again" within 1s { expect body == "hello again" } }
  }
  on stop { with feed { bye: call text "bye" within 1s } }
}
"#;

#[test]
fn a_socket_of_on_start_belongs_to_the_user_and_is_closed_when_it_ends() {
    let (plan, finished, heard) = against_echo(LIFE, ms(3_500), 1_000);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(
        heard,
        ["opened", "hello", "hello again", "hello again", "hello again", "hello again", "bye", "closed Some(1000)"]
    );
    let count = |name| row(&plan, &finished.total, name).0;
    assert_eq!((count("connect"), count("hello"), count("asked"), count("bye"), count("close")), (1, 1, 4, 1, 1));
}

#[test]
fn a_socket_that_has_dropped_is_opened_again_before_the_next_iteration_that_uses_it() {
    // Hello and two answers, then it drops: at 1 s after its second iteration.
    let (plan, finished, heard) = against_echo(LIFE, ms(3_500), 3);
    assert_eq!(finished.total.totals().failures, 1, "only on stop finds it dropped: {:?}", finished.total.points);
    let life = ["opened", "hello", "hello again", "hello again"];
    assert_eq!(heard, [life, life].concat());
    assert_eq!((row(&plan, &finished.total, "hello").0, row(&plan, &finished.total, "asked").0), (2, 4));
    assert_eq!(row(&plan, &finished.total, "bye"), (0, 1, 0), "on stop does not open it again");
    assert_eq!(finished.total.totals().failed_iterations, 0);
}

#[test]
fn opening_it_again_sets_its_captures_again_and_can_fail_the_iteration() {
    let text = r#"
scenario "Again"
target "http://127.0.0.1:80"
user caller {
  think 1s
  on start {
    feed: open websocket /ws { hello: receive within 1s { capture greeting = body; expect body != "no" } }
  }
  task ask { with feed { asked: call text "${greeting}" within 1s } }
}
"#;
    let plan = plan(text, 1, ms(5_500));
    let (dialled, heard) = (Rc::new(Cell::new(0)), Heard::default());
    let serve = {
        let heard = heard.clone();
        move |mut socket: WebSocketStream<DuplexStream>| {
            let (dialled, heard) = (dialled.clone(), heard.clone());
            async move {
                dialled.set(dialled.get() + 1);
                let greeting = ["one", "no", "three", "four", "five", "six"][dialled.get() - 1];
                let _ = socket.send(Message::text(greeting)).await;
                let Some(Ok(Message::Text(text))) = socket.next().await else { return };
                heard.borrow_mut().push(text.to_string());
                let _ = socket.send(Message::text(text.to_string())).await;
            }
        }
    };
    let finished = pretend(&plan, serve);
    assert_eq!(*heard.borrow(), ["one", "three", "four", "five", "six"]);
    let totals = finished.total.totals();
    assert_eq!((totals.iterations, totals.failed_iterations), (6, 1), "{:?}", finished.total.points);
    assert_eq!(row(&plan, &finished.total, "hello"), (5, 1, 0));
    assert_eq!(row(&plan, &finished.total, "connect").0, 6);
}

#[test]
fn a_failed_iteration_leaves_the_users_socket_open() {
    let text = LIFE.replace("expect body == \"hello again\"", "expect body == \"something else\"");
    let (_, finished, heard) = against_echo(&text, ms(2_500), 1_000);
    assert_eq!(finished.total.totals().failed_iterations, 3);
    assert_eq!(heard, ["opened", "hello", "hello again", "hello again", "hello again", "bye", "closed Some(1000)"]);
}

const ITERATION: &str = r#"
scenario "Iteration"
target "http://127.0.0.1:80"
user caller {
  think 1s
  task ask {
    feed: open websocket /ws { hello: call text "hello" within 1s }
    other: open websocket /other { }
    with feed {
      asked: call text "again" within 1s
      with other { inner: call text "inner" within 1s }
      waited: receive within 1s since asked
    }
  }
}
"#;

#[test]
fn a_socket_of_a_task_belongs_to_the_iteration() {
    let text = ITERATION.replace("      waited: receive within 1s since asked\n", "");
    let (plan, finished, heard) = against_echo(&text, ms(1_500), 1_000);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    // The one opened last is closed first.
    let one = ["opened", "hello", "opened", "again", "inner", "closed Some(1000)", "closed Some(1000)"];
    assert_eq!(heard, [one, one].concat());
    assert_eq!((row(&plan, &finished.total, "close").0, row(&plan, &finished.total, "connect").0), (4, 4));
}

#[test]
fn a_failed_iteration_cuts_its_sockets_without_a_step() {
    let (plan, finished, heard) = against_echo(ITERATION, ms(500), 1_000);
    assert_eq!((row(&plan, &finished.total, "waited").1, row(&plan, &finished.total, "close").0), (1, 0));
    assert_eq!(heard, ["opened", "hello", "opened", "again", "inner", "cut", "cut"]);
}

#[test]
fn a_named_socket_closed_by_the_author_can_be_opened_anew() {
    let text = r#"
scenario "Anew"
target "http://127.0.0.1:80"
user caller {
  think 1h
  task ask {
    repeat 3 {
      feed: open websocket /ws { hello: call text "hello" within 1s }
      with feed { bye: close 3001 "bye" }
    }
  }
}
"#;
    let (_, finished, heard) = against_echo(text, ms(500), 1_000);
    assert_eq!(finished.total.totals().failures, 0, "{:?}", finished.total.points);
    assert_eq!(heard, ["opened", "hello", "closed Some(3001)"].repeat(3));
}
