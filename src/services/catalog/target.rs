//! Where a move would put a dataset: from what a person wrote to a location, an address below it and a storage class.
//!
//! Invariant: finding a target writes nothing; a location that would have to be registered is only drafted.

use super::Catalog;
use super::datasets::{pick_class, prefix_below};
use crate::adapters::sql::{datasets as rows, jobs};
use crate::domain::dataset::Dataset;
use crate::domain::location::{Location, NewLocation, Provider, StorageUri};
use crate::domain::name::StorageClass;
use crate::domain::replica::ReplicaRole;
use crate::ports::objects::Prefix;
use crate::services::{ServiceError, ServiceResult};

/// A place that is fit for a dataset, as far as the catalog can say.
#[derive(Clone, Debug)]
pub(in crate::services) struct Target {
    /// The location; its id is 0 while [`Self::draft`] is not registered.
    pub(in crate::services) location: Location,
    /// The address of the data after the move.
    pub(in crate::services) uri: StorageUri,
    /// The same as a path below the location.
    pub(in crate::services) prefix: Prefix,
    /// The class there.
    pub(in crate::services) class: StorageClass,
    /// The location to register, when the address lies in none but under a root that the operator allows.
    pub(in crate::services) draft: Option<NewLocation>,
}

/// Whether another class of the location where a dataset stands is asked for, of a store that can change it there.
fn stays(location: &Location, dataset: &Dataset, class: Option<&StorageClass>) -> bool {
    location.id == dataset.location_id
        && location.provider != Provider::Local
        && class.is_some_and(|class| !class.matches(dataset.storage_class.as_str()))
}

impl Catalog {
    /// The place that `text` names for a dataset: a location by name or id means the dataset's name below its root, or where it
    /// stands when only another class is asked for there; an address means itself.
    ///
    /// # Errors
    /// `NotFound` for an unknown location, `Invalid` for an address or a class that cannot be, `NotAllowed` for an address outside
    /// every location and every allowed root.
    pub(in crate::services) async fn find_target(
        &self,
        text: &str,
        dataset: &Dataset,
        class: Option<StorageClass>,
    ) -> ServiceResult<Target> {
        let text = text.trim();
        let (location, uri, draft) = if text.contains("://") {
            self.by_address(text, dataset).await?
        } else if text.contains('/') {
            return Err(ServiceError::invalid(
                "bad_target",
                format!(
                    "{text:?} is neither a location nor an address; an address begins with file://, as in file:///mnt/nas/set"
                ),
            ));
        } else {
            let location = self.get_location(text).await?.location;
            let uri = if stays(&location, dataset, class.as_ref()) {
                dataset.path_uri.clone()
            } else {
                below(&location.uri, dataset.name.as_str())?
            };
            (location, uri, None)
        };
        let path = prefix_below(&location, &uri)?;
        self.check_inside(&uri, &location).await?;
        Ok(Target {
            class: pick_class(&location, class)?,
            prefix: Prefix {
                root: location.uri.clone(),
                path,
                encryption: location.encryption.clone(),
            },
            location,
            uri,
            draft,
        })
    }

    async fn by_address(
        &self,
        text: &str,
        dataset: &Dataset,
    ) -> ServiceResult<(Location, StorageUri, Option<NewLocation>)> {
        let uri: StorageUri = text
            .parse()
            .map_err(|e| ServiceError::invalid("bad_address", format!("{e}")))?;
        match self.location_of(&uri).await? {
            // The location's own address names the location.
            Some(location) if location.uri == uri => {
                let uri = below(&uri, dataset.name.as_str())?;
                Ok((location, uri, None))
            }
            Some(location) => Ok((location, uri, None)),
            None => {
                let draft = self.draft_for_stranger(&uri).await?;
                let location = self.draft_location(draft.clone()).await?;
                Ok((location, uri, Some(draft)))
            }
        }
    }

    /// Registers the target's location when it is only a draft.
    ///
    /// # Errors
    /// Those of [`Self::create_location`], when somebody was faster.
    pub(in crate::services) async fn ensure_target(&self, target: Target) -> ServiceResult<Target> {
        match target.draft.clone() {
            None => Ok(target),
            Some(draft) => Ok(Target {
                location: self.register_allowed(draft).await?,
                draft: None,
                ..target
            }),
        }
    }

    /// Who has or will have a copy at, above or below a target, in words; `None` when the place is free in the catalog.
    ///
    /// # Errors
    /// Database faults.
    pub(in crate::services) async fn holder_of(
        &self,
        target: &Target,
        dataset: &Dataset,
    ) -> ServiceResult<Option<String>> {
        if target.draft.is_some() {
            return Ok(None);
        }
        let mut conn = self.deps.store.reader().await?;
        let location = target.location.id;
        for (job, uri) in jobs::live_targets(&mut conn, location).await? {
            if uri.overlaps(&target.uri) {
                return Ok(Some(format!(
                    "{} is at, above or below the target of the job {job}",
                    target.uri
                )));
            }
        }
        let Some(holder) = rows::overlapping(&mut conn, location, &target.prefix.path).await? else {
            return Ok(None);
        };
        if holder != dataset.name.as_str() {
            return Ok(Some(format!(
                "{} is at, above or below the place of the dataset {holder}",
                target.uri
            )));
        }
        let copies = rows::replicas(&mut conn, dataset.id).await?;
        let kept = copies.iter().any(|copy| {
            copy.location_id == location
                && matches!(copy.role, ReplicaRole::Retained | ReplicaRole::Deleting)
                && below(&target.location.uri, &copy.prefix).is_ok_and(|at| at.overlaps(&target.uri))
        });
        Ok(Some(if kept {
            format!(
                "{} still holds the source of an earlier move of {holder}; undo that move instead, which moves no bytes, or \
                 wait until its grace period is over",
                target.uri
            )
        } else {
            format!(
                "{} is at, above or below the present place of {holder}",
                target.uri
            )
        }))
    }
}

fn below(root: &StorageUri, path: &str) -> ServiceResult<StorageUri> {
    root.join(path)
        .map_err(|e| ServiceError::invalid("bad_address", format!("{e}")))
}
