//! A large object that is written in parts which are remembered, so that a copy that was killed goes on where it was.

use super::attributes::Headers;
use super::blocks::Refused;
use super::failure::is_gone_or_refused;
use super::heed::heed;
use super::inside;
use super::write::{Done, Write, chain_of, is_of_job, look, part_bytes, whole_hash};
use crate::adapters::objects::sealed;
use crate::adapters::objects::source::Source;
use crate::adapters::objects::sums::{self, Sum};
use crate::adapters::objects::tree;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::unit::Bytes;
use crate::ports::objects::{ObjectError, Part, Parts, Stored, Upload};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMultipartOptions, PutResult};
use std::collections::BTreeMap;

/// Parts of one object that are under way at once.
const PARTS_AT_ONCE: usize = 4;

impl Write<'_> {
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
