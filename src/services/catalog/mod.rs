//! Locations and datasets: where data may stand and where it does.
//!
//! Invariant: no two locations overlap, on paper or on disk, and every dataset lies inside one location, on paper and on disk; so
//! that "which location" has one answer. Forgetting something never touches a file.

mod bulk;
mod datasets;
mod first_byte;
mod labels;
mod list;
mod listings;
mod locations;
mod policies;
mod rules;
mod scan;
mod target;
mod views;

pub use bulk::{KnownDataset, KnownLocation};
pub use listings::Listings;
pub(in crate::services) use policies::{place, region_of};
pub(in crate::services) use target::Target;

use super::Deps;
use super::memo::Memo;
use crate::adapters::sql::locations::LocationSums;
use crate::domain::id::LocationId;
use std::collections::HashMap;
use std::sync::Arc;

/// What stands on each location that has anything.
type Sums = Arc<HashMap<LocationId, LocationSums>>;

/// Use cases on locations and datasets. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    deps: Deps,
    totals: Memo<i64>,
    sums: Memo<Sums>,
}

impl Catalog {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            totals: Memo::default(),
            sums: Memo::default(),
        }
    }
}
