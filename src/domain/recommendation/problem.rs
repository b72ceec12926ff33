//! What is known of a dataset when its recommendation is asked for: itself, its history, where it stands and where it might.
//!
//! Invariant: everything that decides is in here, so that the same problem always has the same answer.

use super::readers::Readers;
use super::{Confidence, PlacementRef};
use crate::domain::access::AccessBucket;
use crate::domain::dataset::Dataset;
use crate::domain::id::LocationId;
use crate::domain::name::StorageClass;
use crate::domain::price::rates::Holding;
use crate::domain::price::transfer::Priced;
use crate::domain::unit::Timestamp;
use serde::{Deserialize, Serialize};

/// A placement to choose from.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Location and class.
    pub placement: PlacementRef,
    /// Its prices; `None` when the class is in no price book.
    pub at: Option<Priced<'a>>,
    /// The price book that the location names, for the message when it has no such class.
    pub price_book: &'a str,
    /// Whether the store moves objects to a colder class by itself; elsewhere every change of class is a copy.
    pub has_transitions: bool,
    /// A rule that forbids it, in words: a location that is away or too small, a class kept in one zone only.
    pub forbidden: Option<String>,
}

/// What a policy that has followed the whole history says. It takes the place of the forecast alone in deciding which candidate
/// is proposed; constraints and cost lines stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guidance {
    /// Where the dataset should lie from today on.
    pub location_id: LocationId,
    /// In which class.
    pub storage_class: StorageClass,
    /// The policy's cell for such datasets, in words.
    pub cell: Option<String>,
    /// Calibrated probability that the move pays.
    pub confidence: Option<Confidence>,
}

/// A move to where reading is dearer is not proposed when its stated chance to pay is below this: it would lose more often than it wins.
const EVEN_ODDS: f64 = 0.5;

impl Guidance {
    /// Whether it names this placement.
    #[must_use]
    pub fn is_for(&self, place: &PlacementRef) -> bool {
        place.location_id == self.location_id && place.storage_class.matches(self.storage_class.as_str())
    }

    /// The chance in percent, where the move is less likely to pay than not.
    #[must_use]
    pub fn unlikely_percent(&self) -> Option<i64> {
        let chance = self.confidence.as_ref()?.probability;
        // Rounded down, so that a chance just below even odds is not shown as even.
        (chance < EVEN_ODDS).then_some((chance * 100.0) as i64)
    }
}

/// A dataset with everything that its recommendation rests on.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// The dataset.
    pub dataset: &'a Dataset,
    /// Where it stands.
    pub current: Candidate<'a>,
    /// Whole days since it was put there.
    pub days_held: i64,
    /// Its accesses by UTC day.
    pub days: &'a [AccessBucket],
    /// Where its readers are; empty means near the present placement.
    pub readers: &'a [Readers],
    /// Where it might stand, in any order. The present placement may be among them.
    pub candidates: &'a [Candidate<'a>],
    /// What a policy says, where one runs.
    pub guidance: Option<&'a Guidance>,
    /// Whether a move of it is under way.
    pub is_moving: bool,
    /// The present instant.
    pub now: Timestamp,
    /// Days that costs are compared over.
    pub horizon_days: i64,
    /// Days for which the source of a copy is kept.
    pub grace_days: f64,
}

impl Problem<'_> {
    /// What is held.
    #[must_use]
    pub fn held(&self) -> Holding {
        Holding::new(self.dataset.size_bytes, self.dataset.object_count)
    }
}
