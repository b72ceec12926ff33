//! Was it right? What a move was expected to bring beside what it brought, from the reads that came after the switch.
//!
//! Invariant: both sides of what was realised are priced for the same span and the same reads by [`crate::domain::price::cost`], as
//! the forecast was. Before [`ENOUGH_DAYS`] nothing is judged. Knows neither jobs' rows nor how it is shown.

use super::quote::{HORIZON_DAYS, Terms};
use super::{Confidence, Recommendation};
use crate::domain::access::AccessBucket;
use crate::domain::id::{DatasetId, JobId};
use crate::domain::price::book::MONTH_DAYS;
use crate::domain::price::cost::{Usage, break_even_days, incurred};
use crate::domain::price::line::CostSheet;
use crate::domain::price::transfer::Priced;
use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days after the switch before a move is judged: two of each weekday.
pub const ENOUGH_DAYS: i64 = 14;
/// Days after the switch at which the record is closed: those that the forecast covered.
pub const CLOSED_DAYS: i64 = HORIZON_DAYS;

/// What a move was expected to bring when it was planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// Staying for 30 days.
    pub stay_monthly_nanousd: NanoUsd,
    /// The target for 30 days.
    pub target_monthly_nanousd: NanoUsd,
    /// Running cost saved in 30 days; negative is a loss.
    pub monthly_saving_nanousd: NanoUsd,
    /// The move itself.
    pub one_time_nanousd: NanoUsd,
    /// Days until the move has paid for itself; `None` when it never does.
    pub break_even_days: Option<i64>,
    /// Full reads in 30 days; `None` without a history.
    pub reads_per_month: Option<f64>,
    /// Days without a read when it was planned: what a managed class that it left would have gone on counting.
    pub idle_days: u32,
    /// Calibrated probability that the move pays, where one was stated.
    pub confidence: Option<Confidence>,
}

impl Expectation {
    /// From both running costs for 30 days and the cost of the move.
    #[must_use]
    pub fn new(stay_monthly: NanoUsd, target_monthly: NanoUsd, one_time: NanoUsd) -> Self {
        let saving = stay_monthly - target_monthly;
        Self {
            stay_monthly_nanousd: stay_monthly,
            target_monthly_nanousd: target_monthly,
            monthly_saving_nanousd: saving,
            one_time_nanousd: one_time,
            break_even_days: break_even_days(one_time, saving, MONTH_DAYS as i64),
            reads_per_month: None,
            idle_days: 0,
            confidence: None,
        }
    }
}

/// What both sides cost from the switch on, with the reads that really came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Realised {
    /// Days since the switch, with their fraction.
    pub days: f64,
    /// Full reads in 30 days, as they came.
    pub reads_per_month: f64,
    /// What staying would have cost.
    pub stay: CostSheet,
    /// What the target has cost.
    pub target: CostSheet,
    /// Running cost saved in 30 days; negative is a loss.
    pub monthly_saving_nanousd: NanoUsd,
    /// Saved so far, with the one-time cost paid.
    pub net_nanousd: NanoUsd,
}

/// Whether it was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too few days have passed.
    TooEarly,
    /// It has paid for itself.
    PaidBack,
    /// It saves, and at this rate pays for itself within the horizon.
    OnCourse,
    /// It saves, but at this rate does not pay for itself within the horizon.
    Slow,
    /// Staying would have cost less, even without the cost of the move.
    Wrong,
    /// A price is missing on one side.
    Unpriced,
    /// It was undone.
    Undone,
}

impl Verdict {
    /// The word in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooEarly => "too_early",
            Self::PaidBack => "paid_back",
            Self::OnCourse => "on_course",
            Self::Slow => "slow",
            Self::Wrong => "wrong",
            Self::Unpriced => "unpriced",
            Self::Undone => "undone",
        }
    }
}

/// Why nothing more is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// The days that the forecast covered are over.
    Horizon,
    /// The dataset was moved on.
    MovedOn,
    /// The move was undone.
    Undone,
    /// The dataset is not in the catalog any more.
    Gone,
}

/// The record of one completed move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The job that moved it.
    pub job_id: JobId,
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Its name.
    pub dataset_name: String,
    /// Where it stood, as `location/CLASS`.
    pub source: String,
    /// Where it was moved to.
    pub target: String,
    /// When readers were sent to the target.
    pub switched_at: Timestamp,
    /// What was expected; `None` where no price was known.
    pub expected: Option<Expectation>,
    /// What came, at the last look.
    pub realised: Option<Realised>,
    /// Whether it was right, as far as can be told.
    pub verdict: Verdict,
    /// Why nothing more is counted; `None` while it goes on.
    pub closed: Option<Closed>,
    /// When it was last looked at.
    pub looked_at: Timestamp,
}

/// A dataset's recommendation with what its earlier moves brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// Where it should stand, and why.
    #[serde(flatten)]
    pub recommendation: Recommendation,
    /// Its latest moves, the last first; at most ten.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
}

/// Both sides of a move.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Where it stood.
    pub source: Priced<'a>,
    /// Where it is now.
    pub target: Priced<'a>,
}

