//! Faults on demand, around any other store: only on a server that was started with `--inject`.
//!
//! Invariant: an injected fault looks like a real one to the mover; its message says that it was injected. `NAME=N` provokes the
//! first N, `NAME` the first one.

use crate::ports::objects::{
    Copied, Expected, FoundObject, Listing, Meter, ObjectError, Objects, Prefix, Removed, Space, Staging,
    Survey,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which faults, and how many of each are left.
#[derive(Debug, Default)]
pub struct Faults {
    copy: AtomicU64,
    verify: AtomicU64,
    full: AtomicU64,
    slow: Option<u64>,
}

impl Faults {
    /// Reads `fail-copy[=N]`, `fail-verify[=N]`, `enospc[=N]` and `slow-copy=BYTES_PER_SEC`.
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
            match name {
                "fail-copy" => faults.copy = AtomicU64::new(number.unwrap_or(1)),
                "fail-verify" => faults.verify = AtomicU64::new(number.unwrap_or(1)),
                "enospc" => faults.full = AtomicU64::new(number.unwrap_or(1)),
                "slow-copy" => {
                    faults.slow = Some(number.ok_or("slow-copy needs a rate, as in slow-copy=200000")?);
                }
                _ => {
                    return Err(format!(
                        "{name:?} is no fault; fail-copy, fail-verify, enospc and slow-copy=BYTES_PER_SEC are"
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

    fn take(left: &AtomicU64) -> bool {
        left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
            .is_ok()
    }
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
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        if Faults::take(&self.faults.copy) {
            let key = &object.key;
            return Err(ObjectError::Io(format!(
                "the object {key:?} could not be read: input/output error (injected)"
            )));
        }
        if Faults::take(&self.faults.full) {
            let key = &object.key;
            return Err(ObjectError::Full(format!(
                "no space left at the target for the object {key:?} (injected)"
            )));
        }
        self.inner.copy(source, staging, object, meter).await
    }

    async fn sync(&self, staging: &Staging, keys: Vec<String>) -> Result<(), ObjectError> {
        self.inner.sync(staging, keys).await
    }

    async fn verify(&self, at: &Prefix, expected: &Expected, meter: &Arc<Meter>) -> Result<(), ObjectError> {
        if Faults::take(&self.faults.verify) {
            let key = &expected.key;
            return Err(ObjectError::Mismatch(format!(
                "the object {key:?} read back differs from what was read at the source (injected)"
            )));
        }
        self.inner.verify(at, expected, meter).await
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
        assert!(Faults::take(&faults.verify) && Faults::take(&faults.verify));
        assert!(!Faults::take(&faults.verify));
        assert!(Faults::take(&faults.full) && !Faults::take(&faults.full));
        assert_eq!(faults.slow_bytes_per_sec(), Some(5000));
        assert!(Faults::parse(&["fail-everything".into()]).is_err());
        assert!(Faults::parse(&["slow-copy".into()]).is_err());
    }
}
