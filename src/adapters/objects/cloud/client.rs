//! Clients of buckets, made from what a location says and kept while it says the same.
//!
//! Invariant: a secret that was changed behind its reference is used within [`KEPT`]; how each vendor's client is
//! made is in `vendors.rs`.

use super::azure::Azure;
use super::copier::Copier;
use super::credential;
use super::http::{Connections, NoRoots};
use super::vendors;
use crate::domain::location::{Provider, StorageUri, StoreAccess};
use crate::ports::objects::ObjectError;
use crate::ports::places::Accesses;
use object_store::ObjectStore;
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a client is used before its credentials are read again.
const KEPT: Duration = Duration::from_secs(30);
/// How long it is believed how a location is reached: every object asks, and a change may come from another process.
const ACCESS_KEPT: Duration = Duration::from_secs(1);
/// Clients kept at once; a catalog has a handful of buckets.
const CLIENTS_MAX: usize = 256;

/// A bucket or container.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) multipart: Arc<dyn MultipartStore>,
    pub(super) provider: Provider,
    /// As in `s3://bucket`, for messages.
    pub(super) shown: String,
    /// What tells this store from others of its kind.
    pub(super) identity: String,
    /// What is needed for requests that the client library does not make.
    pub(super) raw: Option<Arc<super::raw::S3>>,
    /// The same for Azure; absent where that is reached in a way in which they cannot be sent.
    pub(super) azure: Option<Arc<Azure>>,
    /// Asks the store to copy by itself.
    pub(super) copier: Option<Arc<Copier>>,
    /// How the store is reached.
    access: Arc<StoreAccess>,
    /// The same bucket by a client that sends a CRC64-NVME with all that it writes. Of its own, since simple stores that speak S3
    /// need not know it.
    summing: Option<Arc<AmazonS3>>,
    /// The same bucket by a client that signs a request without its body: for what is read back and compared anyway, as hashing it
    /// once more costs as much as sending it. Nor does [`Self::summing`] sign bodies, since the store checks their sums.
    unsigned: Option<Arc<AmazonS3>>,
}

impl Bucket {
    /// Whether this is the same store as another bucket's, reached by the same credentials.
    pub(super) fn is_one_store_with(&self, other: &Self) -> bool {
        self.provider == other.provider && self.access == other.access
    }

    /// The bucket, for writes whose bytes will be read back.
    pub(super) fn sending_unsigned(self) -> Self {
        let other = self.unsigned.clone();
        self.by(other)
    }

    /// The bucket, so that it checks and keeps the checksums of what is written, where that has to be asked for.
    pub(super) fn sending_sums(self) -> Self {
        let other = self.summing.clone();
        self.by(other)
    }

    fn by(self, client: Option<Arc<AmazonS3>>) -> Self {
        match client {
            Some(store) => Self {
                store: store.clone(),
                multipart: store,
                ..self
            },
            None => self,
        }
    }
}

struct Kept {
    bucket: Bucket,
    secret: blake3::Hash,
    read_at: Instant,
}

/// How locations are reached, and when that was last asked for.
type Asked = HashMap<StorageUri, (StoreAccess, Instant)>;

/// The buckets that this process talks to.
pub(super) struct Buckets {
    accesses: Arc<dyn Accesses>,
    asked: Mutex<Asked>,
    /// Made with the first bucket: a process without any need not read certificates.
    connections: OnceLock<Result<Connections, NoRoots>>,
    kept: Mutex<HashMap<(String, StoreAccess), Kept>>,
}

impl Buckets {
    pub(super) fn new(accesses: Arc<dyn Accesses>) -> Self {
        Self {
            accesses,
            asked: Mutex::default(),
            connections: OnceLock::new(),
            kept: Mutex::default(),
        }
    }

    /// The bucket that the location with this root is in.
    pub(super) async fn of(&self, root: &StorageUri) -> Result<Bucket, ObjectError> {
        self.with(root, &self.access(root, Instant::now()).await?)
    }

