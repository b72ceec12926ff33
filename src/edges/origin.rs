//! Refuses what another site's page sends through a visitor's browser.
//!
//! Invariant: no request that changes something, and no WebSocket, is answered when the browser says that it comes from another
//! origin. Programs send neither header and pass: there is no cookie that a page could misuse for them.

use super::http::problem::Problem;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The layer: checks, then passes on.
pub async fn guard(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let upgrade = request.headers().contains_key(header::UPGRADE);
    if (safe && !upgrade) || same_origin(request.headers()) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross_origin",
        "the request comes from a page of another origin and was not carried out; call from this server's own pages, or without a browser",
    )
    .into_response()
}

fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => return true,
        Some(_) => return false,
        None => {}
    }
    let Some(origin) = text("origin") else { return true };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some() && authority == text("host")
}

#[cfg(test)]
mod tests {
    use super::same_origin;
    use axum::http::HeaderMap;

    #[test]
    fn only_the_own_origin_or_no_browser_passes() {
        for (pairs, passes) in [
            (vec![], true),
            (
                vec![("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")],
                true,
            ),
            (
                vec![("origin", "http://127.0.0.1:8081"), ("host", "127.0.0.1:8080")],
                false,
            ),
            (
                vec![("origin", "http://evil.example"), ("host", "127.0.0.1:8080")],
                false,
            ),
            (vec![("origin", "null"), ("host", "127.0.0.1:8080")], false),
            (vec![("origin", "http://127.0.0.1:8080")], false),
            (
                vec![("sec-fetch-site", "same-origin"), ("origin", "http://x")],
                true,
            ),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "none")], true),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(same_origin(&headers), passes, "{pairs:?}");
        }
    }
}
