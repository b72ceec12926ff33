//! To a disk, from wherever an object is opened, or encrypted on the way.
//!
//! Invariant: a part is remembered after it is durable, and believed later only while the file still holds what was remembered.
//! Objects up to [`STEP`] are in memory whole, larger ones a step at a time; the bytes in memory are bounded over all jobs.

use super::{
    Outgoing, Sealer, as_stored, hashes_of, hashes_text, outgoing, stored, stored_of_parts, stored_offset,
};
use crate::adapters::objects::cloud::{Budget, heed};
use crate::adapters::objects::local::{self, FileMeta, LocalObjects, large};
use crate::adapters::objects::source::Source;
use crate::adapters::objects::tree;
use crate::domain::location::Provider;
use crate::domain::unit;
use crate::ports::objects::{
    Copied, FoundObject, Meter, ObjectError, Part, Parts, Prefix, Staging, Stored, Upload,
};
use bytes::{Buf, Bytes};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Objects up to this size go whole; larger ones in parts of at least it, a step at a time.
const STEP: u64 = 8 << 20;
const _: () = assert!(
    STEP >= crate::ports::objects::WHOLE_UP_TO.0 && STEP.is_multiple_of(crate::domain::encryption::SEGMENT)
);
/// The most rows that one object may have.
const PARTS_MAX: u64 = 10_000;

fn part_bytes(size: u64) -> u64 {
    size.div_ceil(PARTS_MAX).next_power_of_two().max(STEP)
}

/// An object on its way to a disk.
pub(in crate::adapters::objects) struct Receiving<'a> {
    /// Where it comes from, as it was before.
    pub(in crate::adapters::objects) from: &'a dyn Source,
    /// The place of that.
    pub(in crate::adapters::objects) source: &'a Prefix,
    pub(in crate::adapters::objects) staging: &'a Staging,
    /// As it was before.
    pub(in crate::adapters::objects) object: &'a FoundObject,
    /// Encrypts it, where the disk is to hold it so.
    pub(in crate::adapters::objects) sealer: Option<&'a Sealer>,
    pub(in crate::adapters::objects) budget: &'a Budget,
    pub(in crate::adapters::objects) meter: &'a Arc<Meter>,
}

/// Pieces as a reader.
struct Reading(VecDeque<Bytes>);

impl std::io::Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.0.front().is_some_and(Bytes::is_empty) {
            self.0.pop_front();
        }
        let Some(piece) = self.0.front_mut() else {
            return Ok(0);
        };
        let taken = piece.len().min(buffer.len());
        piece.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}

