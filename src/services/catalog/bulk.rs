//! Registering what is known beforehand, many at once: a demo's or an imported history's datasets.

use super::Catalog;
use super::datasets::{pick_class, prefix_below};
use crate::adapters::sql::datasets_many as rows;
use crate::domain::dataset::{Dataset, NewDataset};
use crate::domain::id::{DatasetId, LocationId};
use crate::domain::location::{Location, NewLocation};
use crate::domain::unit::{Bytes, Timestamp};
use crate::ports::Topic;
use crate::services::{ServiceError, ServiceResult};
use std::collections::{BTreeMap, HashMap};

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
            let known = self.locations().await?;
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
            .locations()
            .await?
            .into_iter()
            .map(|location| (location.id, location))
            .collect();
        let now = self.deps.clock.now();
        let mut tx = self.deps.store.write().await?;
        let mut taken = Taken::default();
        for (location, prefix, name) in rows::places(&mut tx).await? {
            taken.take(location, prefix, name);
        }
        let mut new_rows = Vec::with_capacity(set.len());
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
            if let Some(other) = taken.overlapping(location.id, &prefix) {
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
            taken.take(location.id, prefix.clone(), dataset.name.to_string());
            new_rows.push((dataset, prefix));
        }
        let ids = rows::insert(&mut tx, &new_rows).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(ids)
    }
}

/// Places that are taken: one look at the database for a whole set, instead of several for each dataset.
#[derive(Default)]
struct Taken {
    by_location: HashMap<LocationId, BTreeMap<String, String>>,
}

impl Taken {
    fn take(&mut self, location: LocationId, prefix: String, name: String) {
        self.by_location.entry(location).or_default().insert(prefix, name);
    }

    /// The dataset at, above or below a place.
    fn overlapping(&self, location: LocationId, prefix: &str) -> Option<&str> {
        let places = self.by_location.get(&location)?;
        let ends = prefix.char_indices().filter(|(_, c)| *c == '/').map(|(i, _)| i);
        let above = ends
            .chain([prefix.len()])
            .find_map(|end| places.get(&prefix[..end]));
        // Below: everything between "prefix/" and the next text after it, as '0' follows '/'.
        let below = || {
            places
                .range(format!("{prefix}/")..format!("{prefix}0"))
                .next()
                .map(|(_, name)| name)
        };
        above.or_else(below).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_taken_from_above_and_below_and_on_its_own_location_only() {
        let mut taken = Taken::default();
        taken.take(LocationId(1), "a/b".into(), "one".into());
        for (prefix, holder) in [
            ("a/b", Some("one")),
            ("a/b/c/d", Some("one")),
            ("a", Some("one")),
            ("a/bc", None),
            ("a/b0", None),
            ("b", None),
        ] {
            assert_eq!(taken.overlapping(LocationId(1), prefix), holder, "{prefix}");
            assert_eq!(taken.overlapping(LocationId(2), prefix), None);
        }
    }
}
