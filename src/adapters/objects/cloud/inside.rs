//! Objects that the store copies by itself, when source and target are in it: no byte is sent from here.
//!
//! Invariant: what stands at the target afterwards was looked at (size, metadata, mark), and no hash is told that was not computed.
//! With the full check the source is read for its BLAKE3, as by any other copy; with the others it is not, unless the store keeps no
//! checksum of both sides that could be compared. Where the store will not copy, the caller does.

use super::attributes::Carried;
use super::copier::{Copier, Order, Refusal};
use super::heed::heed;
use super::path::{condition, fingerprint_of, of_key};
use super::read::CloudSource;
use super::upload::Halted;
use super::write::{Done, Write, is_of_job, look};
use super::{tags, told};
use crate::adapters::objects::sums::{Kind, Sum};
use crate::adapters::objects::tree;
use crate::domain::migration::options::VerifyLevel;
use crate::ports::objects::{Copied, ObjectError, Part, Parts, Upload};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutResult};

/// Objects over this size are copied in parts of it, where the vendor has such a thing.
pub(super) const PART: u64 = 32 << 20;
/// How often a copy is asked for where something of this job's own stands in the way.
const TRIES: usize = 3;

/// A copy that the store makes.
pub(super) struct Inside<'a> {
    from: &'a CloudSource<'a>,
    copier: &'a Copier,
    order: Order<'a>,
}

