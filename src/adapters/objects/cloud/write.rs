//! Writing objects to a bucket: small ones in one request, large ones in parts that are remembered.
//!
//! Invariant: an object appears whole or not at all. What another writer put in its place is never replaced: small objects are
//! created only where nothing stands, and what stands there goes only when it carries this job's mark. The bytes in memory are
//! bounded over all jobs by [`Budget`].

use super::attributes::{Carried, Headers, mark};
use super::blocks::Refused;
use super::client::Bucket;
use super::failure::{failure, is_gone_or_refused};
use super::heed::heed;
use super::inside::{self, Inside};
use super::path::{fingerprint, of_key};
use crate::adapters::objects::sealed::{self, Outgoing, Sealer};
use crate::adapters::objects::source::Source;
use crate::adapters::objects::sums::{self, Sum};
use crate::adapters::objects::tree;
use crate::domain::encryption::stored_bytes;
use crate::domain::location::Provider;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Copied, FoundObject, Meter, ObjectError, Part, Parts, Staging, Stored, Upload};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Objects up to this size go in one request; larger ones in parts of it.
const PART: u64 = 8 << 20;
const _: () = assert!(PART >= crate::ports::objects::WHOLE_UP_TO.0);
/// The most parts that every vendor takes.
const PARTS_MAX: u64 = 10_000;
/// Parts of one object that are under way at once.
const PARTS_AT_ONCE: usize = 4;
/// Bytes of objects in memory at once, over all jobs.
const MEMORY: u64 = 32 << 20;
/// How long a store may show an object without what it carries.
const SETTLES: Duration = Duration::from_millis(200);
/// How often a write is tried where something of this job's own stands in the way.
const TRIES: usize = 3;

/// Bounds the bytes in memory.
#[derive(Clone)]
pub(in crate::adapters::objects) struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(
            usize::try_from(MEMORY / 1024).unwrap_or(1),
        )))
    }
}

