//! All stores as one: each call goes to where its prefix is, a copy to where its target is.
//!
//! Invariant: local pairs never meet a bucket's code, and what a pair of stores cannot do or keep is said in the survey. Where a
//! place is encrypted, `stores/encrypted.rs` stands between.

mod encrypted;

use super::cloud::CloudObjects;
use super::local::LocalObjects;
use super::sealed::{self, Keys};
use crate::domain::encryption::KeyId;
use crate::domain::location::{CredentialRef, Provider};
use crate::domain::migration::options::VerifyLevel;
use crate::domain::name::StorageClass;
use crate::ports::objects::{
    Copied, Expected, FoundObject, Inspection, Listing, Meter, ObjectError, Objects, Occupancy, OpenUpload,
    Parts, Prefix, Removed, Space, Staging, Survey,
};
use crate::ports::several::{self, Answers};
use crate::ports::walk::Walk;
use async_trait::async_trait;
use std::collections::HashSet;
use std::sync::Arc;

/// The longest name of a file on common file systems, in bytes.
const NAME_MAX: usize = 255;

/// Every kind of store.
#[derive(Clone)]
pub struct Stores {
    local: LocalObjects,
    cloud: CloudObjects,
    keys: Keys,
}

impl Stores {
    /// Of these.
    #[must_use]
    pub fn new(local: LocalObjects, cloud: CloudObjects) -> Self {
        Self {
            local,
            cloud,
            keys: Keys::default(),
        }
    }

    async fn occupancy(&self, target: &Prefix) -> Result<Occupancy, ObjectError> {
        let keys = self.cloud.first_keys(target).await?;
        Ok(match keys.as_slice() {
            [] => Occupancy::Absent,
            [one] => Occupancy::Occupied(format!(
                "the object {one:?} is at {}/{}",
                target.root, target.path
            )),
            [one, ..] => Occupancy::Occupied(format!(
                "{}/{} holds objects, among them {one:?}",
                target.root, target.path
            )),
        })
    }

    async fn overlap(&self, source: &Prefix, target: &Prefix) -> Result<Option<String>, ObjectError> {
        if source.root.provider() != target.root.provider() || source.root.bucket() != target.root.bucket() {
            return Ok(None);
        }
        let same = self.cloud.store_identity(source).await? == self.cloud.store_identity(target).await?;
        let (Ok(from), Ok(to)) = (source.uri(), target.uri()) else {
            return Ok(None);
        };
        Ok(
            (same && from.overlaps(&to))
                .then(|| format!("{from} and {to} are at, above or below each other")),
        )
    }

    async fn survey_mixed(
        &self,
        source: &Prefix,
        target: &Prefix,
        listing: &Listing,
    ) -> Result<Survey, ObjectError> {
        let (from, to) = (source.root.provider(), target.root.provider());
        let mut survey = if to == Provider::Local {
            self.local.survey_target(target).await?
        } else {
            Survey {
                overlap: self.overlap(source, target).await?,
                hard_linked: None,
                occupancy: self.occupancy(target).await?,
                not_writable: None,
                not_readable: None,
                free_bytes: None,
                limits: Vec::new(),
                one_store: false,
                not_placeable: None,
            }
        };
        survey.not_readable = if from == Provider::Local {
            self.local.not_readable(source, listing).await?
        } else {
            match listing.objects.first() {
                Some(object) => self.cloud.unreadable(source, object).await?,
                None => None,
            }
        };
        survey.not_placeable = not_placeable(target, listing);
        survey.limits = limits(from, to);
        survey.one_store = from == to && self.cloud.is_one_store(source, target).await?;
        Ok(survey)
    }
}

/// The first key that the target cannot have.
fn not_placeable(target: &Prefix, listing: &Listing) -> Option<String> {
    let local = target.root.provider() == Provider::Local;
    if !local {
        return listing
            .objects
            .iter()
            .find_map(|o| CloudObjects::unplaceable(target, &o.key));
    }
    let mut folders: HashSet<&str> = HashSet::new();
    for object in &listing.objects {
        for (at, _) in object.key.match_indices('/') {
            folders.insert(&object.key[..at]);
        }
    }
    listing.objects.iter().find_map(|object| {
        let key = &object.key;
        if folders.contains(key.as_str()) {
            return Some(format!(
                "{key:?} is an object and other objects are below it; a file cannot be a directory as well"
            ));
        }
        key.split('/')
            .any(|name| name.len() > NAME_MAX)
            .then(|| format!("{key:?} has a part of more than {NAME_MAX} bytes, which no file may have"))
    })
}

