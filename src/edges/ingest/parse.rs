//! A body's text to events: one object, an array, or one object a line.
//!
//! Invariant: a bad line or element never spoils the good ones; only a text that is no JSON at all is refused as a whole. Lines are
//! numbered as they stand in the text, the elements of an array from 1.

use super::refused;
use crate::domain::access::AccessEvent;
use crate::edges::http::problem::ApiError;
use crate::services::telemetry::BATCH_MAX;
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Numbered events, or why they could not be read.
pub type Events = Vec<(i64, Result<AccessEvent, String>)>;

/// How the body says that it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One object a line, whatever it looks like.
    Lines,
    /// JSON; several objects in a row are taken as lines.
    Json,
}

impl Form {
    /// By the content type. Without one, or with the one that `curl` sends when it is told none, the text itself decides.
    ///
    /// # Errors
    /// A type that is neither.
    pub fn of(content_type: Option<&str>) -> Result<Self, ApiError> {
        let kind = content_type.map(|t| t.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
        match kind.as_deref() {
            Some(
                "application/x-ndjson"
                | "application/ndjson"
                | "application/jsonl"
                | "application/x-jsonlines",
            ) => Ok(Self::Lines),
            None
            | Some(
                ""
                | "application/json"
                | "text/json"
                | "text/plain"
                | "application/octet-stream"
                | "application/x-www-form-urlencoded",
            ) => Ok(Self::Json),
            Some(kind) => Err(refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "wrong_content_type",
                format!(
                    "access events are not read from {kind}; send application/json (an object or an array) or application/x-ndjson \
                     (an object a line). `dim access import` reads CSV histories"
                ),
            )),
        }
    }
}

/// Reads the events of a body.
///
/// # Errors
/// Text that is empty or no JSON, or more events than a batch holds.
pub fn events(body: &[u8], form: Form) -> Result<Events, ApiError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let events = match (form, body.trim_ascii_start().first()) {
        (_, None) => Vec::new(),
        (Form::Json, Some(b'[')) => array(body)?,
        (Form::Json, Some(b'{')) => match single(body) {
            Some(event) => vec![(1, event)],
            None => lines(body)?,
        },
        (Form::Json, Some(_)) => {
            return Err(refused(
                StatusCode::BAD_REQUEST,
                "malformed_json",
                "the body is no JSON object, no array and no lines of objects; nothing was counted",
            ));
        }
        (Form::Lines, Some(_)) => lines(body)?,
    };
    if events.is_empty() {
        return Err(refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no_events",
            "the body holds no event; send an object, an array of objects, or an object a line",
        ));
    }
    Ok(events)
}

/// The body as one object; `None` when more follows it or its first line is whole by itself.
fn single(body: &[u8]) -> Option<Result<AccessEvent, String>> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let first = values.next()?;
    match first {
        Ok(value) => {
            let rest = body.get(values.byte_offset()..)?;
            rest.trim_ascii().is_empty().then(|| event(value))
        }
        // An object spread over lines that breaks off is one bad object; a bad line among others is theirs to report.
        Err(error) => {
            let first_line = body.trim_ascii().split(|&b| b == b'\n').next()?;
            let whole = first_line.trim_ascii_end().ends_with(b"}");
            (!whole || first_line.len() == body.trim_ascii().len()).then(|| Err(worded(&error)))
        }
    }
}

fn event(value: Value) -> Result<AccessEvent, String> {
    AccessEvent::deserialize(value).map_err(|e| worded(&e))
}

