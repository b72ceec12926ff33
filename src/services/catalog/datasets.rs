//! Registering and forgetting datasets.

use super::Catalog;
use super::locations::check_generation;
use crate::adapters::sql::{datasets as rows, jobs};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{Dataset, NewDataset};
use crate::domain::id::DatasetId;
use crate::domain::location::{Location, NewLocation, Provider, StorageUri, StoreAccess};
use crate::domain::name::{Name, StorageClass};
use crate::domain::replica::ReplicaRole;
use crate::domain::unit::Bytes;
use crate::ports::Topic;
use crate::ports::places::{Sighting, Standing};
use crate::services::{ServiceError, ServiceResult};
use std::path::Path;

impl Catalog {
    /// Registers a dataset. Its directory need not exist yet: a scan or a plan then says what is missing.
    ///
    /// # Errors
    /// `Invalid` for an address that leaves its location, `Conflict` for a name or a place that is taken, `NotAllowed` for an
    /// address outside every location and every root that the operator allows.
    pub async fn create_dataset(&self, new: NewDataset) -> ServiceResult<Dataset> {
        let location = match self.location_of(&new.path_uri).await? {
            Some(location) => location,
            None => {
                let draft = self.draft_for_stranger(&new.path_uri).await?;
                self.register_allowed(draft).await?
            }
        };
        self.check_inside(&new.path_uri, &location).await?;
        let prefix = prefix_below(&location, &new.path_uri)?;
        let now = self.deps.clock.now();
        let mut dataset = Dataset {
            id: DatasetId(0),
            name: new.name,
            path_uri: new.path_uri,
            location_id: location.id,
            location_name: location.name.clone(),
            storage_class: pick_class(&location, new.storage_class)?,
            size_bytes: new.size_bytes.unwrap_or(Bytes::ZERO),
            object_count: 0,
            scanned_at: None,
            generation: 1,
            pinned_reason: None,
            latency_limit_ms: new.latency_limit_ms,
            stand_in: false,
            created_at: now,
            updated_at: now,
        };
        check_numbers(&dataset)?;
        let mut tx = self.deps.store.write().await?;
        if let Some(other) = rows::overlapping(&mut tx, location.id, &prefix).await? {
            // The name decides which of the two it is: the same dataset again, or another one in its place.
            let message = if other == dataset.name.as_str() {
                "a dataset of this name and place exists already".to_owned()
            } else {
                format!("{} overlaps the place of the dataset {other}", dataset.path_uri)
            };
            return Err(ServiceError::conflict("dataset_overlap", message));
        }
        dataset.id = rows::insert(&mut tx, &dataset, &prefix).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(dataset)
    }

    /// Forgets a dataset. Its files stay.
    ///
    /// # Errors
    /// `NotFound`, `StaleGeneration`, `Conflict` while a job is at work on it.
    pub async fn delete_dataset(&self, key: &DatasetKey, if_match: Option<i64>) -> ServiceResult<()> {
        let mut tx = self.deps.store.write().await?;
        let dataset = rows::find(&mut tx, key)
            .await?
            .ok_or_else(|| ServiceError::not_found("dataset", key))?;
        check_generation("dataset", dataset.name.as_str(), if_match, dataset.generation)?;
        if let Some(job) = jobs::live_of(&mut tx, &[dataset.id]).await?.remove(&dataset.id) {
            return Err(ServiceError::conflict(
                "dataset_in_use",
                format!(
                    "the job {} on {} is {}; cancel it or let it end, then delete the dataset. Nothing was changed",
                    job.job_id, dataset.name, job.status
                ),
            ));
        }
        let copies = rows::replicas(&mut tx, dataset.id).await?;
        if copies.iter().any(|copy| copy.role == ReplicaRole::Deleting) {
            return Err(ServiceError::conflict(
                "dataset_in_use",
                format!(
                    "an old copy of {} is being removed; delete the dataset when that is done",
                    dataset.name
                ),
            ));
        }
        rows::delete(&mut tx, dataset.id).await?;
        Ok(tx.commit().await?)
    }

