//! A dataset's real objects, listed.
//!
//! Invariant: what a listing found is stored only while the dataset is still what was listed; a listing that failed stores nothing.

use super::Catalog;
use super::listings::Running;
use crate::adapters::sql::datasets as rows;
use crate::adapters::sql::locations;
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{Dataset, ListingsUnderWay, ScanResult};
use crate::domain::location::Location;
use crate::domain::unit::Bytes;
use crate::ports::Topic;
use crate::ports::objects::{Listing, ObjectError, Prefix};
use crate::ports::places::Standing;
use crate::ports::walk::Walk;
use crate::services::{ServiceError, ServiceResult};
use std::time::Instant;

/// The objects of a dataset, a page at a time.
pub(in crate::services) struct Listed<'a> {
    catalog: &'a Catalog,
    dataset: &'a Dataset,
    location: &'a Location,
    walk: Walk,
    running: Running,
}

impl Listed<'_> {
    /// The next page; `None` at the end.
    pub(in crate::services) async fn next(&mut self) -> ServiceResult<Option<Listing>> {
        match self.walk.next().await {
            Ok(page) => {
                if let Some(page) = &page {
                    self.running.add(page);
                }
                Ok(page)
            }
            Err(error) => Err(self.catalog.not_listed(self.dataset, self.location, error).await),
        }
    }
}

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
        let mut listed = self.list_objects(&dataset, &location).await?;
        let (mut listed_count, mut listed_bytes) = (0_i64, Bytes::ZERO);
        let mut left_out = Listing::default();
        while let Some(page) = listed.next().await? {
            listed_count += i64::try_from(page.objects.len()).unwrap_or(i64::MAX);
            listed_bytes += page.size_bytes();
            left_out.add_left_out(page.skipped, page.skipped_count, page.unnameable);
        }
        let elapsed_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);

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
            skipped: left_out.skipped,
            skipped_count: left_out.skipped_count,
            elapsed_ms,
        })
    }

    /// How far the listings of a dataset are that are under way in this process.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn listings_under_way(&self, key: &DatasetKey) -> ServiceResult<ListingsUnderWay> {
        let dataset = self.find_dataset(key).await?;
        Ok(ListingsUnderWay {
            listings: self.deps.listings.of(dataset.id),
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

    /// The real objects of a dataset, a page at a time, or what stands against listing them and what to do about it.
    pub(in crate::services) async fn list_objects<'a>(
        &'a self,
        dataset: &'a Dataset,
        location: &'a Location,
    ) -> ServiceResult<Listed<'a>> {
        let encryption = {
            let mut conn = self.deps.store.reader().await?;
            rows::serving_encryption(&mut conn, dataset.id).await?
        };
        let at = Prefix::below(&location.uri, &dataset.path_uri).ok_or_else(|| {
            ServiceError::invalid(
                "outside_location",
                format!(
                    "{} lies outside the location {} ({})",
                    dataset.path_uri, location.name, location.uri
                ),
            )
        })?;
        match self.deps.objects.walk(&at.encrypted(encryption)).await {
            Ok(walk) => Ok(Listed {
                catalog: self,
                dataset,
                location,
                walk,
                running: self.deps.listings.begin(dataset.id, self.deps.clock.now()),
            }),
            Err(error) => Err(self.not_listed(dataset, location, error).await),
        }
    }

    /// What stands against listing, and what to do about it.
    async fn not_listed(&self, dataset: &Dataset, location: &Location, error: ObjectError) -> ServiceError {
        let about = format!(
            "the objects of {} at {} cannot be listed",
            dataset.name, dataset.path_uri
        );
        match error {
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
        }
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
