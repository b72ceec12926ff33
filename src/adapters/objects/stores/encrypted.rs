//! Copies from and to encrypted places, and their reading back.
//!
//! Invariant: every byte passes through here, since no store can encrypt with our keys: none is asked to copy by itself, and no blocks
//! are shared.

use super::Stores;
use crate::adapters::objects::cloud::heed;
use crate::adapters::objects::local::{self, LocalObjects};
use crate::adapters::objects::sealed::{self, Judge, Opened, Receiving};
use crate::adapters::objects::source::{LocalSource, Source};
use crate::domain::encryption::{Encryption, stored_bytes};
use crate::domain::location::Provider;
use crate::ports::objects::{
    Copied, Expected, FoundObject, Listing, Meter, ObjectError, Parts, Prefix, Staging, Survey,
};
use std::sync::Arc;

/// What is read at once of an object whose hash is wanted.
const STEP: u64 = 8 << 20;

/// An object as its store holds it.
fn stands(at: &Prefix, object: &FoundObject) -> FoundObject {
    match at.encryption {
        Some(_) => sealed::as_stored(object),
        None => object.clone(),
    }
}

impl Stores {
    /// An object as it was before it was encrypted, if it was; `stored` is the object as [`stands`] has it.
    async fn source_of<'a>(
        &'a self,
        at: &'a Prefix,
        object: &'a FoundObject,
        stored: &'a FoundObject,
        meter: &'a Arc<Meter>,
    ) -> Result<Box<dyn Source + 'a>, ObjectError> {
        let inner: Box<dyn Source + 'a> = if at.root.provider() == Provider::Local {
            Box::new(LocalSource {
                at,
                object: stored,
                throttle: self.local.throttle(),
                meter,
            })
        } else {
            Box::new(self.cloud.source(at, stored, meter).await?)
        };
        let Some(encryption) = &at.encryption else {
            return Ok(inner);
        };
        Ok(Box::new(Opened {
            inner,
            key: self.keys.get(encryption, sealed::shown(at)).await?,
            object,
            shown: sealed::shown(at),
        }))
    }

    pub(super) async fn copy_encrypted(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        let sealer = self.keys.sealer(staging, object).await?;
        let stored = stands(source, object);
        let from = self.source_of(source, object, &stored, meter).await?;
        if staging.target.root.provider() != Provider::Local {
            return self
                .cloud
                .write_from(&*from, staging, object, parts, meter, sealer.as_ref())
                .await;
        }
        let receiving = Receiving {
            from: &*from,
            source,
            staging,
            object,
            sealer: sealer.as_ref(),
            budget: self.cloud.budget(),
            meter,
        };
        receiving.copy(parts).await
    }

    /// Compares what the store says of an object, or reads it back and opens it; without its key, compares what is stored.
    pub(super) async fn verify_encrypted(
        &self,
        at: &Prefix,
        encryption: &Encryption,
        expected: &Expected,
        meter: &Arc<Meter>,
    ) -> Result<(), ObjectError> {
        let stored = Expected {
            size_bytes: stored_bytes(expected.size_bytes),
            content_hash: None,
            ..expected.clone()
        };
        let local = at.root.provider() == Provider::Local;
        if !local && self.cloud.told_right(at, &stored, meter).await? {
            return Ok(());
        }
        let key = match &encryption.key_ref {
            Some(_) => Some(self.keys.get(encryption, sealed::shown(at)).await?),
            None => None,
        };
        let mut judge = Judge::new(key, expected, sealed::shown(at))?;
        if local {
            let (at, throttle, meter) = (at.clone(), self.local.throttle(), meter.clone());
            return LocalObjects::blocking(move || {
                local::reread(&at, &stored, throttle.as_deref(), &meter, |bytes| {
                    judge.take(bytes)
                })?;
                judge.verdict()
            })
            .await;
        }
        self.cloud
            .reread(at, &stored, meter, |bytes| judge.take(bytes))
            .await?;
        judge.verdict()
    }

    /// The BLAKE3 of an object as it was before.
    pub(super) async fn hash_encrypted(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError> {
        let size = object.size_bytes.0;
        let stored = stands(at, object);
        let from = self.source_of(at, object, &stored, meter).await?;
        if size == 0 {
            return Ok(from.whole().await?.hash);
        }
        let mut hasher = blake3::Hasher::new();
        let mut offset = 0;
        while offset < size {
            let length = STEP.min(size - offset);
            let _held = heed(meter, self.cloud.budget().take(2 * length)).await?;
            for piece in from.part(offset, length).await? {
                hasher.update(&piece);
            }
            offset += length;
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// What stands for and against a move whose source or target is encrypted.
    pub(super) async fn survey_encrypted(
        &self,
        source: &Prefix,
        target: &Prefix,
        listing: &Listing,
        survey: &mut Survey,
    ) -> Result<(), ObjectError> {
        survey.one_store = false;
        if let Some(encryption) = &source.encryption {
            survey.limits.push(format!(
                "the source is encrypted with {encryption}: its objects are opened here as they are read"
            ));
            if survey.not_readable.is_none() {
                survey.not_readable = self.not_openable(source, listing).await?;
            }
        }
        if let Some(encryption) = &target.encryption {
            survey.limits.push(format!(
                "objects are encrypted here, before they are written, with {encryption}; names, sizes, times, modes, content type and \
                 user metadata are not hidden"
            ));
            let key = self.keys.get(encryption, sealed::shown(target)).await;
            if let Err(problem) = key {
                survey.not_writable.get_or_insert_with(|| problem.to_string());
            }
        }
        if source.root.provider() == target.root.provider() {
            survey.limits.push(
                "a store cannot encrypt with our keys, so none copies by itself and no blocks are shared: every byte passes through \
                 this machine"
                    .into(),
            );
        }
        if target.root.provider() == Provider::Local && source.root.provider() == Provider::Local {
            survey
                .limits
                .push("owners of files are not kept where either side is encrypted".into());
        }
        Ok(())
    }

    /// Why the first object of an encrypted source cannot be opened, when that is so.
    async fn not_openable(&self, source: &Prefix, listing: &Listing) -> Result<Option<String>, ObjectError> {
        let Some(object) = listing.objects.first() else {
            return Ok(None);
        };
        let meter = Arc::new(Meter::default());
        let stored = stands(source, object);
        let opened = async {
            let from = self.source_of(source, object, &stored, &meter).await?;
            match object.size_bytes.0 {
                0 => from.whole().await.map(drop),
                _ => from.part(0, 1).await.map(drop),
            }
        };
        match opened.await {
            // It changed since it was listed: no reason against reading it.
            Ok(()) | Err(ObjectError::Changed(_)) => Ok(None),
            Err(e @ (ObjectError::Stopped | ObjectError::Hung(_))) => Err(e),
            Err(e) => Ok(Some(e.to_string())),
        }
    }
}