impl Budget {
    /// Waits until so many bytes may be held. A part that is larger than the whole budget takes all of it.
    pub(in crate::adapters::objects) async fn take(
        &self,
        bytes: u64,
    ) -> Result<OwnedSemaphorePermit, ObjectError> {
        let units = bytes.min(MEMORY).div_ceil(1024).max(1);
        let units = u32::try_from(units).unwrap_or(1);
        self.0
            .clone()
            .acquire_many_owned(units)
            .await
            .map_err(|_| ObjectError::Stopped)
    }
}

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
    async fn room(&self, bytes: u64) -> Result<OwnedSemaphorePermit, ObjectError> {
        let times = if self.sealer.is_some() { 2 } else { 1 };
        heed(self.meter, self.budget.take(bytes.saturating_mul(times))).await
    }

    /// What is sent of what was read at an offset.
    async fn outgoing(&self, offset: u64, pieces: Vec<bytes::Bytes>) -> Result<Outgoing, ObjectError> {
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
    fn sums(&self, pieces: &[bytes::Bytes]) -> Option<Sum> {
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

    pub(super) async fn in_parts(
        &self,
        path: &Path,
        source: &dyn Source,
        headers: Headers,
        parts: &dyn Parts,
    ) -> Result<Done, ObjectError> {
        if let Some(upload) = self.begun(path, parts).await? {
            match self.go_on(path, source, &headers, parts, upload).await {
                // The store has given it up, or completed it without our hearing of it.
                Err(Halted::Gone(sent)) => {
                    if let Some((put, hash)) = self.adopt(path, &sent.chains).await? {
                        let Sent { sum, stored, .. } = *sent;
                        return Ok(Done {
                            put,
                            hash,
                            sum,
                            stored,
                        });
                    }
                }
                Err(Halted::Failed(e)) => return Err(e),
                Ok(done) => return Ok(done),
            }
        }
        if self.bucket.azure.is_some() {
            self.make_way(path).await?;
        }
        let id = self.new_upload(path, &headers).await?;
        let part_bytes = Bytes(self.part_bytes());
        parts.begin(&id, part_bytes).await?;
        let upload = Upload {
            id,
            part_bytes,
            parts: Vec::new(),
        };
        match self.go_on(path, source, &headers, parts, upload).await {
            Ok(done) => Ok(done),
            Err(Halted::Failed(e)) => Err(e),
            Err(Halted::Gone(_)) => Err(ObjectError::Io(format!(
                "write {}/{path}: the store has lost the parts or refuses them; another writer may have given the upload up, or the right to write is missing",
                self.bucket.shown
            ))),
        }
    }

    /// What an earlier try of this job made of these blocks' place goes: a list of blocks replaces nothing.
    async fn make_way(&self, path: &Path) -> Result<(), ObjectError> {
        let found = heed(self.meter, look(self.bucket, path)).await?;
        if !found.is_some_and(|found| is_of_job(found.mark.as_deref(), self.staging)) {
            return Ok(());
        }
        match heed(self.meter, async { Ok(self.bucket.store.delete(path).await) }).await? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failure(&e, path)),
        }
    }

    /// The store's name of an upload that begins. Azure has none: blocks lie at the object's name until a list of them makes it.
    async fn new_upload(&self, path: &Path, headers: &Headers) -> Result<String, ObjectError> {
        if self.bucket.azure.is_some() {
            return Ok(format!("blocks of {}", self.staging.mark()));
        }
        let options = PutMultipartOptions {
            attributes: headers.attributes.clone(),
            tags: headers.tags.clone(),
            ..PutMultipartOptions::default()
        };
        heed(self.meter, async {
            self.bucket
                .multipart
                .create_multipart_opts(path, options)
                .await
                .map_err(|e| self.failure(&e, path))
        })
        .await
    }

    /// What an earlier copy left, where it can be gone on with; what cannot is given up.
    async fn begun(&self, path: &Path, parts: &dyn Parts) -> Result<Option<Upload>, ObjectError> {
        let Some(upload) = parts.begun().await? else {
            return Ok(None);
        };
        let size = upload.part_bytes.0;
        // Parts that a store copied by itself may be larger than what is held in memory, and have no hash.
        let usable = size.is_power_of_two()
            && (tree::PART_MIN..=self.part_bytes()).contains(&size)
            && (!self.reads() || upload.parts.iter().all(|part| !part.chain.is_empty()))
            && upload
                .parts
                .iter()
                .all(|part| part.stored.is_some() == self.sealer.is_some());
        if usable {
            return Ok(Some(upload));
        }
        // Blocks on Azure end by themselves.
        if self.bucket.azure.is_some() {
            return Ok(None);
        }
        let given_up = async { Ok(self.bucket.multipart.abort_multipart(path, &upload.id).await) };
        if let Err(error) = heed(self.meter, given_up).await? {
            tracing::debug!(%error, "an upload that cannot be gone on with is found at the next start");
        }
        Ok(None)
    }

    /// The size of parts.
    fn part_bytes(&self) -> u64 {
        let size = part_bytes(self.object.size_bytes.0);
        self.inside.map_or(size, |_| size.max(inside::PART))
    }

    /// Whether every byte passes through here.
    fn reads(&self) -> bool {
        self.inside.is_none() || self.staging.verify == VerifyLevel::Full
    }

    /// Sends the parts that are missing and completes the upload.
    async fn go_on(
        &self,
        path: &Path,
        source: &dyn Source,
        headers: &Headers,
        parts: &dyn Parts,
        upload: Upload,
    ) -> Result<Done, Halted> {
        let size = self.object.size_bytes.0;
        let count = size.div_ceil(upload.part_bytes.0);
        let mut done: BTreeMap<u32, Part> = upload.parts.iter().map(|p| (p.number, p.clone())).collect();
        let missing = (0..count).filter_map(|n| u32::try_from(n).ok());
        let missing: Vec<u32> = missing.filter(|n| !done.contains_key(n)).collect();
        let mut missing = missing.into_iter();
        let mut working = FuturesUnordered::new();
        loop {
            while working.len() < PARTS_AT_ONCE
                && let Some(number) = missing.next()
            {
                working.push(self.one_part(path, source, &upload, number));
            }
            match working.next().await {
                None => break,
                Some(Ok(part)) => {
                    parts.done(&part).await?;
                    done.insert(part.number, part);
                }
                Some(Err(Halted::Gone(_))) => return Err(Halted::gone()),
                Some(Err(e)) => return Err(e),
            }
        }
        let broken = || {
            ObjectError::Io(format!(
                "the parts of {:?} that were remembered are broken",
                self.object.key
            ))
        };
        let chains: Vec<_> = done.values().filter_map(|p| tree::from_hex(&p.chain)).collect();
        let sum = self.joined(&upload, done.values());
        if self.reads() && chains.len() as u64 != count {
            return Err(broken().into());
        }
        let stored = match self.sealer {
            None => None,
            Some(_) => {
                let parts = done.values().map(|part| part.stored.as_ref());
                Some(sealed::stored_of_parts(self.object.size_bytes, parts).ok_or_else(broken)?)
            }
        };
        let ids: Vec<String> = done.into_values().map(|p| p.id).collect();
        match self.complete(path, &upload, ids, headers).await {
            Ok(put) => Ok(Done {
                put,
                hash: self.whole_hash(&chains)?,
                sum,
                stored,
            }),
            Err(Halted::Gone(_)) => Err(Halted::Gone(Box::new(Sent { chains, sum, stored }))),
            Err(failed) => Err(failed),
        }
    }

    /// Makes the object of its parts.
    async fn complete(
        &self,
        path: &Path,
        upload: &Upload,
        ids: Vec<String>,
        headers: &Headers,
    ) -> Result<PutResult, Halted> {
        if let Some(azure) = &self.bucket.azure {
            let at = format!("write {}/{path}", self.bucket.shown);
            let made = async { Ok(azure.commit(path, &ids, headers).await) };
            return match heed(self.meter, made).await? {
                Ok(e_tag) => Ok(PutResult {
                    e_tag,
                    version: None,
                    extensions: Default::default(),
                }),
                Err(Refused::Gone) => Err(Halted::gone()),
                Err(Refused::Denied(why)) => Err(ObjectError::Denied(format!("{at}: {why}")).into()),
                Err(Refused::Busy(why)) => Err(ObjectError::Busy(format!("{at}: {why}")).into()),
                Err(Refused::Other(why)) => Err(ObjectError::Io(format!("{at}: {why}")).into()),
            };
        }
        let ids = ids
            .into_iter()
            .map(|content_id| object_store::multipart::PartId { content_id });
        let multipart = &self.bucket.multipart;
        let made = async {
            Ok(multipart
                .complete_multipart(path, &upload.id, ids.collect())
                .await)
        };
        match heed(self.meter, made).await? {
            Ok(put) => Ok(put),
            Err(e) if is_gone_or_refused(&e) => Err(Halted::gone()),
            Err(e) => Err(self.failure(&e, path).into()),
        }
    }

    /// The checksum of the whole, where every part has one.
    fn joined<'p>(&self, upload: &Upload, parts: impl Iterator<Item = &'p Part>) -> Option<Sum> {
        let sums: Option<Vec<_>> = parts
            .map(|part| {
                let (_, length) = self.span(upload, part.number);
                Some((part.checksum.as_ref()?.parse().ok()?, self.written_bytes(length)))
            })
            .collect();
        sums::joined(sums?.into_iter())
    }

    /// Where a part begins and how long it is.
    fn span(&self, upload: &Upload, number: u32) -> (u64, u64) {
        let offset = u64::from(number) * upload.part_bytes.0;
        (offset, upload.part_bytes.0.min(self.object.size_bytes.0 - offset))
    }

    async fn one_part(
        &self,
        path: &Path,
        source: &dyn Source,
        upload: &Upload,
        number: u32,
    ) -> Result<Part, Halted> {
        let (offset, length) = self.span(upload, number);
        if let Some(inside) = self.inside {
            return self
                .one_part_inside(inside, path, upload, number, (offset, length))
                .await;
        }
        let _held = self.room(length).await?;
        let pieces = source.part(offset, length).await?;
        let chain = tree::to_hex(&chain_of(offset, &pieces));
        let out = self.outgoing(offset, pieces).await?;
        let checksum = self.sums(&out.pieces).map(|sum| sum.to_string());
        let stored = out.hashes.map(|hashes| sealed::hashes_text(&hashes));
        let payload = out.pieces.into_iter().collect();
        let put = self
            .bucket
            .multipart
            .put_part(path, &upload.id, number as usize, payload);
        match heed(self.meter, async { Ok(put.await) }).await? {
            Ok(id) => Ok(Part {
                number,
                id: id.content_id,
                chain,
                checksum,
                stored,
            }),
            Err(e) if is_gone_or_refused(&e) => Err(Halted::gone()),
            Err(e) => Err(self.failure(&e, path).into()),
        }
    }

    /// The hash of the whole, where its parts were read.
    fn whole_hash(&self, chains: &[blake3::hazmat::ChainingValue]) -> Result<Option<String>, ObjectError> {
        self.reads().then(|| whole_hash(chains)).transpose()
    }

    /// The object that an earlier try completed, when it is there and of this attempt.
    async fn adopt(
        &self,
        path: &Path,
        chains: &[blake3::hazmat::ChainingValue],
    ) -> Result<Option<(PutResult, Option<String>)>, ObjectError> {
        let found = heed(self.meter, look(self.bucket, path)).await?;
        let Some(found) = found.filter(|f| {
            f.mark.as_deref() == Some(&self.staging.mark())
                && f.size == self.written_bytes(self.object.size_bytes.0)
        }) else {
            return Ok(None);
        };
        let hash = tree::root(chains);
        if hash.is_none() && self.reads() {
            return Ok(None);
        }
        let put = PutResult {
            e_tag: found.tag,
            version: None,
            extensions: Default::default(),
        };
        Ok(Some((put, hash)))
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

/// What is known of an object all of whose parts were sent.
#[derive(Default)]
pub(super) struct Sent {
    /// The chaining values of its parts.
    chains: Vec<blake3::hazmat::ChainingValue>,
    sum: Option<Sum>,
    stored: Option<Stored>,
}

/// Why the parts of an upload ended.
pub(super) enum Halted {
    /// The store does not know the upload; what was sent, when that was all.
    Gone(Box<Sent>),
    Failed(ObjectError),
}

impl Halted {
    /// The store does not know an upload that was not whole.
    pub(super) fn gone() -> Self {
        Self::Gone(Box::default())
    }
}

impl From<ObjectError> for Halted {
    fn from(error: ObjectError) -> Self {
        Self::Failed(error)
    }
}

fn chain_of(offset: u64, pieces: &[bytes::Bytes]) -> blake3::hazmat::ChainingValue {
    tree::chain_of(offset, pieces.iter().map(AsRef::as_ref))
}

fn whole_hash(chains: &[blake3::hazmat::ChainingValue]) -> Result<String, ObjectError> {
    tree::root(chains).ok_or_else(|| ObjectError::Io("a single part has no tree".into()))
}

/// The size of parts: a power of two, so that each is a whole subtree of the hash.
fn part_bytes(size: u64) -> u64 {
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
