//! The first failures with all that was there, as lines of JSON: a promise to strangers, so their shape has a version
//! and a schema in the repository.

use serde::Serialize;

use crate::base::{Offset, Sources};
use crate::metrics::Exchange;
use crate::metrics::exchange::{Answered, Asked, Content, Kept, Spoken};
use crate::plan::functions::encoded;
use crate::plan::{Plan, Value};

/// What each line says its shape is.
pub const FAILURE: &str = "scn-failure/1";

/// The JSON Schema of that shape.
pub const FAILURE_SCHEMA: &str = include_str!("../../schema/scn-failure-1.json");

/// One failure, as [`FAILURE_SCHEMA`] describes it.
///
/// Unit: as the names of its keys end: `_s`, exact to a microsecond.
#[derive(Debug, Serialize)]
struct Failure<'a> {
    schema: &'static str,
    run: &'a str,
    seed: u64,
    user: &'a str,
    user_id: u64,
    iteration: u64,
    task: Option<&'a str>,
    step: Option<&'a str>,
    warm_up: bool,
    kind: &'static str,
    message: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    text: &'a str,
    due_s: f64,
    begun_s: f64,
    sent_s: Option<f64>,
    done_s: f64,
    request: Option<Request<'a>>,
    response: Option<Response<'a>>,
    messages: Vec<Message<'a>>,
}

#[derive(Debug, Serialize)]
struct Request<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<Header<'a>>,
    body: Option<Body<'a>>,
}

#[derive(Debug, Serialize)]
struct Response<'a> {
    url: Option<&'a str>,
    status: u16,
    headers: Vec<Header<'a>>,
    body: Option<Body<'a>>,
}

#[derive(Debug, Serialize)]
struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    by: &'static str,
    at_s: f64,
    body: Body<'a>,
}

/// A body or message; neither text nor bytes where nothing of it was kept.
#[derive(Debug, Serialize)]
struct Body<'a> {
    size: u64,
    text: Option<&'a str>,
    base64: Option<String>,
}

/// One failure of the run `run_id` of `plan` as a line of JSON, without a line end.
pub fn failure(plan: &Plan, sources: &Sources, run_id: &str, exchange: &Exchange) -> String {
    let row = exchange.step.map(|step| &plan.series[plan.steps[step.0 as usize].series.0 as usize]);
    let point = &plan.points[exchange.point.0 as usize];
    let file = sources.file(point.span.file);
    let (line, column) = file.line_column(point.span.start);
    let failure = Failure {
        schema: FAILURE,
        run: run_id,
        seed: plan.seed.0,
        user: &plan.users[exchange.user.0 as usize].name,
        user_id: exchange.user_id,
        iteration: exchange.iteration,
        task: row.map(|row| row.task_name.as_str()),
        step: row.map(|row| row.name.as_str()),
        warm_up: exchange.warm_up,
        kind: exchange.kind.name(),
        message: &exchange.message,
        file: &file.name,
        line,
        column,
        text: &point.text,
        due_s: seconds(exchange.due),
        begun_s: seconds(exchange.begun),
        sent_s: exchange.sent.map(seconds),
        done_s: seconds(exchange.done),
        request: exchange.request.as_ref().map(request),
        response: exchange.response.as_ref().map(response),
        messages: exchange.messages.iter().map(message).collect(),
    };
    serde_json::to_string(&failure).expect("a failure is a tree of plain values")
}

fn request(asked: &Asked) -> Request<'_> {
    Request { method: &asked.method, url: &asked.url, headers: headers(&asked.headers), body: body_of(&asked.body) }
}

fn response(answered: &Answered) -> Response<'_> {
    Response {
        url: answered.url.as_deref(),
        status: answered.status,
        headers: headers(&answered.headers),
        body: body_of(&answered.body),
    }
}

fn headers(headers: &[(String, String)]) -> Vec<Header<'_>> {
    headers.iter().map(|(name, value)| Header { name, value }).collect()
}

fn message(spoken: &Spoken) -> Message<'_> {
    Message { by: spoken.by.name(), at_s: seconds(spoken.at), body: body(&spoken.body) }
}

/// `None`: there was none.
fn body_of(content: &Content) -> Option<Body<'_>> {
    (content.size > 0).then(|| body(content))
}

fn body(content: &Content) -> Body<'_> {
    let (text, base64) = match &content.kept {
        Kept::Text(text) if text.is_empty() && content.size > 0 => (None, None),
        Kept::Text(text) => (Some(text.as_str()), None),
        Kept::Bytes(bytes) => (None, Some(base64(bytes))),
    };
    Body { size: content.size, text, base64 }
}

fn base64(bytes: &[u8]) -> String {
    let text = encoded(bytes, Some(&Value::from("base64"))).expect("there is such an encoding");
    text.text().into_owned()
}

fn seconds(at: Offset) -> f64 {
    (at.0 / 1_000) as f64 / 1e6
}
