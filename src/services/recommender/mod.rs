//! Recommendations: each dataset's own history, priced at every allowed placement, and what people decided about the answer.
//!
//! Invariant: the same history, prices and present placement give the same answer; a row is written only when the answer or its
//! figures changed, with the reason; and what list, page and plan show is the stored row. Knows no protocol and no page.
//!
//! Read `choice` (where a dataset may stand), `guide` (what the policy says), `look` (compute and keep), `pass` (the background role), then `review`, `money` and `outcomes`
//! (was it right?).

mod backtest;
mod choice;
mod guide;
mod health;
mod look;
mod money;
mod outcomes;
mod pass;
pub mod regret;
mod review;
pub mod scene;

pub use backtest::BacktestAsked;
pub use money::MoveMoney;
pub use pass::{PassStatus, Passed};
pub use review::Reviewed;

use super::{Deps, ServiceError, ServiceResult};
use crate::adapters::sql::recommendations::{self as rows, Position};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::Page;
use crate::domain::id::DatasetId;
use crate::domain::recommendation::{Action, Recommendation, RecommendationFilter, ReviewStatus};
use crate::domain::unit::NanoUsd;
use std::sync::Arc;

/// Largest page: 200 recommendations with all their lines are about 2 MB of JSON.
pub const LIMIT_MAX: u32 = 200;

/// Use cases on recommendations. Cheap to clone.
#[derive(Clone)]
pub struct Recommender {
    deps: Deps,
    shared: Arc<pass::Shared>,
}

impl Recommender {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            shared: Arc::new(pass::Shared::new(deps.clock.now())),
        }
    }

    /// A page of recommendations, the largest net saving first. `limit` is held between 1 and 200.
    ///
    /// # Errors
    /// `Invalid` for a filter or cursor that cannot be.
    pub async fn list(
        &self,
        filter: &RecommendationFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> ServiceResult<Page<Recommendation>> {
        check_filter(filter)?;
        let after = cursor.map(read_cursor).transpose()?;
        let limit = usize::try_from(limit.clamp(1, LIMIT_MAX)).unwrap_or(1);
        let now = self.deps.clock.now();
        let mut conn = self.deps.store.reader().await?;
        let asked = i64::try_from(limit).unwrap_or(0) + 1;
        let mut found = rows::page(&mut conn, filter, after, asked, now).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|(position, _)| *position);
        Ok(Page {
            next_cursor: last.filter(|_| more).map(write_cursor),
            items: found.into_iter().map(|(_, r)| r).collect(),
            total: rows::total(&mut conn, filter, now).await?,
        })
    }

    /// The recommendation for one dataset, computed now when there is none yet or what it rests on has changed.
    ///
    /// # Errors
    /// `NotFound` for an unknown dataset.
    pub async fn get(&self, dataset: &DatasetKey) -> ServiceResult<Recommendation> {
        let id = self.id_of(dataset).await?;
        self.look_at_one(id).await
    }

    async fn id_of(&self, dataset: &DatasetKey) -> ServiceResult<DatasetId> {
        let catalog = super::catalog::Catalog::new(&self.deps);
        Ok(catalog.find_dataset(dataset).await?.id)
    }
}

fn check_filter(filter: &RecommendationFilter) -> ServiceResult<()> {
    let given = |text: &Option<String>| text.as_deref().filter(|t| !t.is_empty()).map(str::to_owned);
    if let Some(action) = given(&filter.action)
        && Action::parse(&action).is_none()
    {
        return Err(ServiceError::invalid(
            "bad_filter",
            format!("{action:?} is no action: stay, move and no_history are"),
        ));
    }
    if let Some(review) = given(&filter.review)
        && ReviewStatus::parse(&review).is_none()
    {
        return Err(ServiceError::invalid(
            "bad_filter",
            format!("{review:?} is no review: open, accepted, snoozed and rejected are"),
        ));
    }
    Ok(())
}

fn write_cursor(at: Position) -> String {
    format!("{}.{}", at.net_saving.0, at.dataset)
}

fn read_cursor(text: &str) -> ServiceResult<Position> {
    let parse = || {
        let (saving, id) = text.split_once('.')?;
        Some(Position {
            net_saving: NanoUsd(saving.parse().ok()?),
            dataset: id.parse().ok()?,
        })
    };
    parse().ok_or_else(|| {
        ServiceError::invalid(
            "bad_cursor",
            format!("{text:?} is no cursor of a list of recommendations"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_taken_for_one() {
        for net_saving in [NanoUsd(0), NanoUsd(-5), NanoUsd(i64::MAX)] {
            let at = Position {
                net_saving,
                dataset: DatasetId(7),
            };
            assert_eq!(read_cursor(&write_cursor(at)).unwrap(), at);
        }
        for bad in ["", "7", "x.1", "1.x", "s7.1"] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
