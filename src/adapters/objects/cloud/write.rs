//! Writing objects to a bucket: small ones in one request, large ones in parts that are remembered.
//!
//! Invariant: an object appears whole or not at all. What another writer put in its place is never replaced: small objects are
//! created only where nothing stands, and what stands there goes only when it carries this job's mark. The bytes in memory are
//! bounded over all jobs by [`Budget`]. Next: `upload.rs`, for those in parts.

use super::attributes::{Carried, Headers, mark};
use super::budget::Budget;
use super::client::Bucket;
use super::failure::failure;
use super::heed::heed;
use super::inside::Inside;
use super::path::{fingerprint, of_key};
use crate::adapters::objects::sealed::{self, Outgoing, Sealer};
use crate::adapters::objects::source::Source;
use crate::adapters::objects::sums::{self, Sum};
use crate::adapters::objects::tree;
use crate::domain::encryption::stored_bytes;
use crate::domain::location::Provider;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Copied, FoundObject, Meter, ObjectError, Parts, Staging, Stored};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Objects up to this size go in one request; larger ones in parts of it.
pub(super) const PART: u64 = 8 << 20;
const _: () = assert!(PART >= crate::ports::objects::WHOLE_UP_TO.0);
/// The most parts that every vendor takes.
const PARTS_MAX: u64 = 10_000;
/// How long a store may show an object without what it carries.
const SETTLES: Duration = Duration::from_millis(200);
/// How often a write is tried where something of this job's own stands in the way.
const TRIES: usize = 3;

/// One object of a bucket, to be written.
pub(super) struct Write<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) staging: &'a Staging,
    pub(super) object: &'a FoundObject,
    pub(super) budget: &'a Budget,
    pub(super) meter: &'a Meter,
    /// Set while the store copies by itself.
    pub(super) inside: Option<&'a Inside<'a>>,
    /// Encrypts what is sent, where the target is encrypted.
    pub(super) sealer: Option<&'a Sealer>,
}

