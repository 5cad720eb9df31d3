//! What the oscilloscope shows: its settings, what may be asked of them, and the frames they give.

use serde_json::{Map, Value, json};

/// Samples in a second.
pub const SAMPLE_RATE: u32 = 1000;
/// Samples in a frame: a tenth of a second.
pub const BUFFER_SIZE: u32 = 100;
/// What the oscilloscope can draw.
pub const WAVE_TYPES: [&str; 3] = ["sine", "square", "noise"];

/// The form of the wave; an index into [`WAVE_TYPES`] by discriminant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wave {
    /// A sine.
    Sine,
    /// The sign of that sine.
    Square,
    /// Evenly distributed dice.
    Noise,
}

/// What the oscilloscope is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The form.
    pub wave: Wave,
    /// In Hz, 0.1 to 100.
    pub frequency: f64,
    /// 0.1 to 10.
    pub amplitude: f64,
    /// -10 to 10.
    pub offset: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { wave: Wave::Sine, frequency: 10.0, amplitude: 1.0, offset: 0.0 }
    }
}

/// One thing that is wrong with what was asked, in the shape in which FastAPI services answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The member it is about; `None`: the whole body.
    pub field: Option<&'static str>,
    /// For people.
    pub message: String,
    /// For programs: `greater_than_equal`, `float_type` …
    pub kind: &'static str,
}

impl Problem {
    fn new(field: Option<&'static str>, message: impl Into<String>, kind: &'static str) -> Problem {
        Problem { field, message: message.into(), kind }
    }

    /// As an entry of `detail`.
    pub fn to_json(&self) -> Value {
        let mut place = vec!["body"];
        place.extend(self.field);
        json!({ "loc": place, "msg": self.message, "type": self.kind })
    }
}

impl Settings {
    /// These settings with what `text`, a JSON object, brings. Members it does not know are passed over, null counts
    /// as left out. Errors: everything that is wrong with it; nothing is taken then.
    pub fn merged_text(self, text: &[u8]) -> Result<Settings, Vec<Problem>> {
        if text.is_empty() {
            return Err(vec![Problem::new(None, "Field required", "missing")]);
        }
        match serde_json::from_slice(text) {
            Ok(Value::Object(members)) => self.merged(&members),
            Ok(_) => Err(vec![Problem::new(None, "Input should be a valid dictionary", "dict_type")]),
            Err(error) => Err(vec![Problem::new(None, format!("JSON decode error: {error}"), "json_invalid")]),
        }
    }

    /// These settings with what `members` bring, as [`Settings::merged_text`].
    pub fn merged(mut self, members: &Map<String, Value>) -> Result<Settings, Vec<Problem>> {
        let mut problems = Vec::new();
        match members.get("wave_type") {
            None | Some(Value::Null) => {}
            Some(wave) => match wave.as_str() {
                Some("sine") => self.wave = Wave::Sine,
                Some("square") => self.wave = Wave::Square,
                Some("noise") => self.wave = Wave::Noise,
                _ => {
                    let message = "Input should be 'sine', 'square' or 'noise'";
                    problems.push(Problem::new(Some("wave_type"), message, "literal_error"));
                }
            },
        }
        for (field, value, least, most) in [
            ("frequency", &mut self.frequency, 0.1, 100.0),
            ("amplitude", &mut self.amplitude, 0.1, 10.0),
            ("offset", &mut self.offset, -10.0, 10.0),
        ] {
            let given = match members.get(field) {
                None | Some(Value::Null) => continue,
                Some(given) => given.as_f64(),
            };
            let (message, kind) = match given {
                None => ("Input should be a valid number".into(), "float_type"),
                Some(given) if given < least => {
                    (format!("Input should be greater than or equal to {least}"), "greater_than_equal")
                }
                Some(given) if given > most => {
                    (format!("Input should be less than or equal to {most}"), "less_than_equal")
                }
                Some(given) => {
                    *value = given;
                    continue;
                }
            };
            problems.push(Problem::new(Some(field), message, kind));
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// As `GET /api/oscilloscope/config` shows them.
    pub fn to_json(self) -> Value {
        json!({
            "sample_rate": SAMPLE_RATE,
            "buffer_size": BUFFER_SIZE,
            "wave_type": WAVE_TYPES[self.wave as usize],
            "frequency": self.frequency,
            "amplitude": self.amplitude,
            "offset": self.offset,
            "supported_wave_types": WAVE_TYPES,
        })
    }

    /// The frame with the number `index` of a stream, taken at `timestamp` (seconds since 1970). Frames that follow
    /// one another join without a jump. `dice` gives numbers from 0 up to 1, for noise.
    pub fn frame(self, index: u64, timestamp: f64, mut dice: impl FnMut() -> f64) -> Value {
        let first = index * u64::from(BUFFER_SIZE);
        let samples = (first..first + u64::from(BUFFER_SIZE)).map(|sample| {
            let turn = self.frequency * sample as f64 / f64::from(SAMPLE_RATE);
            let unit = match self.wave {
                Wave::Sine => (std::f64::consts::TAU * turn).sin(),
                Wave::Square if turn.fract() < 0.5 => 1.0,
                Wave::Square => -1.0,
                Wave::Noise => dice() * 2.0 - 1.0,
            };
            self.offset + self.amplitude * unit
        });
        json!({
            "timestamp": (timestamp * 1e3).round() / 1e3,
            "samples": samples.collect::<Vec<f64>>(),
            "sample_rate": SAMPLE_RATE,
            "wave_type": WAVE_TYPES[self.wave as usize],
            "parameters": { "frequency": self.frequency, "amplitude": self.amplitude, "offset": self.offset },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_that_is_out_of_range_is_named_and_nothing_is_taken() {
        let problems =
            Settings::default().merged_text(br#"{"frequency":0.05,"amplitude":11,"offset":"x","wave_type":"saw"}"#);
        let kinds: Vec<_> = problems.unwrap_err().iter().map(|p| (p.field.unwrap(), p.kind)).collect();
        assert_eq!(
            kinds,
            [
                ("wave_type", "literal_error"),
                ("frequency", "greater_than_equal"),
                ("amplitude", "less_than_equal"),
                ("offset", "float_type")
            ]
        );
    }

    #[test]
    fn the_ends_of_each_range_are_allowed() {
        for text in
            [r#"{"frequency":0.1,"amplitude":0.1,"offset":-10}"#, r#"{"frequency":100,"amplitude":10,"offset":10}"#]
        {
            assert!(Settings::default().merged_text(text.as_bytes()).is_ok());
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_said_to_be_none() {
        let kind = |text: &[u8]| Settings::default().merged_text(text).unwrap_err()[0].kind;
        assert_eq!(kind(b""), "missing");
        assert_eq!(kind(b"[1]"), "dict_type");
        assert_eq!(kind(b"{"), "json_invalid");
    }

    #[test]
    fn a_frame_has_a_hundred_samples_and_some_two_kilobytes() {
        let settings = Settings { frequency: 7.3, ..Settings::default() };
        let frame = settings.frame(3, 1_700_000_000.123_456, || 0.5);
        assert_eq!(frame["samples"].as_array().unwrap().len(), 100);
        assert_eq!(frame["timestamp"], 1_700_000_000.123);
        assert_eq!(frame["parameters"]["frequency"], 7.3);
        let bytes = frame.to_string().len();
        assert!((1_500..3_000).contains(&bytes), "{bytes}");
    }
}
