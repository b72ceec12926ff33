//! A store in whose operations a test can meddle: what happens on disk or in the catalog just before or after one of them.

use async_trait::async_trait;
use data_in_motion::adapters::inproc::{bus::InprocBus, clock::SystemClock, places::LocalPlaces};
use data_in_motion::adapters::objects::LocalObjects;
use data_in_motion::adapters::prices;
use data_in_motion::adapters::sql::Store;
use data_in_motion::domain::encryption::KeyId;
use data_in_motion::domain::location::CredentialRef;
use data_in_motion::domain::migration::options::VerifyLevel;
use data_in_motion::domain::name::StorageClass;
use data_in_motion::ports::objects::{
    Copied, Expected, FoundObject, Inspection, Listing, Meter, ObjectError, Objects, OpenUpload, Parts,
    Prefix, Removed, Space, Staging, Survey,
};
use data_in_motion::ports::walk::Walk;
use data_in_motion::ports::{Bus, Clock};
use data_in_motion::services::live::Live;
use data_in_motion::services::{Deps, Options};
use futures::StreamExt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

/// When a test is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Before or after the operation.
    pub after: bool,
    /// Which one, by its name in the port.
    pub name: &'static str,
    /// The object it is about, for those that are about one.
    pub key: String,
}

impl Moment {
    pub fn is_before(&self, name: &str) -> bool {
        !self.after && self.name == name
    }

    pub fn is_after(&self, name: &str) -> bool {
        self.after && self.name == name
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<(), ObjectError>> + Send>>;
type Hook = Arc<dyn Fn(Moment) -> Answer + Send + Sync>;

/// A store, local disks unless said otherwise, and a hook around every operation. An error of the hook is the operation's.
pub struct Meddler {
    inner: Arc<dyn Objects>,
    hook: Hook,
    pages: bool,
}

impl Meddler {
    pub fn new<F>(hook: impl Fn(Moment) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Result<(), ObjectError>> + Send + 'static,
    {
        Arc::new(Self {
            inner: Arc::new(LocalObjects::new()),
            hook: Arc::new(move |moment| Box::pin(hook(moment))),
            pages: false,
        })
    }

    /// Around another store.
    pub fn around_store<F>(
        inner: Arc<dyn Objects>,
        hook: impl Fn(Moment) -> F + Send + Sync + 'static,
    ) -> Arc<Self>
    where
        F: Future<Output = Result<(), ObjectError>> + Send + 'static,
    {
        Arc::new(Self {
            inner,
            hook: Arc::new(move |moment| Box::pin(hook(moment))),
            pages: false,
        })
    }

    /// Meddles with each page of a listing that is taken, by the name `page`.
    pub fn with_pages(self: Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            inner: self.inner.clone(),
            hook: self.hook.clone(),
            pages: true,
        })
    }

    /// Does not meddle.
    pub fn idle() -> Self {
        Self {
            inner: Arc::new(LocalObjects::new()),
            hook: Arc::new(|_| Box::pin(std::future::ready(Ok(())))),
            pages: false,
        }
    }

    async fn around<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, ObjectError>>,
    ) -> Result<T, ObjectError> {
        self.about(name, "", work).await
    }

    async fn about<T>(
        &self,
        name: &'static str,
        key: &str,
        work: impl Future<Output = Result<T, ObjectError>>,
    ) -> Result<T, ObjectError> {
        let moment = |after| Moment {
            after,
            name,
            key: key.to_owned(),
        };
        (self.hook)(moment(false)).await?;
        let answer = work.await;
        (self.hook)(moment(true)).await?;
        answer
    }
}