    /// How a location is reached, as it was within the last second. What cannot be told is asked for again at once.
    async fn access(&self, root: &StorageUri, now: Instant) -> Result<StoreAccess, ObjectError> {
        if let Some((access, at)) = self.asked().get(root)
            && now.duration_since(*at) < ACCESS_KEPT
        {
            return Ok(access.clone());
        }
        let access = self.accesses.access(root).await;
        let mut asked = self.asked();
        if asked.len() >= CLIENTS_MAX {
            asked.clear();
        }
        match access {
            Ok(access) => {
                asked.insert(root.clone(), (access.clone(), now));
                Ok(access)
            }
            Err(problem) => {
                asked.remove(root);
                Err(ObjectError::Io(format!("{root} cannot be reached: {problem}")))
            }
        }
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        // Valid between any two statements.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bucket of an address that is reached like this.
    pub(super) fn with(&self, root: &StorageUri, access: &StoreAccess) -> Result<Bucket, ObjectError> {
        let bucket = root.bucket().unwrap_or_default();
        let scheme = root.provider().scheme();
        let place = (format!("{scheme}://{bucket}"), access.clone());
        let denied = |problem: String| ObjectError::Denied(format!("{root} cannot be reached: {problem}"));
        let now = Instant::now();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = kept.get(&place)
                && now.duration_since(kept.read_at) < KEPT
            {
                return Ok(kept.bucket.clone());
            }
        }
        let secret = match &access.credential_ref {
            Some(reference) => Some(credential::read(reference).map_err(denied)?),
            None => None,
        };
        let digest = blake3::hash(secret.as_deref().unwrap_or_default().as_bytes());
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = all.get_mut(&place)
            && kept.secret == digest
        {
            kept.read_at = now;
            return Ok(kept.bucket.clone());
        }
        let connections = self
            .connections
            .get_or_init(Connections::new)
            .clone()
            .map_err(|e| denied(e.to_string()))?;
        let bucket =
            build(root.provider(), bucket, access, secret.as_deref(), connections).map_err(denied)?;
        if all.len() >= CLIENTS_MAX {
            all.clear();
        }
        let kept = Kept {
            bucket: bucket.clone(),
            secret: digest,
            read_at: now,
        };
        all.insert(place, kept);
        Ok(bucket)
    }
}

fn build(
    provider: Provider,
    name: &str,
    access: &StoreAccess,
    secret: Option<&str>,
    connections: Connections,
) -> Result<Bucket, String> {
    let endpoint = access.endpoint.as_ref().map(|e| e.as_str());
    let named = access.credential_ref.as_ref().map_or("", |c| c.as_str());
    let identity = format!(
        "{}://{name} at {}",
        provider.scheme(),
        endpoint.unwrap_or("its vendor")
    );
    let made = match provider {
        Provider::S3 => vendors::s3(name, access, secret, named, connections)?,
        Provider::Gcs => vendors::gcs(name, endpoint, secret, named, connections)?,
        Provider::Azure => vendors::azure(name, endpoint, secret, named, connections)?,
        Provider::Local => return Err("it is a directory, not a bucket".into()),
    };
    Ok(Bucket {
        store: made.store,
        multipart: made.multipart,
        provider,
        shown: format!("{}://{name}", provider.scheme()),
        identity,
        raw: made.raw,
        azure: made.azure,
        copier: made.copier.map(Arc::new),
        access: Arc::new(access.clone()),
        summing: made.summing,
        unsigned: made.unsigned,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Says another endpoint from the moment on at which it is told to.
    #[derive(Default)]
    struct Told {
        asked: AtomicU32,
        moved: std::sync::atomic::AtomicBool,
    }

    #[async_trait::async_trait]
    impl Accesses for Told {
        async fn access(&self, _root: &StorageUri) -> Result<StoreAccess, String> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let port = if self.moved.load(Ordering::SeqCst) { 2 } else { 1 };
            let endpoint = format!("http://127.0.0.1:{port}").parse();
            Ok(StoreAccess {
                endpoint: Some(endpoint.map_err(|e| format!("{e}"))?),
                ..StoreAccess::default()
            })
        }
    }

    #[tokio::test]
    async fn a_location_is_asked_for_once_a_second_and_a_change_is_followed() {
        let told = Arc::new(Told::default());
        let buckets = Buckets::new(told.clone());
        let root: StorageUri = "s3://bucket/data".parse().unwrap();
        let began = Instant::now();
        let port = async |after: Duration| {
            let access = buckets.access(&root, began + after).await;
            access.unwrap().endpoint.unwrap().as_str().to_owned()
        };
        for millis in 0..1000 {
            assert!(port(Duration::from_millis(millis)).await.ends_with(":1"));
        }
        assert_eq!(told.asked.load(Ordering::SeqCst), 1);
        told.moved.store(true, Ordering::SeqCst);
        assert!(port(ACCESS_KEPT).await.ends_with(":2"));
        assert_eq!(told.asked.load(Ordering::SeqCst), 2);
    }
}
