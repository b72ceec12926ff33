//! Where a dataset should stand, and why, as data: itemised cost of staying and of each alternative, reasons and limits.
//!
//! Invariant: a figure that is not known is absent, never a constant: no history means no forecast, and confidence is there only
//! when it was calibrated. [`explain`] is the only place that turns reasons into sentences.
//!
//! Read `problem` (what is known of a dataset), `forecast` (what its readers will do), `quote` (what a placement costs then), `solve`
//! (which placement is proposed and why), `flip` (when the answer would be another one) and `change` (what makes a new version).
//!
//! A recommendation knows neither the database nor how it is shown.

use crate::domain::id::{DatasetId, LocationId, RecommendationId};
use crate::domain::location::Tier;
use crate::domain::name::{Name, StorageClass};
use crate::domain::price::line::CostSheet;
use crate::domain::unit::{NanoUsd, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

pub mod change;
pub mod explain;
pub mod flip;
pub mod forecast;
pub mod outcome;
pub mod problem;
pub mod quote;
pub mod readers;
pub mod solve;
mod tell;
pub mod what_if;

/// A storage class at a location.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PlacementRef {
    /// The location.
    pub location_id: LocationId,
    /// Its name.
    pub location_name: Name,
    /// The class there.
    pub storage_class: StorageClass,
    /// Where the class stands on our ladder.
    pub tier: Tier,
    /// Whether the vendor moves data between tiers of this class by itself.
    pub managed: bool,
}

/// `location/CLASS`, the name of a candidate everywhere.
impl fmt::Display for PlacementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.location_name, self.storage_class)
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Leave it where it is: a full answer.
    Stay,
    /// Move it to the proposed placement.
    Move,
    /// Nothing is known of its accesses yet.
    NoHistory,
}

impl Action {
    /// The word in the database, in events and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stay => "stay",
            Self::Move => "move",
            Self::NoHistory => "no_history",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Stay, Self::Move, Self::NoHistory]
            .into_iter()
            .find(|a| a.as_str() == text)
    }
}

/// Why a candidate is not proposed. The first that applies, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WhyNot {
    /// The owner pinned the dataset.
    Pinned {
        /// The owner's words.
        reason: String,
    },
    /// A rule does not allow this location.
    LocationNotAllowed {
        /// The rule, in words.
        rule: String,
    },
    /// The first byte would come later than the readers accept.
    TooSlow {
        /// What it would take, in milliseconds.
        first_byte_ms: i64,
        /// What is accepted, in milliseconds.
        limit_ms: i64,
    },
    /// The vendor keeps objects below a size out of this class, and the dataset's are below it.
    ObjectsTooSmall {
        /// Mean object size in bytes.
        mean_object_bytes: i64,
        /// What the class asks for, in bytes.
        minimum_bytes: i64,
    },
    /// No price is known for it.
    NoPrice,
    /// It costs more than the proposal over the horizon.
    DearerBy {
        /// By how much over the horizon, one-time cost included.
        amount_nanousd: NanoUsd,
    },
    /// It would save, but not enough, or not surely enough, to be worth a move.
    SavingTooSmall {
        /// What it would save over the horizon.
        amount_nanousd: NanoUsd,
        /// What a move must save at least, over the horizon.
        threshold_nanousd: NanoUsd,
    },
    /// It looks cheapest, but from there the dataset would be moved on at once.
    NotLasting {
        /// Where it would be moved on to, as `location/CLASS`.
        next: String,
    },
    /// The policy that looks at the history prefers to wait, though the forecast alone would move.
    PolicyWaits,
    /// The policy would lie there, but a move is less likely to pay than not.
    Unlikely {
        /// The stated chance that it pays, in percent.
        chance_percent: i64,
    },
}

/// A candidate with its cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alternative {
    /// The candidate.
    pub placement: PlacementRef,
    /// Holding and reading there over the horizon, at the forecast; `None` without a price.
    pub running: Option<CostSheet>,
    /// Getting there, once.
    pub one_time: Option<CostSheet>,
    /// Running cost for 30 days: the mean over the horizon.
    pub monthly_nanousd: Option<NanoUsd>,
    /// Running and one-time cost over the horizon.
    pub horizon_nanousd: Option<NanoUsd>,
    /// Days until the move has paid for itself; `None` when it never does.
    pub break_even_days: Option<i64>,
    /// `None` for the one that is proposed.
    pub why_not: Option<WhyNot>,
}

