//! Use cases on locations.

use super::{Catalog, Sums};
use crate::adapters::sql::locations::{self as rows, LocationRow, LocationSums};
use crate::adapters::sql::{Conn, jobs, location_reads};
use crate::domain::dataset::Page;
use crate::domain::encryption::Encryption;
use crate::domain::id::LocationId;
use crate::domain::location::{
    CredentialRef, Location, LocationCheck, LocationSummary, NewLocation, Provider, StorageUri,
};
use crate::domain::name::StorageClass;
use crate::domain::read_times::ReadFigures;
use crate::ports::Topic;
use crate::ports::places::Standing;
use crate::services::{ServiceError, ServiceResult};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Price-book entry of a location that names none: ordinary disks of this machine, the vendor's own store, or, for somebody's own
/// endpoint, a store of the house.
fn default_price_book(provider: Provider, own_endpoint: bool) -> &'static str {
    match provider {
        Provider::Local => "local/nvme",
        _ if own_endpoint => "local/nas",
        Provider::S3 => "aws/us-east-1",
        Provider::Gcs => "gcs/us-central1",
        Provider::Azure => "azure/eastus2",
    }
}

impl Catalog {
    /// Registers a location.
    ///
    /// # Errors
    /// `Invalid` when its directory is not there or its bucket cannot be reached, `Conflict` when it overlaps another one or its
    /// name is taken.
    pub async fn create_location(&self, new: NewLocation) -> ServiceResult<Location> {
        let mut location = self.draft_location(new).await?;
        let mut tx = self.deps.store.write().await?;
        refuse_overlap_with(&location.uri, &rows::list(&mut tx).await?)?;
        location.id = rows::insert(&mut tx, &location).await?;
        tx.commit().await?;
        // One place more to choose from.
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(location)
    }