impl Write<'_> {
    /// Lets the store copy the object; `None` where it does not.
    pub(super) async fn copy_inside(
        &self,
        from: &CloudSource<'_>,
        from_bucket: &str,
        parts: &dyn Parts,
    ) -> Result<Option<Copied>, ObjectError> {
        let copier = match &self.bucket.copier {
            Some(copier) if copier.is_able() && self.bucket.is_one_store_with(&from.bucket) => copier.clone(),
            _ => return Ok(None),
        };
        let path = of_key(&self.staging.data(), &self.object.key)?;
        let Some(tag) = condition(self.object) else {
            return Ok(None);
        };
        let looked = heed(self.meter, from.look()).await?;
        let carried = self.kept(looked.carried)?;
        let headers = self.headers(&carried);
        let inside = Inside {
            from,
            copier: &copier,
            order: Order {
                from_bucket,
                from: &from.path,
                from_tag: &tag,
                from_version: looked.version.as_deref(),
                onto_itself: false,
                bytes: self.object.size_bytes.0,
                to: &path,
                headers: &headers,
                sums: self.staging.verify == VerifyLevel::Checksum,
            },
        };
        let in_parts = copier.in_parts() && self.object.size_bytes.0 > PART;
        let hash = if in_parts {
            let write = Write {
                inside: Some(&inside),
                ..*self
            };
            self.refuse_strangers(&path).await?;
            match write.in_parts(&path, from, headers.clone(), parts).await {
                Ok(done) => done.hash,
                Err(ObjectError::NotSupported(why)) => return Ok(declined(&why)),
                Err(e) => return Err(e),
            }
        } else if let Some(why) = self.ask(&inside).await? {
            return Ok(declined(&why));
        } else {
            None
        };
        self.look_back(&inside, &carried, hash).await.map(Some)
    }

    /// Asks for a copy in one piece; why the store will not, when it will not.
    async fn ask(&self, inside: &Inside<'_>) -> Result<Option<String>, ObjectError> {
        let path = inside.order.to;
        for _ in 0..TRIES {
            if inside.copier.may_overwrite() {
                self.clear_place(path).await?;
            }
            let asked = async { Ok(inside.copier.copy(&inside.order, self.meter).await) };
            match heed(self.meter, asked).await? {
                Ok(()) => return Ok(None),
                Err(Refusal::Condition) => {
                    // A source that is not what it was says so here.
                    heed(self.meter, inside.from.look()).await?;
                    self.clear_place(path).await?;
                }
                Err(other) => {
                    return match self.refused(other, path) {
                        ObjectError::NotSupported(why) => Ok(Some(why)),
                        e => Err(e),
                    };
                }
            }
        }
        Err(ObjectError::Io(format!(
            "copy to {}/{path}: something is put there again and again",
            self.bucket.shown
        )))
    }

    /// Removes what an earlier try of this job left at the place; what is another's is left alone and is an error.
    async fn clear_place(&self, path: &Path) -> Result<(), ObjectError> {
        let Some(found) = heed(self.meter, look(self.bucket, path)).await? else {
            return Ok(());
        };
        if !is_of_job(found.mark.as_deref(), self.staging) {
            self.refuse_strangers(path).await?;
        }
        match heed(self.meter, async { Ok(self.bucket.store.delete(path).await) }).await? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failure(&e, path)),
        }
    }

    fn refused(&self, refusal: Refusal, path: &Path) -> ObjectError {
        let at = format!("copy inside the store to {}/{path}", self.bucket.shown);
        match refusal {
            Refusal::Unknown(why) | Refusal::Unable(why) => ObjectError::NotSupported(why),
            Refusal::Condition => ObjectError::Io(format!("{at}: the store says that a condition failed")),
            Refusal::Busy(why) => ObjectError::Busy(format!("{at}: {why}")),
            Refusal::Failed(why) => ObjectError::Io(format!("{at}: {why}")),
        }
    }

    /// A part of an object, copied by the store and read here only where its hash is wanted.
    pub(super) async fn one_part_inside(
        &self,
        inside: &Inside<'_>,
        path: &Path,
        upload: &Upload,
        number: u32,
        span: (u64, u64),
    ) -> Result<Part, Halted> {
        let asked = async {
            Ok(inside
                .copier
                .copy_part(&inside.order, &upload.id, number, span)
                .await)
        };
        let id = match heed(self.meter, asked).await? {
            Ok(id) => id,
            Err(Refusal::Condition) => {
                heed(self.meter, inside.from.look()).await?;
                return Err(Halted::gone());
            }
            Err(other) => return Err(self.refused(other, path).into()),
        };
        self.meter.sign_of_life();
        let chain = if self.staging.verify == VerifyLevel::Full {
            tree::to_hex(&inside.from.chain(span.0, span.1).await?)
        } else {
            String::new()
        };
        Ok(Part {
            number,
            id,
            chain,
            checksum: None,
            stored: None,
        })
    }

    /// Looks at what the store has made, and at the source as it is now.
    async fn look_back(
        &self,
        inside: &Inside<'_>,
        carried: &Carried,
        hash: Option<String>,
    ) -> Result<Copied, ObjectError> {
        let path = inside.order.to;
        let (found, sum) = heed(self.meter, told::look(self.bucket, path)).await?;
        let wrong = |what: String| {
            ObjectError::Mismatch(format!(
                "the object {:?} that {} copied by itself {what}",
                self.object.key, self.bucket.shown
            ))
        };
        if found.meta.size != self.object.size_bytes.0 {
            return Err(wrong(format!(
                "has {} bytes, not {}",
                found.meta.size, self.object.size_bytes.0
            )));
        }
        let mark = super::attributes::mark(&found.attributes);
        if mark != Some(self.staging.mark().as_str()) {
            return Err(wrong("does not carry the mark of this move".into()));
        }
        let provider = self.bucket.provider;
        let (seen, tags) = (Carried::of(&found.attributes, provider), tags::count(&found));
        let seen = seen.tagged(heed(self.meter, tags::of(self.bucket, path, tags)).await?);
        if let Some(difference) = seen.differs(&carried.text()) {
            return Err(wrong(format!("has {difference}")));
        }
        let put = PutResult {
            e_tag: found.meta.e_tag.clone(),
            version: None,
            extensions: Default::default(),
        };
        let (hash, sum) = self.proof(inside, hash, sum).await?;
        let done = Done {
            put,
            hash,
            sum,
            stored: None,
        };
        self.copied(done, carried)
    }

    /// What the copy will be compared with: a hash of the source as it is read here, or the checksum that the store keeps of it.
    async fn proof(
        &self,
        inside: &Inside<'_>,
        hash: Option<String>,
        kept: Option<Sum>,
    ) -> Result<(Option<String>, Option<Sum>), ObjectError> {
        match self.staging.verify {
            VerifyLevel::Size => {
                // Stores that ignore the condition on the source are found out.
                heed(self.meter, inside.from.look()).await?;
                Ok((None, None))
            }
            VerifyLevel::Full => match hash {
                Some(hash) => Ok((Some(hash), None)),
                None => Ok((Some(inside.from.hash(None).await?.0), None)),
            },
            VerifyLevel::Checksum => {
                let told = heed(self.meter, told::look(&inside.from.bucket, &inside.from.path));
                let (found, told) = told.await?;
                if fingerprint_of(&found.meta).as_ref() != Ok(&self.object.fingerprint) {
                    return Err(ObjectError::Changed(self.object.key.clone()));
                }
                match (told, kept) {
                    (Some(told), Some(kept)) if told.kind() == kept.kind() => Ok((None, Some(told))),
                    _ => {
                        let kind = Kind::of(self.bucket.provider);
                        let (hash, sum) = inside.from.hash(kind).await?;
                        Ok((Some(hash), sum))
                    }
                }
            }
        }
    }
}

fn declined(why: &str) -> Option<Copied> {
    tracing::debug!(
        why,
        "the store does not copy an object by itself: it passes through this machine"
    );
    None
}
