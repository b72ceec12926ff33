//! Objects that are encrypted when they are copied: sealed on the way to a store, opened on the way back.
//!
//! Invariant: outside of this folder objects are as they were before: the same bytes, sizes and hashes. What a store holds of an
//! encrypted one is seen only by whoever writes it, and in what is remembered to compare it without its key. Start with `format.rs`,
//! which says how objects are encrypted, precisely enough to decrypt them without this program.

mod disk;
mod format;
mod judge;
mod keys;
mod opened;
mod unseal;

pub(super) use disk::Receiving;
pub(super) use format::{SealedPiece, Sealer, StoredHash};
pub(super) use judge::Judge;
pub(super) use keys::Keys;
pub(super) use opened::Opened;
pub use unseal::Unsealing;

use super::local::LocalObjects;
use crate::domain::encryption::{self, SEGMENT, STORED_SEGMENT};
use crate::domain::unit;
use crate::ports::objects::{FoundObject, ObjectError, Prefix, Staging, Stored};
use crate::ports::walk::Walk;
use bytes::Bytes;
use futures::StreamExt;

/// An object as its store holds it.
pub(super) fn as_stored(object: &FoundObject) -> FoundObject {
    FoundObject {
        size_bytes: encryption::stored_bytes(object.size_bytes),
        ..object.clone()
    }
}

/// Where a place between two segments is stored.
pub(super) fn stored_offset(offset: u64) -> u64 {
    offset / SEGMENT * STORED_SEGMENT
}

/// The pages of a listing with the objects as they were before. What has no size of an encrypted object keeps the one that it has:
/// that it was changed is seen by its fingerprint, and that it is none of ours as soon as it is read.
pub(super) fn as_before(walk: Walk) -> Walk {
    let tally = walk.tally();
    let pages = futures::stream::unfold(Some(walk), |walk| async move {
        let mut walk = walk?;
        match walk.next().await {
            Ok(None) => None,
            Ok(Some(mut page)) => {
                for object in &mut page.objects {
                    let before = encryption::plain_bytes(object.size_bytes);
                    object.size_bytes = before.unwrap_or(object.size_bytes);
                }
                Some((Ok(page), Some(walk)))
            }
            Err(problem) => Some((Err(problem), None)),
        }
    });
    Walk::new(pages.boxed(), tally)
}

impl Keys {
    /// What encrypts an object of an attempt; `None` where its target is not encrypted.
    pub(super) async fn sealer(
        &self,
        staging: &Staging,
        object: &FoundObject,
    ) -> Result<Option<Sealer>, ObjectError> {
        let Some(encryption) = &staging.target.encryption else {
            return Ok(None);
        };
        let key = self.get(encryption, staging.target.root.to_string()).await?;
        // Parts are gone on with only by the same attempt, and only of the same version of the source.
        let of_write = format!("{}\n{}", staging.mark(), object.fingerprint);
        Ok(Some(Sealer::new(
            key,
            &object.key,
            object.size_bytes.0,
            &of_write,
        )))
    }
}

/// A piece of an object as it is written: encrypted where `sealer` is there.
pub(super) struct Outgoing {
    pub(super) pieces: Vec<Bytes>,
    /// Hashes of its segments, where it is encrypted.
    pub(super) hashes: Option<Vec<blake3::Hash>>,
}

/// Encrypts what stands at `offset` of an object, on a thread of its own where it is much.
pub(super) async fn outgoing(
    sealer: Option<&Sealer>,
    key: &str,
    offset: u64,
    pieces: Vec<Bytes>,
) -> Result<Outgoing, ObjectError> {
    let Some(sealer) = sealer else {
        return Ok(Outgoing { pieces, hashes: None });
    };
    let (sealer, key) = (sealer.clone(), key.to_owned());
    let work = move || {
        sealer
            .seal(offset, &pieces)
            .map_err(|broken| ObjectError::Io(format!("the object {key:?} {broken}")))
    };
    let SealedPiece { segments, hashes } = LocalObjects::blocking(work).await?;
    Ok(Outgoing {
        pieces: segments,
        hashes: Some(hashes),
    })
}

/// The hashes of segments as they are remembered.
pub(super) fn hashes_text(hashes: &[blake3::Hash]) -> String {
    hashes.iter().map(|hash| hash.to_hex().to_string()).collect()
}

/// The reverse of [`hashes_text`].
pub(super) fn hashes_of(text: &str) -> Option<Vec<blake3::Hash>> {
    let mut hashes = Vec::with_capacity(text.len() / 64);
    let mut rest = text;
    while !rest.is_empty() {
        let (one, more) = rest.split_at_checked(64)?;
        hashes.push(blake3::Hash::from_hex(one).ok()?);
        rest = more;
    }
    Some(hashes)
}

/// What a store holds of an object, from the hashes of all its segments in order.
pub(super) fn stored<'a>(size: unit::Bytes, hashes: impl Iterator<Item = &'a blake3::Hash>) -> Stored {
    let mut hash = StoredHash::default();
    hashes.for_each(|segment| hash.add(segment));
    Stored {
        size_bytes: encryption::stored_bytes(size),
        hash: hash.finish(),
    }
}

/// The same from what is remembered of its parts, where that is whole.
pub(super) fn stored_of_parts<'a>(
    size: unit::Bytes,
    parts: impl Iterator<Item = Option<&'a String>>,
) -> Option<Stored> {
    let mut all = Vec::new();
    for part in parts {
        all.extend(hashes_of(part?)?);
    }
    (all.len() as u64 == size.0.div_ceil(SEGMENT).max(1)).then(|| stored(size, all.iter()))
}

/// Where a place is, for messages.
pub(super) fn shown(at: &Prefix) -> String {
    format!("{}/{}", at.root, at.path)
}
