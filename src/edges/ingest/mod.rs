//! `POST /api/v1/access-events` and a dataset's history: how accesses come in over HTTP and how they are read again.
//!
//! The body is one JSON object, an array of them, or one a line (NDJSON); by `Content-Type`, and by its first characters where that
//! says only JSON. `Content-Encoding: gzip` or `zstd` is unpacked. At most 16 MiB are read, 64 MiB once unpacked, 50,000 events.
//!
//! The answer is 200 with an [`IngestReport`] as soon as one event was counted now or before: refused ones are listed in it by
//! number, and the others count. When every event was refused it is 422, `application/problem+json` with the report's fields beside
//! the problem's. 503 with `Retry-After` means that too much waits: nothing of the batch was counted.
//!
//! Invariant: nothing is decided here but how bytes are read. Next: `body.rs` (bytes to text), `parse.rs` (text to events).

mod body;
mod parse;

use super::http::extract::{Key, Query, bad_query};
use super::http::problem::{ApiError, Problem};
use super::http::table::Route;
use crate::domain::access::{AccessBucket, AccessEvent, IngestReport};
use crate::domain::dataset::Page;
use crate::domain::unit::Timestamp;
use crate::services::{ServiceError, Services};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use parse::{Events, Form};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use body::{BODY_MAX, TEXT_MAX};

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/access-events",
            "countAccessEvents",
            "Counts access events, each identity once",
            count,
        )
        .detail(
            "One object, an array, or an object a line (NDJSON); `Content-Encoding` gzip or zstd. At most 16 MiB, 64 MiB once \
             unpacked, 50,000 events. The answer comes after the commit. Refused events are listed by number and the others count; \
             when all are refused it is 422 with the report's fields beside the problem's. An event with an `event_id`, or with \
             `producer` and `sequence`, is counted once however often it is sent: after no answer or a 503, send the same again.",
        )
        .body_as::<Sent>(&["application/json", "application/x-ndjson"])
        .answers::<IngestReport>(200),
        Route::get(
            "/api/v1/datasets/{dataset}/history",
            "getDatasetHistory",
            "Sums a dataset's accesses by hour or by day",
            history,
        )
        .detail("Oldest first; hours or days without an access are left out. At most 10,000 of them are asked for at once.")
        .query::<Asked>()
        .answers::<Page<AccessBucket>>(200)
        .problems(&[404, 422]),
    ]
}

/// What is sent: one event or several.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `parse` reads piece by piece")]
enum Sent {
    /// One.
    One(AccessEvent),
    /// Several.
    Several(Vec<AccessEvent>),
}

/// A body that is not taken, or not at the moment.
fn refused(status: StatusCode, code: &str, detail: impl Into<String>) -> ApiError {
    Problem::new(status, code, detail).into()
}

/// The answer when every event was refused: a problem, with the report's fields beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllRefused {
    /// What is wrong.
    #[serde(flatten)]
    pub problem: Problem,
    /// Each refused event with its number and reason.
    #[serde(flatten)]
    pub report: IngestReport,
}

async fn count(State(services): State<Services>, request: Request) -> Result<Response, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let form = Form::of(content_type.map(|v| v.to_str().unwrap_or("?")))?;
    let sent = body::receive(request).await?;
    let events = if sent.is_long() {
        tokio::task::spawn_blocking(move || read(&sent, form))
            .await
            .map_err(ServiceError::internal)??
    } else {
        read(&sent, form)?
    };
    Ok(answer(services.telemetry.ingest(events).await?))
}

fn read(sent: &body::Sent, form: Form) -> Result<Events, ApiError> {
    parse::events(&sent.text()?, form)
}

fn answer(report: IngestReport) -> Response {
    let none = report.rejected == report.received;
    let Some(first) = report.errors.first().filter(|_| none) else {
        return Json(report).into_response();
    };
    let detail = if report.received == 1 {
        format!("{}; nothing was counted", first.reason)
    } else {
        format!(
            "none of the {} events can be counted; the first, number {}: {}",
            report.received, first.line, first.reason
        )
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let problem = Problem::new(status, "all_refused", detail);
    let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, content_type, Json(AllRefused { problem, report })).into_response()
}

/// Which part of a history.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// From when on, RFC 3339 or seconds since 1970; 30 days ago when left out.
    since: Option<String>,
    /// `hour` or `day`; `day` when left out.
    #[serde(default)]
    by: By,
}

/// Spans of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// UTC hours.
    Hour,
    /// UTC days.
    #[default]
    Day,
}

async fn history(
    State(services): State<Services>,
    key: Key,
    Query(asked): Query<Asked>,
) -> Result<Json<Page<AccessBucket>>, ApiError> {
    let since = asked.since.as_deref().map(instant).transpose()?;
    let dataset = services.catalog.find_dataset(&key.dataset()).await?;
    let items = services
        .telemetry
        .history(dataset.id, since, asked.by == By::Day)
        .await?;
    let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
    Ok(Json(Page {
        items,
        next_cursor: None,
        total,
    }))
}

fn instant(text: &str) -> Result<Timestamp, Problem> {
    let parsed = match text.parse() {
        Ok(secs) => Some(Timestamp::from_unix_secs(secs)),
        Err(_) => Timestamp::parse_rfc3339(text).ok(),
    };
    parsed.filter(|at| at.to_utc().is_some()).ok_or_else(|| {
        bad_query("since is no time; write it as 2026-01-31T00:00:00Z or in seconds since 1970")
    })
}
