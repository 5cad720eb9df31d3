//! What a listener is told, in order.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scn::plan::Op;
use scn::run::trace::{Event, Listener, Scene, Trace};
use scn::run::{self, Options, Stop};

use crate::run::world::{BAD, Draft, Memory, OK, SECOND, options};

/// Keeps one line for each event.
struct Lines(RefCell<Vec<String>>, Arc<Mutex<Vec<String>>>);

impl Trace for Lines {
    fn tell(&self, scene: &Scene<'_>, event: &Event<'_>) {
        let text = match event {
            Event::Begun(part) => format!("begun {part:?}"),
            Event::Ended(part, outcome) => format!("ended {part:?} {outcome:?}"),
            Event::Request { method, url, headers, body, .. } => {
                format!("request {method} {url} {} headers {} bytes", headers.len(), body.len())
            }
            Event::Response { status, body, size, time, .. } => {
                format!("response {status} {} of {size} bytes after {time:?}", body.len())
            }
            Event::Judged { held, actual, .. } => format!("judged {held} {actual:?}"),
            Event::Pause { length } => format!("pause {length:?}"),
            Event::Failed { kind, why, .. } => format!("failed {} {why}", kind.name()),
            other => format!("{other:?}"),
        };
        self.0.borrow_mut().push(format!("{:?} user {} {text}", scene.at.since(scn::base::Offset::ZERO), scene.id));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        *self.1.lock().unwrap() = self.0.take();
    }
}

#[test]
fn a_listener_hears_of_requests_answers_expectations_and_pauses_in_order() {
    let mut draft = Draft::new().duration(SECOND);
    let mut good = draft.get("/good");
    draft.expect_status(&mut good, 200);
    let pause = draft.pause(SECOND);
    let mut bad = draft.get("/bad");
    draft.expect_status(&mut bad, 200);
    draft.task(1.0, vec![Op::Http(Box::new(good)), pause, Op::Http(Box::new(bad))]);
    let service = Memory::new(|path| (Duration::from_millis(20), if path == "/good" { OK } else { BAD }));
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = told.clone();
    let listener = Listener::new(move || Rc::new(Lines(RefCell::default(), keep.clone())));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).unwrap();
    runtime.block_on(async {
        let options = Options { listener: Some(listener), ..options() };
        run::drive(&draft.plan, Rc::new(service), &options, &Stop::default(), &mut |_| {}).await.unwrap();
    });
    assert_eq!(
        *told.lock().unwrap(),
        [
            "0ns user 0 begun Task(TaskId(0))",
            "0ns user 0 request GET http://127.0.0.1/good 4 headers 0 bytes",
            "20ms user 0 response 200 2 of 2 bytes after 20ms",
            "20ms user 0 judged true Some(\"200\")",
            "20ms user 0 pause 1s",
            "1.02s user 0 request GET http://127.0.0.1/bad 4 headers 0 bytes",
            "1.04s user 0 response 503 0 of 0 bytes after 20ms",
            "1.04s user 0 failed expect `status` is 503, expected 200",
            "1.04s user 0 ended Task(TaskId(0)) Failed",
        ]
    );
}
