//! Labels of datasets: put on, taken away, counted.
//!
//! Invariant: a label moves nothing and raises no generation, so that one can be changed while a job is at work.

use super::Catalog;
use crate::adapters::sql::{datasets, labels as rows};
use crate::domain::access::DatasetKey;
use crate::domain::label::{LABELS_MAX, Label, LabelChange, LabelCount};
use crate::services::{ServiceError, ServiceResult};

/// Labels that a filter offers: more nobody reads.
const COUNTED_MAX: i64 = 500;

impl Catalog {
    /// Changes the labels of a dataset and returns those that it has then.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for more than a dataset may have.
    pub async fn change_labels(&self, key: &DatasetKey, change: &LabelChange) -> ServiceResult<Vec<Label>> {
        let mut tx = self.deps.store.write().await?;
        let dataset = datasets::find(&mut tx, key)
            .await?
            .ok_or_else(|| ServiceError::not_found("dataset", key))?;
        let now = rows::of(&mut tx, &[dataset.id])
            .await?
            .remove(&dataset.id)
            .unwrap_or_default();
        let after = change.applied_to(&now);
        if after.len() > LABELS_MAX {
            return Err(ServiceError::invalid(
                "too_many_labels",
                format!(
                    "{} would have {} labels; at most {LABELS_MAX} are kept, so take one away first. Nothing was changed",
                    dataset.name,
                    after.len()
                ),
            ));
        }
        if after != now {
            rows::replace(&mut tx, dataset.id, &after).await?;
            tx.commit().await?;
        }
        Ok(after)
    }

    /// Labels in use with the number of their datasets, the most used first.
    ///
    /// # Errors
    /// Database faults.
    pub async fn list_labels(&self) -> ServiceResult<Vec<LabelCount>> {
        let mut conn = self.deps.store.reader().await?;
        Ok(rows::counts(&mut conn, COUNTED_MAX).await?)
    }
}
