//! A dataset's real objects, listed.

use super::Catalog;
use crate::domain::access::DatasetKey;
use crate::domain::dataset::ScanResult;
use crate::services::{ServiceError, ServiceResult};

impl Catalog {
    /// Lists the real objects and stores their count and size.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable` when the directory is not there, `Conflict` when the dataset moved meanwhile.
    pub async fn scan_dataset(&self, key: &DatasetKey) -> ServiceResult<ScanResult> {
        let dataset = self.find_dataset(key).await?;
        Err(ServiceError::not_supported(format!(
            "listing the objects of {}",
            dataset.name
        )))
    }
}