    /// A dataset's row by id or name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn find_dataset(&self, key: &DatasetKey) -> ServiceResult<Dataset> {
        let mut conn = self.deps.store.reader().await?;
        rows::find(&mut conn, key)
            .await?
            .ok_or_else(|| ServiceError::not_found("dataset", key))
    }

    /// The location that would hold an address that lies in none: its parent directory, when the operator allows it. Says what to
    /// do when not. Registers nothing.
    pub(super) async fn draft_for_stranger(&self, uri: &StorageUri) -> ServiceResult<NewLocation> {
        let advice = |parent: &StorageUri| {
            format!(
                "register one (dim locations add --name NAME --uri {parent}), or start the server with \
                 --allow-root DIR for a directory that holds {parent}"
            )
        };
        if uri.provider() != Provider::Local {
            return Err(ServiceError::invalid(
                "unknown_location",
                format!(
                    "{uri} lies in no known location; register its bucket first: dim locations add --name NAME --uri {}://BUCKET",
                    uri.provider().scheme()
                ),
            ));
        }
        let Some(parent) = uri.parent() else {
            return Err(ServiceError::invalid(
                "dataset_is_root",
                format!("{uri} has no directory above it"),
            ));
        };
        let seen = self.deps.places.look(&parent, &StoreAccess::default()).await;
        // A detour over a link: the right address is known, so say it.
        if let Some(owner) = self.owner_by_link(&seen.real).await? {
            return Err(ServiceError::invalid(
                "address_by_link",
                format!(
                    "{uri} leads over a link into the location {} ({}); name it by that address",
                    owner.name, owner.uri
                ),
            ));
        }
        let allowed = seen.real.local_path().is_some_and(|real| {
            self.deps
                .options
                .allow_roots
                .iter()
                .any(|root| Path::new(&real).starts_with(root))
        });
        if !allowed {
            return Err(ServiceError::not_allowed(format!(
                "{uri} lies in no known location; {}",
                advice(&parent)
            )));
        }
        if seen.standing != Standing::Directory {
            return Err(ServiceError::invalid(
                "directory_missing",
                format!(
                    "{uri} lies under an allowed root, but {}; make that directory, then try again",
                    seen.problem
                        .unwrap_or_else(|| format!("{parent} is no directory"))
                ),
            ));
        }
        Ok(NewLocation {
            name: self.free_location_name(&parent).await?,
            uri: parent,
            storage_classes: Vec::new(),
            price_book: None,
            credential_ref: None,
            endpoint: None,
            region: None,
            encryption_key_ref: None,
        })
    }

    /// Registers a location that the operator allowed by its root.
    pub(super) async fn register_allowed(&self, draft: NewLocation) -> ServiceResult<Location> {
        let location = self.create_location(draft).await?;
        tracing::info!(location = %location.name, uri = %location.uri, "registered a location under an allowed root");
        Ok(location)
    }

    async fn owner_by_link(&self, real: &StorageUri) -> ServiceResult<Option<Location>> {
        for location in self.locations().await? {
            // Only directories can be reached by another path.
            if location.provider != Provider::Local {
                continue;
            }
            let root = self
                .deps
                .places
                .look(&location.uri, &location.access())
                .await
                .real;
            if root.relative(real).is_some() {
                return Ok(Some(location));
            }
        }
        Ok(None)
    }

    async fn free_location_name(&self, uri: &StorageUri) -> ServiceResult<Name> {
        let base: String = uri
            .last_segment()
            .unwrap_or("location")
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c
                } else {
                    '-'
                }
            })
            .take(100)
            .collect();
        let base = format!("local-{}", base.trim_start_matches(['.', '-']));
        let taken: Vec<String> = self
            .locations()
            .await?
            .iter()
            .map(|l| l.name.as_str().to_owned())
            .collect();
        let mut name = base.clone();
        let mut number = 2;
        while taken.contains(&name) {
            name = format!("{base}-{number}");
            number += 1;
        }
        name.parse()
            .map_err(|e| ServiceError::invalid("location_name", format!("{e}")))
    }

    /// On disk, too, the address must lie inside its location, and must not hold this server's own files.
    pub(super) async fn check_inside(&self, uri: &StorageUri, location: &Location) -> ServiceResult<()> {
        let access = location.access();
        let root = self.deps.places.look(&location.uri, &access).await;
        let seen = if location.provider == Provider::Local {
            self.deps.places.look(uri, &access).await
        } else {
            // A bucket's keys lead nowhere else: what holds of the root holds below it.
            Sighting {
                real: uri.clone(),
                ..root.clone()
            }
        };
        if let Some(problem) = root
            .problem
            .as_ref()
            .filter(|_| location.provider != Provider::Local)
        {
            return Err(ServiceError::unavailable(format!(
                "the location {} cannot be reached: {problem}; nothing was changed",
                location.name
            )));
        }
        if let Standing::Other(what) = &seen.standing {
            return Err(ServiceError::invalid(
                "not_a_directory",
                format!("{uri} is {what}, not a directory"),
            ));
        }
        // An address that cannot be resolved (a link to nowhere) is refused: it could lead anywhere tomorrow.
        let resolved = seen.standing == Standing::Directory || seen.free_bytes.is_some();
        if !resolved || root.real.relative(&seen.real).is_none() {
            return Err(ServiceError::invalid(
                "outside_location",
                format!(
                    "{uri} leads to {}, outside its location {} ({}); links that leave a location are refused",
                    seen.real, location.name, root.real
                ),
            ));
        }
        if let (Some(real), Ok(data)) = (seen.real.local_path(), self.deps.options.data_dir.canonicalize())
            && data.starts_with(&real)
        {
            return Err(ServiceError::invalid(
                "holds_own_data",
                format!("{uri} holds this server's own database; a dataset must not"),
            ));
        }
        Ok(())
    }
}

