//! The layer that makes a request a part of its caller's trace, and whatever comes of the request too.

use crate::domain::trace::TraceParent;
use crate::services::{Services, trace};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use tracing::field::Empty;

/// Routes that are asked all the time and tell nothing about the work that is done.
const SILENT: [&str; 4] = ["/metrics", "/livez", "/readyz", "/health"];

/// Follows a request until its answer begins. A `traceparent` that cannot be read is taken for none.
pub async fn follow(State(services): State<Services>, request: Request, next: Next) -> Response {
    let caller: Option<TraceParent> = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    // Files have no route of their own.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let Some(route) = route.filter(|route| !SILENT.contains(&route.as_str())) else {
        return trace::within(caller, next.run(request)).await;
    };
    let method = request.method().as_str();
    let span = tracing::info_span!(
        target: "dim_trace",
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    let own = services.traces.enter(&span, caller);
    let response = trace::within(own, next.run(request))
        .instrument(span.clone())
        .await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}
