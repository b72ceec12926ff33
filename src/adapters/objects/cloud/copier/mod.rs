//! Asking a store to copy an object by itself, as each vendor wants to be asked.
//!
//! Invariant: a copy is asked for only where nothing stands, of the version of the source that was looked at, and with everything that
//! it is to carry. What a store answers is sorted into few kinds; a store that does not know such copies is not asked again.

mod azure;
mod google;
mod s3;

pub(super) use google::Google;

use super::attributes::Headers;
use super::azure::Azure;
use super::raw;
use crate::ports::objects::Meter;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use object_store::client::HttpResponse;
use object_store::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The largest answer that is read.
const ANSWER_MAX: usize = 1 << 20;
/// The longest text of a store's own that is repeated.
const TEXT_MAX_CHARS: usize = 200;

/// What is to be copied where.
pub(super) struct Order<'a> {
    /// The bucket of the source.
    pub(super) from_bucket: &'a str,
    /// The source in it.
    pub(super) from: &'a Path,
    /// Its ETag, in quotes.
    pub(super) from_tag: &'a str,
    /// Its version, where the store tells one.
    pub(super) from_version: Option<&'a str>,
    /// Whether it goes onto itself, rather than where nothing stands.
    pub(super) onto_itself: bool,
    /// Its size.
    pub(super) bytes: u64,
    /// The target in the bucket that is asked.
    pub(super) to: &'a Path,
    /// What the target is to carry.
    pub(super) headers: &'a Headers,
    /// Whether the store is to keep a checksum of the target.
    pub(super) sums: bool,
}

/// What becomes of what an object carries when it is copied onto itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// It keeps all of it.
    Stay,
    /// It is told what it carries, which is all that is known of it here.
    Told,
}

/// Why a store did not copy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does not know such copies at all.
    Unknown(String),
    /// It will not make this one.
    Unable(String),
    /// Something stands at the target, or the source or the upload is not what it was.
    Condition,
    /// It may do so later.
    Busy(String),
    /// Anything else.
    Failed(String),
}

/// A way to ask.
enum Way {
    S3(Arc<raw::S3>),
    Google(Box<Google>),
    Azure(Arc<Azure>),
}

/// Asks one bucket.
pub(super) struct Copier {
    way: Way,
    /// The store has said that it does not know such copies.
    refused: AtomicBool,
    /// It does not know the condition on the target.
    unconditional: AtomicBool,
}

impl Copier {
    fn new(way: Way) -> Self {
        Self {
            way,
            refused: AtomicBool::new(false),
            unconditional: AtomicBool::new(false),
        }
    }

    pub(super) fn s3(raw: Arc<raw::S3>) -> Self {
        Self::new(Way::S3(raw))
    }

    pub(super) fn google(google: Google) -> Self {
        Self::new(Way::Google(Box::new(google)))
    }

    pub(super) fn azure(azure: Arc<Azure>) -> Self {
        Self::new(Way::Azure(azure))
    }

    /// Whether it is of use to ask.
    pub(super) fn is_able(&self) -> bool {
        !self.refused.load(Ordering::Relaxed)
    }

    /// Whether large objects have to be copied part by part.
    pub(super) fn in_parts(&self) -> bool {
        matches!(self.way, Way::S3(_))
    }

    /// Whether the condition that nothing stands at the target may be ignored, as by many stores that speak S3.
    pub(super) fn may_overwrite(&self) -> bool {
        matches!(self.way, Way::S3(_))
    }

    /// Copies a whole object.
    pub(super) async fn copy(&self, order: &Order<'_>, meter: &Meter) -> Result<(), Refusal> {
        let done = match &self.way {
            Way::S3(raw) => {
                let create = !self.unconditional.load(Ordering::Relaxed);
                match raw.copy(order, create).await {
                    // Some refuse a condition that they do not know, rather than ignore it.
                    Err(Refusal::Unknown(_)) if create => {
                        let done = raw.copy(order, false).await;
                        self.unconditional.store(done.is_ok(), Ordering::Relaxed);
                        done
                    }
                    done => done,
                }
            }
            Way::Google(google) => google.rewrite(order, meter).await,
            Way::Azure(azure) => azure.copy(order, meter).await,
        };
        self.noted(done)
    }

