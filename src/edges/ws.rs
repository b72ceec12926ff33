//! `GET /ws`: snapshot, then changes, for any number of streams; small commands in the other direction.
//!
//! Invariant: what a client hears comes from `services::live` unchanged. Memory for a client is bounded: a slow one is cut, and
//! finds its place again by `since`. Next: `sse.rs`, the same events one way.

use crate::domain::event::{ClientMessage, LiveMessage};
use crate::domain::id::JobId;
use crate::domain::migration::Job;
use crate::edges::http::problem::ApiError;
use crate::services::live::{Outgoing, Resume, Subscriber};
use crate::services::{ServiceResult, Services};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use std::time::Duration;
use tokio::time::{Instant, interval_at, timeout};

/// Client messages are short; more is a mistake or an attack.
const MESSAGE_MAX: usize = 4096;
/// axum's default of 128 KiB a connection is for uploads; this saves most of it and is faster for short messages.
const READ_BUFFER: usize = 4096;
/// How often the server pings, as the contract says.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A client that has answered none of three pings is gone.
const SILENT_MAX: Duration = Duration::from_secs(65);
/// A client that takes nothing for this long is cut; it comes back with `since`.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// The one path.
pub fn router() -> Router<Services> {
    Router::new().route("/ws", get(upgrade))
}

async fn upgrade(State(services): State<Services>, ws: WebSocketUpgrade) -> Response {
    ws.read_buffer_size(READ_BUFFER)
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(move |socket| Box::pin(talk(socket, services)))
}

async fn talk(mut socket: WebSocket, services: Services) {
    let mut subscriber = services.live.subscriber(Resume::Snapshot);
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    let mut heard = Instant::now();
    loop {
        let sent = tokio::select! {
            out = subscriber.next() => match out {
                Ok(Outgoing::Closed) => break,
                Ok(out) => send(&mut socket, text_of(out)).await,
                Err(problem) => {
                    tracing::warn!(%problem, "a live client is cut because the event log cannot be read");
                    break;
                }
            },
            message = socket.recv() => {
                let Some(Ok(message)) = message else { break };
                heard = Instant::now();
                match message {
                    Message::Text(text) => match hear(&text, &services, &mut subscriber).await {
                        Some(answer) => send(&mut socket, encode(&answer)).await,
                        None => true,
                    },
                    Message::Binary(_) => send(&mut socket, encode(&error("bad_message", "send text, as JSON"))).await,
                    Message::Close(_) => break,
                    Message::Ping(_) | Message::Pong(_) => true,
                }
            },
            _ = ping.tick() => {
                heard.elapsed() < SILENT_MAX
                    && matches!(timeout(SEND_WITHIN, socket.send(Message::Ping(Default::default()))).await, Ok(Ok(())))
            }
        };
        if !sent {
            break;
        }
    }
}

/// Whether the client took it in time.
async fn send(socket: &mut WebSocket, text: Utf8Bytes) -> bool {
    matches!(
        timeout(SEND_WITHIN, socket.send(Message::Text(text))).await,
        Ok(Ok(()))
    )
}

/// Does what a client asks for; the answer, when there is one besides the events.
async fn hear(text: &str, services: &Services, subscriber: &mut Subscriber) -> Option<LiveMessage> {
    let message: ClientMessage = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(problem) => return Some(error("bad_message", &problem.to_string())),
    };
    let mover = &services.mover;
    match message {
        ClientMessage::Subscribe { stream, since, log } => {
            subscriber.subscribe(stream, since, log.as_deref());
            None
        }
        ClientMessage::Unsubscribe { stream } => {
            subscriber.unsubscribe(stream);
            None
        }
        ClientMessage::Ping => Some(LiveMessage::Pong),
        ClientMessage::Cancel { job_id } => Some(done("cancel", job_id, mover.cancel(job_id).await)),
        ClientMessage::Pause { job_id } => Some(done("pause", job_id, mover.pause(job_id).await)),
        ClientMessage::Resume { job_id } => Some(done("resume", job_id, mover.resume(job_id).await)),
        ClientMessage::Retry { job_id } => Some(done("retry", job_id, mover.retry(job_id).await)),
    }
}

/// What became of a command, in the words that HTTP would use.
fn done(command: &str, job_id: JobId, ended: ServiceResult<Job>) -> LiveMessage {
    match ended {
        Ok(job) => LiveMessage::Done {
            command: command.to_owned(),
            job_id,
            status: job.status,
        },
        Err(problem) => {
            let ApiError(problem) = problem.into();
            error(&problem.code, &problem.detail)
        }
    }
}

fn error(code: &str, message: &str) -> LiveMessage {
    LiveMessage::Error {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

fn text_of(out: Outgoing) -> Utf8Bytes {
    match out {
        Outgoing::Packet(packet) => packet.json.as_str().into(),
        Outgoing::Snapshot(snapshot) => encode(&snapshot),
        Outgoing::Resync { reason, .. } => encode(&LiveMessage::Resync { reason }),
        Outgoing::Closed => Utf8Bytes::default(),
    }
}

fn encode(message: &LiveMessage) -> Utf8Bytes {
    serde_json::to_string(message)
        .expect("a live message has text keys and finite numbers")
        .into()
}
