//! Copies inside an account of Azure: `Copy Blob`, which the store may carry out later, so that its end has to be waited for.
//!
//! Invariant: a copy that is given up is taken back as far as the store lets it; what stays of it carries the mark of its job.

use super::{Order, Refusal, refusal, set, text};
use crate::adapters::objects::cloud::attributes::Headers;
use crate::adapters::objects::cloud::azure::{Azure, Unanswered};
use crate::adapters::objects::cloud::raw::encoded;
use crate::ports::objects::Meter;
use hyper::Method;
use hyper::header::HeaderMap;
use object_store::Attribute;
use object_store::azure::AzureCredential;
use object_store::client::HttpResponse;
use object_store::path::Path;
use std::time::Duration;

/// How often a copy that is under way is looked at: soon at first, then seldom.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_LAST: Duration = Duration::from_secs(5);
/// How long a copy that makes no progress is waited for.
const STANDSTILL: Duration = Duration::from_secs(300);

impl From<Unanswered> for Refusal {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Denied(why) | Unanswered::Busy(why) => Self::Busy(why),
            Unanswered::Other(why) => Self::Failed(why),
        }
    }
}

impl Azure {
    pub(super) async fn copy(&self, order: &Order<'_>, meter: &Meter) -> Result<(), Refusal> {
        let credential = self.credential().await?;
        let mut headers = carried(order.headers)?;
        let mut source = self.url_in(order.from_bucket, order.from);
        if let AzureCredential::SASToken(pairs) = credential.as_ref() {
            let all: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{name}={}", encoded(value)))
                .collect();
            source = format!("{source}?{}", all.join("&"));
        }
        set(&mut headers, "x-ms-copy-source", &source)?;
        set(&mut headers, "x-ms-source-if-match", order.from_tag)?;
        set(&mut headers, "if-none-match", "*")?;
        let to = self.url(order.to);
        let answer = self.ask(Method::PUT, &to, headers, Vec::new()).await?;
        if !answer.status().is_success() {
            return Err(refused(answer).await);
        }
        let mut state = State::of(answer.headers());
        let (mut pause, mut stood) = (LOOK_FIRST, Duration::ZERO);
        while state.status == "pending" {
            if stood >= STANDSTILL {
                self.give_up(&to, &state.id).await;
                return Err(Refusal::Busy("a copy inside the store makes no progress".into()));
            }
            tokio::time::sleep(pause).await;
            stood += pause;
            pause = (pause * 2).min(LOOK_LAST);
            let seen = self.ask(Method::HEAD, &to, HeaderMap::new(), Vec::new()).await?;
            if !seen.status().is_success() {
                return Err(refusal(seen.status(), ""));
            }
            let now = State::of(seen.headers());
            if now.id != state.id {
                return Err(Refusal::Condition);
            }
            if now.progress != state.progress {
                stood = Duration::ZERO;
                meter.sign_of_life();
            }
            state = now;
        }
        match state.status.as_str() {
            "success" => Ok(()),
            other => Err(Refusal::Failed(format!(
                "a copy inside the store ended as {other:?}"
            ))),
        }
    }

    /// Gives a blob another tier; its content, ETag and all that it carries stay.
    pub(super) async fn set_tier(&self, path: &Path, tier: &'static str) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        set(&mut headers, "x-ms-access-tier", tier)?;
        let url = format!("{}?comp=tier", self.url(path));
        let answer = self.ask(Method::PUT, &url, headers, Vec::new()).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(refused(answer).await)
        }
    }

    /// Best effort: what stays is found by its mark.
    async fn give_up(&self, to: &str, id: &str) {
        let mut headers = HeaderMap::new();
        if set(&mut headers, "x-ms-copy-action", "abort").is_ok() {
            let url = format!("{to}?comp=copy&copyid={id}");
            if let Err(why) = self.ask(Method::PUT, &url, headers, Vec::new()).await {
                tracing::warn!(?why, "a copy inside the store could not be taken back");
            }
        }
    }
}

/// How far a copy is.
struct State {
    status: String,
    id: String,
    progress: String,
}

impl State {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Self {
            status: text("x-ms-copy-status"),
            id: text("x-ms-copy-id"),
            progress: text("x-ms-copy-progress"),
        }
    }
}

async fn refused(answer: HttpResponse) -> Refusal {
    let status = answer.status();
    match text(answer).await {
        Ok(text) => refusal(status, &text),
        Err(other) => other,
    }
}

/// What a copy is to carry. Its content headers are the source's own, which cannot be told otherwise.
fn carried(wanted: &Headers) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    for (attribute, value) in &wanted.attributes {
        match attribute {
            Attribute::Metadata(name) => set(&mut headers, &format!("x-ms-meta-{name}"), value.as_ref())?,
            Attribute::StorageClass => set(&mut headers, "x-ms-access-tier", value.as_ref())?,
            _ => {}
        }
    }
    // The source's own are not taken over unless they are said.
    if !wanted.tags.is_empty() {
        set(&mut headers, "x-ms-tags", wanted.tags.encoded())?;
    }
    Ok(headers)
}
