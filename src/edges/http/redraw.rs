//! A page that is not drawn in time is drawn once more.
//!
//! The page framework can lose a wake-up between two threads while it waits for a page's data: the page is then never finished,
//! although nothing is amiss with its data. It is rare (a few pages in a thousand on an overloaded machine, none in 3,000 otherwise), and a second
//! drawing does not meet it again. Reading a page changes nothing, so that drawing it twice does no harm.
//!
//! Invariant: only requests that read are repeated, once, and with their head alone.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::time::Duration;

/// Ten times what the slowest page takes on a busy machine, and well below the time that every answer has.
const DRAWN_WITHIN: Duration = Duration::from_secs(5);

/// The layer around the pages.
pub async fn once(request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (head, _) = request.into_parts();
    let first = next.clone().run(Request::from_parts(head.clone(), Body::empty()));
    match tokio::time::timeout(DRAWN_WITHIN, first).await {
        Ok(page) => page,
        Err(_) => {
            tracing::warn!(
                path = head.uri.path(),
                "a page was not drawn in {} s and is drawn once more",
                DRAWN_WITHIN.as_secs()
            );
            next.run(Request::from_parts(head, Body::empty())).await
        }
    }
}