/// The path below the location's root.
pub(super) fn prefix_below(location: &Location, uri: &StorageUri) -> ServiceResult<String> {
    match location.uri.relative(uri) {
        Some("") => Err(ServiceError::invalid(
            "dataset_is_location",
            format!(
                "{uri} is the location {} itself; a dataset is a directory below it",
                location.name
            ),
        )),
        Some(prefix) => Ok(prefix.to_owned()),
        None => Err(ServiceError::invalid(
            "outside_location",
            format!("{uri} lies outside {}", location.uri),
        )),
    }
}

/// The class asked for in the location's own spelling, or the location's default.
pub(super) fn pick_class(location: &Location, asked: Option<StorageClass>) -> ServiceResult<StorageClass> {
    let Some(asked) = asked else {
        return Ok(location
            .storage_classes
            .first()
            .cloned()
            .unwrap_or_else(StorageClass::hot));
    };
    location
        .storage_classes
        .iter()
        .find(|class| class.matches(asked.as_str()))
        .cloned()
        .ok_or_else(|| {
            let known: Vec<_> = location
                .storage_classes
                .iter()
                .map(StorageClass::as_str)
                .collect();
            ServiceError::invalid(
                "storage_class_unknown",
                format!(
                    "the location {} has no storage class {asked}; it has {}",
                    location.name,
                    known.join(", ")
                ),
            )
        })
}

fn check_numbers(dataset: &Dataset) -> ServiceResult<()> {
    if i64::try_from(dataset.size_bytes.0).is_err() {
        return Err(ServiceError::invalid(
            "size_too_large",
            "size_bytes is larger than 9.2 EB",
        ));
    }
    match dataset.latency_limit_ms {
        Some(limit) if limit <= 0 => Err(ServiceError::invalid(
            "latency_limit",
            "latency_limit_ms must be more than 0",
        )),
        _ => Ok(()),
    }
}