/// What a pair of stores cannot do or keep.
fn limits(from: Provider, to: Provider) -> Vec<String> {
    let mut limits = Vec::new();
    if to == Provider::Local {
        limits.push("content type, user metadata and tags of objects are not kept in files".to_owned());
        return limits;
    }
    limits.push(
        "the store has no rename: objects are written at their final keys, marked with the user metadata dimmove until readers \
         are sent there, and the place must stay empty of others' objects"
            .to_owned(),
    );
    let kept = match (from, to) {
        (Provider::Local, _) => {
            "of files, mode and modification time are kept as user metadata; owners are not"
        }
        (Provider::Gcs, _) => "access lists of objects are not kept; content type and user metadata are",
        (_, Provider::Gcs) => {
            "tags of objects are not kept, since Google Cloud Storage has none; neither are access lists; content type and user \
             metadata are"
        }
        _ => {
            "access lists of objects are not kept; content type, user metadata and tags are, tags where the credentials of both \
             locations may read and set them"
        }
    };
    limits.push(kept.to_owned());
    limits
}

#[async_trait]
impl Objects for Stores {
    async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError> {
        let walk = match at.root.provider() {
            Provider::Local => self.local.walk(at).await,
            _ => self.cloud.walk(at).await,
        }?;
        Ok(match at.encryption {
            Some(_) => sealed::as_before(walk),
            None => walk,
        })
    }

    async fn space(&self, at: &Prefix) -> Result<Space, ObjectError> {
        match at.root.provider() {
            Provider::Local => self.local.space(at).await,
            other => Err(ObjectError::NotSupported(format!(
                "free space of {}:// locations, which have no end",
                other.scheme()
            ))),
        }
    }

    async fn survey(
        &self,
        source: &Prefix,
        target: &Prefix,
        listing: &Listing,
    ) -> Result<Survey, ObjectError> {
        let mut survey = match (source.root.provider(), target.root.provider()) {
            (Provider::Local, Provider::Local) => self.local.survey(source, target, listing).await,
            _ => self.survey_mixed(source, target, listing).await,
        }?;
        if source.encryption.is_some() || target.encryption.is_some() {
            self.survey_encrypted(source, target, listing, &mut survey)
                .await?;
        }
        Ok(survey)
    }

    async fn inspect(
        &self,
        source: &Prefix,
        target: &Prefix,
        page: &Listing,
    ) -> Result<Inspection, ObjectError> {
        let (from, to) = (source.root.provider(), target.root.provider());
        let mut found = match from {
            Provider::Local => self.local.inspect(source, target, page).await?,
            // One that can be read says enough of a bucket; the survey has tried it.
            _ => Inspection::default(),
        };
        if (from, to) != (Provider::Local, Provider::Local) {
            found.not_placeable = not_placeable(target, page);
        }
        Ok(found)
    }