    /// The location as it would be registered, with the id 0; everything is checked and nothing is written.
    pub(super) async fn draft_location(&self, new: NewLocation) -> ServiceResult<Location> {
        let provider = new.uri.provider();
        let local = provider == Provider::Local;
        if local && (new.endpoint.is_some() || new.region.is_some()) {
            return Err(ServiceError::invalid(
                "not_for_directories",
                format!(
                    "{} is a directory; an endpoint and a region are for s3://, gs:// and az://",
                    new.uri
                ),
            ));
        }
        if local && new.uri.path().is_empty() {
            return Err(ServiceError::invalid(
                "location_is_root",
                "the whole file system cannot be a location; name a directory, as in file:///data",
            ));
        }
        let seen = self.deps.places.look(&new.uri, &new.access()).await;
        if seen.standing != Standing::Directory {
            let problem = seen.problem.unwrap_or_else(|| "it is no directory".into());
            if !local {
                return Err(ServiceError::invalid(
                    "bucket_unreachable",
                    format!(
                        "{problem}; nothing was registered. Name an existing bucket, its endpoint and its credentials"
                    ),
                ));
            }
            return Err(ServiceError::invalid(
                "directory_missing",
                format!("{problem}; make the directory first, then register it"),
            ));
        }
        let price_book = match &new.price_book {
            Some(book) => book.clone(),
            None => default_price_book(provider, new.endpoint.is_some()).to_owned(),
        };
        let storage_classes = if new.storage_classes.is_empty() {
            vec![self.first_class(provider, &price_book)]
        } else {
            distinct(new.storage_classes)?
        };
        self.refuse_overlap(&new.uri, &seen.real).await?;
        let encryption = match new.encryption_key_ref {
            Some(key_ref) => Some(self.encryption(key_ref).await?),
            None => None,
        };
        let now = self.deps.clock.now();
        Ok(Location {
            id: LocationId(0),
            name: new.name,
            uri: new.uri,
            provider,
            storage_classes,
            price_book,
            credential_ref: new.credential_ref,
            endpoint: new.endpoint,
            region: new.region,
            encryption,
            generation: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// Which key a reference leads to now.
    async fn encryption(&self, key_ref: CredentialRef) -> ServiceResult<Encryption> {
        let key_id = self.deps.objects.key_id(&key_ref).await.map_err(|problem| {
            ServiceError::invalid(problem.code(), format!("{problem}; nothing was changed"))
        })?;
        Ok(Encryption {
            key_ref: Some(key_ref),
            key_id,
        })
    }

    /// Sets the key with which copies are encrypted that are written to a location from now on; `None`: they are not encrypted. What
    /// stands there stays as it is, and is read with the key that it was written with. A job keeps what its plan said.
    ///
    /// # Errors
    /// `NotFound`, `StaleGeneration` when its generation is not `if_match`, `Invalid` when the reference leads to no key.
    pub async fn set_encryption(
        &self,
        key: &str,
        key_ref: Option<CredentialRef>,
        if_match: Option<i64>,
    ) -> ServiceResult<Location> {
        let encryption = match key_ref {
            Some(key_ref) => Some(self.encryption(key_ref).await?),
            None => None,
        };
        let mut tx = self.deps.store.write().await?;
        let location = find(&mut tx, key).await?.location;
        check_generation("location", location.name.as_str(), if_match, location.generation)?;
        if location.encryption == encryption {
            return Ok(location);
        }
        rows::set_encryption(&mut tx, location.id, encryption.as_ref(), self.deps.clock.now()).await?;
        let changed = find(&mut tx, key).await?.location;
        tx.commit().await?;
        let key_id = changed
            .encryption
            .as_ref()
            .map(|encryption| encryption.key_id.as_str());
        tracing::info!(location = %changed.name, key_id, "the encryption of copies at a location was changed");
        Ok(changed)
    }

    /// The class of a location that names none: `hot` on disks, else the first of its price book.
    fn first_class(&self, provider: Provider, price_book: &str) -> StorageClass {
        let first = || self.deps.prices.class_names(price_book).into_iter().next();
        match provider {
            Provider::Local => StorageClass::hot(),
            _ => first().unwrap_or_else(StorageClass::hot),
        }
    }

    /// Every location, with what stands on it.
    ///
    /// # Errors
    /// Database faults.
    pub async fn list_locations(&self) -> ServiceResult<Page<LocationSummary>> {
        let commits = self.deps.store.commit_count();
        let mut conn = self.deps.store.reader().await?;
        let sums = self.sums(&mut conn, commits).await?;
        let reads = location_reads::figures(&mut conn).await?;
        let items: Vec<_> = rows::list(&mut conn)
            .await?
            .into_iter()
            .map(|row| {
                let sums = sums.get(&row.location.id).copied().unwrap_or_default();
                let reads = reads.get(&row.location.id).copied();
                summary(row, sums, reads)
            })
            .collect();
        let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
        Ok(Page {
            items,
            next_cursor: None,
            total,
        })
    }

    /// A page of [`Self::list_locations`]. `limit` is held between 1 and 200.
    ///
    /// # Errors
    /// `Invalid` for a cursor of another list.
    pub async fn page_locations(
        &self,
        cursor: Option<&str>,
        limit: u32,
    ) -> ServiceResult<Page<LocationSummary>> {
        let after: i64 = match cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                ServiceError::invalid(
                    "bad_cursor",
                    format!("{text:?} is no cursor of the list of locations"),
                )
            })?,
        };
        let limit = usize::try_from(limit.clamp(1, super::list::LIMIT_MAX)).unwrap_or(1);
        let mut page = self.list_locations().await?;
        page.items.retain(|row| row.location.id.0 > after);
        if page.items.len() > limit {
            page.items.truncate(limit);
            page.next_cursor = page.items.last().map(|row| row.location.id.to_string());
        }
        Ok(page)
    }

