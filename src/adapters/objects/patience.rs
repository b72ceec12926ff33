//! Time-outs around any other store: one that gives no sign of life does not hold a job for ever.
//!
//! Invariant: only what may be left behind is left behind. A look that is not answered has no effect later; a copy whose bytes stand
//! still is told to stop, and whoever is told [`ObjectError::Hung`] must take another staging area, since it may still wake. What
//! changes places (prepare, sync, rename, discard, remove) is waited for, because its effect must be known.

use crate::domain::encryption::KeyId;
use crate::domain::location::CredentialRef;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::name::StorageClass;
use crate::ports::objects::{
    Copied, Expected, FoundObject, Inspection, Listing, Meter, ObjectError, Objects, OpenUpload, Parts,
    Prefix, Removed, Space, Staging, Survey,
};
use crate::ports::several::Answers;
use crate::ports::walk::{Tally, Walk};
use async_trait::async_trait;
use futures::StreamExt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Looks at millions of objects take so many times as long, without a sign of life.
const LONG: u32 = 10;

/// A store that is not waited for longer than this without a sign of life.
pub struct Patient {
    inner: Arc<dyn Objects>,
    patience: Duration,
}

impl Patient {
    /// Around `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Objects>, patience: Duration) -> Self {
        Self { inner, patience }
    }

    async fn look<T>(
        &self,
        at: &Prefix,
        times: u32,
        work: impl Future<Output = Result<T, ObjectError>> + Send,
    ) -> Result<T, ObjectError> {
        match tokio::time::timeout(self.patience * times, work).await {
            Ok(done) => done,
            Err(_) => Err(hung(at, self.patience * times)),
        }
    }

    /// Waits while bytes move.
    async fn moving<T>(
        &self,
        key: &str,
        meter: &Arc<Meter>,
        work: impl Future<Output = Result<T, ObjectError>> + Send,
    ) -> Result<T, ObjectError> {
        let mut work = std::pin::pin!(work);
        let (mut seen, mut since) = (meter.life(), Instant::now());
        // Often enough that a stall is seen soon, seldom enough to cost nothing.
        let look = (self.patience / 4).clamp(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(look) => {}
            }
            let now = meter.life();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
            // A limit may hold bytes back for longer than that; it is no fault of the store.
            if since.elapsed() >= self.patience && !meter.is_held() {
                meter.stop();
                return Err(ObjectError::Hung(format!(
                    "no byte of the object {key:?} has moved for {} s",
                    self.patience.as_secs()
                )));
            }
        }
    }
}

impl Patient {
    /// Waits while bytes of any of them move. Which one hangs is not known, so all of them are said to.
    async fn moving_several<T>(
        &self,
        keys: impl Iterator<Item = &str>,
        meter: &Arc<Meter>,
        work: impl Future<Output = Answers<T>> + Send,
    ) -> Answers<T> {
        let keys: Vec<_> = keys.collect();
        let first = keys.first().copied().unwrap_or_default();
        match self.moving(first, meter, async { Ok(work.await) }).await {
            Ok(answers) => answers,
            Err(error) => keys.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

/// Waits for a page while objects are found, and [`LONG`] times as long while none is.
async fn getting_on<T>(
    at: &Prefix,
    patience: Duration,
    tally: &Tally,
    work: impl Future<Output = Result<T, ObjectError>> + Send,
) -> Result<T, ObjectError> {
    let mut work = std::pin::pin!(work);
    loop {
        let before = tally.look();
        match tokio::time::timeout(patience * LONG, &mut work).await {
            Ok(done) => return done,
            Err(_) if tally.look() != before => {}
            Err(_) => return Err(hung(at, patience * LONG)),
        }
    }
}

fn hung(at: &Prefix, waited: Duration) -> ObjectError {
    ObjectError::Hung(format!(
        "{}/{} has not answered for {} s",
        at.root,
        at.path,
        waited.as_secs()
    ))
}

#[async_trait]
impl Objects for Patient {
    async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError> {
        let walk = self.look(at, 1, self.inner.walk(at)).await?;
        let tally = walk.tally();
        let (patience, at, counted) = (self.patience, at.clone(), tally.clone());
        let pages = futures::stream::unfold(Some(walk), move |walk| {
            let (at, counted) = (at.clone(), counted.clone());
            async move {
                let mut walk = walk?;
                match getting_on(&at, patience, &counted, walk.next()).await {
                    Ok(page) => page.map(|page| (Ok(page), Some(walk))),
                    Err(problem) => Some((Err(problem), None)),
                }
            }
        });
        Ok(Walk::new(pages.boxed(), tally))
    }

    async fn space(&self, at: &Prefix) -> Result<Space, ObjectError> {
        self.look(at, 1, self.inner.space(at)).await
    }

    async fn survey(
        &self,
        source: &Prefix,
        target: &Prefix,
        listing: &Listing,
    ) -> Result<Survey, ObjectError> {
        self.look(target, LONG, self.inner.survey(source, target, listing))
            .await
    }

    async fn inspect(
        &self,
        source: &Prefix,
        target: &Prefix,
        page: &Listing,
    ) -> Result<Inspection, ObjectError> {
        self.look(target, LONG, self.inner.inspect(source, target, page))
            .await
    }

    async fn missing_parents(&self, target: &Prefix) -> Result<Vec<String>, ObjectError> {
        self.look(target, 1, self.inner.missing_parents(target)).await
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
        let own = Arc::new(Meter::part_of(meter));
        let work = self.inner.copy(source, staging, object, parts, &own);
        self.moving(&object.key, &own, work).await
    }

    async fn copy_several(
        &self,
        source: &Prefix,
        staging: &Staging,
        objects: &[FoundObject],
        meter: &Arc<Meter>,
    ) -> Answers<Copied> {
        let own = Arc::new(Meter::part_of(meter));
        let keys = objects.iter().map(|object| object.key.as_str());
        let work = self.inner.copy_several(source, staging, objects, &own);
        self.moving_several(keys, &own, work).await
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
        let own = Arc::new(Meter::part_of(meter));
        let work = self.inner.verify(at, expected, &own);
        self.moving(&expected.key, &own, work).await
    }

    async fn verify_several(&self, at: &Prefix, expected: &[Expected], meter: &Arc<Meter>) -> Answers<()> {
        let own = Arc::new(Meter::part_of(meter));
        let keys = expected.iter().map(|object| object.key.as_str());
        let work = self.inner.verify_several(at, expected, &own);
        self.moving_several(keys, &own, work).await
    }

    async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError> {
        let own = Arc::new(Meter::part_of(meter));
        let work = self.inner.hash(at, object, &own);
        self.moving(&object.key, &own, work).await
    }

    async fn reclass(
        &self,
        at: &Prefix,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let own = Arc::new(Meter::part_of(meter));
        let work = self.inner.reclass(at, object, class, verify, &own);
        self.moving(&object.key, &own, work).await
    }

    async fn key_id(&self, reference: &CredentialRef) -> Result<KeyId, ObjectError> {
        self.inner.key_id(reference).await
    }

    async fn identity(&self, at: &Prefix) -> Result<Option<String>, ObjectError> {
        self.look(at, 1, self.inner.identity(at)).await
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
