//! The read that belongs to a look at a location: one small object, so that its first-byte time is measured before anything moves.
//!
//! Invariant: at most one object of at most [`OBJECT_MAX`] is read, and whatever stands against it leaves the look as it is.

use super::Catalog;
use crate::adapters::sql::{datasets, location_reads};
use crate::domain::location::Location;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Meter, ObjectError, Prefix};
use crate::services::read_times::ReadTimesKeeper;
use crate::services::{ServiceError, ServiceResult};
use std::sync::Arc;
use std::time::Duration;

/// Large objects cost time and, from a bucket, money, and tell no more of the first byte.
const OBJECT_MAX: Bytes = Bytes(1 << 20);
/// A look is answered soon; a store that takes longer for one small object has shown what it is like by its answer time.
const PATIENCE: Duration = Duration::from_secs(3);

impl Catalog {
    /// Reads one small object of the location, where there is one, and stores what was measured.
    pub(super) async fn read_one(&self, location: &Location) {
        match tokio::time::timeout(PATIENCE, self.try_to_read_one(location)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => {
                tracing::debug!(%problem, location = %location.name, "no object was read to measure it")
            }
            Err(_) => tracing::debug!(location = %location.name, "no object was read in time to measure it"),
        }
    }

    async fn try_to_read_one(&self, location: &Location) -> ServiceResult<()> {
        let at = {
            let mut conn = self.deps.store.reader().await?;
            let Some((dataset, uri)) = location_reads::small_dataset(&mut conn, location.id).await? else {
                return Ok(());
            };
            let encryption = datasets::serving_encryption(&mut conn, dataset).await?;
            match Prefix::below(&location.uri, &uri) {
                Some(at) => at.encrypted(encryption),
                None => return Ok(()),
            }
        };
        let away = |problem: ObjectError| ServiceError::unavailable(problem.to_string());
        let mut walk = self.deps.objects.walk(&at).await.map_err(away)?;
        let page = walk.next().await.map_err(away)?;
        let fits = |size: Bytes| size > Bytes::ZERO && size <= OBJECT_MAX;
        let found = page.and_then(|page| page.objects.into_iter().find(|o| fits(o.size_bytes)));
        if let Some(object) = found {
            let meter = Arc::new(Meter::default());
            self.deps.objects.hash(&at, &object, &meter).await.map_err(away)?;
        }
        ReadTimesKeeper::new(&self.deps).flush().await
    }
}
