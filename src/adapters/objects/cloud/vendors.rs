//! The clients of a bucket, as each vendor wants them made.

use super::azure::Azure;
use super::copier::{Copier, Google};
use super::credential::{self, S3Key};
use super::http::Connections;
use crate::domain::location::StoreAccess;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::multipart::MultipartStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig, StaticCredentialProvider};
use std::sync::Arc;
use std::time::Duration;

/// How long a request is tried again.
const GIVE_UP: Duration = Duration::from_secs(60);
/// How often.
const TRIES: usize = 6;
/// The region that most S3-compatible stores call themselves by.
const ANY_REGION: &str = "us-east-1";

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        },
        max_retries: TRIES,
        retry_timeout: GIVE_UP,
    }
}

/// What a vendor's bucket is reached by.
pub(super) struct Made {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) multipart: Arc<dyn MultipartStore>,
    pub(super) raw: Option<Arc<super::raw::S3>>,
    pub(super) azure: Option<Arc<Azure>>,
    pub(super) copier: Option<Copier>,
    pub(super) summing: Option<Arc<AmazonS3>>,
    pub(super) unsigned: Option<Arc<AmazonS3>>,
}

pub(super) fn s3(
    name: &str,
    access: &StoreAccess,
    secret: Option<&str>,
    named: &str,
    connections: Connections,
) -> Result<Made, String> {
    let mut builder = match secret {
        Some(_) => AmazonS3Builder::new(),
        None => AmazonS3Builder::from_env(),
    };
    let region = access.region.as_ref().map_or(ANY_REGION, |r| r.as_str());
    if access.region.is_some() || secret.is_some() {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &access.endpoint {
        builder = builder
            .with_endpoint(endpoint.as_str())
            .with_virtual_hosted_style_request(false);
    }
    let mut anonymous = false;
    if let Some(text) = secret {
        builder = match credential::s3(text, named)? {
            S3Key::Anonymous => {
                anonymous = true;
                builder.with_skip_signature(true)
            }
            S3Key::Pair { id, secret, token } => {
                let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
                match token {
                    Some(token) => builder.with_token(token),
                    None => builder,
                }
            }
        };
    }
    let builder = builder
        .with_bucket_name(name)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry())
        .with_http_connector(connections.clone());
    let store = builder.clone().build().map_err(|e| plain(&e))?;
    // One memory of credentials that are fetched from elsewhere.
    let unsigned = builder
        .with_credentials(store.credentials().clone())
        .with_unsigned_payload(true);
    let summing = unsigned.clone().with_checksum_algorithm(Checksum::CRC64NVME);
    let summing = Arc::new(summing.build().map_err(|e| plain(&e))?);
    let unsigned = Arc::new(unsigned.build().map_err(|e| plain(&e))?);
    let raw = access
        .endpoint
        .as_ref()
        .map(|e| format!("{}/{name}", e.as_str()))
        .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com/{name}"));
    let raw = super::raw::S3::new(raw, region.to_owned(), store.credentials().clone(), connections);
    let store = Arc::new(store);
    let raw = (!anonymous).then(|| Arc::new(raw));
    Ok(Made {
        store: store.clone(),
        multipart: store,
        copier: raw.clone().map(Copier::s3),
        raw,
        azure: None,
        summing: Some(summing),
        unsigned: Some(unsigned),
    })
}

pub(super) fn gcs(
    name: &str,
    endpoint: Option<&str>,
    secret: Option<&str>,
    named: &str,
    connections: Connections,
) -> Result<Made, String> {
    let mut builder = match secret {
        Some("anonymous") => {
            // Reads go unsigned; what writes asks for a credential all the same, and must not look for one elsewhere.
            let nobody = GcpCredential {
                bearer: String::new(),
            };
            GoogleCloudStorageBuilder::new()
                .with_skip_signature(true)
                .with_credentials(Arc::new(StaticCredentialProvider::new(nobody)))
        }
        Some(text) if text.starts_with('{') => {
            GoogleCloudStorageBuilder::new().with_service_account_key(text)
        }
        Some(_) => {
            return Err(format!(
                "the credentials {named} are not as expected: the JSON of a service account's key, or the word anonymous"
            ));
        }
        None => GoogleCloudStorageBuilder::from_env(),
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let store = builder
        .with_bucket_name(name)
        .with_retry(retry())
        .with_http_connector(connections.clone())
        .build()
        .map_err(|e| plain(&e))?;
    let base = endpoint.unwrap_or("https://storage.googleapis.com").to_owned();
    let google = Google::new(base, name.to_owned(), store.credentials().clone(), connections);
    let store = Arc::new(store);
    Ok(Made {
        store: store.clone(),
        multipart: store,
        raw: None,
        azure: None,
        copier: Some(Copier::google(google)),
        summing: None,
        unsigned: None,
    })
}

pub(super) fn azure(
    name: &str,
    endpoint: Option<&str>,
    secret: Option<&str>,
    named: &str,
    connections: Connections,
) -> Result<Made, String> {
    let mut builder = match secret {
        Some(text) => {
            let key = credential::azure(text, named)?;
            let mut builder = MicrosoftAzureBuilder::new().with_account(key.account);
            if let Some(secret) = key.key {
                builder = builder.with_access_key(secret);
            }
            if let Some(sas) = key.sas {
                builder = builder.with_config(object_store::azure::AzureConfigKey::SasKey, sas);
            }
            match key.endpoint {
                Some(endpoint) => builder.with_endpoint(endpoint),
                None => builder,
            }
        }
        None => MicrosoftAzureBuilder::from_env(),
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.to_owned());
    }
    let place = azure_place(&builder);
    let store = builder
        .with_container_name(name)
        .with_retry(retry())
        .with_http_connector(connections.clone())
        .build()
        .map_err(|e| plain(&e))?;
    let azure = place.map(|(base, account)| {
        let credentials = store.credentials().clone();
        Arc::new(Azure::new(
            &base,
            name.to_owned(),
            account,
            credentials,
            connections,
        ))
    });
    let store = Arc::new(store);
    Ok(Made {
        store: store.clone(),
        multipart: store,
        raw: None,
        copier: azure.clone().map(Copier::azure),
        azure,
        summing: None,
        unsigned: None,
    })
}

/// The address of an account and its name; `None` where the environment names an emulator or another service in other words.
fn azure_place(builder: &MicrosoftAzureBuilder) -> Option<(String, String)> {
    use object_store::azure::AzureConfigKey as Key;
    for special in [Key::UseEmulator, Key::UseFabricEndpoint] {
        if builder.get_config_value(&special).as_deref() == Some("true") {
            return None;
        }
    }
    let account = builder.get_config_value(&Key::AccountName)?;
    let service = builder
        .get_config_value(&Key::Endpoint)
        .unwrap_or_else(|| format!("https://{account}.blob.core.windows.net"));
    Some((service, account))
}

/// An error of making a client, on one line. It is about settings, never about a secret's text.
fn plain(error: &object_store::Error) -> String {
    super::failure::text(error)
}
