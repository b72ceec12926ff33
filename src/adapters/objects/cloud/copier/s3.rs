//! Copies inside what speaks S3: `CopyObject` for small objects, `UploadPartCopy` for pieces of large ones.
//!
//! Invariant: an answer with the status 200 is a success only when its body says so; Amazon sends the status before it has copied.

use super::{Order, Own, Refusal, refusal, set, text};
use crate::adapters::objects::cloud::attributes::Headers;
use crate::adapters::objects::cloud::http::Copies;
use crate::adapters::objects::cloud::raw::{S3, encoded, encoded_path};
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};
use object_store::Attribute;
use object_store::client::HttpRequest;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Copied {
    #[serde(rename = "ETag")]
    e_tag: String,
}

impl S3 {
    /// Copies a whole object; with `create` only where nothing stands.
    pub(super) async fn copy(&self, order: &Order<'_>, create: bool) -> Result<(), Refusal> {
        let mut headers = carried(order.headers)?;
        from(&mut headers, order)?;
        set(&mut headers, "x-amz-metadata-directive", "REPLACE")?;
        if create {
            set(&mut headers, "if-none-match", "*")?;
        }
        if order.sums {
            set(&mut headers, "x-amz-checksum-algorithm", "CRC64NVME")?;
        }
        let rest = format!("/{}", encoded_path(order.to));
        self.put(&rest, headers, order.bytes).await.map(drop)
    }

    /// Copies a whole object onto itself in another class.
    pub(super) async fn reclass(
        &self,
        order: &Order<'_>,
        class: &'static str,
        own: Own,
    ) -> Result<(), Refusal> {
        let mut headers = match own {
            Own::Stay => HeaderMap::new(),
            Own::Told => carried(order.headers)?,
        };
        from(&mut headers, order)?;
        let directive = match own {
            Own::Stay => "COPY",
            Own::Told => "REPLACE",
        };
        set(&mut headers, "x-amz-metadata-directive", directive)?;
        // The usual one has to be said as well: a copy onto itself that changes nothing is refused.
        set(&mut headers, "x-amz-storage-class", class)?;
        if order.sums {
            set(&mut headers, "x-amz-checksum-algorithm", "CRC64NVME")?;
        }
        let rest = format!("/{}", encoded_path(order.to));
        self.put(&rest, headers, order.bytes).await.map(drop)
    }

    /// Copies a piece of an object as a part of an upload; the part's name.
    pub(super) async fn copy_part(
        &self,
        order: &Order<'_>,
        upload: &str,
        number: u32,
        (offset, length): (u64, u64),
    ) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        from(&mut headers, order)?;
        let range = format!("bytes={offset}-{}", offset + length - 1);
        set(&mut headers, "x-amz-copy-source-range", &range)?;
        let rest = format!(
            "/{}?partNumber={}&uploadId={}",
            encoded_path(order.to),
            number + 1,
            encoded(upload)
        );
        self.put(&rest, headers, length).await
    }

    /// The ETag of what was copied.
    async fn put(&self, rest: &str, headers: HeaderMap, bytes: u64) -> Result<String, Refusal> {
        let set = |request: &mut HttpRequest| {
            request.headers_mut().extend(headers);
            request.extensions_mut().insert(Copies(bytes));
        };
        let answer = self.ask(Method::PUT, rest, set).await.map_err(Refusal::Busy)?;
        let status = answer.status();
        let text = text(answer).await?;
        if !status.is_success() {
            return Err(refusal(status, &text));
        }
        read(&text)
    }
}

fn read(text: &str) -> Result<String, Refusal> {
    if text.contains("<Error>") {
        let is = |codes: &[&str]| {
            codes
                .iter()
                .any(|code| text.contains(&format!("<Code>{code}</Code>")))
        };
        return Err(if is(&["PreconditionFailed", "NoSuchKey", "NoSuchUpload"]) {
            Refusal::Condition
        } else {
            refusal(StatusCode::INTERNAL_SERVER_ERROR, text)
        });
    }
    quick_xml::de::from_str::<Copied>(text)
        .map(|copied| copied.e_tag)
        .map_err(|e| Refusal::Failed(format!("the answer to a copy cannot be read: {e}")))
}

fn from(headers: &mut HeaderMap, order: &Order<'_>) -> Result<(), Refusal> {
    let source = format!("/{}/{}", order.from_bucket, encoded_path(order.from));
    set(headers, "x-amz-copy-source", &source)?;
    set(headers, "x-amz-copy-source-if-match", order.from_tag)
}

/// What an object is to carry, as headers.
fn carried(wanted: &Headers) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    for (attribute, value) in &wanted.attributes {
        let value = value.as_ref();
        match attribute {
            Attribute::CacheControl => set(&mut headers, "cache-control", value)?,
            Attribute::ContentDisposition => set(&mut headers, "content-disposition", value)?,
            Attribute::ContentEncoding => set(&mut headers, "content-encoding", value)?,
            Attribute::ContentLanguage => set(&mut headers, "content-language", value)?,
            Attribute::ContentType => set(&mut headers, "content-type", value)?,
            Attribute::StorageClass => set(&mut headers, "x-amz-storage-class", value)?,
            Attribute::Metadata(name) => set(&mut headers, &format!("x-amz-meta-{name}"), value)?,
            other => return Err(Refusal::Unable(format!("{other:?} cannot be set in a copy"))),
        }
    }
    if !wanted.tags.is_empty() {
        set(&mut headers, "x-amz-tagging-directive", "REPLACE")?;
        set(&mut headers, "x-amz-tagging", wanted.tags.encoded())?;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_under_the_status_of_a_success_is_one() {
        let copied = "<CopyObjectResult><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>\"a\"</ETag></CopyObjectResult>";
        assert_eq!(read(copied).unwrap(), "\"a\"");
        let failed = |code: &str| format!("\n\n<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
        assert!(matches!(read(&failed("InternalError")), Err(Refusal::Busy(_))));
        assert_eq!(read(&failed("PreconditionFailed")), Err(Refusal::Condition));
        assert!(matches!(read(""), Err(Refusal::Failed(_))));
    }
}
