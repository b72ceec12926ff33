//! Measures reads around any other store, for the figures of its locations.
//!
//! Invariant: what is measured is told by whoever reads, through the meter that it is given here; nothing is asked of a store for it. How
//! fast a file is read is told from here, of what only reads: a copy goes as fast as the slower of two places.

use crate::domain::encryption::KeyId;
use crate::domain::location::{CredentialRef, Provider};
use crate::domain::migration::options::VerifyLevel;
use crate::domain::name::StorageClass;
use crate::ports::objects::{
    Copied, Expected, FoundObject, Inspection, Listing, Meter, ObjectError, Objects, OpenUpload, Parts,
    Prefix, Removed, Space, Staging, Survey,
};
use crate::ports::reads::Reads;
use crate::ports::several::Answers;
use crate::ports::walk::Walk;
use async_trait::async_trait;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

/// A store whose reads are measured.
pub struct Timed {
    inner: Arc<dyn Objects>,
    reads: Reads,
    /// Bytes are held back on purpose, which is no measure of a store.
    slowed: bool,
}

impl Timed {
    /// Around `inner`, which is `slowed` where a fault holds its bytes back.
    #[must_use]
    pub fn new(inner: Arc<dyn Objects>, reads: Reads, slowed: bool) -> Self {
        Self { inner, reads, slowed }
    }

    /// The meter for what reads at a place.
    fn reading(&self, at: &Prefix, meter: &Arc<Meter>) -> Arc<Meter> {
        match self.reads.of(&at.root) {
            Some(tally) => Arc::new(Meter::reading(meter, tally)),
            None => meter.clone(),
        }
    }

    /// What only reads an object. Streams of a bucket are timed one by one, where they are read.
    async fn only_reads<T>(
        &self,
        at: &Prefix,
        own: &Meter,
        work: impl Future<Output = Result<T, ObjectError>> + Send,
    ) -> Result<T, ObjectError> {
        let begun = Instant::now();
        let done = work.await?;
        if at.root.provider() == Provider::Local
            && !self.slowed
            && !own.was_held()
            && let Some(tally) = own.reads()
        {
            tally.whole(own.bytes(), begun.elapsed());
        }
        Ok(done)
    }
}

#[async_trait]
impl Objects for Timed {
    async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError> {
        self.inner.walk(at).await
    }

    async fn list(&self, at: &Prefix) -> Result<Listing, ObjectError> {
        self.inner.list(at).await
    }

    async fn space(&self, at: &Prefix) -> Result<Space, ObjectError> {
        self.inner.space(at).await
    }

    async fn survey(
        &self,
        source: &Prefix,
        target: &Prefix,
        listing: &Listing,
    ) -> Result<Survey, ObjectError> {
        self.inner.survey(source, target, listing).await
    }

    async fn inspect(
        &self,
        source: &Prefix,
        target: &Prefix,
        page: &Listing,
    ) -> Result<Inspection, ObjectError> {
        self.inner.inspect(source, target, page).await
    }

    async fn missing_parents(&self, target: &Prefix) -> Result<Vec<String>, ObjectError> {
        self.inner.missing_parents(target).await
    }

    async fn prepare(&self, staging: &Staging) -> Result<(), ObjectError> {
        self.inner.prepare(staging).await
    }

    async fn copy(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let own = self.reading(source, meter);
        self.inner.copy(source, staging, object, parts, &own).await
    }

    async fn copy_several(
        &self,
        source: &Prefix,
        staging: &Staging,
        objects: &[FoundObject],
        meter: &Arc<Meter>,
    ) -> Answers<Copied> {
        let own = self.reading(source, meter);
        self.inner.copy_several(source, staging, objects, &own).await
    }

    async fn abandon_uploads(
        &self,
        staging: &Staging,
        give_up: &[OpenUpload],
        keep: &[OpenUpload],
    ) -> Result<u64, ObjectError> {
        self.inner.abandon_uploads(staging, give_up, keep).await
    }

    async fn sync(&self, staging: &Staging, keys: Vec<String>) -> Result<(), ObjectError> {
        self.inner.sync(staging, keys).await
    }

    async fn verify(&self, at: &Prefix, expected: &Expected, meter: &Arc<Meter>) -> Result<(), ObjectError> {
        let own = self.reading(at, meter);
        self.only_reads(at, &own, self.inner.verify(at, expected, &own))
            .await
    }

    async fn verify_several(&self, at: &Prefix, expected: &[Expected], meter: &Arc<Meter>) -> Answers<()> {
        // Not measured: all of them are asked of the device before the first is read.
        self.inner.verify_several(at, expected, meter).await
    }

    async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError> {
        let own = self.reading(at, meter);
        self.only_reads(at, &own, self.inner.hash(at, object, &own)).await
    }

    async fn reclass(
        &self,
        at: &Prefix,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let own = self.reading(at, meter);
        self.inner.reclass(at, object, class, verify, &own).await
    }

    async fn key_id(&self, reference: &CredentialRef) -> Result<KeyId, ObjectError> {
        self.inner.key_id(reference).await
    }

    async fn identity(&self, at: &Prefix) -> Result<Option<String>, ObjectError> {
        self.inner.identity(at).await
    }

    async fn rename(&self, from: &Prefix, to: &Prefix) -> Result<(), ObjectError> {
        self.inner.rename(from, to).await
    }

    async fn discard(
        &self,
        staging: &Staging,
        keys: Vec<String>,
        parents: Vec<String>,
    ) -> Result<Removed, ObjectError> {
        self.inner.discard(staging, keys, parents).await
    }

    async fn remove(&self, at: &Prefix, objects: Vec<FoundObject>) -> Result<Removed, ObjectError> {
        self.inner.remove(at, objects).await
    }
}
