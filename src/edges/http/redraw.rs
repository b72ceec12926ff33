//! A page that is not drawn in time is drawn once more.
//!
//! The page framework can lose a wake-up between two threads while it waits for a page's data: the page is then never finished,
//! although nothing is amiss with its data. It is rare (a few pages in a thousand on an overloaded machine, none in 3,000 otherwise), and a second
//! drawing does not meet it again. Reading a page changes nothing, so that drawing it twice does no harm.
//!
//! Invariant: only requests that read are repeated, once, and with their head alone; a page that lists a dataset's objects is waited for,
//! since a second listing beside the first would only make both slower.

use super::layers;
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
    once_in(DRAWN_WITHIN, request, next).await
}

async fn once_in(limit: Duration, request: Request, next: Next) -> Response {
    let lists = layers::lists(request.method(), request.uri().path());
    if lists || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (head, _) = request.into_parts();
    let first = next.clone().run(Request::from_parts(head.clone(), Body::empty()));
    match tokio::time::timeout(limit, first).await {
        Ok(page) => page,
        Err(_) => {
            tracing::warn!(
                path = head.uri.path(),
                "a page was not drawn in {} s and is drawn once more",
                limit.as_secs()
            );
            next.run(Request::from_parts(head, Body::empty())).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tower::ServiceExt;

    const LIMIT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_page_that_hangs_is_drawn_once_more_and_one_that_lists_is_waited_for() {
        static DRAWN: AtomicU64 = AtomicU64::new(0);
        let slow = || async {
            DRAWN.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(LIMIT * 10).await;
        };
        let router = Router::new()
            .route("/jobs", get(slow))
            .route("/plan", get(slow))
            .layer(from_fn(|request, next| once_in(LIMIT, request, next)));
        let drawn = async |uri: &str| {
            let before = DRAWN.load(Ordering::SeqCst);
            let request = Request::get(uri).body(Body::empty()).unwrap();
            assert!(
                router
                    .clone()
                    .oneshot(request)
                    .await
                    .unwrap()
                    .status()
                    .is_success()
            );
            DRAWN.load(Ordering::SeqCst) - before
        };
        assert_eq!(drawn("/jobs").await, 2);
        assert_eq!(drawn("/plan?dataset=1&target=nas").await, 1);
    }
}
