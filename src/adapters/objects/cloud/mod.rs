//! Objects in buckets: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! Invariant: nothing outside the prefix that was asked about is written or deleted, and what is deleted was looked at just before.
//! Stores know no rename, so a move writes in place: every object carries the mark of the attempt that wrote it, and only such
//! objects are ever removed from a target. Start with `client.rs`, then `read.rs` and `write.rs`.

mod asked;
mod attributes;
mod azure;
mod blocks;
mod budget;
mod check;
mod client;
mod copier;
mod credential;
mod failure;
mod heed;
mod http;
mod inside;
mod listing;
mod path;
mod places;
mod raw;
mod read;
mod receive;
mod reclass;
mod remove;
mod tags;
mod told;
mod upload;
mod vendors;
mod write;

pub use budget::MEMORY;

pub(super) use attributes::Carried;
pub(super) use budget::Budget;
pub(super) use heed::heed;
pub(super) use read::CloudSource;

use super::Throttle;
use super::sealed::Sealer;
use super::source::{LocalSource, Source};
use crate::domain::location::{Provider, StorageUri, StoreAccess};
use crate::domain::migration::options::VerifyLevel;
use crate::domain::unit::Bytes;
use crate::ports::objects::{
    Copied, Expected, FoundObject, Meter, ObjectError, OpenUpload, Parts, Prefix, Removed, Staging,
};
use crate::ports::places::{Accesses, Sighting};
use crate::ports::walk::Walk;
use client::{Bucket, Buckets};
use std::sync::Arc;
use write::Write;

/// The stores of `s3://`, `gs://` and `az://` locations. Cheap to clone.
#[derive(Clone)]
pub struct CloudObjects {
    buckets: Arc<Buckets>,
    budget: Budget,
    throttle: Option<Arc<Throttle>>,
}

impl CloudObjects {
    /// Reached as `accesses` says, with an optional limit on the bytes that are read.
    #[must_use]
    pub fn new(accesses: Arc<dyn Accesses>, throttle: Option<Arc<Throttle>>) -> Self {
        Self {
            buckets: Arc::new(Buckets::new(accesses)),
            budget: Budget::new(MEMORY),
            throttle,
        }
    }

    /// The same with room for so many bytes of objects on their way to buckets at once, instead of [`MEMORY`].
    #[must_use]
    pub fn with_memory(self, memory: Bytes) -> Self {
        let budget = Budget::new(memory);
        Self { budget, ..self }
    }

    async fn bucket(&self, at: &Prefix) -> Result<Bucket, ObjectError> {
        self.buckets.of(&at.root).await
    }

    /// Looks at an address that is reached like this, whether or not a location has it.
    pub async fn look(&self, uri: &StorageUri, access: &StoreAccess) -> Sighting {
        places::look(self.buckets.with(uri, access), uri).await
    }

    pub(super) async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError> {
        listing::walk(&self.bucket(at).await?, at)
    }

    /// The first objects below a prefix, at most two.
    pub(super) async fn first_keys(&self, at: &Prefix) -> Result<Vec<String>, ObjectError> {
        listing::first_keys(&self.bucket(at).await?, at, 2).await
    }

    pub(super) async fn identity(&self, at: &Prefix) -> Result<Option<String>, ObjectError> {
        let bucket = self.bucket(at).await?;
        let there = !listing::first_keys(&bucket, at, 1).await?.is_empty();
        Ok((there || at.path.is_empty()).then(|| bucket.identity.clone()))
    }

    /// What tells this store from others of its kind.
    pub(super) async fn store_identity(&self, at: &Prefix) -> Result<String, ObjectError> {
        Ok(self.bucket(at).await?.identity)
    }

    /// Why an object cannot be read, when that is so.
    pub(super) async fn unreadable(
        &self,
        at: &Prefix,
        object: &FoundObject,
    ) -> Result<Option<String>, ObjectError> {
        let meter = Meter::default();
        let source = self.source(at, object, &meter).await?;
        let length = object.size_bytes.0.min(1);
        if length == 0 {
            return Ok(None);
        }
        match source.part(0, length).await {
            // It changed since it was listed: no reason against reading it.
            Ok(_) | Err(ObjectError::Changed(_)) => Ok(None),
            Err(e) => Ok(Some(e.to_string())),
        }
    }

    /// Why a store cannot take a key, when that is so.
    pub(super) fn unplaceable(target: &Prefix, key: &str) -> Option<String> {
        path::of_key(target, key).err().map(|e| e.to_string())
    }

