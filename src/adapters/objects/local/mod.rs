//! Objects in directories of this machine or of a mounted share.
//!
//! Invariant: a key is a path below its prefix, walked name by name without following a link (`dir.rs`). Every call runs on a
//! blocking thread and has ended when it returns. Not kept: extended attributes, access lists, empty directories, holes.

mod across;
mod copy;
mod device;
mod dir;
mod disks;
mod durable;
pub(super) mod large;
mod listing;
mod memory;
mod removal;
mod reread;
mod several;
mod share;
mod survey;

#[cfg(test)]
mod tests;

use crate::adapters::objects::{Throttle, resume, sorted};
use crate::domain::encryption::KeyId;
use crate::domain::location::CredentialRef;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::name::StorageClass;
use crate::ports::objects::{
    Copied, Expected, FoundObject, Inspection, Listing, Meter, ObjectError, Objects, OpenUpload, Parts,
    Prefix, Removed, Space, Staging, Survey,
};
use crate::ports::several::Answers;
use crate::ports::walk::Walk;
pub(super) use across::{ReadFile, read_file, receive};
use async_trait::async_trait;
pub(super) use copy::FileMeta;
use dir::{Dir, failure, is_dir, split_key};
pub(super) use reread::reread;
use rustix::io::Errno;
use std::sync::Arc;

/// The store of `file://` locations. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct LocalObjects {
    throttle: Option<Arc<Throttle>>,
}

impl LocalObjects {
    /// Without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a limit on the bytes that copies and verifies of all jobs together read a second.
    #[must_use]
    pub fn with_throttle(bytes_per_sec: u64) -> Self {
        Self {
            throttle: Some(Arc::new(Throttle::new(bytes_per_sec))),
        }
    }

    /// The limit, to be shared with other stores.
    #[must_use]
    pub fn throttle(&self) -> Option<Arc<Throttle>> {
        self.throttle.clone()
    }

    async fn copy_large(
        &self,
        source: Prefix,
        staging: Staging,
        object: FoundObject,
        parts: &dyn Parts,
        meter: Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let shared = tokio::sync::OnceCell::new();
        let shared = &shared;
        let part = |name: String, span: (u64, u64)| {
            let (source, staging, object) = (source.clone(), staging.clone(), object.clone());
            let (throttle, meter) = (self.throttle.clone(), meter.clone());
            async move {
                let share = || {
                    let (source, staging) = (source.clone(), staging.clone());
                    let (object, name) = (object.clone(), name.clone());
                    Self::blocking(move || large::share(&source, &staging, &object, &name))
                };
                let shared = *shared.get_or_try_init(share).await?;
                let part = large::Part { name, span, shared };
                Self::blocking(move || {
                    large::copy_part(&source, &staging, &object, &part, throttle.as_deref(), &meter)
                })
                .await
            }
        };
        let (name, hash) = resume::in_parts(&staging, &object, parts, &meter, part).await?;
        let (from, to, of) = (source.clone(), staging.clone(), object.clone());
        Self::blocking(move || large::end_copy(&from, &to, &of, &name, hash)).await
    }

    pub(super) async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
    ) -> Result<T, ObjectError> {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) => Err(ObjectError::Io(format!("a thread ended unexpectedly: {error}"))),
        }
    }

    /// The same for several objects.
    async fn several<T: Send + 'static>(
        count: usize,
        work: impl FnOnce() -> Answers<T> + Send + 'static,
    ) -> Answers<T> {
        match Self::blocking(move || Ok(work())).await {
            Ok(answers) => answers,
            Err(error) => (0..count).map(|_| Err(error.clone())).collect(),
        }
    }

    /// What stands at a target whose source is elsewhere.
    pub(super) async fn survey_target(&self, target: &Prefix) -> Result<Survey, ObjectError> {
        let target = target.clone();
        Self::blocking(move || survey::survey_target(&target)).await
    }

    /// The first object that cannot be read, when its target is elsewhere.
    pub(super) async fn not_readable(
        &self,
        source: &Prefix,
        listing: &Listing,
    ) -> Result<Option<String>, ObjectError> {
        let (source, listing) = (source.clone(), listing.clone());
        Self::blocking(move || survey::not_readable(&source, &listing)).await
    }
}