impl Write<'_> {
    /// Copies the object from its source.
    pub(super) async fn copy(&self, source: &dyn Source, parts: &dyn Parts) -> Result<Copied, ObjectError> {
        let path = of_key(&self.staging.data(), &self.object.key)?;
        if self.object.size_bytes.0 <= PART {
            let _held = self.room(self.object.size_bytes.0).await?;
            let whole = source.whole().await?;
            let carried = self.kept(whole.carried)?;
            let headers = self.headers(&carried);
            let out = self.outgoing(0, whole.pieces).await?;
            let sum = self.sums(&out.pieces);
            let stored = out
                .hashes
                .map(|hashes| sealed::stored(self.object.size_bytes, hashes.iter()));
            let put = self.put(&path, out.pieces.into_iter().collect(), headers).await?;
            let done = Done {
                put,
                hash: Some(whole.hash),
                sum,
                stored,
            };
            return self.copied(done, &carried);
        }
        let carried = self.kept(heed(self.meter, source.carried()).await?)?;
        self.refuse_strangers(&path).await?;
        let headers = self.headers(&carried);
        let done = if self.bucket.provider == Provider::Azure && self.bucket.azure.is_none() {
            self.in_one_go(&path, source, headers).await?
        } else {
            self.in_parts(&path, source, headers, parts).await?
        };
        self.copied(done, &carried)
    }

    /// Room for bytes in memory, and for what they are encrypted to.
    pub(super) async fn room(&self, bytes: u64) -> Result<OwnedSemaphorePermit, ObjectError> {
        let times = if self.sealer.is_some() { 2 } else { 1 };
        heed(self.meter, self.budget.take(bytes.saturating_mul(times))).await
    }

    /// What is sent of what was read at an offset.
    pub(super) async fn outgoing(
        &self,
        offset: u64,
        pieces: Vec<bytes::Bytes>,
    ) -> Result<Outgoing, ObjectError> {
        sealed::outgoing(self.sealer, &self.object.key, offset, pieces).await
    }

    /// The object's size as it is written.
    pub(super) fn written_bytes(&self, plain: u64) -> u64 {
        match self.sealer {
            Some(_) => stored_bytes(Bytes(plain)).0,
            None => plain,
        }
    }

    /// The checksum that the store will keep of these bytes, where it is wanted.
    pub(super) fn sums(&self, pieces: &[bytes::Bytes]) -> Option<Sum> {
        let kind = sums::Kind::of(self.bucket.provider)?;
        (self.staging.verify == VerifyLevel::Checksum)
            .then(|| sums::of(kind, pieces.iter().map(AsRef::as_ref)))
    }

    /// What of it the target can keep.
    pub(super) fn kept(&self, carried: Carried) -> Result<Carried, ObjectError> {
        carried.kept_by(self.bucket.provider, &self.object.key)
    }

    pub(super) fn headers(&self, carried: &Carried) -> Headers {
        let class = self.staging.class.as_ref();
        carried.to_write(self.bucket.provider, &self.staging.mark(), class)
    }

    pub(super) fn copied(&self, done: Done, carried: &Carried) -> Result<Copied, ObjectError> {
        let size = self.written_bytes(self.object.size_bytes.0);
        let fingerprint = fingerprint(done.put.e_tag.as_deref(), size)
            .map_err(|e| ObjectError::NotSupported(format!("{}: {e}", self.bucket.shown)))?;
        Ok(Copied {
            content_hash: done.hash,
            metadata: carried.text(),
            fingerprint,
            checksum: done.sum.map(|sum| sum.to_string()),
            stored: done.stored,
        })
    }

    pub(super) fn failure(&self, error: &Error, path: &Path) -> ObjectError {
        failure(error, "write", self.bucket, path)
    }

    async fn put(
        &self,
        path: &Path,
        payload: PutPayload,
        headers: Headers,
    ) -> Result<PutResult, ObjectError> {
        let store = &self.bucket.store;
        for _ in 0..TRIES {
            let options = PutOptions {
                mode: PutMode::Create,
                attributes: headers.attributes.clone(),
                tags: headers.tags.clone(),
                ..PutOptions::default()
            };
            let put = async { Ok(store.put_opts(path, payload.clone(), options).await) };
            match heed(self.meter, put).await? {
                Ok(put) => return Ok(put),
                // Of an earlier try or attempt of this job, or a stranger's.
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                    self.refuse_strangers(path).await?;
                    match heed(self.meter, async { Ok(store.delete(path).await) }).await? {
                        Ok(()) | Err(Error::NotFound { .. }) => {}
                        Err(e) => return Err(self.failure(&e, path)),
                    }
                }
                Err(e) => return Err(self.failure(&e, path)),
            }
        }
        Err(ObjectError::Io(format!(
            "write {}/{path}: something is put there again and again",
            self.bucket.shown
        )))
    }

    /// Whatever stands at the place must carry this job's mark.
    pub(super) async fn refuse_strangers(&self, path: &Path) -> Result<(), ObjectError> {
        for tries in 1.. {
            match heed(self.meter, look(self.bucket, path)).await? {
                Some(found) if !is_of_job(found.mark.as_deref(), self.staging) => {}
                _ => return Ok(()),
            }
            if tries == TRIES {
                break;
            }
            // Simple stores show an object before what it carries.
            heed(self.meter, async {
                tokio::time::sleep(SETTLES).await;
                Ok(())
            })
            .await?;
        }
        Err(ObjectError::Occupied(format!(
            "{}/{path} was put there by somebody else during the move and is left alone",
            self.bucket.shown
        )))
    }

    /// Without a memory of parts: where Azure is reached in a way in which a list of blocks cannot be sent with what the object carries.
    async fn in_one_go(
        &self,
        path: &Path,
        source: &dyn Source,
        headers: Headers,
    ) -> Result<Done, ObjectError> {
        let options = PutMultipartOptions {
            attributes: headers.attributes,
            tags: headers.tags,
            ..PutMultipartOptions::default()
        };
        let begun = async {
            self.bucket
                .store
                .put_multipart_opts(path, options)
                .await
                .map_err(|e| self.failure(&e, path))
        };
        let mut upload = heed(self.meter, begun).await?;
        let size = self.object.size_bytes.0;
        let part_bytes = part_bytes(size);
        let (mut chains, mut hashes) = (Vec::new(), Vec::new());
        for number in 0..size.div_ceil(part_bytes) {
            let offset = number * part_bytes;
            let length = part_bytes.min(size - offset);
            let _held = self.room(length).await?;
            let pieces = source.part(offset, length).await?;
            chains.push(chain_of(offset, &pieces));
            let out = self.outgoing(offset, pieces).await?;
            hashes.extend(out.hashes.into_iter().flatten());
            let put = upload.put_part(out.pieces.into_iter().collect());
            heed(self.meter, async {
                put.await.map_err(|e| self.failure(&e, path))
            })
            .await?;
        }
        let done = async { upload.complete().await.map_err(|e| self.failure(&e, path)) };
        let put = heed(self.meter, done).await?;
        // Azure keeps no checksum of what came in parts.
        Ok(Done {
            put,
            hash: Some(whole_hash(&chains)?),
            sum: None,
            stored: self
                .sealer
                .map(|_| sealed::stored(self.object.size_bytes, hashes.iter())),
        })
    }
}

