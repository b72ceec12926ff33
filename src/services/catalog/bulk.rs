//! Registering what is known beforehand, many at once: a demo's or an imported history's datasets.

use super::Catalog;
use super::datasets::{pick_class, prefix_below};
use crate::adapters::sql::datasets as rows;
use crate::domain::dataset::{Dataset, NewDataset};
use crate::domain::id::DatasetId;
use crate::domain::location::{Location, NewLocation};
use crate::domain::unit::{Bytes, Timestamp};
use crate::services::{ServiceError, ServiceResult};
use std::collections::HashMap;

/// A location that is part of a set.
pub type KnownLocation = NewLocation;

/// A dataset whose objects were counted elsewhere.
#[derive(Clone, Debug)]
pub struct KnownDataset {
    /// What is registered.
    pub new: NewDataset,
    /// Its objects.
    pub object_count: i64,
    /// When its owner created it.
    pub created_at: Timestamp,
    /// Its files only stand for it: count and size are what is stated here, whatever a listing finds.
    pub stand_in: bool,
}

impl Catalog {
    /// Registers locations that do not exist yet; those of the same name and address are left as they are.
    ///
    /// # Errors
    /// Those of [`Self::create_location`].
    pub async fn ensure_locations(&self, set: Vec<KnownLocation>) -> ServiceResult<Vec<Location>> {
        let mut found = Vec::with_capacity(set.len());
        for new in set {
            let known = self.list_locations().await?.items.into_iter().map(|s| s.location);
            match known.into_iter().find(|l| l.name == new.name && l.uri == new.uri) {
                Some(location) => found.push(location),
                None => found.push(self.create_location(new).await?),
            }
        }
        Ok(found)
    }

    /// Registers many datasets in one transaction: all or none. Each must lie in a known location.
    ///
    /// Links on disk are not resolved here: the caller has just made the directories.
    ///
    /// # Errors
    /// Those of [`Self::create_dataset`]; the message names the dataset.
    pub async fn create_datasets(&self, set: Vec<KnownDataset>) -> ServiceResult<Vec<DatasetId>> {
        let locations: HashMap<_, _> = self
            .list_locations()
            .await?
            .items
            .into_iter()
            .map(|s| (s.location.id, s.location))
            .collect();
        let now = self.deps.clock.now();
        let mut ids = Vec::with_capacity(set.len());
        let mut tx = self.deps.store.write().await?;
        for KnownDataset {
            new,
            object_count,
            created_at,
            stand_in,
        } in set
        {
            let location = locations
                .values()
                .find(|location| location.uri.relative(&new.path_uri).is_some())
                .ok_or_else(|| {
                    ServiceError::not_allowed(format!("{} lies in no known location", new.path_uri))
                })?;
            let prefix = prefix_below(location, &new.path_uri)?;
            if let Some(other) = rows::overlapping(&mut tx, location.id, &prefix).await? {
                let message = format!("{} overlaps the place of the dataset {other}", new.path_uri);
                return Err(ServiceError::conflict("dataset_overlap", message));
            }
            let dataset = Dataset {
                id: DatasetId(0),
                location_id: location.id,
                location_name: location.name.clone(),
                storage_class: pick_class(location, new.storage_class)?,
                name: new.name,
                path_uri: new.path_uri,
                size_bytes: new.size_bytes.unwrap_or(Bytes::ZERO),
                object_count,
                scanned_at: None,
                generation: 1,
                pinned_reason: None,
                latency_limit_ms: new.latency_limit_ms,
                stand_in,
                created_at,
                updated_at: now,
            };
            ids.push(rows::insert(&mut tx, &dataset, &prefix).await?);
        }
        tx.commit().await?;
        Ok(ids)
    }
}