#[async_trait]
impl Objects for LocalObjects {
    async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError> {
        let at = at.clone();
        let dir = Self::blocking(move || Dir::open(&at)).await?;
        Ok(sorted::walk(false, move |found| listing::list(&dir, found)))
    }

    async fn space(&self, at: &Prefix) -> Result<Space, ObjectError> {
        let at = at.clone();
        Self::blocking(move || survey::space(&at)).await
    }

    async fn survey(
        &self,
        source: &Prefix,
        target: &Prefix,
        listing: &Listing,
    ) -> Result<Survey, ObjectError> {
        let (source, target, listing) = (source.clone(), target.clone(), listing.clone());
        Self::blocking(move || survey::survey(&source, &target, &listing)).await
    }

    async fn inspect(
        &self,
        source: &Prefix,
        _target: &Prefix,
        page: &Listing,
    ) -> Result<Inspection, ObjectError> {
        Ok(Inspection {
            not_readable: self.not_readable(source, page).await?,
            not_placeable: None,
        })
    }

    async fn missing_parents(&self, target: &Prefix) -> Result<Vec<String>, ObjectError> {
        let target = target.clone();
        Self::blocking(move || survey::missing_parents(&target)).await
    }

    async fn prepare(&self, staging: &Staging) -> Result<(), ObjectError> {
        let staging = staging.clone();
        Self::blocking(move || {
            dir::segments(&staging.target.path)?;
            for place in [staging.data(), staging.partial()] {
                Dir::root(&place)?.ensure(&place.path)?;
            }
            Dir::open(&staging.home())?.close_to_others()?;
            removal::empty_partial(&staging, large::outlives)
        })
        .await
    }

    async fn copy(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let (source, staging, object) = (source.clone(), staging.clone(), object.clone());
        let (throttle, meter) = (self.throttle.clone(), meter.clone());
        if object.size_bytes.0 > large::PART {
            return self.copy_large(source, staging, object, parts, meter).await;
        }
        Self::blocking(move || copy::copy(&source, &staging, &object, throttle.as_deref(), &meter)).await
    }

    async fn copy_several(
        &self,
        source: &Prefix,
        staging: &Staging,
        objects: &[FoundObject],
        meter: &Arc<Meter>,
    ) -> Answers<Copied> {
        let (source, staging, wanted) = (source.clone(), staging.clone(), objects.to_vec());
        let (throttle, meter) = (self.throttle.clone(), meter.clone());
        Self::several(objects.len(), move || {
            several::copy(&source, &staging, &wanted, throttle.as_deref(), &meter)
        })
        .await
    }

    async fn abandon_uploads(
        &self,
        staging: &Staging,
        _give_up: &[OpenUpload],
        keep: &[OpenUpload],
    ) -> Result<u64, ObjectError> {
        let staging = staging.clone();
        let keep: Vec<String> = keep.iter().map(|upload| upload.id.clone()).collect();
        Self::blocking(move || large::abandon(&staging, &keep)).await
    }

    async fn sync(&self, staging: &Staging, keys: Vec<String>) -> Result<(), ObjectError> {
        let data = staging.data();
        Self::blocking(move || durable::sync(&data, &keys)).await
    }

    async fn verify(&self, at: &Prefix, expected: &Expected, meter: &Arc<Meter>) -> Result<(), ObjectError> {
        let (at, expected) = (at.clone(), expected.clone());
        let (throttle, meter) = (self.throttle.clone(), meter.clone());
        Self::blocking(move || reread::verify(&at, &expected, throttle.as_deref(), &meter)).await
    }

