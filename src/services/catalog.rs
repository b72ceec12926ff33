//! Locations and datasets.

use super::{Deps, ServiceError, ServiceResult};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{
    Dataset, DatasetDetail, DatasetFilter, DatasetSummary, NewDataset, Page, ScanResult,
};
use crate::domain::location::{Location, LocationCheck, LocationSummary, NewLocation};

/// Use cases on locations and datasets. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    #[expect(dead_code, reason = "read once the use cases stand")]
    deps: Deps,
}

#[expect(clippy::unused_async, reason = "signatures first")]
impl Catalog {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// Registers a location.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`, `NotSupported` for a provider without an adapter.
    pub async fn create_location(&self, _new: NewLocation) -> ServiceResult<Location> {
        Err(ServiceError::not_supported("locations"))
    }

    /// Every location.
    ///
    /// # Errors
    /// Database faults.
    pub async fn list_locations(&self) -> ServiceResult<Page<LocationSummary>> {
        Err(ServiceError::not_supported("locations"))
    }

    /// One location by id or name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_location(&self, _key: &str) -> ServiceResult<LocationSummary> {
        Err(ServiceError::not_supported("locations"))
    }

    /// Looks at the real store.
    ///
    /// # Errors
    /// `NotFound`; a store that is away is an answer, not an error.
    pub async fn check_location(&self, _key: &str) -> ServiceResult<LocationCheck> {
        Err(ServiceError::not_supported("locations"))
    }

    /// Forgets a location that no dataset uses. Its files stay.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub async fn remove_location(&self, _key: &str) -> ServiceResult<()> {
        Err(ServiceError::not_supported("locations"))
    }

    /// Registers a dataset.
    ///
    /// # Errors
    /// `Invalid`, `Conflict`, `NotAllowed`.
    pub async fn create_dataset(&self, _new: NewDataset) -> ServiceResult<Dataset> {
        Err(ServiceError::not_supported("datasets"))
    }

    /// A page of the list.
    ///
    /// # Errors
    /// `Invalid` for a cursor of another list.
    pub async fn list_datasets(
        &self,
        _filter: &DatasetFilter,
        _cursor: Option<&str>,
        _limit: u32,
    ) -> ServiceResult<Page<DatasetSummary>> {
        Err(ServiceError::not_supported("datasets"))
    }

    /// Everything about one dataset.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_dataset(&self, _key: &DatasetKey) -> ServiceResult<DatasetDetail> {
        Err(ServiceError::not_supported("datasets"))
    }

    /// Lists the real objects and stores their count and size.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable` when the directory is not there.
    pub async fn scan_dataset(&self, _key: &DatasetKey) -> ServiceResult<ScanResult> {
        Err(ServiceError::not_supported("datasets"))
    }

    /// Forgets a dataset. Its files stay.
    ///
    /// # Errors
    /// `NotFound`, `StaleGeneration`, `Conflict` while a job is at work on it.
    pub async fn delete_dataset(&self, _key: &DatasetKey, _if_match: Option<i64>) -> ServiceResult<()> {
        Err(ServiceError::not_supported("datasets"))
    }
}
