//! A dataset's real objects, listed.
//!
//! Invariant: what a listing found is stored only while the dataset is still what was listed; a listing that failed stores nothing.

use super::Catalog;
use crate::adapters::sql::datasets as rows;
use crate::adapters::sql::locations;
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{Dataset, ScanResult};
use crate::domain::location::Location;
use crate::ports::Topic;
use crate::ports::objects::{Listing, ObjectError, Prefix};
use crate::ports::places::Standing;
use crate::services::{ServiceError, ServiceResult};
use std::time::Instant;

impl Catalog {
    /// Lists the real objects and stores their count and size.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` when the directory is not there, `Unavailable` when its whole location is away or cannot be read,
    /// `Conflict` when the dataset moved meanwhile.
    pub async fn scan_dataset(&self, key: &DatasetKey) -> ServiceResult<ScanResult> {
        let dataset = self.find_dataset(key).await?;
        let location = self.home_of(&dataset).await?;
        let started = Instant::now();
        let listing = self.list_objects(&dataset, &location).await?;
        let elapsed_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);

        let listed_count = i64::try_from(listing.objects.len()).unwrap_or(i64::MAX);
        let listed_bytes = listing.size_bytes();
        let (count, size) = dataset.counted(listed_count, listed_bytes);
        let mut tx = self.deps.store.write().await?;
        let stored = rows::set_scanned(
            &mut tx,
            dataset.id,
            dataset.generation,
            count,
            size,
            self.deps.clock.now(),
        )
        .await?;
        let present = rows::find(&mut tx, &DatasetKey::Id(dataset.id))
            .await?
            .ok_or_else(|| ServiceError::not_found("dataset", key))?;
        if !stored {
            return Err(ServiceError::conflict(
                "dataset_changed",
                format!(
                    "the dataset {} changed while its objects were listed (generation {} became {}, it is at {} now); \
                     nothing was stored, scan it again",
                    dataset.name, dataset.generation, present.generation, present.path_uri
                ),
            ));
        }
        tx.commit().await?;
        if present.generation != dataset.generation {
            self.deps.bus.nudge(Topic::Recommendations);
        }
        Ok(ScanResult {
            dataset: present,
            listed_count,
            listed_bytes,
            skipped: listing.skipped,
            skipped_count: listing.skipped_count,
            elapsed_ms,
        })
    }

    /// The location that a dataset stands on.
    pub(in crate::services) async fn home_of(&self, dataset: &Dataset) -> ServiceResult<Location> {
        let mut conn = self.deps.store.reader().await?;
        let key = dataset.location_id.to_string();
        Ok(locations::find(&mut conn, &key)
            .await?
            .ok_or_else(|| ServiceError::not_found("location", key))?
            .location)
    }

    /// The real objects of a dataset, or what stands against listing them and what to do about it.
    pub(in crate::services) async fn list_objects(
        &self,
        dataset: &Dataset,
        location: &Location,
    ) -> ServiceResult<Listing> {
        let at = Prefix::below(&location.uri, &dataset.path_uri).ok_or_else(|| {
            ServiceError::invalid(
                "outside_location",
                format!(
                    "{} lies outside the location {} ({})",
                    dataset.path_uri, location.name, location.uri
                ),
            )
        })?;
        let error = match self.deps.objects.list(&at).await {
            Ok(listing) => return Ok(listing),
            Err(error) => error,
        };
        let about = format!(
            "the objects of {} at {} cannot be listed",
            dataset.name, dataset.path_uri
        );
        Err(match error {
            ObjectError::NotFound(_) => self.missing(&about, location).await,
            ObjectError::NotSupported(what) => ServiceError::not_supported(what),
            ObjectError::Unsafe(_) | ObjectError::Occupied(_) => ServiceError::invalid(
                error.code(),
                format!(
                    "{about}: {error}; nothing was changed. Register the directory's real address instead"
                ),
            ),
            ObjectError::Denied(_) => ServiceError::unavailable(format!(
                "{about}: {error}; nothing was changed. Give the user that runs this server the right to read it"
            )),
            _ => ServiceError::unavailable(format!("{about}: {error}; nothing was changed, try again")),
        })
    }

    /// A directory that is not there: its owner has not made it yet, or the whole disk is away.
    async fn missing(&self, about: &str, location: &Location) -> ServiceError {
        let root = self.deps.places.look(&location.uri, &location.access()).await;
        if root.standing == Standing::Directory {
            return ServiceError::invalid(
                "directory_missing",
                format!(
                    "{about}: there is no such directory; nothing was changed. Make it and put the objects there, or delete \
                     the dataset and create it at the right address"
                ),
            );
        }
        let problem = root
            .problem
            .unwrap_or_else(|| format!("{} is no directory", location.uri));
        ServiceError::unavailable(format!(
            "{about}: the location {} is away ({problem}); nothing was changed. Mount it and try again",
            location.name
        ))
    }
}