    /// Gives an object another class where it stands: the `order` is of the object onto itself. Nothing but that version of it is
    /// ever put in its place.
    pub(super) async fn reclass(
        &self,
        order: &Order<'_>,
        class: &'static str,
        meter: &Meter,
    ) -> Result<(), Refusal> {
        match &self.way {
            Way::S3(raw) => match raw.reclass(order, class, Own::Stay).await {
                // Some know no copy onto itself that is not told everything afresh.
                Err(Refusal::Unable(_)) => raw.reclass(order, class, Own::Told).await,
                done => done,
            },
            Way::Google(google) => google.rewrite(order, meter).await,
            Way::Azure(azure) => azure.set_tier(order.to, class).await,
        }
    }

    /// Copies a piece of an object, from its offset and of its length, as a part of an upload; the part's name.
    pub(super) async fn copy_part(
        &self,
        order: &Order<'_>,
        upload: &str,
        number: u32,
        span: (u64, u64),
    ) -> Result<String, Refusal> {
        let done = match &self.way {
            Way::S3(raw) => raw.copy_part(order, upload, number, span).await,
            _ => Err(Refusal::Unable("it copies whole objects only".into())),
        };
        self.noted(done)
    }

    fn noted<T>(&self, done: Result<T, Refusal>) -> Result<T, Refusal> {
        if let Err(Refusal::Unknown(why)) = &done {
            let first = !self.refused.swap(true, Ordering::Relaxed);
            if first {
                tracing::warn!(
                    why,
                    "the store does not copy by itself: objects pass through this machine"
                );
            }
        }
        done
    }
}

/// What an answer that is no success means.
fn refusal(status: StatusCode, text: &str) -> Refusal {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(TEXT_MAX_CHARS)
        .collect();
    let said = format!("the store answered {status} {line}")
        .trim_end()
        .to_owned();
    match status.as_u16() {
        404 | 409 | 412 => Refusal::Condition,
        // A right that is missing shows again when the bytes are read and written here, and is told then.
        // So does another region, to which some answers lead.
        300..=399 | 400 | 401 | 403 | 411 => Refusal::Unable(said),
        405 | 501 => Refusal::Unknown(said),
        429 | 500 | 502 | 503 | 504 => Refusal::Busy(said),
        _ => Refusal::Failed(said),
    }
}

/// The body of an answer.
async fn text(answer: HttpResponse) -> Result<String, Refusal> {
    let mut body = Vec::new();
    let mut pieces = answer.into_body().bytes_stream();
    while let Some(piece) = futures::StreamExt::next(&mut pieces).await {
        body.extend_from_slice(&piece.map_err(|e| Refusal::Busy(e.to_string()))?);
        if body.len() > ANSWER_MAX {
            return Err(Refusal::Failed("the answer is too long".into()));
        }
    }
    String::from_utf8(body).map_err(|_| Refusal::Failed("the answer is no text".into()))
}

/// Sets a header of a request.
fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Refusal> {
    let unable = || Refusal::Unable(format!("{name} cannot be sent as it is"));
    let name: HeaderName = name.parse().map_err(|_| unable())?;
    headers.insert(name, HeaderValue::from_str(value).map_err(|_| unable())?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted() {
        let of = |status: u16| refusal(StatusCode::from_u16(status).unwrap(), "<Error>\n</Error>");
        assert_eq!(of(412), Refusal::Condition);
        assert!(matches!(of(403), Refusal::Unable(_)));
        assert!(matches!(of(501), Refusal::Unknown(why) if why.contains("501") && !why.contains('\n')));
        assert!(matches!(of(503), Refusal::Busy(_)));
        assert!(matches!(of(301), Refusal::Unable(_)));
        assert!(matches!(of(418), Refusal::Failed(_)));
    }
}
