//! What is done to several datasets at once: their advised moves are planned, or they are pinned or labelled.
//!
//! Invariant: each dataset by itself: one that is refused is named with the reason, and the others go on. A planned move waits for
//! an approval.

use super::catalog::Catalog;
use super::mover::Mover;
use super::recommender::Recommender;
use super::{ServiceError, ServiceResult};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::OwnerRules;
use crate::domain::label::LabelChange;
use crate::domain::migration::PlanRequest;
use crate::domain::migration::options::MoveOptions;

/// Datasets of one request.
pub const CHOSEN_MAX: usize = 200;
/// Refusals that are told in words.
const TOLD: usize = 3;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Plan the move that is advised; it waits for an approval.
    Plan,
    /// Pin them, with the reason.
    Pin(String),
    /// Take the pin away.
    Unpin,
    /// Put labels on them, or take labels away.
    Label(LabelChange),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Datasets it was done to.
    pub done: usize,
    /// Those it was not done to, with the reason.
    pub refused: Vec<String>,
}

impl Done {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self, deed: &Deed) -> String {
        let n = self.done;
        let s = if n == 1 { "" } else { "s" };
        let mut text = match deed {
            Deed::Plan => format!("{n} move{s} planned; each waits for an approval."),
            Deed::Pin(_) => format!("{n} dataset{s} pinned."),
            Deed::Unpin => format!("{n} pin{s} taken away."),
            Deed::Label(_) => format!("Labels of {n} dataset{s} changed."),
        };
        if !self.refused.is_empty() {
            let told = self
                .refused
                .iter()
                .take(TOLD)
                .cloned()
                .collect::<Vec<_>>()
                .join("; ");
            let more = self.refused.len().saturating_sub(TOLD);
            text.push_str(&format!(" Left out: {told}"));
            if more > 0 {
                text.push_str(&format!("; and {more} more"));
            }
            text.push('.');
        }
        text
    }
}

/// Deeds on several datasets. Cheap to clone.
#[derive(Clone)]
pub struct Chosen {
    catalog: Catalog,
    recommender: Recommender,
    mover: Mover,
}

impl Chosen {
    /// Over these use cases.
    #[must_use]
    pub fn new(catalog: &Catalog, recommender: &Recommender, mover: &Mover) -> Self {
        Self {
            catalog: catalog.clone(),
            recommender: recommender.clone(),
            mover: mover.clone(),
        }
    }

    /// Does it to each dataset.
    ///
    /// # Errors
    /// `Invalid` for none or too many, and faults that the next dataset would meet as well.
    pub async fn apply(&self, keys: &[DatasetKey], deed: &Deed) -> ServiceResult<Done> {
        if keys.is_empty() || keys.len() > CHOSEN_MAX {
            return Err(ServiceError::invalid(
                "bad_choice",
                format!("{} datasets are chosen; 1 to {CHOSEN_MAX} can be", keys.len()),
            ));
        }
        if matches!(deed, Deed::Pin(reason) if reason.trim().is_empty()) {
            return Err(ServiceError::invalid(
                "no_reason",
                "a pin needs a reason: the next person will want to know",
            ));
        }
        if matches!(deed, Deed::Label(change) if *change == LabelChange::default()) {
            return Err(ServiceError::invalid(
                "no_label",
                "name a label, such as team=climate, or -team to take one away",
            ));
        }
        let mut done = Done::default();
        for key in keys {
            match self.one(key, deed).await {
                Ok(()) => done.done += 1,
                Err(error @ (ServiceError::Internal(_) | ServiceError::Unavailable { .. })) => {
                    return Err(error);
                }
                Err(refused) => {
                    let name = self
                        .catalog
                        .find_dataset(key)
                        .await
                        .map_or_else(|_| key.to_string(), |d| d.name.to_string());
                    done.refused.push(format!("{name}: {refused}"));
                }
            }
        }
        Ok(done)
    }

    async fn one(&self, key: &DatasetKey, deed: &Deed) -> ServiceResult<()> {
        if *deed == Deed::Plan {
            return self.plan(key).await;
        }
        if let Deed::Label(change) = deed {
            self.catalog.change_labels(key, change).await?;
            return Ok(());
        }
        let dataset = self.catalog.find_dataset(key).await?;
        let rules = OwnerRules {
            pinned_reason: match deed {
                Deed::Pin(reason) => Some(reason.trim().to_owned()),
                _ => None,
            },
            latency_limit_ms: dataset.latency_limit_ms,
        };
        self.catalog
            .set_rules(key, rules, Some(dataset.generation))
            .await?;
        Ok(())
    }

    async fn plan(&self, key: &DatasetKey) -> ServiceResult<()> {
        let advice = self.recommender.get(key).await?;
        let Some(to) = advice.proposed else {
            return Err(ServiceError::conflict("no_move", "no move is advised"));
        };
        let request = PlanRequest {
            dataset_id: key.clone(),
            target_location: to.location_name.to_string(),
            storage_class: Some(to.storage_class),
            dry_run: false,
            require_approval: true,
            options: MoveOptions::default(),
        };
        let planned = self.mover.plan(request).await?;
        if planned.job.is_some() {
            return Ok(());
        }
        let failed = planned.plan.checks.iter().find(|c| !c.ok);
        Err(ServiceError::conflict(
            "plan_refused",
            failed.map_or_else(|| "a check does not allow it".to_owned(), |c| c.detail.clone()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_named_and_the_rest_counted() {
        let done = Done {
            done: 1,
            refused: (1..=5).map(|i| format!("set-{i}: no move is advised")).collect(),
        };
        assert_eq!(
            done.sentence(&Deed::Plan),
            "1 move planned; each waits for an approval. Left out: set-1: no move is advised; set-2: no move is advised; \
             set-3: no move is advised; and 2 more."
        );
        assert_eq!(
            Done {
                done: 2,
                refused: vec![]
            }
            .sentence(&Deed::Unpin),
            "2 pins taken away."
        );
    }
}
