//! A rehearsal as JSON for programs: an object a line, `event` says what happened.

use serde_json::{Map, Value, json};

use super::lines::{Told, header_shown, is_named, named};
use crate::base::Offset;
use crate::plan::{PointId, StepId};
use crate::run::trace::{Event, Message, Part, Scene, Trace};

/// Most bytes of a body that are told.
const BODY_BYTES_MAX: usize = 16 << 10;

/// Writes an object for each thing that happens.
pub(super) struct Objects {
    told: Told,
}

impl Objects {
    /// A writer to standard output.
    pub(super) fn new(told: Told) -> Objects {
        Objects { told }
    }

    fn step(&self, step: StepId) -> Value {
        let plan = &self.told.0;
        let step = &plan.steps[step.0 as usize];
        let name = &plan.series[step.series.0 as usize].name;
        json!({ "name": name, "line": self.line(step.point) })
    }

    fn line(&self, point: PointId) -> String {
        let (plan, sources, _) = &*self.told;
        let span = plan.points[point.0 as usize].span;
        let file = sources.file(span.file);
        let (line, column) = file.line_column(span.start);
        format!("{}:{line}:{column}", file.name)
    }

    fn part(&self, part: Part) -> String {
        match part {
            Part::Setup => "setup".into(),
            Part::OnStart => "on_start".into(),
            Part::Task(task) => self.told.0.tasks[task.0 as usize].name.clone(),
            Part::OnStop => "on_stop".into(),
            Part::Teardown => "teardown".into(),
        }
    }

    fn object(&self, scene: &Scene<'_>, event: &Event<'_>) -> Value {
        let text = |point: &PointId| self.told.0.points[point.0 as usize].text.clone();
        let headers = |headers: &http::HeaderMap| -> Value {
            let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                let shown = header_shown(name.as_str(), &value).map(str::to_owned);
                json!([name.as_str(), shown.unwrap_or_else(|| scene.hide(&value).into_owned())])
            };
            headers.iter().map(pair).collect()
        };
        let body = |bytes: &[u8]| {
            let kept = &bytes[..bytes.len().min(BODY_BYTES_MAX)];
            scene.hide(&String::from_utf8_lossy(kept)).into_owned()
        };
        let message = |message: &Message<'_>| match message {
            Message::Text(text) => body(text.as_bytes()),
            Message::Binary(bytes) => {
                bytes.iter().take(BODY_BYTES_MAX).map(|byte| format!("{byte:02x}")).collect::<String>()
            }
        };
        let value = |point: &PointId, value: &crate::plan::Value| {
            let (name, secret) = named(&self.told.0.points[point.0 as usize].text);
            let shown = if secret { "***".into() } else { scene.hide(&value.text()).into_owned() };
            (name.to_owned(), shown)
        };
        match event {
            Event::Begun(part) => json!({ "event": "begun", "part": self.part(*part) }),
            Event::Ended(part, outcome) => {
                json!({ "event": "ended", "part": self.part(*part), "outcome": format!("{outcome:?}").to_lowercase() })
            }
            Event::Request { step, method, url, headers: sent, body: bytes, size } => json!({
                "event": "request", "step": self.step(*step), "method": method, "url": scene.hide(url),
                "headers": headers(sent), "body": body(bytes), "size": size,
            }),
            Event::Redirected { step, status, method, url } => json!({
                "event": "redirected", "step": self.step(*step), "status": status, "method": method,
                "url": scene.hide(url),
            }),
            Event::Response { step, status, headers: came, body: bytes, size, time } => json!({
                "event": "response", "step": self.step(*step), "status": status, "headers": headers(came),
                "body": body(bytes), "size": size, "time_ms": time.as_secs_f64() * 1e3,
            }),
            Event::Opened { step, time } => {
                json!({ "event": "opened", "step": self.step(*step), "time_ms": time.as_secs_f64() * 1e3 })
            }
            Event::Sent { step, message: sent } => {
                json!({ "event": "sent", "step": self.step(*step), "message": message(sent) })
            }
            Event::Received { step, message: came, time } => json!({
                "event": "received", "step": self.step(*step), "message": message(came),
                "time_ms": time.as_secs_f64() * 1e3,
            }),
            Event::PassedOver { step, message: came } => {
                json!({ "event": "passed_over", "step": self.step(*step), "message": message(came) })
            }
            Event::Closed { step, time } => {
                json!({ "event": "closed", "step": self.step(*step), "time_ms": time.as_secs_f64() * 1e3 })
            }
            Event::Judged { point, held, actual } => json!({
                "event": "judged", "line": self.line(*point), "text": text(point), "held": held,
                "actual": actual.as_deref().map(|actual| scene.hide(actual)),
            }),
            Event::Value { point: Some(point), value: found, .. } if is_named(&text(point)) => {
                let (name, shown) = value(point, found);
                json!({ "event": "value", "line": self.line(*point), "name": name, "value": shown })
            }
            Event::Value { .. } => Value::Null,
            Event::Measured { point, value: found } => {
                let (name, shown) = value(point, found);
                json!({ "event": "measured", "line": self.line(*point), "name": name, "value": shown })
            }
            Event::Log { point, text } => {
                json!({ "event": "log", "line": self.line(*point), "text": scene.hide(text) })
            }
            Event::Pause { length } => json!({ "event": "pause", "time_ms": length.as_secs_f64() * 1e3 }),
            Event::Entered { point, note } => {
                json!({ "event": "entered", "line": self.line(*point), "text": text(point), "note": note })
            }
            Event::Failed { point, kind, why } => json!({
                "event": "failed", "line": self.line(*point), "text": text(point), "kind": kind.name(),
                "why": scene.hide(why),
            }),
        }
    }
}

impl Trace for Objects {
    fn tell(&self, scene: &Scene<'_>, event: &Event<'_>) {
        let Value::Object(told) = self.object(scene, event) else { return };
        let mut object = Map::new();
        object.insert("at_ms".into(), json!(scene.at.since(Offset::ZERO).as_secs_f64() * 1e3));
        object.insert("user".into(), json!(self.told.0.users[scene.class.0 as usize].name));
        object.insert("id".into(), json!(scene.id));
        object.extend(told);
        // Whoever reads may have gone away; what is tried goes on.
        let _ = self.told.2.print(&format!("{}\n", Value::Object(object)));
    }
}
