//! `Idempotency-Key`: a request that is sent twice is carried out once.
//!
//! Invariant: the work of such a request goes on when its client goes away, so that the client's second try finds the answer.
//! Only success is kept: a refusal changed nothing, and trying again may succeed.

use super::extract::bytes_problem;
use super::problem::{ApiError, Problem};
use crate::services::Services;
use crate::services::idempotency::{Answer, Begun};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key.
const KEY_MAX: usize = 255;
/// An answer that is larger than this is not kept; the largest of ours, a plan with its skipped entries, is far smaller.
const ANSWER_MAX: usize = 1024 * 1024;
/// Headers that belong to the answer itself rather than to how it was sent.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// The layer around an operation that honours the header.
pub async fn once(State(services): State<Services>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(KEY).cloned() else {
        return next.run(request).await;
    };
    match carry_out(&services, &key, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn carry_out(
    services: &Services,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let key = read_key(key)?;
    let (parts, body) = request.into_parts();
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &())
        .await
        .map_err(|e| bytes_problem(&e))?;
    let scope = format!("{} {}", parts.method, parts.uri.path());
    let hash = hash(parts.uri.query(), &parts.headers, &body);
    let turn = match services.idempotency.begin(&scope, &key, &hash).await? {
        Begun::Kept(answer) => return Ok(replay(answer)),
        Begun::OtherRequest => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                format!("the Idempotency-Key {key:?} was used for another request; nothing was done. Use a new key"),
            )
            .into());
        }
        Begun::Running => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "idempotency_in_flight",
                format!(
                    "a request with the Idempotency-Key {key:?} is being carried out; ask again in a moment for its answer"
                ),
            )
            .into());
        }
        Begun::Go(turn) => turn,
    };
    let work = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        if !response.status().is_success() {
            return response;
        }
        let (parts, body) = response.into_parts();
        let body = match to_bytes(body, ANSWER_MAX).await {
            Ok(body) => body,
            Err(error) => {
                return ApiError::from(crate::services::ServiceError::internal(error)).into_response();
            }
        };
        if let Err(problem) = turn.keep(answer(parts.status, &parts.headers, &body)).await {
            tracing::warn!(%problem, "the answer to an Idempotency-Key could not be kept; a second request would be carried out again");
        }
        Response::from_parts(parts, Body::from(body))
    });
    match work.await {
        Ok(response) => Ok(response),
        // The layer that guards against panics answers.
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        Err(ended) => Err(crate::services::ServiceError::internal(ended).into()),
    }
}

fn read_key(value: &HeaderValue) -> Result<String, Problem> {
    value
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|key| !key.is_empty() && key.len() <= KEY_MAX)
        .map(str::to_owned)
        .ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "bad_idempotency_key",
                format!("an Idempotency-Key is 1 to {KEY_MAX} visible ASCII characters, such as a UUID"),
            )
        })
}

fn hash(query: Option<&str>, headers: &HeaderMap, body: &Bytes) -> String {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    let mut hasher = blake3::Hasher::new();
    for part in [query.unwrap_or_default().as_bytes(), kind, body] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

fn answer(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Answer {
    Answer {
        status: status.as_u16(),
        headers: KEPT
            .iter()
            .filter_map(|name| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned())))
            .collect(),
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
