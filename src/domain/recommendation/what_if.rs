//! What if: the same answer under other readers, prices, limits and places. Pure, so that a browser computes it while a slider
//! moves, by the very function that made the recommendation.
//!
//! Invariant: a scenario that changes nothing gives the baseline to the last nano-dollar, because both are one call with equal
//! arguments. The policy's word is left out of both sides: it is about the history as it was.

use super::problem::{Candidate, Problem};
use super::quote::HORIZON_DAYS;
use super::readers::Readers;
use super::solve::solve_for;
use super::{Forecast, PlacementRef, Recommendation};
use crate::domain::dataset::Dataset;
use crate::domain::price::book::PriceBook;
use crate::domain::price::transfer::Priced;
use crate::domain::unit::{NanoUsd, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A placement of the scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// Location and class.
    pub placement: PlacementRef,
    /// The price book that its location names.
    pub price_book: String,
    /// Whether the store moves objects to a colder class by itself.
    pub has_transitions: bool,
    /// A rule that forbids it.
    pub forbidden: Option<String>,
}

/// Everything that an answer rests on, to be taken along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// The dataset.
    pub dataset: Dataset,
    /// Where it stands.
    pub current: Spot,
    /// Whole days since it was put there.
    pub days_held: i64,
    /// Whether any event was seen.
    pub seen: bool,
    /// What its readers will do.
    pub forecast: Option<Forecast>,
    /// Where they are.
    pub readers: Vec<Readers>,
    /// Where it might stand.
    pub spots: Vec<Spot>,
    /// The price books that the spots name.
    pub books: Vec<PriceBook>,
    /// Whether a move of it is under way.
    pub is_moving: bool,
    /// The instant.
    pub now: Timestamp,
    /// Days for which the source of a copy is kept.
    pub grace_days: f64,
}

/// What is changed. Nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Reads grow by so many percent; -100 ends them.
    pub growth_percent: i64,
    /// Retrieval prices change by so many percent.
    pub retrieval_percent: i64,
    /// Another latency limit, in milliseconds.
    pub latency_ms: Option<i64>,
    /// Another number of days that costs are compared over.
    pub horizon_days: Option<i64>,
    /// Names of locations that may not be chosen.
    pub without: BTreeSet<String>,
}

/// Limits of the sliders.
pub const GROWTH: (i64, i64) = (-100, 900);
/// Of the retrieval price.
pub const RETRIEVAL: (i64, i64) = (-100, 400);
/// Of the days.
pub const HORIZON: (i64, i64) = (30, 730);

impl Scenario {
    /// Held within the sliders' limits; what is as it was counts as not changed.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.growth_percent = self.growth_percent.clamp(GROWTH.0, GROWTH.1);
        self.retrieval_percent = self.retrieval_percent.clamp(RETRIEVAL.0, RETRIEVAL.1);
        self.latency_ms = self.latency_ms.filter(|ms| *ms > 0);
        self.horizon_days = self
            .horizon_days
            .map(|d| d.clamp(HORIZON.0, HORIZON.1))
            .filter(|d| *d != HORIZON_DAYS);
        self
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        *self == Self::default()
    }

    /// Days that costs are compared over.
    #[must_use]
    pub fn horizon(&self) -> i64 {
        self.horizon_days.unwrap_or(HORIZON_DAYS)
    }
}

/// The answer under a scenario.
#[must_use]
pub fn play(scene: &Scene, scenario: &Scenario) -> Recommendation {
    let mut dataset = scene.dataset.clone();
    if scenario.latency_ms.is_some() {
        dataset.latency_limit_ms = scenario.latency_ms;
    }
    let mut books = scene.books.clone();
    if scenario.retrieval_percent != 0 {
        books
            .iter_mut()
            .for_each(|book| reprice(book, scenario.retrieval_percent));
    }
    let candidate = |spot: &Spot| {
        let book = books.iter().find(|b| b.name == spot.price_book);
        let left_out = scenario.without.contains(spot.placement.location_name.as_str());
        (
            book.and_then(|book| Priced::find(book, spot.placement.storage_class.as_str())),
            spot.forbidden
                .clone()
                .or_else(|| left_out.then(|| "it is left out of this scenario".to_owned())),
        )
    };
    fn placed<'a>(spot: &'a Spot, (at, forbidden): (Option<Priced<'a>>, Option<String>)) -> Candidate<'a> {
        Candidate {
            placement: spot.placement.clone(),
            at,
            price_book: &spot.price_book,
            has_transitions: spot.has_transitions,
            forbidden,
        }
    }
    let candidates: Vec<Candidate<'_>> = scene.spots.iter().map(|s| placed(s, candidate(s))).collect();
    let problem = Problem {
        dataset: &dataset,
        current: placed(&scene.current, (candidate(&scene.current).0, None)),
        days_held: scene.days_held,
        days: &[],
        readers: &scene.readers,
        candidates: &candidates,
        guidance: None,
        is_moving: scene.is_moving,
        now: scene.now,
        horizon_days: scenario.horizon(),
        grace_days: scene.grace_days,
    };
    let forecast = scene.forecast.as_ref().map(|f| match scenario.growth_percent {
        // Scaling by one is not the same to the last bit.
        0 => f.clone(),
        percent => f.scaled(problem.held(), f.reads_per_month * (1.0 + percent as f64 / 100.0)),
    });
    solve_for(&problem, scene.seen, forecast)
}

fn reprice(book: &mut PriceBook, percent: i64) {
    for class in &mut book.classes {
        if let Some(price) = &mut class.retrieval_per_gb {
            let new = i128::from(price.value.0) * i128::from(100 + percent) / 100;
            price.value = NanoUsd(i64::try_from(new).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_held_and_what_is_as_it_was_is_no_change() {
        let wild = Scenario {
            growth_percent: 100_000,
            retrieval_percent: -500,
            latency_ms: Some(0),
            horizon_days: Some(HORIZON_DAYS),
            ..Scenario::default()
        };
        assert_eq!(
            wild.bounded(),
            Scenario {
                growth_percent: GROWTH.1,
                retrieval_percent: RETRIEVAL.0,
                ..Scenario::default()
            }
        );
        assert!(Scenario::default().bounded().is_untouched());
    }
}
