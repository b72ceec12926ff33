//! `GET /events`: the event log as Server-Sent Events.
//!
//! Invariant: `id` is the event's number in the log, so that a browser's own reconnect (`Last-Event-ID`) misses nothing. Progress
//! between stages carries no new id.

use crate::domain::event::Stream as Kind;
use crate::edges::http::extract::Query;
use crate::edges::http::problem::{ApiError, Problem};
use crate::services::Services;
use crate::services::live::{Outgoing, Resume, Subscriber};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures::Stream;
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;

/// A comment this often keeps proxies from closing a silent stream, as the contract says.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// Events that a client without a place of its own is shown first.
const REPLAY: i64 = 50;

#[derive(Deserialize)]
struct Asked {
    since: Option<i64>,
    #[serde(default)]
    stream: Kind,
}

/// The one path.
pub fn router() -> Router<Services> {
    Router::new().route("/events", get(events))
}

async fn events(
    State(services): State<Services>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let last = match headers.get("last-event-id") {
        None => None,
        Some(id) => Some(
            id.to_str()
                .ok()
                .and_then(|id| id.trim().parse().ok())
                .ok_or_else(|| {
                    Problem::new(
                        StatusCode::BAD_REQUEST,
                        "bad_last_event_id",
                        "Last-Event-ID must be the id of an event of this stream",
                    )
                })?,
        ),
    };
    let mut subscriber = services.live.subscriber(Resume::Elsewhere);
    // A browser repeats the first address when it reconnects, so what it says it has seen comes before what the address says.
    match last.or(asked.since) {
        Some(since) => subscriber.subscribe(asked.stream, Some(since), None),
        None => subscriber.subscribe_last(asked.stream, REPLAY),
    }
    Ok(Sse::new(flow(subscriber)).keep_alive(KeepAlive::new().interval(COMMENT_EVERY)))
}

fn flow(subscriber: Subscriber) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(subscriber, |mut subscriber| async move {
        let event = match subscriber.next().await {
            Ok(Outgoing::Packet(packet)) => {
                let event = Event::default().event(packet.name).data(&packet.json);
                if packet.logged {
                    event.id(packet.seq.to_string())
                } else {
                    event
                }
            }
            Ok(Outgoing::Resync { reason, seq }) => {
                let data = serde_json::json!({ "type": "resync", "reason": reason, "seq": seq });
                Event::default()
                    .event("resync")
                    .id(seq.to_string())
                    .data(data.to_string())
            }
            Ok(Outgoing::Snapshot(_) | Outgoing::Closed) => return None,
            Err(problem) => {
                tracing::warn!(%problem, "a live client is cut because the event log cannot be read");
                return None;
            }
        };
        Some((Ok(event), subscriber))
    })
}