/// A whole object.
pub(super) struct Done {
    /// What the store said.
    pub(super) put: PutResult,
    /// Its BLAKE3, where it was read.
    pub(super) hash: Option<String>,
    /// The checksum of what was sent, where it is wanted.
    pub(super) sum: Option<Sum>,
    /// What the store holds, where it was encrypted.
    pub(super) stored: Option<Stored>,
}

pub(super) fn chain_of(offset: u64, pieces: &[bytes::Bytes]) -> blake3::hazmat::ChainingValue {
    tree::chain_of(offset, pieces.iter().map(AsRef::as_ref))
}

pub(super) fn whole_hash(chains: &[blake3::hazmat::ChainingValue]) -> Result<String, ObjectError> {
    tree::root(chains).ok_or_else(|| ObjectError::Io("a single part has no tree".into()))
}

/// The size of parts: a power of two, so that each is a whole subtree of the hash.
pub(super) fn part_bytes(size: u64) -> u64 {
    size.div_ceil(PARTS_MAX).next_power_of_two().max(PART)
}

/// What stands at a place.
pub(super) struct Seen {
    pub(super) mark: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) size: u64,
}

/// Looks at one object; `None` when there is none.
pub(super) async fn look(bucket: &Bucket, path: &Path) -> Result<Option<Seen>, ObjectError> {
    let options = GetOptions {
        head: true,
        ..GetOptions::default()
    };
    match bucket.store.get_opts(path, options).await {
        Ok(found) => Ok(Some(Seen {
            mark: mark(&found.attributes).map(str::to_owned),
            tag: found.meta.e_tag,
            size: found.meta.size,
        })),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(e) => Err(failure(&e, "look at", bucket, path)),
    }
}

/// Whether an object's mark is of any attempt of this job.
pub(super) fn is_of_job(mark: Option<&str>, staging: &Staging) -> bool {
    mark.and_then(|m| m.rsplit_once('-'))
        .is_some_and(|(token, _)| token == staging.token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_few_enough_and_whole_subtrees() {
        for size in [PART + 1, 64 << 20, 80 << 30, 5 << 40] {
            let part = part_bytes(size);
            assert!(
                part.is_power_of_two() && part >= PART && size.div_ceil(part) <= PARTS_MAX,
                "{size}"
            );
        }
        assert_eq!(part_bytes(1 << 30), PART);
    }
}
