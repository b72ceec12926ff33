//! How a move is to be carried out: how closely it is checked, what it may cost, when it may run, what becomes of the source.
//!
//! Invariant: a value that [`MoveOptions::check`] allows is never adjusted silently later; what a check proves is said in the same
//! words in plan, job and receipt.

use crate::domain::unit::{Bytes, NanoUsd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How closely the copy is compared with the source before readers are sent to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifyLevel {
    /// Every object is read back.
    #[default]
    Full,
    /// The target's own checksums are compared; only what has none is read back.
    Checksum,
    /// Names, sizes and times alone.
    Size,
}

impl VerifyLevel {
    /// Every level, the strongest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Checksum, Self::Size];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Checksum => "checksum",
            Self::Size => "size",
        }
    }

    /// What it proves of every object, in the words of plan, job and receipt.
    #[must_use]
    pub fn proves(self) -> &'static str {
        match self {
            Self::Full => {
                "every object was read back at the target and its BLAKE3, size, mode and modification time compared with what \
                 was read at the source"
            }
            Self::Checksum => {
                "the checksum that the target itself keeps of every object was compared with that of the bytes read at the \
                 source or, where a store copied by itself, with the one that it keeps of the source, so that the store has taken the right bytes is proved, that it can give them back is not; objects of which \
                 it keeps no checksum were read back"
            }
            Self::Size => {
                "names, sizes and times of all objects at the target were listed and compared; their content was hashed while \
                 it was read at the source (not read at all where a store copied by itself) but not read back, so a target that \
                 keeps other bytes than it was given is not found"
            }
        }
    }
}

impl fmt::Display for VerifyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for VerifyLevel {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no check; full, checksum and size are"))
    }
}

/// When a move may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Five fields as in cron: the window is open in every minute that they match, so `* 22-23,0-5 * * *` is the night.
    pub cron: String,
    /// The zone whose clock they mean, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".into()
}

/// When so many objects fail that going on is pointless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// Stop when this share of the objects failed, in percent …
    pub percent: u8,
    /// … of at least so many that were tried.
    pub of_at_least: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            percent: 5,
            of_at_least: 20,
        }
    }
}

impl Breaker {
    /// Whether to stop after so many failures among so many objects.
    #[must_use]
    pub fn trips(self, failed: u64, tried: u64) -> bool {
        failed > 0
            && tried >= u64::from(self.of_at_least)
            && failed.saturating_mul(100) >= tried.saturating_mul(u64::from(self.percent))
    }
}

/// Highest priority; the lowest is its negative.
pub const PRIORITY_MAX: i64 = 10;

/// How a move is to be carried out. Everything has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MoveOptions {
    /// How closely the copy is checked.
    pub verify: VerifyLevel,
    /// The source stays for good as a second copy, also after the grace period.
    pub keep_source: bool,
    /// The source goes on serving; the target becomes a second copy.
    pub replicate: bool,
    /// The most that the move may cost once, in nano-USD; dearer is refused, and stopped when it becomes dearer.
    pub max_cost_nanousd: Option<NanoUsd>,
    /// The most bytes that may be copied, those included that are copied again.
    pub max_bytes: Option<Bytes>,
    /// From -10 to 10; higher is taken first.
    pub priority: i64,
    /// When it may run; absent means at any time.
    pub window: Option<Window>,
    /// When to give up because of failing objects; absent means 5 % of at least 20.
    pub breaker: Option<Breaker>,
    /// A limit of this move's own, in bytes a second.
    pub bytes_per_sec: Option<Bytes>,
}

impl MoveOptions {
    /// Whether the source is deleted once the grace period is over.
    #[must_use]
    pub fn deletes_source(&self) -> bool {
        !self.keep_source && !self.replicate
    }

    /// Looks for values that make no sense.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn check(&self) -> Result<(), String> {
        if self.priority.abs() > PRIORITY_MAX {
            return Err(format!(
                "the priority {} is not between -{PRIORITY_MAX} and {PRIORITY_MAX}",
                self.priority
            ));
        }
        if self.max_cost_nanousd.is_some_and(|most| most.0 < 0) {
            return Err("the most that it may cost cannot be negative".into());
        }
        if self.max_bytes == Some(Bytes::ZERO) || self.bytes_per_sec == Some(Bytes::ZERO) {
            return Err("a limit of 0 bytes lets nothing through; leave it out, or pause the job".into());
        }
        if let Some(breaker) = self.breaker
            && !(1..=100).contains(&breaker.percent)
        {
            return Err(format!("{} % is not between 1 and 100", breaker.percent));
        }
        if self.keep_source && self.replicate {
            return Err("keep_source switches to the target and replicate does not; choose one".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_given_is_the_safe_move() {
        let none: MoveOptions = serde_json::from_str("{}").unwrap();
        assert_eq!(none, MoveOptions::default());
        assert_eq!((none.verify, none.keep_source), (VerifyLevel::Full, false));
        assert!(none.check().is_ok());
        assert!(none.deletes_source(), "a move, not a second copy");
        assert!(serde_json::from_str::<MoveOptions>(r#"{"verfy":"size"}"#).is_err());
    }

    #[test]
    fn senseless_values_are_refused() {
        let with = |change: fn(&mut MoveOptions)| {
            let mut options = MoveOptions::default();
            change(&mut options);
            options.check().is_err()
        };
        assert!(with(|o| o.priority = 11));
        assert!(with(|o| o.max_cost_nanousd = Some(NanoUsd(-1))));
        assert!(with(|o| o.max_bytes = Some(Bytes(0))));
        assert!(with(|o| o.breaker = Some(Breaker {
            percent: 0,
            of_at_least: 1
        })));
        assert!(with(|o| (o.keep_source, o.replicate) = (true, true)));
    }

    #[test]
    fn the_breaker_needs_both_a_share_and_a_number() {
        let breaker = Breaker {
            percent: 10,
            of_at_least: 20,
        };
        for (failed, tried, trips) in [
            (19, 19, false),
            (2, 20, true),
            (1, 20, false),
            (0, 1000, false),
            (100, 1000, true),
        ] {
            assert_eq!(breaker.trips(failed, tried), trips, "{failed} of {tried}");
        }
    }
}
