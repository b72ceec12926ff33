//! What every request goes through: id, count, time limits, body limit, panic guard, compression, security headers.
//!
//! Invariant: `text/event-stream` is never compressed, or events would wait in a buffer. A time limit ends where an answer begins,
//! so that streams may go on for ever.

use super::metrics;
use super::problem::Problem;
use super::trace;
use crate::services::Services;
use axum::Router;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::time::Duration;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// Largest body of an ordinary request. Ingest has its own, larger one.
const BODY_MAX: usize = 1024 * 1024;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// An answer must begin within this time after the request's head, its body included.
    pub answer: Duration,
    /// A body that does not go on for this time is given up.
    pub body: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            body: Duration::from_secs(10),
        }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Security headers that every answer carries. A page sets its own content policy with a nonce first.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Puts the layers around a router.
pub fn wrap<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    services: &Services,
    times: Times,
) -> Router<S> {
    let mut router = router
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(RequestBodyTimeoutLayer::new(times.body))
        .layer(from_fn_with_state(times.answer, in_time))
        .layer(CatchPanicLayer::custom(on_panic))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    for (name, value) in HEADERS {
        router = router.layer(SetResponseHeaderLayer::if_not_present(
            name,
            HeaderValue::from_static(value),
        ));
    }
    router
        .layer(from_fn(close_unread))
        .layer(from_fn_with_state(services.clone(), trace::follow))
        .layer(from_fn_with_state(services.clone(), metrics::count))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// The content policy of a page: own files, and inline scripts that carry this page's nonce.
#[must_use]
pub fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

/// What is left of a refused body up to this size is read and dropped, so that the connection can serve on.
const DRAINED: u64 = 64 << 10;

/// Says that the connection ends where a large body was refused before it was read.
///
/// The server closes such a connection anyway; a client that is not told sends its next request into the closing one.
async fn close_unread(request: Request, next: Next) -> Response {
    let large = request.version() < Version::HTTP_2
        && request
            .body()
            .size_hint()
            .upper()
            .is_none_or(|size| size > DRAINED);
    let mut response = next.run(request).await;
    if large && (response.status().is_client_error() || response.status().is_server_error()) {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Requests that look at every object of a dataset may take so many times as long: a million objects are listed in a minute or so.
const LISTING: u32 = 20;
/// What they are about, in their addresses.
const LISTS: [&str; 5] = ["plan", "scan", "evacuat", "replicat", "undo"];
/// Those that change nothing: the page of a plan, and what it is drawn from.
const LISTS_ON_ITS_PAGE: [&str; 2] = ["/plan", "/api/fn/plan"];

/// Whether a request looks at every object of a dataset.
pub(super) fn lists(method: &Method, path: &str) -> bool {
    if *method == Method::POST {
        LISTS.iter().any(|word| path.contains(word))
    } else {
        LISTS_ON_ITS_PAGE.contains(&path)
    }
}

async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let lists = lists(request.method(), request.uri().path());
    let limit = if lists { limit * LISTING } else { limit };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "answer_timeout",
            format!(
                "the answer took longer than {} s and was given up; what was changed by then, if anything, is changed",
                limit.as_secs()
            ),
        )
        .into_response(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn on_panic(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "a request handler panicked");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "a fault of the server; its log says more",
    )
    .into_response()
}
