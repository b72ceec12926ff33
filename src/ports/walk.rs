//! A listing that comes a page at a time, so that a million objects need not be in memory.
//!
//! Invariant: the objects of all pages together are in key order, each key once. What was found so far is told while the first page
//! is still being put in order.

use super::objects::{FoundObject, Listing, ObjectError};
use crate::domain::unit::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Objects of one page at most.
pub const PAGE: usize = 1000;

/// What was found so far, also of pages that are still to come.
#[derive(Debug, Default)]
pub struct Tally {
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    /// Counts an object.
    pub fn add(&self, object: &FoundObject) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(object.size_bytes.0, Ordering::Relaxed);
    }

    /// Objects and bytes.
    #[must_use]
    pub fn look(&self) -> (u64, Bytes) {
        (
            self.objects.load(Ordering::Relaxed),
            Bytes(self.bytes.load(Ordering::Relaxed)),
        )
    }
}

/// The pages of a listing. Dropping it ends the listing.
pub struct Walk {
    pages: BoxStream<'static, Result<Listing, ObjectError>>,
    tally: Arc<Tally>,
}

impl std::fmt::Debug for Walk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk")
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

impl Walk {
    /// Of these pages, counted in `tally` by whoever makes them.
    #[must_use]
    pub fn new(pages: BoxStream<'static, Result<Listing, ObjectError>>, tally: Arc<Tally>) -> Self {
        Self { pages, tally }
    }

    /// Of a listing that is in memory anyway, as one page.
    #[must_use]
    pub fn of(listing: Listing) -> Self {
        let tally = Tally::default();
        listing.objects.iter().for_each(|object| tally.add(object));
        let pages = futures::stream::iter([Ok(listing)]).boxed();
        Self::new(pages, Arc::new(tally))
    }

    /// The next page; `None` at the end.
    ///
    /// # Errors
    /// The store's. Nothing follows it.
    pub async fn next(&mut self) -> Result<Option<Listing>, ObjectError> {
        self.pages.next().await.transpose()
    }

    /// What was found so far.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        self.tally.clone()
    }

    /// All pages as one listing: for places that are known to be small.
    ///
    /// # Errors
    /// The store's.
    pub async fn collect(mut self) -> Result<Listing, ObjectError> {
        let mut whole = Listing::default();
        while let Some(page) = self.next().await? {
            whole.objects.extend(page.objects);
            whole.add_left_out(page.skipped, page.skipped_count, page.unnameable);
        }
        Ok(whole)
    }
}