    async fn missing_parents(&self, target: &Prefix) -> Result<Vec<String>, ObjectError> {
        match target.root.provider() {
            Provider::Local => self.local.missing_parents(target).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn prepare(&self, staging: &Staging) -> Result<(), ObjectError> {
        match staging.target.root.provider() {
            Provider::Local => self.local.prepare(staging).await,
            _ => Ok(()),
        }
    }

    async fn copy(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        if source.encryption.is_some() || staging.target.encryption.is_some() {
            return self.copy_encrypted(source, staging, object, parts, meter).await;
        }
        match (source.root.provider(), staging.target.root.provider()) {
            (Provider::Local, Provider::Local) => {
                self.local.copy(source, staging, object, parts, meter).await
            }
            (_, Provider::Local) => {
                self.cloud
                    .copy_to_disk(source, staging, object, parts, meter)
                    .await
            }
            _ => self.cloud.copy_here(source, staging, object, parts, meter).await,
        }
    }

    async fn copy_several(
        &self,
        source: &Prefix,
        staging: &Staging,
        objects: &[FoundObject],
        meter: &Arc<Meter>,
    ) -> Answers<Copied> {
        let plain = source.encryption.is_none() && staging.target.encryption.is_none();
        match (source.root.provider(), staging.target.root.provider()) {
            (Provider::Local, Provider::Local) if plain => {
                self.local.copy_several(source, staging, objects, meter).await
            }
            _ => several::copy_first(self, source, staging, objects, meter).await,
        }
    }

    async fn abandon_uploads(
        &self,
        staging: &Staging,
        give_up: &[OpenUpload],
        keep: &[OpenUpload],
    ) -> Result<u64, ObjectError> {
        match staging.target.root.provider() {
            Provider::Local => self.local.abandon_uploads(staging, give_up, keep).await,
            _ => self.cloud.abandon_uploads(staging, give_up, keep).await,
        }
    }

    async fn sync(&self, staging: &Staging, keys: Vec<String>) -> Result<(), ObjectError> {
        match staging.target.root.provider() {
            Provider::Local => self.local.sync(staging, keys).await,
            // A store's answer says that the object is durable under its name.
            _ => Ok(()),
        }
    }

    async fn verify(&self, at: &Prefix, expected: &Expected, meter: &Arc<Meter>) -> Result<(), ObjectError> {
        if let Some(encryption) = &at.encryption {
            return self.verify_encrypted(at, encryption, expected, meter).await;
        }
        match at.root.provider() {
            Provider::Local => self.local.verify(at, expected, meter).await,
            _ => self.cloud.verify(at, expected, meter).await,
        }
    }

    async fn verify_several(&self, at: &Prefix, expected: &[Expected], meter: &Arc<Meter>) -> Answers<()> {
        match at.root.provider() {
            Provider::Local if at.encryption.is_none() => {
                self.local.verify_several(at, expected, meter).await
            }
            _ => several::verify_first(self, at, expected, meter).await,
        }
    }

    async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError> {
        if at.encryption.is_some() {
            return self.hash_encrypted(at, object, meter).await;
        }
        match at.root.provider() {
            Provider::Local => self.local.hash(at, object, meter).await,
            _ => self.cloud.hash(at, object, meter).await,
        }
    }

    async fn reclass(
        &self,
        at: &Prefix,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError> {
        if at.encryption.is_some() {
            return Err(ObjectError::NotSupported(
                "the class of encrypted objects in place".into(),
            ));
        }
        match at.root.provider() {
            Provider::Local => self.local.reclass(at, object, class, verify, meter).await,
            _ => self.cloud.reclass(at, object, class, verify, meter).await,
        }
    }

    async fn key_id(&self, reference: &CredentialRef) -> Result<KeyId, ObjectError> {
        let (keys, reference) = (self.keys.clone(), reference.clone());
        LocalObjects::blocking(move || keys.id(&reference)).await
    }

    async fn identity(&self, at: &Prefix) -> Result<Option<String>, ObjectError> {
        match at.root.provider() {
            Provider::Local => self.local.identity(at).await,
            _ => self.cloud.identity(at).await,
        }
    }

    async fn rename(&self, from: &Prefix, to: &Prefix) -> Result<(), ObjectError> {
        match (from.root.provider(), to.root.provider()) {
            (Provider::Local, Provider::Local) => self.local.rename(from, to).await,
            _ => Err(ObjectError::NotSupported("renaming a prefix of a store".into())),
        }
    }

    async fn discard(
        &self,
        staging: &Staging,
        keys: Vec<String>,
        parents: Vec<String>,
    ) -> Result<Removed, ObjectError> {
        match staging.target.root.provider() {
            Provider::Local => self.local.discard(staging, keys, parents).await,
            _ => self.cloud.discard(staging, &keys).await,
        }
    }

    async fn remove(&self, at: &Prefix, objects: Vec<FoundObject>) -> Result<Removed, ObjectError> {
        match at.root.provider() {
            Provider::Local => self.local.remove(at, objects).await,
            _ => self.cloud.remove(at, &objects).await,
        }
    }
}

/// The world of addresses: this machine's, and those of buckets.
#[async_trait]
impl crate::ports::Places for Stores {
    async fn look(
        &self,
        uri: &crate::domain::location::StorageUri,
        access: &crate::domain::location::StoreAccess,
    ) -> crate::ports::places::Sighting {
        match uri.provider() {
            Provider::Local => {
                crate::ports::Places::look(&crate::adapters::inproc::places::LocalPlaces, uri, access).await
            }
            _ => self.cloud.look(uri, access).await,
        }
    }
}