/// What is expected of the readers, and from which rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// Full reads in 30 days: bytes read divided by size.
    pub reads_per_month: f64,
    /// Read requests in 30 days.
    pub requests_per_month: f64,
    /// Write requests in 30 days.
    #[serde(default)]
    pub writes_per_month: f64,
    /// Chance of a read on a day, 0 to 1: decides the tiers of a managed class.
    #[serde(default)]
    pub read_day_chance: f64,
    /// Whole days since the last read, or since the first event when there was none.
    #[serde(default)]
    pub idle_days: u32,
    /// The rule it came from, in words.
    pub rule: String,
    /// The dataset's own figures it was made from.
    pub features: Vec<Feature>,
    /// The policy's cell for such datasets, when a policy was used.
    pub cell: Option<String>,
    /// Full reads per 30 days at which the answer would change, when such a rate exists.
    pub flips_at_reads_per_month: Option<f64>,
}

/// One figure that the forecast used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Feature {
    /// Name with its unit last: `idle_days`, `reads_per_month_90d`.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// A reason, as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// No access was seen yet.
    NoHistory,
    /// Nothing is known about its size, so nothing can be priced.
    NoSize,
    /// No price is known where it stands.
    NoPriceHere {
        /// The price-book entry that is missing.
        price_book: String,
    },
    /// How much is read.
    ReadRate {
        /// Full reads in 30 days.
        reads_per_month: f64,
    },
    /// How long nobody has read it.
    Idle {
        /// Whole days.
        days: i64,
    },
    /// The proposal is cheaper.
    Cheaper {
        /// Net saving over the horizon, one-time cost paid.
        amount_nanousd: NanoUsd,
        /// The horizon in days.
        horizon_days: i64,
    },
    /// Nothing allowed is cheaper over the horizon.
    NothingCheaper,
    /// A cheaper place exists but the saving does not pass the threshold that keeps datasets from moving to and fro.
    BelowThreshold {
        /// What would be saved over the horizon.
        amount_nanousd: NanoUsd,
        /// What must be saved over the horizon.
        threshold_nanousd: NanoUsd,
    },
    /// The owner pinned it.
    Pinned {
        /// The owner's words.
        reason: String,
    },
    /// The latency limit removed candidates.
    LatencyLimit {
        /// The limit in milliseconds.
        limit_ms: i64,
        /// How many candidates it removed.
        removed: i64,
    },
    /// Nobody stated a latency limit, so classes that answer only after a while were left out.
    LatencyAssumed {
        /// What was assumed, in milliseconds.
        limit_ms: i64,
        /// How many candidates it removed.
        removed: i64,
    },
    /// Where it stands now answers later than its readers accept.
    TooSlowHere {
        /// What it takes, in milliseconds.
        first_byte_ms: i64,
        /// What is accepted, in milliseconds.
        limit_ms: i64,
    },
    /// The present class's minimum duration is not served yet.
    MinimumNotServed {
        /// Days left.
        days_left: i64,
        /// What leaving now costs.
        amount_nanousd: NanoUsd,
    },
    /// The history is short, so the forecast is mixed with a cautious one.
    ShortHistory {
        /// Days of history.
        days: i64,
    },
    /// Some price behind it is unsure (grade C).
    UnsurePrice,
    /// The policy that looks at the history waits for more evidence.
    PolicyWaits,
    /// The best move is less likely to pay than not.
    Unlikely {
        /// The stated chance that it pays, in percent.
        chance_percent: i64,
    },
    /// A policy that people made is not kept where it stands.
    RuleBroken {
        /// The policy and what is wrong, in words.
        rule: String,
    },
    /// A move of this dataset is under way.
    JobRunning,
}

/// A calibrated probability that the move costs less than staying over the horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// Between 0 and 1.
    pub probability: f64,
    /// What it was calibrated on, in words.
    pub calibrated_on: String,
}

/// Prices that a recommendation stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceBasis {
    /// The price-book entry.
    pub price_book: String,
    /// Its date, `YYYY-MM-DD`.
    pub date: String,
    /// Its version.
    pub version: i64,
}

