//! `/api/v1/events`: the event log by pages, for programs that ask rather than listen.

use super::extract::{Query, bad_query};
use super::problem::{ApiError, Problem};
use super::table::Route;
use crate::domain::event::{DomainEvent, Stream};
use crate::services::Services;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Events of one answer at most.
const LIMIT_MAX: i64 = 1000;
/// Events of one answer when the request names no number.
const LIMIT: i64 = 200;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get("/api/v1/events", "listEvents", "Reads the event log, oldest first", list)
            .detail(
                "Numbers are gapless over all streams. 410 when events after `since` are gone or `since` was never given out: take a \
                 fresh look at the resources and go on from `seq`.",
            )
            .query::<Asked>()
            .answers::<EventPage>(200)
            .problems(&[410]),
    ]
}

/// Which events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The last number that is known; left out, the oldest event that is still there comes first.
    since: Option<i64>,
    /// `jobs`, `access`, `recommendations` or `all`.
    #[serde(default)]
    stream: Stream,
    /// Events of the answer, 1 to 1000.
    limit: Option<i64>,
    /// `next_cursor` of the page before; the same as `since`.
    cursor: Option<String>,
}

/// A page of the event log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventPage {
    /// The events, oldest first.
    pub items: Vec<DomainEvent>,
    /// Set when there are more already: pass it back as `cursor`.
    pub next_cursor: Option<String>,
    /// The last number of the log.
    pub seq: i64,
    /// Names the log that the numbers belong to.
    pub log: String,
}

async fn list(
    State(services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<EventPage>, ApiError> {
    let cursor = asked
        .cursor
        .map(|text| {
            text.parse::<i64>()
                .map_err(|_| bad_query("cursor: it is no cursor of the event log"))
        })
        .transpose()?;
    let limit = asked.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let since = match cursor.or(asked.since) {
        Some(since) => since,
        None => services.live.bounds().await?.trimmed,
    };
    let (bounds, items) = services.live.page(since, asked.stream, limit).await?;
    if !bounds.reaches(since) {
        return Err(Problem::new(
            StatusCode::GONE,
            "history_gone",
            format!(
                "the log holds the events after {} up to {}, not those after {since}; read the resources afresh and go on from {}",
                bounds.trimmed, bounds.last, bounds.last
            ),
        )
        .into());
    }
    let full = i64::try_from(items.len()).is_ok_and(|n| n == limit);
    let next = items
        .last()
        .map(DomainEvent::seq)
        .filter(|last| full && *last < bounds.last);
    Ok(axum::Json(EventPage {
        items,
        next_cursor: next.map(|seq| seq.to_string()),
        seq: bounds.last,
        log: bounds.log,
    }))
}