    /// Bounds the bytes in memory.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// An object as it is stored.
    pub(super) async fn source<'a>(
        &'a self,
        at: &Prefix,
        object: &'a FoundObject,
        meter: &'a Meter,
    ) -> Result<CloudSource<'a>, ObjectError> {
        Ok(CloudSource {
            bucket: self.bucket(at).await?,
            path: path::of_key(at, &object.key)?,
            object,
            throttle: self.throttle.as_deref(),
            meter,
        })
    }

    /// Copies an object to a bucket, from a bucket or from this machine.
    pub(super) async fn copy_here(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let bucket = self.target(staging).await?;
        let write = self.write(&bucket, staging, object, meter, None);
        if source.root.provider() == Provider::Local {
            let from = LocalSource {
                at: source,
                object,
                throttle: self.throttle.clone(),
                meter,
            };
            write.copy(&from, parts).await
        } else {
            let from = self.source(source, object, meter).await?;
            let name = source.root.bucket().unwrap_or_default();
            match write.copy_inside(&from, name, parts).await? {
                Some(copied) => Ok(copied),
                None => write.copy(&from, parts).await,
            }
        }
    }

    fn write<'a>(
        &'a self,
        bucket: &'a Bucket,
        staging: &'a Staging,
        object: &'a FoundObject,
        meter: &'a Meter,
        sealer: Option<&'a Sealer>,
    ) -> Write<'a> {
        Write {
            bucket,
            staging,
            object,
            budget: &self.budget,
            meter,
            inside: None,
            sealer,
        }
    }

    async fn target(&self, staging: &Staging) -> Result<Bucket, ObjectError> {
        let bucket = self.bucket(&staging.target).await?;
        Ok(match staging.verify {
            VerifyLevel::Checksum => bucket.sending_sums(),
            VerifyLevel::Full => bucket.sending_unsigned(),
            VerifyLevel::Size => bucket,
        })
    }

    /// Copies an object to a bucket from anywhere, encrypted where there is a `sealer`.
    pub(super) async fn write_from(
        &self,
        from: &dyn Source,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Meter,
        sealer: Option<&Sealer>,
    ) -> Result<Copied, ObjectError> {
        let bucket = self.target(staging).await?;
        self.write(&bucket, staging, object, meter, sealer)
            .copy(from, parts)
            .await
    }

    /// Whether two places are in one store that can be asked to copy by itself.
    pub(super) async fn is_one_store(&self, source: &Prefix, target: &Prefix) -> Result<bool, ObjectError> {
        let (from, to) = (self.bucket(source).await?, self.bucket(target).await?);
        Ok(to.is_one_store_with(&from) && to.copier.as_ref().is_some_and(|copier| copier.is_able()))
    }

    /// The BLAKE3 of an object, by reading it.
    pub(super) async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Meter,
    ) -> Result<String, ObjectError> {
        Ok(self.source(at, object, meter).await?.hash(None).await?.0)
    }

    /// Copies an object from a bucket to this machine.
    pub(super) async fn copy_to_disk(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        receive::receive(&self.source(source, object, meter).await?, staging, parts, meter).await
    }

    pub(super) async fn verify(
        &self,
        at: &Prefix,
        expected: &Expected,
        meter: &Meter,
    ) -> Result<(), ObjectError> {
        let bucket = self.bucket(at).await?;
        check::verify(&bucket, at, expected, self.throttle.as_deref(), meter).await
    }

    /// Whether the store's own checksum says that an object is what it must be; `false` where none can be compared.
    pub(super) async fn told_right(
        &self,
        at: &Prefix,
        expected: &Expected,
        meter: &Meter,
    ) -> Result<bool, ObjectError> {
        check::told_right(&self.bucket(at).await?, at, expected, meter).await
    }

    /// Reads an object whose size and metadata are as expected, piece by piece.
    pub(super) async fn reread(
        &self,
        at: &Prefix,
        expected: &Expected,
        meter: &Meter,
        sink: impl FnMut(&[u8]) -> Result<(), ObjectError> + Send,
    ) -> Result<(), ObjectError> {
        let bucket = self.bucket(at).await?;
        let throttle = self.throttle.as_deref();
        check::read_through(&bucket, at, expected, throttle, meter, sink)
            .await
            .map(drop)
    }

    pub(super) async fn abandon_uploads(
        &self,
        staging: &Staging,
        give_up: &[OpenUpload],
        keep: &[OpenUpload],
    ) -> Result<u64, ObjectError> {
        remove::abandon_uploads(&self.bucket(&staging.target).await?, staging, give_up, keep).await
    }

    pub(super) async fn discard(&self, staging: &Staging, keys: &[String]) -> Result<Removed, ObjectError> {
        remove::discard(&self.bucket(&staging.target).await?, staging, keys).await
    }

    pub(super) async fn remove(&self, at: &Prefix, objects: &[FoundObject]) -> Result<Removed, ObjectError> {
        remove::remove(&self.bucket(at).await?, at, objects).await
    }
}
