//! What a move costs and saves, as recommendation, list and plan all show it.
//!
//! Invariant: the figures are the stored recommendation's wherever it has them; what it does not have (a place that is no candidate,
//! another count of objects) is priced by the same functions at the same stored forecast.

use super::Recommender;
use super::choice::Choice;
use crate::adapters::sql::recommendation_inputs as inputs;
use crate::domain::dataset::Dataset;
use crate::domain::location::Location;
use crate::domain::name::StorageClass;
use crate::domain::price::line::CostSheet;
use crate::domain::price::rates::Holding;
use crate::domain::recommendation::outcome::Expectation;
use crate::domain::recommendation::quote::{Terms, monthly};
use crate::domain::recommendation::{Alternative, Confidence, Recommendation};
use crate::domain::unit::{NanoUsd, Timestamp};
use crate::services::ServiceResult;

/// The money of a move.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveMoney {
    /// Getting there, once.
    pub one_time: CostSheet,
    /// Present cost for 30 days, at the forecast.
    pub stay_monthly_nanousd: NanoUsd,
    /// Cost there for 30 days, at the same forecast.
    pub there_monthly_nanousd: NanoUsd,
    /// Full reads in 30 days that are forecast; `None` without a history, when only holding is priced.
    pub reads_per_month: Option<f64>,
    /// Days without a read until now.
    pub idle_days: u32,
    /// Calibrated probability that the move pays, where one is stated for it.
    pub confidence: Option<Confidence>,
}

impl MoveMoney {
    /// Running cost saved in 30 days; negative is a loss.
    #[must_use]
    pub fn monthly_saving_nanousd(&self) -> NanoUsd {
        self.stay_monthly_nanousd - self.there_monthly_nanousd
    }

    /// The same as what a completed move is held to later.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        Expectation {
            reads_per_month: self.reads_per_month,
            idle_days: self.idle_days,
            confidence: self.confidence.clone(),
            ..Expectation::new(
                self.stay_monthly_nanousd,
                self.there_monthly_nanousd,
                self.one_time.total_nanousd,
            )
        }
    }
}

impl Recommender {
    /// What the move of a dataset to a class of a location costs once, and what both sides cost a month. `held` is what would be
    /// moved. `None` when a price is missing on either side. Writes nothing.
    ///
    /// # Errors
    /// `NotFound`, database faults.
    pub async fn move_money(
        &self,
        dataset: &Dataset,
        location: &Location,
        class: &StorageClass,
        held: Holding,
    ) -> ServiceResult<Option<MoveMoney>> {
        let choice = self.choice().await?;
        let known = self.peek(&choice, dataset.id).await?;
        if held == Holding::new(dataset.size_bytes, dataset.object_count)
            && let Some(stored) = stored(&known, location, class)
        {
            return Ok(Some(stored));
        }
        self.priced(&choice, &known, dataset, (location, class, held))
            .await
    }

    async fn priced(
        &self,
        choice: &Choice,
        known: &Recommendation,
        dataset: &Dataset,
        (location, class, held): (&Location, &StorageClass, Holding),
    ) -> ServiceResult<Option<MoveMoney>> {
        let to = choice.candidate(location, class);
        let Some(from) = choice.current(dataset) else {
            return Ok(None);
        };
        let (Some(here), Some(there)) = (from.at, to.at) else {
            return Ok(None);
        };
        let mut conn = self.deps.store.reader().await?;
        let now = self.deps.clock.now();
        let stay = inputs::stays(&mut conn, &[dataset.id], now)
            .await?
            .remove(&dataset.id);
        let (placed_at, home, read_from) = stay
            .map_or((dataset.created_at, dataset.location_id, None), |s| {
                (s.placed_at, s.home, s.readers)
            });
        let days_held = now.since(placed_at).max(0) / Timestamp::DAY;
        let readers = choice.readers(home, read_from.as_ref());
        let terms = Terms {
            held,
            forecast: known.forecast.as_ref(),
            readers: &readers,
            horizon_days: known.horizon_days,
            grace_days: self.deps.options.grace_secs as f64 / 86_400.0,
        };
        let held_days = u32::try_from(days_held).unwrap_or(u32::MAX);
        let idle = known
            .forecast
            .as_ref()
            .map_or(held_days, |f| f.idle_days.min(held_days));
        let month = |sheet: CostSheet| monthly(sheet.total_nanousd, known.horizon_days);
        Ok(Some(MoveMoney {
            one_time: terms.one_time((&from, here), (&to, there), days_held),
            stay_monthly_nanousd: month(terms.running(here, idle)),
            there_monthly_nanousd: month(terms.running(there, 0)),
            reads_per_month: known.forecast.as_ref().map(|f| f.reads_per_month),
            idle_days: known.forecast.as_ref().map_or(0, |f| f.idle_days),
            confidence: None,
        }))
    }
}

/// The figures that the stored recommendation shows for a place.
fn stored(known: &Recommendation, location: &Location, class: &StorageClass) -> Option<MoveMoney> {
    let is_there = |a: &&Alternative| {
        a.placement.location_id == location.id && a.placement.storage_class.matches(class.as_str())
    };
    let there = known.alternatives.iter().find(is_there)?;
    Some(MoveMoney {
        one_time: there.one_time.clone()?,
        stay_monthly_nanousd: known.stay_monthly_nanousd?,
        there_monthly_nanousd: there.monthly_nanousd?,
        reads_per_month: known.forecast.as_ref().map(|f| f.reads_per_month),
        idle_days: known.forecast.as_ref().map_or(0, |f| f.idle_days),
        confidence: known.confidence.clone().filter(|_| there.why_not.is_none()),
    })
}
