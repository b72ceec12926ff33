//! Faults on demand, around any other store: only on a server that was started with `--inject`.
//!
//! Invariant: an injected fault looks like a real one to the mover; its message says that it was injected. `NAME=N` provokes the
//! first N, `NAME` the first one. What spoils bytes spoils them on the disk, so that only looking at them tells.

use crate::domain::encryption::KeyId;
use crate::domain::location::CredentialRef;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::name::StorageClass;
use crate::ports::objects::{
    Copied, Expected, FoundObject, Inspection, Listing, Meter, ObjectError, Objects, OpenUpload, Parts,
    Prefix, Removed, Space, Staging, Survey,
};
use crate::ports::walk::Walk;
use async_trait::async_trait;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            const ALL: &[Self] = &[$(Self::$name,)*];

            fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

kinds! {
    /// A copy fails like a bad disk.
    Copy = "fail-copy",
    /// A read-back differs.
    Verify = "fail-verify",
    /// The target is full.
    Full = "enospc",
    /// A copy is refused like by an overrun store (503).
    Busy = "busy",
    /// A copy never answers.
    Hang = "hang",
    /// A read-back never answers.
    HangVerify = "hang-verify",
    /// A copy is half as long as it was reported.
    Truncate = "truncate",
    /// A copy has one bit flipped.
    Corrupt = "corrupt",
    /// A copy holds zeros only.
    Zero = "zero-fill",
}

/// Which faults, and how many of each are left.
#[derive(Debug, Default)]
pub struct Faults {
    left: [AtomicU64; Kind::ALL.len()],
    slow: Option<u64>,
    delay: Option<Duration>,
}

impl Faults {
    /// Reads `NAME[=N]` of a fault, `slow-copy=BYTES_PER_SEC` and `delay=MILLISECONDS`, which every copy and read-back waits.
    ///
    /// # Errors
    /// A sentence that names the word that is not known.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut faults = Self::default();
        for word in words {
            let (name, number) = match word.split_once('=') {
                Some((name, text)) => {
                    let number = text
                        .parse::<u64>()
                        .map_err(|_| format!("the fault {word:?} needs a whole number after ="))?;
                    (name, Some(number))
                }
                None => (word.as_str(), None),
            };
            let kind = Kind::ALL.iter().find(|kind| kind.word() == name);
            match (kind, name) {
                (Some(kind), _) => faults.left[*kind as usize] = AtomicU64::new(number.unwrap_or(1)),
                (None, "slow-copy") => {
                    faults.slow = Some(number.ok_or("slow-copy needs a rate, as in slow-copy=200000")?);
                }
                (None, "delay") => {
                    let millis = number.ok_or("delay needs milliseconds, as in delay=50")?;
                    faults.delay = Some(Duration::from_millis(millis));
                }
                _ => {
                    let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
                    return Err(format!(
                        "{name:?} is no fault; {}, delay=MILLISECONDS and slow-copy=BYTES_PER_SEC are",
                        known.join(", ")
                    ));
                }
            }
        }
        Ok(faults)
    }

    /// The rate of `slow-copy`, in bytes a second.
    #[must_use]
    pub fn slow_bytes_per_sec(&self) -> Option<u64> {
        self.slow
    }

    fn take(&self, kind: Kind) -> bool {
        self.left[kind as usize]
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
            .is_ok()
    }

    /// What comes instead of a copy.
    async fn before_copy(&self, key: &str) -> Result<(), ObjectError> {
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        if self.take(Kind::Hang) {
            std::future::pending::<()>().await;
        }
        if self.take(Kind::Busy) {
            return Err(ObjectError::Busy(format!(
                "the store was too busy for the object {key:?}: 503 slow down (injected)"
            )));
        }
        if self.take(Kind::Copy) {
            return Err(ObjectError::Io(format!(
                "the object {key:?} could not be read: input/output error (injected)"
            )));
        }
        if self.take(Kind::Full) {
            return Err(ObjectError::Full(format!(
                "no space left at the target for the object {key:?} (injected)"
            )));
        }
        Ok(())
    }

    /// Spoils a copy that was reported as whole.
    fn after_copy(&self, staging: &Staging, key: &str) -> Result<(), ObjectError> {
        for kind in [Kind::Truncate, Kind::Corrupt, Kind::Zero] {
            if self.take(kind) {
                spoil(staging, key, kind).map_err(|e| {
                    ObjectError::Io(format!("the copy {key:?} cannot be spoilt (injected): {e}"))
                })?;
            }
        }
        Ok(())
    }

    async fn before_verify(&self, key: &str) -> Result<(), ObjectError> {
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        if self.take(Kind::HangVerify) {
            std::future::pending::<()>().await;
        }
        if self.take(Kind::Verify) {
            return Err(ObjectError::Mismatch(format!(
                "the object {key:?} read back differs from what was read at the source (injected)"
            )));
        }
        Ok(())
    }
}

/// Size and time stay as they were where the kind of spoiling allows it.
fn spoil(staging: &Staging, key: &str, kind: Kind) -> std::io::Result<()> {
    let root = staging.data().uri().map_err(std::io::Error::other)?;
    let root = root
        .local_path()
        .ok_or_else(|| std::io::Error::other("only copies on local disks can be"))?;
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(std::path::Path::new(&root).join(key))?;
    let before = file.metadata()?;
    let length = before.len();
    match kind {
        Kind::Truncate => file.set_len(length / 2)?,
        Kind::Zero => {
            file.set_len(0)?;
            file.set_len(length)?;
        }
        _ if length > 0 => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, length / 2)?;
            file.write_all_at(&[byte[0] ^ 1], length / 2)?;
        }
        _ => {}
    }
    file.set_modified(before.modified()?)?;
    file.sync_all()
}

/// A store whose first operations fail.
pub struct Faulty {
    inner: Arc<dyn Objects>,
    faults: Faults,
}

impl Faulty {
    /// Around `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Objects>, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl Objects for Faulty {
    async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError> {
        self.inner.walk(at).await
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
        self.faults.before_copy(&object.key).await?;
        let copied = self.inner.copy(source, staging, object, parts, meter).await?;
        self.faults.after_copy(staging, &object.key)?;
        Ok(copied)
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
        self.faults.before_verify(&expected.key).await?;
        self.inner.verify(at, expected, meter).await
    }

    async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError> {
        self.inner.hash(at, object, meter).await
    }

    async fn reclass(
        &self,
        at: &Prefix,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        self.faults.before_copy(&object.key).await?;
        self.inner.reclass(at, object, class, verify, meter).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_counted() {
        let words = [
            "fail-verify=2".to_owned(),
            "enospc".into(),
            "slow-copy=5000".into(),
        ];
        let faults = Faults::parse(&words).unwrap();
        assert!(faults.take(Kind::Verify) && faults.take(Kind::Verify));
        assert!(!faults.take(Kind::Verify));
        assert!(faults.take(Kind::Full) && !faults.take(Kind::Full));
        assert_eq!(faults.slow_bytes_per_sec(), Some(5000));
        assert!(Faults::parse(&["fail-everything".into()]).is_err());
        assert!(Faults::parse(&["slow-copy".into()]).is_err());
        assert!(Faults::parse(&["delay".into()]).is_err());
    }
}
