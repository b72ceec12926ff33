//! Reading objects of a bucket: whole, in part, and to compare.
//!
//! Invariant: every answer is of the version that was asked for, by a condition and by our own look at the ETag, since some stores
//! ignore the condition.

use super::asked::Asked;
use super::attributes::Carried;
use super::client::Bucket;
use super::failure::failure;
use super::heed::heed;
use super::path::{condition, fingerprint_of};
use super::{tags, told};
use crate::adapters::objects::Throttle;
use crate::adapters::objects::local::FileMeta;
use crate::adapters::objects::source::{Source, Whole};
use crate::adapters::objects::sums::{Kind, Sum, Summing};
use crate::adapters::objects::throttle::wait;
use crate::adapters::objects::tree;
use crate::ports::objects::{FoundObject, Meter, ObjectError};
use async_trait::async_trait;
use blake3::hazmat::ChainingValue;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult};

/// One object of a bucket, to be copied.
pub(in crate::adapters::objects) struct CloudSource<'a> {
    pub(super) bucket: Bucket,
    pub(super) path: Path,
    pub(super) object: &'a FoundObject,
    pub(super) throttle: Option<&'a Throttle>,
    pub(super) meter: &'a Meter,
}

impl CloudSource<'_> {
    fn changed(&self) -> ObjectError {
        ObjectError::Changed(self.object.key.clone())
    }

    async fn get(&self, range: Option<GetRange>) -> Result<(GetResult, Asked), ObjectError> {
        let since = Asked::now(self.meter);
        let options = GetOptions {
            if_match: condition(self.object),
            range,
            ..GetOptions::default()
        };
        let asked = async {
            match self.bucket.store.get_opts(&self.path, options).await {
                Ok(found) => Ok(found),
                Err(Error::NotFound { .. } | Error::Precondition { .. } | Error::NotModified { .. }) => {
                    Err(self.changed())
                }
                Err(e) => Err(failure(&e, "read", &self.bucket, &self.path)),
            }
        };
        let found = heed(self.meter, asked).await?;
        if fingerprint_of(&found.meta).as_ref() != Ok(&self.object.fingerprint) {
            return Err(self.changed());
        }
        Ok((found, since))
    }

    /// The object as a stream, and what it carries but for its tags.
    pub(super) async fn stream(&self) -> Result<Opened, ObjectError> {
        let (found, since) = self.get(None).await?;
        Ok(Opened {
            carried: Carried::of(&found.attributes, self.bucket.provider),
            modified: found.meta.last_modified.timestamp(),
            tag_count: tags::count(&found),
            stream: since.timed(found.into_stream()),
        })
    }

    /// A part of the object as a stream.
    pub(super) async fn stream_part(
        &self,
        offset: u64,
        length: u64,
    ) -> Result<BoxStream<'static, object_store::Result<Bytes>>, ObjectError> {
        let (found, since) = self.get(Some(GetRange::Bounded(offset..offset + length))).await?;
        if found.range != (offset..offset + length) {
            return Err(self.changed());
        }
        Ok(since.timed(found.into_stream()))
    }

    /// The object's BLAKE3, and its checksum of the kind that is wanted.
    pub(super) async fn hash(&self, kind: Option<Kind>) -> Result<(String, Option<Sum>), ObjectError> {
        let stream = self.stream().await?.stream;
        let (mut hasher, mut summing) = (blake3::Hasher::new(), kind.map(Summing::new));
        self.each(stream, self.object.size_bytes.0, |piece| {
            hasher.update(&piece);
            if let Some(summing) = &mut summing {
                summing.add(&piece);
            }
        })
        .await?;
        let hash = hasher.finalize().to_hex().to_string();
        Ok((hash, summing.map(Summing::finish)))
    }

    /// The chaining value of a part of the object in its BLAKE3.
    pub(super) async fn chain(&self, offset: u64, length: u64) -> Result<ChainingValue, ObjectError> {
        let mut hasher = tree::begin(offset);
        let stream = self.stream_part(offset, length).await?;
        self.each(stream, length, |piece| {
            hasher.update(&piece);
        })
        .await?;
        Ok(tree::end(&hasher))
    }

    /// What the object carries, and what the store says of it.
    pub(super) async fn look(&self) -> Result<Looked, ObjectError> {
        let options = GetOptions {
            if_match: condition(self.object),
            head: true,
            ..GetOptions::default()
        };
        let (mut looked, tag_count) = match self.bucket.store.get_opts(&self.path, options).await {
            Ok(found) if fingerprint_of(&found.meta).as_ref() != Ok(&self.object.fingerprint) => {
                return Err(self.changed());
            }
            Ok(found) => {
                let looked = Looked {
                    carried: Carried::of(&found.attributes, self.bucket.provider),
                    modified: found.meta.last_modified.timestamp(),
                    version: found.meta.version.clone(),
                    class: told::class(&found).map(str::to_owned),
                };
                (looked, tags::count(&found))
            }
            Err(Error::NotFound { .. } | Error::Precondition { .. }) => return Err(self.changed()),
            Err(e) => return Err(failure(&e, "look at", &self.bucket, &self.path)),
        };
        let tags = tags::of(&self.bucket, &self.path, tag_count).await?;
        looked.carried = looked.carried.tagged(tags);
        Ok(looked)
    }

    /// What a piece of a stream becomes.
    pub(super) fn piece(&self, piece: object_store::Result<Bytes>) -> Result<Bytes, ObjectError> {
        piece.map_err(|e| match e {
            Error::Precondition { .. } => self.changed(),
            e => failure(&e, "read", &self.bucket, &self.path),
        })
    }

    async fn collect(
        &self,
        stream: BoxStream<'static, object_store::Result<Bytes>>,
        length: u64,
    ) -> Result<Vec<Bytes>, ObjectError> {
        let mut pieces = Vec::new();
        self.each(stream, length, |piece| pieces.push(piece)).await?;
        Ok(pieces)
    }

    /// Goes through a stream of so many bytes.
    async fn each(
        &self,
        mut stream: BoxStream<'static, object_store::Result<Bytes>>,
        length: u64,
        mut take: impl FnMut(Bytes) + Send,
    ) -> Result<(), ObjectError> {
        let mut read = 0_u64;
        while let Some(piece) = heed(self.meter, async { Ok(stream.next().await) }).await? {
            let piece = self.piece(piece)?;
            read += piece.len() as u64;
            if read > length {
                return Err(self.changed());
            }
            count(piece.len() as u64, self.throttle, self.meter).await?;
            take(piece);
        }
        if read == length {
            Ok(())
        } else {
            Err(ObjectError::Io(format!(
                "read {}/{}: the answer ended after {read} of {length} bytes",
                self.bucket.shown, self.path
            )))
        }
    }
}