impl Receiving<'_> {
    /// Copies it into the staging area.
    pub(in crate::adapters::objects) async fn copy(&self, parts: &dyn Parts) -> Result<Copied, ObjectError> {
        self.mirror().await?;
        if self.object.size_bytes.0 <= STEP {
            return self.whole().await;
        }
        let meta = self.from.file_meta().await?;
        let (hash, stored) = self.in_parts(parts).await?;
        let (staging, object, name) = (self.staging.clone(), self.at_target(), self.name());
        let done =
            LocalObjects::blocking(move || large::end_receive(&staging, &object, &name, &meta, hash)).await?;
        Ok(Copied { stored, ..done })
    }

    /// The object as the disk will hold it.
    fn at_target(&self) -> FoundObject {
        match self.sealer {
            Some(_) => as_stored(self.object),
            None => self.object.clone(),
        }
    }

    fn name(&self) -> String {
        large::file_name(self.object)
    }

    /// Directories are as open as those of the source, where that is a disk as well.
    async fn mirror(&self) -> Result<(), ObjectError> {
        if self.source.root.provider() != Provider::Local {
            return Ok(());
        }
        let (source, staging) = (self.source.clone(), self.staging.clone());
        let key = self.object.key.clone();
        LocalObjects::blocking(move || local::mirror(&source, &staging, &key)).await
    }

    /// Room for bytes and what they are encrypted to.
    async fn room(&self, bytes: u64) -> Result<tokio::sync::OwnedSemaphorePermit, ObjectError> {
        heed(self.meter, self.budget.take(bytes.saturating_mul(2))).await
    }

    async fn outgoing(&self, offset: u64, pieces: Vec<Bytes>) -> Result<Outgoing, ObjectError> {
        outgoing(self.sealer, &self.object.key, offset, pieces).await
    }

    async fn whole(&self) -> Result<Copied, ObjectError> {
        let _held = self.room(self.object.size_bytes.0).await?;
        let whole = self.from.whole().await?;
        let meta: FileMeta = whole.meta;
        let out = self.outgoing(0, whole.pieces).await?;
        let stored = out
            .hashes
            .map(|hashes| stored(self.object.size_bytes, hashes.iter()));
        let (staging, object) = (self.staging.clone(), self.at_target());
        let mut pieces = Reading(out.pieces.into());
        let done =
            LocalObjects::blocking(move || local::receive(&staging, &object, &mut pieces, &meta)).await?;
        Ok(Copied {
            content_hash: Some(whole.hash),
            stored,
            ..done
        })
    }

    /// Writes the parts that are missing; the BLAKE3 of the object, and what the disk holds.
    async fn in_parts(&self, parts: &dyn Parts) -> Result<(String, Option<Stored>), ObjectError> {
        let written = self.write(parts).await;
        let leave = match &written {
            Ok(_) => true,
            Err(ObjectError::Changed(_)) => false,
            Err(_) => parts.remembers(),
        };
        if !leave {
            let (staging, name) = (self.staging.clone(), self.name());
            LocalObjects::blocking(move || large::remove(&staging, &name)).await?;
        }
        written
    }

    async fn write(&self, parts: &dyn Parts) -> Result<(String, Option<Stored>), ObjectError> {
        let (part_bytes, mut done) = self.begin(parts).await?;
        let size = self.object.size_bytes.0;
        for number in 0..size.div_ceil(part_bytes) {
            let offset = number * part_bytes;
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            if done.contains_key(&number) {
                continue;
            }
            let part = self.part(number, offset, part_bytes.min(size - offset)).await?;
            parts.done(&part).await?;
            done.insert(number, part);
        }
        let broken = || {
            ObjectError::Io(format!(
                "the parts of {:?} that were remembered are broken",
                self.object.key
            ))
        };
        let chains: Vec<_> = done
            .values()
            .filter_map(|part| tree::from_hex(&part.chain))
            .collect();
        let hash = tree::root(&chains).ok_or_else(broken)?;
        let stored = match self.sealer {
            None => None,
            Some(_) => {
                let parts = done.values().map(|part| part.stored.as_ref());
                Some(stored_of_parts(self.object.size_bytes, parts).ok_or_else(broken)?)
            }
        };
        Ok((hash, stored))
    }

    /// The size of parts, and those that are there.
    async fn begin(&self, parts: &dyn Parts) -> Result<(u64, BTreeMap<u32, Part>), ObjectError> {
        let name = self.name();
        let begun = parts.begun().await?.filter(|upload| {
            let size = upload.part_bytes.0;
            upload.id == name && size.is_power_of_two() && size >= STEP
        });
        if let Some(upload) = begun {
            let part_bytes = upload.part_bytes.0;
            if let Some(good) = self.still_good(upload).await? {
                return Ok((
                    part_bytes,
                    good.into_iter().map(|part| (part.number, part)).collect(),
                ));
            }
        }
        let (staging, file) = (self.staging.clone(), name.clone());
        LocalObjects::blocking(move || large::begin(&staging, &file)).await?;
        let part_bytes = part_bytes(self.object.size_bytes.0);
        parts.begin(&name, unit::Bytes(part_bytes)).await?;
        Ok((part_bytes, BTreeMap::new()))
    }

    /// The parts that the file holds as they were remembered; `None` when there is no file.
    async fn still_good(&self, upload: Upload) -> Result<Option<Vec<Part>>, ObjectError> {
        let (staging, object, meter) = (self.staging.clone(), self.object.clone(), self.meter.clone());
        if self.sealer.is_none() {
            return LocalObjects::blocking(move || large::still_good(&staging, &object, &upload, &meter))
                .await;
        }
        LocalObjects::blocking(move || {
            let mut good = Vec::new();
            for part in &upload.parts {
                let Some(hashes) = part.stored.as_deref().and_then(hashes_of) else {
                    continue;
                };
                let offset = u64::from(part.number) * upload.part_bytes.0;
                let end = (offset + upload.part_bytes.0).min(object.size_bytes.0);
                let found = large::segment_hashes(&staging, &object.key, &upload.id, offset..end, &meter)?;
                match found {
                    None => return Ok(None),
                    Some(found) if found == hashes => good.push(part.clone()),
                    Some(_) => {}
                }
            }
            Ok(Some(good))
        })
        .await
    }

    /// Writes a part and makes it durable.
    async fn part(&self, number: u32, offset: u64, length: u64) -> Result<Part, ObjectError> {
        let mut hasher = tree::begin(offset);
        let mut hashes = Vec::new();
        let mut at = offset;
        while at < offset + length {
            let now = STEP.min(offset + length - at);
            let _held = self.room(now).await?;
            let pieces = self.from.part(at, now).await?;
            for piece in &pieces {
                hasher.update(piece);
            }
            let out = self.outgoing(at, pieces).await?;
            let place = match out.hashes {
                Some(new) => {
                    hashes.extend(new);
                    stored_offset(at)
                }
                None => at,
            };
            let (staging, key, name) = (self.staging.clone(), self.object.key.clone(), self.name());
            LocalObjects::blocking(move || large::write_at(&staging, &key, &name, place, &out.pieces))
                .await?;
            at += now;
        }
        let (staging, key, name) = (self.staging.clone(), self.object.key.clone(), self.name());
        LocalObjects::blocking(move || large::settle(&staging, &key, &name)).await?;
        Ok(Part {
            number,
            id: String::new(),
            chain: tree::to_hex(&tree::end(&hasher)),
            checksum: None,
            stored: self.sealer.map(|_| hashes_text(&hashes)),
        })
    }
}
