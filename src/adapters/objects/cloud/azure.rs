//! Signed requests to a container of Azure that the client library does not make: the end of an upload in parts (`blocks.rs`), copies
//! inside the account (`copier/azure.rs`), the tags of a blob (`tags.rs`).

use super::http::Connections;
use super::raw::encoded_path;
use hyper::Method;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use object_store::azure::{AzureAuthorizer, AzureCredential, AzureCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody, HttpResponse};
use object_store::path::Path;
use std::sync::Arc;

/// One container.
pub(super) struct Azure {
    /// The account's address, without a slash at the end.
    base: String,
    container: String,
    account: String,
    credentials: AzureCredentialProvider,
    connections: Connections,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The request could not be signed.
    Denied(String),
    /// It could not be made.
    Other(String),
    /// Nobody answered: worth another try.
    Busy(String),
}

impl Azure {
    pub(super) fn new(
        base: &str,
        container: String,
        account: String,
        credentials: AzureCredentialProvider,
        connections: Connections,
    ) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            container,
            account,
            credentials,
            connections,
        }
    }

    /// The address of a blob of this container.
    pub(super) fn url(&self, path: &Path) -> String {
        self.url_in(&self.container, path)
    }

    /// The address of a blob of another container of the account.
    pub(super) fn url_in(&self, container: &str, path: &Path) -> String {
        format!("{}/{container}/{}", self.base, encoded_path(path))
    }

    pub(super) async fn credential(&self) -> Result<Arc<AzureCredential>, Unanswered> {
        let found = self.credentials.get_credential().await;
        found.map_err(|e| Unanswered::Denied(super::failure::text(&e)))
    }

    /// Sends one request, signed.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<HttpResponse, Unanswered> {
        let credential = self.credential().await?;
        let length = body.len();
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        if length > 0 {
            request
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        *request.uri_mut() = url
            .parse()
            .map_err(|_| Unanswered::Other("the address cannot be used".into()))?;
        AzureAuthorizer::new(&credential, &self.account)
            .try_authorize(&mut request)
            .map_err(|e| Unanswered::Denied(super::failure::text(&e)))?;
        let client = self.connections.clone().client();
        client
            .execute(request)
            .await
            .map_err(|e| Unanswered::Busy(e.to_string()))
    }
}
