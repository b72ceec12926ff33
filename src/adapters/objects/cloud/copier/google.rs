//! Copies inside Google Cloud Storage: the call `rewrite` of its JSON interface, which copies a bounded number of bytes at a time.
//!
//! Invariant: a copy is begun only where nothing stands, or that very version does, and of one generation of the source, so it is that
//! version or nothing.

use super::{Order, Refusal, refusal, text};
use crate::adapters::objects::cloud::http::{Connections, Copies};
use crate::adapters::objects::cloud::raw::encoded;
use crate::ports::objects::Meter;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use object_store::client::HttpRequest;
use object_store::gcp::GcpCredentialProvider;
use object_store::{Attribute, Attributes};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes that one call copies at most: few enough for its answer to come in time.
const AT_A_CALL: u64 = 256 << 20;
/// Calls of one copy at most: enough for the largest object there is.
const CALLS_MAX: usize = 40_000;

/// One bucket.
pub(in crate::adapters::objects::cloud) struct Google {
    base: String,
    bucket: String,
    credentials: GcpCredentialProvider,
    connections: Connections,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rewritten {
    done: bool,
    rewrite_token: Option<String>,
}

impl Google {
    pub(in crate::adapters::objects::cloud) fn new(
        base: String,
        bucket: String,
        credentials: GcpCredentialProvider,
        connections: Connections,
    ) -> Self {
        Self {
            base,
            bucket,
            credentials,
            connections,
        }
    }

    pub(super) async fn rewrite(&self, order: &Order<'_>, meter: &Meter) -> Result<(), Refusal> {
        let Some(generation) = order.from_version else {
            return Err(Refusal::Unable(
                "the store tells no generation of the source".into(),
            ));
        };
        let url = format!(
            "{}/storage/v1/b/{}/o/{}/rewriteTo/b/{}/o/{}?ifGenerationMatch={}&ifSourceGenerationMatch={}&maxBytesRewrittenPerCall={AT_A_CALL}",
            self.base.trim_end_matches('/'),
            encoded(order.from_bucket),
            encoded(order.from.as_ref()),
            encoded(&self.bucket),
            encoded(order.to.as_ref()),
            if order.onto_itself {
                encoded(generation)
            } else {
                "0".to_owned()
            },
            encoded(generation),
        );
        let body = resource(&order.headers.attributes)?;
        let mut token = String::new();
        for _ in 0..CALLS_MAX {
            let done = self.call(&format!("{url}{token}"), body.clone()).await?;
            meter.sign_of_life();
            match (done.done, done.rewrite_token) {
                (true, _) => return Ok(()),
                (false, Some(next)) => token = format!("&rewriteToken={}", encoded(&next)),
                (false, None) => break,
            }
        }
        Err(Refusal::Failed(
            "the store neither ends a copy nor goes on with it".into(),
        ))
    }

    async fn call(&self, url: &str, body: Vec<u8>) -> Result<Rewritten, Refusal> {
        let credential = self
            .credentials
            .get_credential()
            .await
            .map_err(|e| Refusal::Busy(crate::adapters::objects::cloud::failure::text(&e)))?;
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = Method::POST;
        request.extensions_mut().insert(Copies(AT_A_CALL));
        *request.uri_mut() = url
            .parse()
            .map_err(|_| Refusal::Failed("the address cannot be used".into()))?;
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if !credential.bearer.is_empty() {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", credential.bearer))
                .map_err(|_| Refusal::Failed("the access token cannot be sent".into()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let client = self.connections.clone().client();
        let answer = client
            .execute(request)
            .await
            .map_err(|e| Refusal::Busy(e.to_string()))?;
        let status = answer.status();
        let text = text(answer).await?;
        if !status.is_success() {
            return Err(refusal(status, &text));
        }
        serde_json::from_str(&text)
            .map_err(|e| Refusal::Failed(format!("the answer to a copy cannot be read: {e}")))
    }
}

/// What an object is to carry, as the JSON interface names it.
fn resource(attributes: &Attributes) -> Result<Vec<u8>, Refusal> {
    let (mut all, mut user) = (Map::new(), Map::new());
    for (attribute, value) in attributes {
        let value = Value::String(value.as_ref().to_owned());
        let name = match attribute {
            Attribute::CacheControl => "cacheControl",
            Attribute::ContentDisposition => "contentDisposition",
            Attribute::ContentEncoding => "contentEncoding",
            Attribute::ContentLanguage => "contentLanguage",
            Attribute::ContentType => "contentType",
            Attribute::StorageClass => "storageClass",
            Attribute::Metadata(name) => {
                user.insert(name.to_string(), value);
                continue;
            }
            other => return Err(Refusal::Unable(format!("{other:?} cannot be set in a copy"))),
        };
        all.insert(name.to_owned(), value);
    }
    all.insert("metadata".into(), Value::Object(user));
    serde_json::to_vec(&all).map_err(|e| Refusal::Failed(e.to_string()))
}