#[async_trait]
impl Objects for Meddler {
    async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError> {
        if !self.pages {
            // Whole, so that what happens after it happens after the last page.
            return self
                .around("walk", async { self.inner.list(at).await.map(Walk::of) })
                .await;
        }
        let walk = self.inner.walk(at).await?;
        let (tally, hook, place) = (walk.tally(), self.hook.clone(), at.path.clone());
        let pages = futures::stream::unfold((walk, hook), move |(mut walk, hook)| {
            let moment = Moment {
                after: false,
                name: "page",
                key: place.clone(),
            };
            async move {
                hook(moment).await.unwrap();
                let page = walk.next().await.transpose()?;
                Some((page, (walk, hook)))
            }
        });
        Ok(Walk::new(pages.boxed(), tally))
    }
    async fn inspect(&self, a: &Prefix, b: &Prefix, page: &Listing) -> Result<Inspection, ObjectError> {
        self.around("inspect", self.inner.inspect(a, b, page)).await
    }
    async fn space(&self, at: &Prefix) -> Result<Space, ObjectError> {
        self.around("space", self.inner.space(at)).await
    }
    async fn survey(&self, a: &Prefix, b: &Prefix, listing: &Listing) -> Result<Survey, ObjectError> {
        self.around("survey", self.inner.survey(a, b, listing)).await
    }
    async fn missing_parents(&self, target: &Prefix) -> Result<Vec<String>, ObjectError> {
        self.around("missing_parents", self.inner.missing_parents(target))
            .await
    }
    async fn prepare(&self, staging: &Staging) -> Result<(), ObjectError> {
        self.around("prepare", self.inner.prepare(staging)).await
    }
    async fn copy(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let work = self.inner.copy(source, staging, object, parts, meter);
        self.about("copy", &object.key, work).await
    }
    async fn abandon_uploads(
        &self,
        staging: &Staging,
        give_up: &[OpenUpload],
        keep: &[OpenUpload],
    ) -> Result<u64, ObjectError> {
        self.around(
            "abandon_uploads",
            self.inner.abandon_uploads(staging, give_up, keep),
        )
        .await
    }
    async fn sync(&self, staging: &Staging, keys: Vec<String>) -> Result<(), ObjectError> {
        self.around("sync", self.inner.sync(staging, keys)).await
    }
    async fn verify(&self, at: &Prefix, expected: &Expected, meter: &Arc<Meter>) -> Result<(), ObjectError> {
        self.around("verify", self.inner.verify(at, expected, meter))
            .await
    }
    async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError> {
        self.around("hash", self.inner.hash(at, object, meter)).await
    }
    async fn reclass(
        &self,
        at: &Prefix,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        self.around("reclass", self.inner.reclass(at, object, class, verify, meter))
            .await
    }
    async fn key_id(&self, reference: &CredentialRef) -> Result<KeyId, ObjectError> {
        self.inner.key_id(reference).await
    }

    async fn identity(&self, at: &Prefix) -> Result<Option<String>, ObjectError> {
        self.around("identity", self.inner.identity(at)).await
    }
    async fn rename(&self, from: &Prefix, to: &Prefix) -> Result<(), ObjectError> {
        self.around("rename", self.inner.rename(from, to)).await
    }
    async fn discard(
        &self,
        staging: &Staging,
        keys: Vec<String>,
        parents: Vec<String>,
    ) -> Result<Removed, ObjectError> {
        self.around("discard", self.inner.discard(staging, keys, parents))
            .await
    }
    async fn remove(&self, at: &Prefix, objects: Vec<FoundObject>) -> Result<Removed, ObjectError> {
        self.around("remove", self.inner.remove(at, objects)).await
    }
}

/// The parts of a process over the database in `dir`, with a store of the test's choice.
pub async fn deps(dir: &Path, objects: Arc<dyn Objects>) -> Deps {
    let data = dir.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let store = Store::open(&data.join("dim.sqlite")).await.unwrap();
    let bus: Arc<dyn Bus> = Arc::new(InprocBus::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let live = Live::open(store.clone(), bus.clone(), &*clock).await.unwrap();
    Deps {
        store,
        clock,
        places: Arc::new(LocalPlaces),
        objects,
        reads: Default::default(),
        prices: Arc::new(prices::load(None).unwrap()),
        bus,
        streams: None,
        live,
        meter: data_in_motion::services::meter::Meter::off(),
        listings: Default::default(),
        traces: Arc::new(data_in_motion::adapters::inproc::untraced::Untraced),
        options: Arc::new(Options {
            data_dir: data,
            grace_secs: 7 * 86_400,
            ..Options::default()
        }),
    }
}