fn lines(body: &[u8]) -> Result<Events, ApiError> {
    let mut events = Events::new();
    for (number, line) in (1..).zip(body.split(|&b| b == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if events.len() == BATCH_MAX {
            return Err(too_many());
        }
        events.push((number, serde_json::from_slice(line).map_err(|e| worded(&e))));
    }
    Ok(events)
}

/// An array, element by element, so that a large one is never a tree in memory.
fn array(body: &[u8]) -> Result<Events, ApiError> {
    let mut events = Events::new();
    let mut text = serde_json::Deserializer::from_slice(body);
    let read = Elements(&mut events)
        .deserialize(&mut text)
        .and_then(|()| text.end());
    if events.len() > BATCH_MAX {
        return Err(too_many());
    }
    read.map(|()| events).map_err(|error| {
        refused(
            StatusCode::BAD_REQUEST,
            "malformed_json",
            format!("the array is no JSON: {error}. Nothing was counted"),
        )
    })
}

struct Elements<'a>(&'a mut Events);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of access events")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(value) = seq.next_element::<Value>()? {
            number += 1;
            self.0.push((number, event(value)));
            if self.0.len() > BATCH_MAX {
                return Err(serde::de::Error::custom("too many events"));
            }
        }
        Ok(())
    }
}

fn too_many() -> ApiError {
    refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_many_events",
        format!("the body holds more than {BATCH_MAX} events; nothing was counted, send them in parts"),
    )
}

/// The parser's words with the column instead of its own count of lines, which starts anew with every line.
fn worded(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((words, _)) if error.line() <= 1 => format!("{words} (column {})", error.column()),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"dataset_id":1,"op":"read","size_bytes":5}"#;

    /// Line numbers, negative for refused ones.
    fn read(text: &str, form: Form) -> Vec<i64> {
        let Ok(events) = events(text.as_bytes(), form) else {
            return vec![0];
        };
        events
            .iter()
            .map(|(n, e)| if e.is_ok() { *n } else { -*n })
            .collect()
    }

    #[test]
    fn every_form_is_read_and_bad_parts_are_numbered() {
        let pretty = GOOD.replace(',', ",\n  ");
        for (text, form, expected) in [
            (GOOD.to_owned(), Form::Json, vec![1]),
            (format!("\u{feff} {GOOD}\r\n"), Form::Json, vec![1]),
            (pretty.clone(), Form::Json, vec![1]),
            (pretty[..pretty.len() - 1].to_owned(), Form::Json, vec![-1]),
            (GOOD[..GOOD.len() - 1].to_owned(), Form::Json, vec![-1]),
            (format!("{GOOD}\n\n{GOOD}\n"), Form::Json, vec![1, 3]),
            (format!("{GOOD}\n\r\n{GOOD}\n"), Form::Lines, vec![1, 3]),
            (format!("{{\"x\" 1}}\n{GOOD}"), Form::Json, vec![-1, 2]),
            (format!("7\n{GOOD}"), Form::Lines, vec![-1, 2]),
            (
                format!("[{GOOD}, {{\"op\":1}}, 7,{GOOD}]"),
                Form::Json,
                vec![1, -2, -3, 4],
            ),
            (format!("[{GOOD}"), Form::Json, vec![0]),
            (format!("[{GOOD}] x"), Form::Json, vec![0]),
            ("[]".into(), Form::Json, vec![0]),
            ("".into(), Form::Lines, vec![0]),
            ("size=1".into(), Form::Json, vec![0]),
        ] {
            assert_eq!(read(&text, form), expected, "{text}");
        }
    }

    #[test]
    fn a_batch_has_a_largest_number_of_events() {
        let lines = format!("{GOOD}\n").repeat(BATCH_MAX);
        assert_eq!(read(&lines, Form::Lines).len(), BATCH_MAX);
        assert_eq!(read(&format!("{lines}{GOOD}"), Form::Lines), [0]);
        let array = format!("[{}{GOOD}]", format!("{GOOD},").repeat(BATCH_MAX));
        assert_eq!(read(&array, Form::Json), [0]);
    }

    #[test]
    fn a_type_that_is_neither_is_refused() {
        assert!(Form::of(Some("text/csv")).is_err());
        assert_eq!(
            Form::of(Some("Application/X-NDJSON; charset=utf-8")).ok(),
            Some(Form::Lines)
        );
        assert_eq!(Form::of(None).ok(), Some(Form::Json));
    }
}