    /// One location by id or name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_location(&self, key: &str) -> ServiceResult<LocationSummary> {
        let commits = self.deps.store.commit_count();
        let mut conn = self.deps.store.reader().await?;
        let row = find(&mut conn, key).await?;
        let sums = self.sums(&mut conn, commits).await?;
        let own = sums.get(&row.location.id).copied().unwrap_or_default();
        let reads = location_reads::figures(&mut conn).await?.remove(&row.location.id);
        Ok(summary(row, own, reads))
    }

    /// Every location in the order of creation, without a look at what stands on it.
    ///
    /// # Errors
    /// Database faults.
    pub async fn locations(&self) -> ServiceResult<Vec<Location>> {
        let mut conn = self.deps.store.reader().await?;
        let all = rows::list(&mut conn).await?;
        Ok(all.into_iter().map(|row| row.location).collect())
    }

    async fn sums(&self, conn: &mut Conn, commits: u64) -> ServiceResult<Sums> {
        let ask = async {
            Ok::<_, ServiceError>(Arc::new(
                rows::sums(conn).await?.into_iter().collect::<HashMap<_, _>>(),
            ))
        };
        self.sums.get(commits, "", ask).await
    }

    /// Looks at the real store and keeps what was seen.
    ///
    /// # Errors
    /// `NotFound`; a store that is away is an answer, not an error.
    pub async fn check_location(&self, key: &str) -> ServiceResult<LocationCheck> {
        let location = {
            let mut conn = self.deps.store.reader().await?;
            find(&mut conn, key).await?.location
        };
        let started = Instant::now();
        let seen = self.deps.places.look(&location.uri, &location.access()).await;
        let check = LocationCheck {
            reachable: seen.problem.is_none(),
            free_bytes: seen.free_bytes,
            total_bytes: seen.total_bytes,
            latency_us: i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX),
            problem: seen.problem,
            checked_at: self.deps.clock.now(),
        };
        let mut tx = self.deps.store.write().await?;
        rows::set_check(&mut tx, location.id, &check).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        if check.reachable {
            self.read_one(&location).await;
        }
        Ok(check)
    }

    /// Forgets a location that no dataset uses. Its files stay.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while a dataset has a copy there.
    pub async fn remove_location(&self, key: &str) -> ServiceResult<()> {
        self.remove_location_if(key, None).await
    }

    /// The same, only while the location's generation is `if_match`.
    ///
    /// # Errors
    /// Those of [`Self::remove_location`], and `StaleGeneration`.
    pub async fn remove_location_if(&self, key: &str, if_match: Option<i64>) -> ServiceResult<()> {
        let mut tx = self.deps.store.write().await?;
        let location = find(&mut tx, key).await?.location;
        check_generation("location", location.name.as_str(), if_match, location.generation)?;
        let used = rows::live_replicas(&mut tx, location.id).await?;
        if used > 0 {
            return Err(ServiceError::conflict(
                "location_in_use",
                format!(
                    "{used} copies of datasets stand on {}; move or delete those datasets first",
                    location.name
                ),
            ));
        }
        if let Some(job) = jobs::live_at(&mut tx, location.id).await? {
            return Err(ServiceError::conflict(
                "location_in_use",
                format!(
                    "the job {job} moves data to or from {}; cancel it or let it end first",
                    location.name
                ),
            ));
        }
        rows::delete(&mut tx, location.id).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(())
    }

    /// The location that holds an address, if one does.
    pub(super) async fn location_of(&self, uri: &StorageUri) -> ServiceResult<Option<Location>> {
        let mut conn = self.deps.store.reader().await?;
        Ok(rows::list(&mut conn)
            .await?
            .into_iter()
            .map(|row| row.location)
            .find(|location| location.uri.relative(uri).is_some()))
    }

    async fn refuse_overlap(&self, uri: &StorageUri, real: &StorageUri) -> ServiceResult<()> {
        let known = {
            let mut conn = self.deps.store.reader().await?;
            rows::list(&mut conn).await?
        };
        refuse_overlap_with(uri, &known)?;
        // Only directories can be the same under two addresses.
        let local = |uri: &StorageUri| uri.provider() == Provider::Local;
        for row in known {
            if !local(uri) || !local(&row.location.uri) {
                continue;
            }
            let access = row.location.access();
            let other = self.deps.places.look(&row.location.uri, &access).await.real;
            if other.overlaps(real) {
                return Err(ServiceError::conflict(
                    "location_overlap",
                    format!(
                        "{uri} is in truth {real}, which overlaps the location {} ({other})",
                        row.location.name
                    ),
                ));
            }
        }
        Ok(())
    }
}

pub(super) fn check_generation(
    what: &'static str,
    key: &str,
    expected: Option<i64>,
    actual: i64,
) -> ServiceResult<()> {
    match expected {
        Some(expected) if expected != actual => Err(ServiceError::StaleGeneration {
            what,
            key: key.to_owned(),
            expected,
            actual,
        }),
        _ => Ok(()),
    }
}

async fn find(conn: &mut Conn, key: &str) -> ServiceResult<LocationRow> {
    rows::find(conn, key)
        .await?
        .ok_or_else(|| ServiceError::not_found("location", key))
}

fn refuse_overlap_with(uri: &StorageUri, known: &[LocationRow]) -> ServiceResult<()> {
    match known.iter().find(|row| row.location.uri.overlaps(uri)) {
        Some(row) => Err(ServiceError::conflict(
            "location_overlap",
            format!(
                "{uri} overlaps the location {} ({}); locations must not contain each other",
                row.location.name, row.location.uri
            ),
        )),
        None => Ok(()),
    }
}

fn distinct(classes: Vec<StorageClass>) -> ServiceResult<Vec<StorageClass>> {
    for (i, class) in classes.iter().enumerate() {
        if classes[..i].iter().any(|earlier| earlier.matches(class.as_str())) {
            return Err(ServiceError::invalid(
                "storage_class_twice",
                format!("the storage class {class} is named twice"),
            ));
        }
    }
    Ok(classes)
}

fn summary(row: LocationRow, sums: LocationSums, reads: Option<ReadFigures>) -> LocationSummary {
    LocationSummary {
        location: row.location,
        dataset_count: sums.dataset_count,
        dataset_bytes: sums.dataset_bytes,
        monthly_cost_nanousd: sums.monthly_cost,
        check: row.check,
        reads,
    }
}