/// What people decided about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    /// Nobody has decided.
    #[default]
    Open,
    /// A move was queued from it.
    Accepted,
    /// Hidden until a date.
    Snoozed,
    /// Turned down, with a reason.
    Rejected,
}

impl ReviewStatus {
    /// The word in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Snoozed => "snoozed",
            Self::Rejected => "rejected",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Accepted, Self::Snoozed, Self::Rejected]
            .into_iter()
            .find(|s| s.as_str() == text)
    }
}

/// A person's decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// What was decided.
    pub status: ReviewStatus,
    /// Why, for a rejection.
    pub reason: Option<String>,
    /// Until when it is hidden, for a snooze.
    pub until: Option<Timestamp>,
    /// When it was decided.
    pub at: Option<Timestamp>,
}

/// What a person asks to be kept of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    /// `accepted`, `snoozed`, `rejected`, or `open` to take a decision back.
    pub status: ReviewStatus,
    /// Why; needed for a rejection.
    #[serde(default)]
    pub reason: Option<String>,
    /// Until when it is hidden; needed for a snooze.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Which recommendations a list holds. Every field narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecommendationFilter {
    /// A dataset's id or name.
    #[serde(default)]
    pub dataset: Option<String>,
    /// `stay`, `move` or `no_history`.
    #[serde(default)]
    pub action: Option<String>,
    /// `open`, `accepted`, `snoozed` or `rejected`.
    #[serde(default)]
    pub review: Option<String>,
    /// A location's name or id.
    #[serde(default)]
    pub location: Option<String>,
}

/// Where a dataset should stand, and everything that says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// Its id; a changed answer for the same dataset keeps it.
    pub id: RecommendationId,
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Its name.
    pub dataset_name: Name,
    /// What to do.
    pub action: Action,
    /// Where it stands.
    pub current: PlacementRef,
    /// Where it should stand, for a move.
    pub proposed: Option<PlacementRef>,
    /// Days that the costs below cover.
    pub horizon_days: i64,
    /// Staying for the horizon, line by line; without a history holding alone, and `None` when it cannot be priced.
    pub stay: Option<CostSheet>,
    /// Staying for 30 days: the mean over the horizon.
    pub stay_monthly_nanousd: Option<NanoUsd>,
    /// What a move must save at least over the horizon, so that a dataset does not move to and fro.
    #[serde(default)]
    pub threshold_nanousd: NanoUsd,
    /// Every other candidate, the cheapest over the horizon first, the excluded ones last.
    pub alternatives: Vec<Alternative>,
    /// Running cost saved in 30 days by the move; zero for `stay` and `no_history`.
    pub monthly_saving_nanousd: NanoUsd,
    /// Cost of the move itself; zero unless it is a move.
    pub one_time_nanousd: NanoUsd,
    /// Saved over the horizon after the one-time cost; zero unless it is a move.
    pub horizon_saving_nanousd: NanoUsd,
    /// Days until the move has paid for itself.
    pub break_even_days: Option<i64>,
    /// The date of it, counted from `updated_at`.
    pub break_even_at: Option<Timestamp>,
    /// What is expected of the readers; `None` without a history.
    pub forecast: Option<Forecast>,
    /// Why, most telling first.
    pub reasons: Vec<Reason>,
    /// Calibrated probability that the move pays; absent until it was calibrated.
    pub confidence: Option<Confidence>,
    /// The prices used.
    pub basis: Vec<PriceBasis>,
    /// What people decided.
    pub review: Review,
    /// Why this version was written: what differs from the one before.
    pub changed_because: String,
    /// When the dataset first had a recommendation.
    pub created_at: Timestamp,
    /// When this version was computed.
    pub updated_at: Timestamp,
}

impl Recommendation {
    /// The alternative that is proposed, for a move.
    #[must_use]
    pub fn proposed_alternative(&self) -> Option<&Alternative> {
        self.alternatives.iter().find(|a| a.why_not.is_none())
    }

    /// Whether it asks a person for a decision at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        let awake = self.review.until.is_none_or(|until| until <= now);
        self.action == Action::Move
            && match self.review.status {
                ReviewStatus::Open => true,
                ReviewStatus::Snoozed => awake,
                ReviewStatus::Accepted | ReviewStatus::Rejected => false,
            }
    }
}

#[cfg(test)]
mod tests;
