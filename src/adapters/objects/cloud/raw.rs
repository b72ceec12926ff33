//! The few requests to S3 that the client library does not make: which uploads in parts are open, what checksum an object has, and
//! (in `copier/s3.rs`) copies inside the store.
//!
//! Invariant: signed like all others; a store that has not this request says so, and nothing is concluded from that.

use super::http::Connections;
use crate::ports::objects::OpenUpload;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody, HttpResponse};
use object_store::path::Path;
use serde::Deserialize;
use std::fmt::Write as _;
use std::time::Duration;

/// Pages of a thousand uploads each that are read at most: more open uploads than that are no work of ours.
const PAGES_MAX: usize = 100;
/// The largest answer that is read.
const ANSWER_MAX: usize = 8 << 20;
/// How long one page may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One bucket.
pub(super) struct S3 {
    url: String,
    region: String,
    credentials: AwsCredentialProvider,
    connections: Connections,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Uploads {
    #[serde(default)]
    upload: Vec<Upload>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
}

impl S3 {
    pub(super) fn new(
        url: String,
        region: String,
        credentials: AwsCredentialProvider,
        connections: Connections,
    ) -> Self {
        Self {
            url,
            region,
            credentials,
            connections,
        }
    }

    /// The uploads that are open for keys with this beginning; their keys are those in the bucket.
    pub(super) async fn open_uploads(&self, prefix: &str) -> Result<Vec<OpenUpload>, String> {
        let mut open = Vec::new();
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let query = format!("prefix={}&uploads={after}", encoded(prefix));
            let text = tokio::time::timeout(PATIENCE, self.get(&query))
                .await
                .map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))??;
            let page: Uploads = quick_xml::de::from_str(&text)
                .map_err(|e| format!("the list of uploads cannot be read: {e}"))?;
            open.extend(page.upload.into_iter().map(|u| OpenUpload {
                key: u.key,
                id: u.upload_id,
            }));
            match (
                page.is_truncated,
                page.next_key_marker,
                page.next_upload_id_marker,
            ) {
                (true, Some(key), Some(id)) => {
                    after = format!("&key-marker={}&upload-id-marker={}", encoded(&key), encoded(&id));
                }
                _ => break,
            }
        }
        Ok(open)
    }

    /// What the store says of an object, its checksums included.
    pub(super) async fn head(&self, path: &Path) -> Result<HeaderMap, String> {
        let rest = format!("/{}", encoded_path(path));
        let asked = self.ask(Method::HEAD, &rest, |request| {
            let enabled = HeaderValue::from_static("ENABLED");
            request.headers_mut().insert("x-amz-checksum-mode", enabled);
        });
        let answer = tokio::time::timeout(PATIENCE, asked)
            .await
            .map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))??;
        if answer.status().is_success() {
            Ok(answer.headers().clone())
        } else {
            Err(format!("the store answered {}", answer.status()))
        }
    }

    /// Sends a signed request without a body; `rest` is what follows the bucket's address.
    pub(super) async fn ask(
        &self,
        method: Method,
        rest: &str,
        set: impl FnOnce(&mut HttpRequest),
    ) -> Result<HttpResponse, String> {
        let credential = self
            .credentials
            .get_credential()
            .await
            .map_err(|e| super::failure::text(&e))?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method;
        set(&mut request);
        *request.uri_mut() = format!("{}{rest}", self.url)
            .parse()
            .map_err(|_| "the address cannot be used".to_owned())?;
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .try_authorize(&mut request, None)
            .map_err(|e| super::failure::text(&e))?;
        let client = self.connections.clone().client();
        client.execute(request).await.map_err(|e| e.to_string())
    }

    async fn get(&self, query: &str) -> Result<String, String> {
        let answer = self.ask(Method::GET, &format!("?{query}"), |_| {}).await?;
        let status = answer.status();
        let mut body = Vec::new();
        let mut pieces = answer.into_body().bytes_stream();
        while let Some(piece) = futures::StreamExt::next(&mut pieces).await {
            body.extend_from_slice(&piece.map_err(|e| e.to_string())?);
            if body.len() > ANSWER_MAX {
                return Err("the answer is too long".into());
            }
        }
        if !status.is_success() {
            return Err(format!("the store answered {status}"));
        }
        String::from_utf8(body).map_err(|_| "the answer is no text".into())
    }
}

/// A key as a part of an address: its slashes stay.
pub(super) fn encoded_path(path: &Path) -> String {
    let segments: Vec<String> = path.as_ref().split('/').map(encoded).collect();
    segments.join("/")
}

/// As a value of a query, in the one way that signing accepts.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_uploads_is_read() {
        let text = "<?xml version=\"1.0\"?><ListMultipartUploadsResult><Bucket>b</Bucket><IsTruncated>false</IsTruncated>\
                    <Upload><Key>set/a &amp; b</Key><UploadId>u1</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>\
                    <Upload><Key>set/c</Key><UploadId>u2</UploadId></Upload></ListMultipartUploadsResult>";
        let page: Uploads = quick_xml::de::from_str(text).unwrap();
        let keys: Vec<_> = page.upload.iter().map(|u| u.key.as_str()).collect();
        assert_eq!(keys, ["set/a & b", "set/c"]);
        let none: Uploads = quick_xml::de::from_str("<ListMultipartUploadsResult/>").unwrap();
        assert!(none.upload.is_empty() && !none.is_truncated);
        assert_eq!(encoded("a b/ü"), "a%20b%2F%C3%BC");
    }
}