/// Prices both sides from the switch to `until` with the reads of `buckets` (hours or days, ascending). `None` before any time
/// has passed.
#[must_use]
pub fn realise(
    terms: &Terms<'_>,
    sides: Sides<'_>,
    expected: &Expectation,
    (switched_at, until): (Timestamp, Timestamp),
    buckets: &[AccessBucket],
) -> Option<Realised> {
    let days = until.since(switched_at) as f64 / Timestamp::DAY as f64;
    if days <= 0.0 {
        return None;
    }
    let within = || buckets.iter().filter(|b| b.start < until);
    let read_bytes: u64 = within().map(|b| b.read_bytes.0).fold(0, u64::saturating_add);
    let count = |of: fn(&AccessBucket) -> i64| within().map(of).sum::<i64>().max(0) as f64;
    let read_days: Vec<u32> = within()
        .filter(|b| b.reads > 0)
        .map(|b| u32::try_from(b.start.since(switched_at).max(0) / Timestamp::DAY).unwrap_or(u32::MAX))
        .collect();
    let cost = |at: Priced<'_>, idle_days: u32| {
        let usage = Usage {
            days,
            read_bytes: read_bytes as f64,
            gets: count(|b| b.reads),
            puts: count(|b| b.writes),
            ..terms.usage(at.book, idle_days)
        };
        incurred(at, terms.held, &usage, &read_days)
    };
    let (stay, target) = (cost(sides.source, expected.idle_days), cost(sides.target, 0));
    let saved = stay.total_nanousd - target.total_nanousd;
    let months = days / MONTH_DAYS;
    let per_month = NanoUsd::from_usd(saved.as_usd() / months);
    Some(Realised {
        days,
        reads_per_month: read_bytes as f64 / terms.held.size_bytes.max(Bytes(1)).0 as f64 / months,
        stay,
        target,
        monthly_saving_nanousd: per_month,
        net_nanousd: saved - expected.one_time_nanousd,
    })
}

/// Judges what has come so far.
#[must_use]
pub fn judge(expected: Option<&Expectation>, realised: Option<&Realised>, closed: Option<Closed>) -> Verdict {
    if closed == Some(Closed::Undone) {
        return Verdict::Undone;
    }
    let Some(expected) = expected else {
        return Verdict::Unpriced;
    };
    let Some(r) = realised.filter(|r| r.days >= ENOUGH_DAYS as f64) else {
        return Verdict::TooEarly;
    };
    let over_horizon = r.monthly_saving_nanousd.as_usd() * CLOSED_DAYS as f64 / MONTH_DAYS;
    if r.monthly_saving_nanousd < NanoUsd::ZERO {
        Verdict::Wrong
    } else if r.net_nanousd >= NanoUsd::ZERO {
        Verdict::PaidBack
    } else if over_horizon >= expected.one_time_nanousd.as_usd() {
        Verdict::OnCourse
    } else {
        Verdict::Slow
    }
}

impl Outcome {
    /// What came, where enough was seen to judge it: figures of a few hours say nothing of a month.
    #[must_use]
    pub fn judged(&self) -> Option<&Realised> {
        let judged = matches!(
            self.verdict,
            Verdict::PaidBack | Verdict::OnCourse | Verdict::Slow | Verdict::Wrong
        );
        self.realised.as_ref().filter(|_| judged)
    }

    /// The first day on which it is judged.
    fn judged_from(&self) -> String {
        let at = self.switched_at.plus_micros(ENOUGH_DAYS * Timestamp::DAY);
        at.to_utc()
            .map_or_else(|| at.to_string(), |t| t.format("%-d %b %Y").to_string())
    }

    /// What it comes to, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let days = self.realised.as_ref().map_or(0.0, |r| r.days);
        let so_far = match self.closed {
            None => format!("after {days:.0} days"),
            Some(Closed::Horizon) => format!("over the {days:.0} days of the forecast"),
            Some(Closed::MovedOn) => format!("over the {days:.0} days until it was moved on"),
            Some(Closed::Gone) => format!("over the {days:.0} days until it left the catalog"),
            Some(Closed::Undone) => String::new(),
        };
        let (monthly, net) = self
            .realised
            .as_ref()
            .map_or((NanoUsd::ZERO, NanoUsd::ZERO), |r| {
                (r.monthly_saving_nanousd, r.net_nanousd)
            });
        match self.verdict {
            Verdict::TooEarly if self.closed.is_some() => {
                format!("Not known: {so_far} too little was seen to judge.")
            }
            Verdict::TooEarly => format!(
                "Too early to tell: {:.0} of {ENOUGH_DAYS} days have passed since the switch; it is judged from {} on.",
                days.floor(),
                self.judged_from()
            ),
            Verdict::PaidBack => {
                format!("Right: {so_far} it saves {monthly} a month and has brought {net} beyond its cost.")
            }
            Verdict::OnCourse => format!(
                "On course: {so_far} it saves {monthly} a month; {} of its cost are still to be earned.",
                -net
            ),
            Verdict::Slow => format!(
                "Slow: {so_far} it saves {monthly} a month, too little to earn its cost within {CLOSED_DAYS} days; {} are left.",
                -net
            ),
            Verdict::Wrong => format!(
                "Wrong: {so_far} staying would have cost {} a month less, the move's own cost not counted.",
                -monthly
            ),
            Verdict::Unpriced => "It cannot be judged: a price is missing on one side.".into(),
            Verdict::Undone => "The move was undone, so nothing is judged.".into(),
        }
    }
}

#[cfg(test)]
mod tests;
