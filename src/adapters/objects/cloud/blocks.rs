//! Azure's end of an upload in parts, with what the object carries: the client library completes one that is gone on with only bare.
//!
//! Invariant: the list names exactly the blocks that are remembered, whose ids were drawn at random, and is refused where an object
//! stands already. Asked again by whoever goes on with the upload, never by itself.

use super::attributes::Headers;
use super::azure::{Azure, Unanswered};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use object_store::Attribute;
use object_store::path::Path;
use std::time::Duration;

/// How long the answer may take: the store puts up to 10,000 blocks together.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most of a refusal that is read.
const WORDS_MAX: usize = 2000;

/// Why an object did not come about.
#[derive(Debug)]
pub(super) enum Refused {
    /// Blocks are gone, or an object stands there: maybe this one, completed unheard.
    Gone,
    /// Not allowed.
    Denied(String),
    /// Worth another try.
    Busy(String),
    /// Anything else.
    Other(String),
}

impl From<Unanswered> for Refused {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Denied(why) => Self::Denied(why),
            Unanswered::Other(why) => Self::Other(why),
            Unanswered::Busy(why) => Self::Busy(why),
        }
    }
}

impl Azure {
    /// Makes the object of its blocks; its ETag.
    pub(super) async fn commit(
        &self,
        path: &Path,
        blocks: &[String],
        carried: &Headers,
    ) -> Result<Option<String>, Refused> {
        tokio::time::timeout(PATIENCE, self.ask_for_blocks(path, blocks, carried))
            .await
            .map_err(|_| Refused::Busy(format!("no answer within {} s", PATIENCE.as_secs())))?
    }

    async fn ask_for_blocks(
        &self,
        path: &Path,
        blocks: &[String],
        carried: &Headers,
    ) -> Result<Option<String>, Refused> {
        let other = |what: &dyn std::fmt::Display| Refused::Other(what.to_string());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        for (name, value) in &carried.attributes {
            let name = HeaderName::from_bytes(header(name).as_bytes()).map_err(|e| other(&e))?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|e| other(&e))?);
        }
        if !carried.tags.is_empty() {
            let tags = HeaderValue::from_str(carried.tags.encoded()).map_err(|e| other(&e))?;
            headers.insert("x-ms-tags", tags);
        }
        let url = format!("{}?comp=blocklist", self.url(path));
        let body = list(blocks).into_bytes();
        let answer = self.ask(Method::PUT, &url, headers, body).await?;
        let status = answer.status();
        if status.is_success() {
            let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
            return Ok(tag.map(str::to_owned));
        }
        let mut words = Vec::new();
        let mut pieces = answer.into_body().bytes_stream();
        while let Some(Ok(piece)) = futures::StreamExt::next(&mut pieces).await {
            words.extend_from_slice(&piece);
            if words.len() > WORDS_MAX {
                break;
            }
        }
        words.truncate(WORDS_MAX);
        let words = format!("the store answered {status}: {}", String::from_utf8_lossy(&words));
        Err(match status.as_u16() {
            // A list with a block that is not there (any more) is 400 InvalidBlockList.
            404 | 409 | 412 => Refused::Gone,
            400 if words.contains("InvalidBlockList") => Refused::Gone,
            401 | 403 => Refused::Denied(words),
            408 | 429 | 500..=599 => Refused::Busy(words),
            _ => Refused::Other(words),
        })
    }
}

/// The blocks, in the order of the object.
fn list(blocks: &[String]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for block in blocks {
        text.push_str("<Uncommitted>");
        text.push_str(&BASE64_STANDARD.encode(block));
        text.push_str("</Uncommitted>");
    }
    text.push_str("</BlockList>");
    text
}

fn header(attribute: &Attribute) -> String {
    match attribute {
        Attribute::CacheControl => "x-ms-blob-cache-control".into(),
        Attribute::ContentDisposition => "x-ms-blob-content-disposition".into(),
        Attribute::ContentEncoding => "x-ms-blob-content-encoding".into(),
        Attribute::ContentLanguage => "x-ms-blob-content-language".into(),
        Attribute::ContentType => "x-ms-blob-content-type".into(),
        Attribute::StorageClass => "x-ms-access-tier".into(),
        Attribute::Metadata(name) => format!("x-ms-meta-{name}"),
        other => format!("x-ms-meta-{other:?}").to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_named_as_they_were_sent_and_in_order() {
        assert_eq!(
            list(&["b1".into(), "a2".into()]),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Uncommitted>YjE=</Uncommitted>\
             <Uncommitted>YTI=</Uncommitted></BlockList>"
        );
        assert_eq!(
            header(&Attribute::Metadata("dimmove".into())),
            "x-ms-meta-dimmove"
        );
    }
}
