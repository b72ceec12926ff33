//! Lines of a cost, and the sheet that sums them.
//!
//! Invariant: a sheet's total is the sum of its lines, exactly. Each line is rounded once, when it is made.

use crate::domain::unit::NanoUsd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How well a figure is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Grade {
    /// Well supported by the vendor's own data.
    A,
    /// One source, or dated.
    B,
    /// Conflicting sources, general knowledge or an assumption: shown as such.
    C,
}

impl Grade {
    /// The letter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }

    /// In words, for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::A => "well supported",
            Self::B => "one source or dated",
            Self::C => "unsure: conflicting, assumed or unknown",
        }
    }
}

/// What a line pays for. The order is the order in which lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostKind {
    /// Keeping the bytes.
    Storage,
    /// Bytes billed beyond the real ones: minimum billable size and per-object overhead.
    MinimumSize,
    /// Per-object fee of a class that the vendor manages.
    Monitoring,
    /// Read and write requests of the readers.
    Request,
    /// Per-byte charge for reading.
    Retrieval,
    /// Bytes that leave the location.
    Egress,
    /// Requests that put the objects into their new class or location.
    Transition,
    /// Leaving a class before its minimum duration is served.
    EarlyDeletion,
    /// The kept source during the grace period after a move.
    DoubleStorage,
}

impl CostKind {
    /// Every kind, in the order shown.
    pub const ALL: [Self; 9] = [
        Self::Storage,
        Self::MinimumSize,
        Self::Monitoring,
        Self::Request,
        Self::Retrieval,
        Self::Egress,
        Self::Transition,
        Self::EarlyDeletion,
        Self::DoubleStorage,
    ];

    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::MinimumSize => "minimum_size",
            Self::Monitoring => "monitoring",
            Self::Request => "request",
            Self::Retrieval => "retrieval",
            Self::Egress => "egress",
            Self::Transition => "transition",
            Self::EarlyDeletion => "early_deletion",
            Self::DoubleStorage => "double_storage",
        }
    }

    /// The heading for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Storage => "Storage",
            Self::MinimumSize => "Minimum size and overhead",
            Self::Monitoring => "Monitoring fee",
            Self::Request => "Requests",
            Self::Retrieval => "Retrieval",
            Self::Egress => "Egress",
            Self::Transition => "Transition",
            Self::EarlyDeletion => "Early deletion",
            Self::DoubleStorage => "Source kept for undo",
        }
    }
}

/// One line of a cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostLine {
    /// What it pays for.
    pub kind: CostKind,
    /// How it was computed, with units: `33.1 TB × $0.004 per GB-month × 90 days`.
    pub text: String,
    /// The amount.
    pub amount_nanousd: NanoUsd,
    /// The weakest grade among the prices it used.
    pub grade: Grade,
}

/// Lines and their exact sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostSheet {
    /// The lines that are not zero, in the order of [`CostKind`].
    pub lines: Vec<CostLine>,
    /// Their sum.
    pub total_nanousd: NanoUsd,
}

impl CostSheet {
    /// Sums the lines; those of zero are left out.
    #[must_use]
    pub fn of(mut lines: Vec<CostLine>) -> Self {
        lines.retain(|l| l.amount_nanousd != NanoUsd::ZERO);
        lines.sort_by_key(|l| l.kind);
        let total_nanousd = lines.iter().map(|l| l.amount_nanousd).sum();
        Self { lines, total_nanousd }
    }

    /// Both sheets as one.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        Self::of(self.lines)
    }

    /// The sum of one kind.
    #[must_use]
    pub fn sum_of(&self, kind: CostKind) -> NanoUsd {
        self.lines
            .iter()
            .filter(|l| l.kind == kind)
            .map(|l| l.amount_nanousd)
            .sum()
    }

    /// The weakest grade among its lines; [`Grade::A`] for an empty sheet.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.lines.iter().map(|l| l.grade).max().unwrap_or(Grade::A)
    }
}
