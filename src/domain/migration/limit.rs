//! Limits on how fast bytes move: in total, for a location, for one job.

use crate::domain::id::{JobId, LocationId};
use crate::domain::unit::{Bytes, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a limit is for. In text `total`, `location:ID` or `job:ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitScope {
    /// Everything that movers move.
    Total,
    /// What is read at and written to a location.
    Location(LocationId),
    /// What one job moves.
    Job(JobId),
}

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("total"),
            Self::Location(id) => write!(f, "location:{id}"),
            Self::Job(id) => write!(f, "job:{id}"),
        }
    }
}

impl FromStr for LimitScope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is nothing to limit; total, location:ID and job:ID are");
        match text.split_once(':') {
            None if text == "total" => Ok(Self::Total),
            Some(("location", id)) => id.parse().map(Self::Location).map_err(|_| refused()),
            Some(("job", id)) => id.parse().map(Self::Job).map_err(|_| refused()),
            _ => Err(refused()),
        }
    }
}

/// A limit as it is set and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// `total`, `location:ID` or `job:ID`.
    pub scope: String,
    /// Bytes a second; absent means no limit. Bytes read back to verify count as well.
    pub bytes_per_sec: Option<Bytes>,
    /// Objects begun a second; absent means no limit.
    pub requests_per_sec: Option<u32>,
    /// Since when.
    pub updated_at: Timestamp,
}

/// What a limit is to be. Both absent takes it away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLimit {
    /// `total`, `location:ID or name`, or `job:ID`.
    pub scope: String,
    /// Bytes a second.
    #[serde(default)]
    pub bytes_per_sec: Option<Bytes>,
    /// Objects begun a second.
    #[serde(default)]
    pub requests_per_sec: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for scope in [
            LimitScope::Total,
            LimitScope::Location(LocationId(7)),
            LimitScope::Job(JobId(9)),
        ] {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for bad in ["", "location", "location:x", "job:", "everything"] {
            assert!(bad.parse::<LimitScope>().is_err(), "{bad}");
        }
    }
}
