//! A page that was just drawn is given again while nothing was written: a change makes every open tab ask for the same pages at once.
//!
//! Invariant: what is given again was drawn at the present number of commits and in the present second, of the same address asked for in
//! the same way; each answer has a nonce of its own. At most `KEPT_BYTES` are kept; when more would be, all are forgotten.

use super::layers::page_policy;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Some hundred pages.
const KEPT_BYTES: usize = 8 << 20;
/// A larger page is not kept.
const PAGE_BYTES: usize = 1 << 20;

/// Number of commits and Unix second: while both stay the same, so does a page.
pub type Moment = (u64, i64);

/// The layer's state: what was drawn at the present moment.
#[derive(Clone)]
pub struct Pages {
    moment: Arc<dyn Fn() -> Moment + Send + Sync>,
    nonce: fn() -> String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    at: Moment,
    bytes: usize,
    pages: HashMap<String, Arc<Page>>,
}

struct Page {
    headers: HeaderMap,
    /// What stands between the places of the nonce.
    pieces: Vec<String>,
}

impl Pages {
    /// Remembers nothing yet. `nonce` makes a new one at each call.
    #[must_use]
    pub fn new(moment: impl Fn() -> Moment + Send + Sync + 'static, nonce: fn() -> String) -> Self {
        Self {
            moment: Arc::new(moment),
            nonce,
            kept: Arc::default(),
        }
    }

    fn find(&self, at: Moment, key: &str) -> Option<Arc<Page>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.at == at).then(|| kept.pages.get(key).cloned()).flatten()
    }

    fn keep(&self, at: Moment, key: String, page: Page) {
        let size: usize = page.pieces.iter().map(String::len).sum();
        if size > PAGE_BYTES {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A slow drawing of an older state does not take the place of newer ones.
        if kept.at > at {
            return;
        }
        if kept.at != at || kept.bytes + size > KEPT_BYTES {
            *kept = Kept {
                at,
                ..Kept::default()
            };
        }
        kept.bytes += size;
        kept.pages.insert(key, Arc::new(page));
    }
}

/// The layer around the pages.
pub async fn recall(State(pages): State<Pages>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let (at, key) = ((pages.moment)(), key(&request));
    if let Some(page) = pages.find(at, &key) {
        return page.answer(&(pages.nonce)());
    }
    let answer = next.run(request).await;
    let Some(nonce) = nonce_of(&answer) else {
        return answer;
    };
    let (head, body) = answer.into_parts();
    // It is drawn whole before its first byte is sent.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Ok(text) = std::str::from_utf8(&body) {
        let pieces = text.split(nonce.as_str()).map(str::to_owned).collect();
        let headers = head.headers.clone();
        pages.keep(at, key, Page { headers, pieces });
    }
    Response::from_parts(head, Body::from(body))
}

impl Page {
    fn answer(&self, nonce: &str) -> Response {
        let mut response = Response::new(Body::from(Bytes::from(self.pieces.join(nonce))));
        *response.headers_mut() = self.headers.clone();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        if let Ok(policy) = HeaderValue::from_str(&page_policy(nonce)) {
            response
                .headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// What a page is drawn from beside the catalog: its address, the name and scheme that the server was reached by, and the part asked for.
fn key(request: &Request) -> String {
    let mut key = request.uri().to_string();
    for name in ["host", "x-forwarded-proto", "dim-part"] {
        key.push('\n');
        key.push_str(
            request
                .headers()
                .get(name)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default(),
        );
    }
    key
}

/// The nonce of a whole page; `None` for anything else.
fn nonce_of(answer: &Response) -> Option<String> {
    let given = |name| answer.headers().get(name)?.to_str().ok();
    if answer.status() != StatusCode::OK || !given(header::CONTENT_TYPE)?.starts_with("text/html") {
        return None;
    }
    let policy = given(header::CONTENT_SECURITY_POLICY)?;
    let (_, rest) = policy.split_once("'nonce-")?;
    let (nonce, _) = rest.split_once('\'')?;
    Some(nonce.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_page_is_drawn_once_until_something_is_written_and_never_with_an_old_nonce() {
        static DRAWN: AtomicU64 = AtomicU64::new(0);
        let commits = Arc::new(AtomicU64::new(1));
        let of = commits.clone();
        let pages = Pages::new(
            move || (of.load(Ordering::SeqCst), 0),
            || format!("n{}", DRAWN.load(Ordering::SeqCst)),
        );
        let draw = || async {
            let n = DRAWN.fetch_add(1, Ordering::SeqCst);
            let nonce = format!("first{n}");
            let head = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                (header::CONTENT_SECURITY_POLICY, page_policy(&nonce)),
            ];
            (head, format!("<script nonce=\"{nonce}\"></script>drawn {n}"))
        };
        let router = Router::new()
            .route("/list", get(draw))
            .layer(from_fn_with_state(pages, recall));
        let ask = async |uri: &str| {
            let request = Request::get(uri).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let policy = answer.headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .to_owned();
            let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            (policy, String::from_utf8(body.to_vec()).unwrap())
        };
        let (_, first) = ask("/list").await;
        assert_eq!(first, "<script nonce=\"first0\"></script>drawn 0");
        let (policy, again) = ask("/list").await;
        assert_eq!(again, "<script nonce=\"n1\"></script>drawn 0");
        assert!(
            policy.contains("'nonce-n1'") && !policy.contains("first0"),
            "{policy}"
        );
        assert!(ask("/list?page=2").await.1.ends_with("drawn 1"));
        commits.store(2, Ordering::SeqCst);
        assert!(ask("/list").await.1.ends_with("drawn 2"));
    }
}
