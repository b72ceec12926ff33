//! An encrypted object as a source: its bytes as they were before.
//!
//! Invariant: nothing is given out that did not authenticate.

use super::format::{Key, Opener};
use super::keys::told;
use super::stored_offset;
use crate::adapters::objects::cloud::Carried;
use crate::adapters::objects::local::{FileMeta, LocalObjects};
use crate::adapters::objects::source::{Source, Whole};
use crate::domain::encryption::{SEGMENT, stored_bytes};
use crate::ports::objects::{FoundObject, ObjectError};
use async_trait::async_trait;
use bytes::Bytes;

/// Around the object as it is stored.
pub(in crate::adapters::objects) struct Opened<'a> {
    pub(in crate::adapters::objects) inner: Box<dyn Source + 'a>,
    pub(in crate::adapters::objects) key: super::format::Key,
    /// As it was before.
    pub(in crate::adapters::objects) object: &'a FoundObject,
    /// Where it is, for messages.
    pub(in crate::adapters::objects) shown: String,
}

impl Opened<'_> {
    async fn open(&self, segments: std::ops::Range<u64>, pieces: Vec<Bytes>) -> Result<Vec<u8>, ObjectError> {
        let (key, object, shown): (Key, _, _) = (self.key.clone(), self.object.clone(), self.shown.clone());
        LocalObjects::blocking(move || {
            let size = object.size_bytes.0;
            let mut opener = Opener::part(key, &object.key, size, segments);
            let mut out = Vec::with_capacity(pieces.iter().map(Bytes::len).sum());
            let opened = pieces
                .iter()
                .try_for_each(|piece| opener.take(piece, &mut out))
                .and_then(|()| opener.finish());
            match opened {
                Ok(_) => Ok(out),
                Err(broken) => Err(told(&broken, &object.key, &shown)),
            }
        })
        .await
    }
}

#[async_trait]
impl Source for Opened<'_> {
    async fn whole(&self) -> Result<Whole, ObjectError> {
        let stored = self.inner.whole().await?;
        let segments = self.object.size_bytes.0.div_ceil(SEGMENT).max(1);
        let bytes = self.open(0..segments, stored.pieces).await?;
        Ok(Whole {
            hash: blake3::hash(&bytes).to_hex().to_string(),
            pieces: vec![bytes.into()],
            ..stored
        })
    }

    async fn part(&self, offset: u64, length: u64) -> Result<Vec<Bytes>, ObjectError> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let segments = offset / SEGMENT..(offset + length).div_ceil(SEGMENT);
        let from = stored_offset(segments.start * SEGMENT);
        let to = stored_offset(segments.end * SEGMENT).min(stored_bytes(self.object.size_bytes).0);
        let pieces = self.inner.part(from, to - from).await?;
        let skipped = offset - segments.start * SEGMENT;
        let bytes = Bytes::from(self.open(segments, pieces).await?);
        let (start, end) = (skipped as usize, (skipped + length) as usize);
        if bytes.len() < end {
            return Err(ObjectError::Changed(self.object.key.clone()));
        }
        Ok(vec![bytes.slice(start..end)])
    }

    async fn carried(&self) -> Result<Carried, ObjectError> {
        self.inner.carried().await
    }

    async fn file_meta(&self) -> Result<FileMeta, ObjectError> {
        self.inner.file_meta().await
    }
}