/// An object whose bytes are coming.
pub(super) struct Opened {
    pub(super) stream: BoxStream<'static, object_store::Result<Bytes>>,
    /// Without its tags.
    pub(super) carried: Carried,
    /// How many those are.
    tag_count: u64,
    /// When it was changed, in Unix seconds.
    pub(super) modified: i64,
}

/// What a store says of an object.
pub(super) struct Looked {
    pub(super) carried: Carried,
    /// When it was changed, in Unix seconds.
    pub(super) modified: i64,
    /// Its version, where the store tells one.
    pub(super) version: Option<String>,
    /// Its storage class, where the store tells one.
    pub(super) class: Option<String>,
}

/// Books bytes with the limit and the meter.
pub(super) async fn count(bytes: u64, throttle: Option<&Throttle>, meter: &Meter) -> Result<(), ObjectError> {
    let own = throttle.map(|throttle| throttle.book(bytes));
    match own.max(meter.add(bytes)) {
        Some(until) => wait(until, meter).await,
        None => Ok(()),
    }
}

#[async_trait]
impl Source for CloudSource<'_> {
    async fn whole(&self) -> Result<Whole, ObjectError> {
        let opened = self.stream().await?;
        let pieces = self.collect(opened.stream, self.object.size_bytes.0).await?;
        let tags = heed(self.meter, tags::of(&self.bucket, &self.path, opened.tag_count)).await?;
        let carried = opened.carried.tagged(tags);
        let mut hasher = blake3::Hasher::new();
        for piece in &pieces {
            hasher.update(piece);
        }
        Ok(Whole {
            pieces,
            hash: hasher.finalize().to_hex().to_string(),
            meta: carried.to_file(opened.modified),
            carried,
        })
    }

    async fn part(&self, offset: u64, length: u64) -> Result<Vec<Bytes>, ObjectError> {
        self.collect(self.stream_part(offset, length).await?, length)
            .await
    }

    async fn carried(&self) -> Result<Carried, ObjectError> {
        Ok(self.look().await?.carried)
    }

    async fn file_meta(&self) -> Result<FileMeta, ObjectError> {
        let looked = self.look().await?;
        Ok(looked.carried.to_file(looked.modified))
    }
}
