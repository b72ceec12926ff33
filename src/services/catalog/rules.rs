//! What an owner asks of any placement of a dataset: never to be moved by advice, and how long a first byte may take.
//!
//! Invariant: rules change only while no job is at work on the dataset, since a change raises the generation that its switch insists
//! on.

use super::Catalog;
use super::locations::check_generation;
use crate::adapters::sql::{datasets as rows, jobs};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{Dataset, OwnerRules};
use crate::ports::Topic;
use crate::services::{ServiceError, ServiceResult};

/// Longest reason of a pin: it stands in a table cell and in a sentence.
const REASON_MAX_CHARS: usize = 300;
/// Two days, in milliseconds: no class of any vendor takes longer to its first byte.
const LATENCY_MAX_MS: i64 = 172_800_000;

impl Catalog {
    /// Replaces the owner's rules of a dataset.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `StaleGeneration`, `Conflict` while a job is at work on it.
    pub async fn set_rules(
        &self,
        key: &DatasetKey,
        rules: OwnerRules,
        if_match: Option<i64>,
    ) -> ServiceResult<Dataset> {
        let rules = checked(rules)?;
        let mut tx = self.deps.store.write().await?;
        let missing = || ServiceError::not_found("dataset", key);
        let dataset = rows::find(&mut tx, key).await?.ok_or_else(missing)?;
        check_generation("dataset", dataset.name.as_str(), if_match, dataset.generation)?;
        if let Some(job) = jobs::live_of(&mut tx, &[dataset.id]).await?.remove(&dataset.id) {
            return Err(ServiceError::conflict(
                "dataset_in_use",
                format!(
                    "the job {} on {} is {}; cancel it or let it end, then change the rules. Nothing was changed",
                    job.job_id, dataset.name, job.status
                ),
            ));
        }
        rows::set_rules(&mut tx, dataset.id, &rules, self.deps.clock.now()).await?;
        let changed = rows::find(&mut tx, key).await?.ok_or_else(missing)?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(changed)
    }
}

fn checked(rules: OwnerRules) -> ServiceResult<OwnerRules> {
    let reason = rules.pinned_reason.map(|text| text.trim().to_owned());
    if let Some(text) = &reason {
        let chars = text.chars().count();
        if chars == 0 || chars > REASON_MAX_CHARS || text.chars().any(char::is_control) {
            return Err(ServiceError::invalid(
                "bad_reason",
                format!("a pin needs a reason of 1 to {REASON_MAX_CHARS} characters on one line"),
            ));
        }
    }
    if let Some(ms) = rules.latency_limit_ms
        && !(1..=LATENCY_MAX_MS).contains(&ms)
    {
        return Err(ServiceError::invalid(
            "bad_latency_limit",
            format!("a latency limit is between 1 and {LATENCY_MAX_MS} ms, not {ms}"),
        ));
    }
    Ok(OwnerRules {
        pinned_reason: reason,
        ..rules
    })
}
