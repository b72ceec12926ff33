//! One object to be copied, wherever it is: read whole or in parts, always of the version that the manifest names.

use super::Throttle;
use super::cloud::Carried;
use super::local::{self, FileMeta, LocalObjects};
use crate::ports::objects::{FoundObject, Meter, ObjectError, Prefix};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// A small object in memory.
pub(super) struct Whole {
    pub(super) pieces: Vec<Bytes>,
    /// BLAKE3 in hex.
    pub(super) hash: String,
    pub(super) carried: Carried,
    /// What a file becomes that holds it.
    pub(super) meta: FileMeta,
}

/// Where an object's bytes come from. Every answer is [`ObjectError::Changed`] when the object is not the one in the manifest.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// All of it.
    async fn whole(&self) -> Result<Whole, ObjectError>;

    /// `length` bytes from `offset`.
    async fn part(&self, offset: u64, length: u64) -> Result<Vec<Bytes>, ObjectError>;

    /// What it carries besides its bytes.
    async fn carried(&self) -> Result<Carried, ObjectError>;

    /// What a file becomes that holds it.
    async fn file_meta(&self) -> Result<FileMeta, ObjectError>;
}

/// A file of this machine.
pub(super) struct LocalSource<'a> {
    pub(super) at: &'a Prefix,
    pub(super) object: &'a FoundObject,
    pub(super) throttle: Option<Arc<Throttle>>,
    pub(super) meter: &'a Arc<Meter>,
}

impl LocalSource<'_> {
    async fn read(&self, range: Option<(u64, u64)>) -> Result<local::ReadFile, ObjectError> {
        let (at, object) = (self.at.clone(), self.object.clone());
        let (throttle, meter) = (self.throttle.clone(), self.meter.clone());
        LocalObjects::blocking(move || local::read_file(&at, &object, range, throttle.as_deref(), &meter))
            .await
    }
}

#[async_trait]
impl Source for LocalSource<'_> {
    async fn whole(&self) -> Result<Whole, ObjectError> {
        let read = self.read(None).await?;
        Ok(Whole {
            hash: blake3::hash(&read.bytes).to_hex().to_string(),
            pieces: vec![read.bytes],
            carried: Carried::of_file(&read.meta),
            meta: read.meta,
        })
    }

    async fn part(&self, offset: u64, length: u64) -> Result<Vec<Bytes>, ObjectError> {
        Ok(vec![self.read(Some((offset, length))).await?.bytes])
    }

    async fn carried(&self) -> Result<Carried, ObjectError> {
        Ok(Carried::of_file(&self.file_meta().await?))
    }

    async fn file_meta(&self) -> Result<FileMeta, ObjectError> {
        Ok(self.read(Some((0, 0))).await?.meta)
    }
}
