//! How far the listings are that are under way in this process, for whoever waits for one: a million objects take a minute.

use crate::domain::dataset::ListingProgress;
use crate::domain::id::DatasetId;
use crate::domain::unit::Timestamp;
use crate::ports::objects::Listing;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct All {
    next: u64,
    running: BTreeMap<u64, ListingProgress>,
}

/// The listings under way. Cheap to clone.
#[derive(Clone, Default)]
pub struct Listings(Arc<Mutex<All>>);

/// One of them, until it is dropped.
pub(super) struct Running {
    listings: Listings,
    number: u64,
}

impl Listings {
    fn all(&self) -> MutexGuard<'_, All> {
        // Valid between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, dataset_id: DatasetId, now: Timestamp) -> Running {
        let mut all = self.all();
        let number = all.next;
        all.next += 1;
        all.running.insert(
            number,
            ListingProgress {
                dataset_id,
                objects: 0,
                size_bytes: crate::domain::unit::Bytes::ZERO,
                started_at: now,
            },
        );
        Running {
            listings: self.clone(),
            number,
        }
    }

    /// Those of a dataset, the oldest first.
    #[must_use]
    pub fn of(&self, dataset: DatasetId) -> Vec<ListingProgress> {
        let all = self.all();
        let mine = all.running.values().filter(|one| one.dataset_id == dataset);
        mine.cloned().collect()
    }
}

impl Running {
    pub(super) fn add(&self, page: &Listing) {
        if let Some(one) = self.listings.all().running.get_mut(&self.number) {
            one.objects += i64::try_from(page.objects.len()).unwrap_or(i64::MAX);
            one.size_bytes += page.size_bytes();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.listings.all().running.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::Bytes;
    use crate::ports::objects::FoundObject;

    #[test]
    fn a_listing_is_told_of_while_it_lasts() {
        let listings = Listings::default();
        let (mine, other) = (DatasetId(1), DatasetId(2));
        let page = Listing {
            objects: vec![FoundObject {
                key: "a".into(),
                size_bytes: Bytes(7),
                fingerprint: String::new(),
            }],
            ..Listing::default()
        };
        let first = listings.begin(mine, Timestamp(1));
        first.add(&page);
        first.add(&page);
        let second = listings.begin(mine, Timestamp(2));
        let counts = |of| -> Vec<_> {
            let all: Vec<ListingProgress> = listings.of(of);
            all.iter().map(|one| (one.objects, one.size_bytes.0)).collect()
        };
        assert_eq!(counts(mine), [(2, 14), (0, 0)]);
        assert!(counts(other).is_empty());
        drop(first);
        assert_eq!(counts(mine), [(0, 0)]);
        drop(second);
        assert!(counts(mine).is_empty());
    }
}