    async fn verify_several(&self, at: &Prefix, expected: &[Expected], meter: &Arc<Meter>) -> Answers<()> {
        let (at, wanted) = (at.clone(), expected.to_vec());
        let (throttle, meter) = (self.throttle.clone(), meter.clone());
        Self::several(expected.len(), move || {
            several::verify(&at, &wanted, throttle.as_deref(), &meter)
        })
        .await
    }

    async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError> {
        let (at, object) = (at.clone(), object.clone());
        let (throttle, meter) = (self.throttle.clone(), meter.clone());
        Self::blocking(move || copy::hash(&at, &object, throttle.as_deref(), &meter)).await
    }

    async fn reclass(
        &self,
        at: &Prefix,
        _object: &FoundObject,
        class: &StorageClass,
        _verify: VerifyLevel,
        _meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        Err(ObjectError::NotSupported(format!(
            "the class {class} in place at {}: on disks a class is only a word",
            at.root
        )))
    }

    async fn key_id(&self, _reference: &CredentialRef) -> Result<KeyId, ObjectError> {
        Err(ObjectError::NotSupported("encryption by this store alone".into()))
    }

    async fn identity(&self, at: &Prefix) -> Result<Option<String>, ObjectError> {
        let at = at.clone();
        Self::blocking(move || match Dir::open(&at) {
            Ok(dir) => dir.identity().map(Some),
            Err(ObjectError::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        })
        .await
    }

    async fn rename(&self, from: &Prefix, to: &Prefix) -> Result<(), ObjectError> {
        let (from, to) = (from.clone(), to.clone());
        Self::blocking(move || rename(&from, &to)).await
    }

    async fn discard(
        &self,
        staging: &Staging,
        keys: Vec<String>,
        parents: Vec<String>,
    ) -> Result<Removed, ObjectError> {
        let staging = staging.clone();
        Self::blocking(move || removal::discard(&staging, &keys, &parents)).await
    }

    async fn remove(&self, at: &Prefix, objects: Vec<FoundObject>) -> Result<Removed, ObjectError> {
        let at = at.clone();
        Self::blocking(move || removal::remove(&at, &objects)).await
    }
}

/// Makes the directories of an object in the staging area, each as open as that of the source.
pub(super) fn mirror(source: &Prefix, staging: &Staging, key: &str) -> Result<(), ObjectError> {
    let (folder, _) = split_key(key)?;
    Dir::open(source)?.descend(folder).map_err(|e| match e {
        ObjectError::NotFound(_) | ObjectError::Unsafe(_) => ObjectError::Changed(key.to_owned()),
        e => e,
    })?;
    copy::mirrored(Dir::open(source)?, Dir::open(&staging.data())?, folder).map(drop)
}

fn rename(from: &Prefix, to: &Prefix) -> Result<(), ObjectError> {
    let part = |prefix: &Prefix| -> Result<(Dir, String), ObjectError> {
        let (folder, name) = split_key(&prefix.path)?;
        Ok((Dir::root(prefix)?.descend(folder)?, name.to_owned()))
    };
    let (from_dir, from_name) = part(from)?;
    let (to_dir, to_name) = part(to)?;
    let shown = to_dir.child_path(&to_name);
    if let Ok(stat) = to_dir.stat(&to_name)
        && !is_dir(&stat)
    {
        return Err(ObjectError::Occupied(format!("{shown} is not a directory")));
    }
    // A directory replaces an empty one and nothing else.
    match rustix::fs::renameat(&from_dir, from_name.as_str(), &to_dir, to_name.as_str()) {
        Ok(()) => {}
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            return Err(ObjectError::Occupied(format!(
                "{shown} is not empty any more: something was put there during the move"
            )));
        }
        Err(e) => return Err(failure(e, "put the data at", &shown)),
    }
    to_dir.sync()?;
    from_dir.sync()
}
