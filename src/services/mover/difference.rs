//! What differs between a manifest and a fresh listing.
//!
//! Invariant: both are read a page at a time and never held whole; both are walked once, in key order.

use crate::adapters::sql::jobs_objects::ManifestRow;
use crate::adapters::sql::jobs_pages::{self, Side};
use crate::adapters::sql::{Store, StoreError};
use crate::domain::dataset::SkippedEntry;
use crate::domain::id::JobId;
use crate::ports::objects::{FoundObject, Listing, ObjectError};
use crate::ports::walk::Walk;
use std::collections::VecDeque;

/// Differences told at once.
const BATCH: usize = 1000;

/// Differences in key order, a batch of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// New objects and changed ones, as they were listed.
    pub(super) put: Vec<FoundObject>,
    /// Keys that are gone.
    pub(super) gone: Vec<String>,
}

/// Why a comparison broke off.
#[derive(Debug)]
pub(super) enum Broken {
    /// The manifest could not be read.
    Store(StoreError),
    /// The place could not be listed.
    Place(ObjectError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ObjectError> for Broken {
    fn from(error: ObjectError) -> Self {
        Self::Place(error)
    }
}

/// A manifest beside a listing of one of its places.
pub(super) struct Comparison<'a> {
    store: &'a Store,
    job: JobId,
    side: Side,
    /// The last key that was read of the manifest.
    after: String,
    walk: Walk,
    expected: VecDeque<FoundObject>,
    no_more_expected: bool,
    found: VecDeque<FoundObject>,
    no_more_found: bool,
    /// Objects listed so far, and the first file whose name is no text.
    pub(super) listed: u64,
    pub(super) unnameable: Option<SkippedEntry>,
    /// The first difference, in words.
    pub(super) first: Option<String>,
}

/// The first difference of all, in words, or `None` when there is none. The rest is not looked at.
pub(super) async fn first(
    store: &Store,
    job: JobId,
    side: Side,
    walk: Walk,
) -> Result<Option<String>, Broken> {
    let mut comparison = Comparison::new(store, job, side, walk);
    comparison.next_up_to(1).await?;
    Ok(comparison.first)
}

impl<'a> Comparison<'a> {
    pub(super) fn new(store: &'a Store, job: JobId, side: Side, walk: Walk) -> Self {
        Self {
            store,
            job,
            side,
            after: String::new(),
            walk,
            expected: VecDeque::new(),
            no_more_expected: false,
            found: VecDeque::new(),
            no_more_found: false,
            listed: 0,
            unnameable: None,
            first: None,
        }
    }

    /// The next differences, at most a thousand; `None` once both sides are at their end.
    pub(super) async fn next(&mut self) -> Result<Option<Difference>, Broken> {
        self.next_up_to(BATCH).await
    }

    async fn next_up_to(&mut self, most: usize) -> Result<Option<Difference>, Broken> {
        let mut batch = Difference::default();
        while batch.put.len() + batch.gone.len() < most {
            self.fill().await?;
            match (self.found.front(), self.expected.front()) {
                (None, None) => break,
                (Some(found), Some(expected)) if found.key == expected.key => {
                    if found != expected {
                        self.put(&mut batch, "changed");
                    }
                    self.found.pop_front();
                    self.expected.pop_front();
                }
                (Some(found), expected) if expected.is_none_or(|e| found.key < e.key) => {
                    self.put(&mut batch, "is new");
                    self.found.pop_front();
                }
                _ => {
                    let key = self.expected.pop_front().map(|e| e.key).unwrap_or_default();
                    self.note(&key, "is gone");
                    batch.gone.push(key);
                }
            }
        }
        Ok((batch != Difference::default()).then_some(batch))
    }

    /// Both sides have their next object at the front, or are at their end.
    async fn fill(&mut self) -> Result<(), Broken> {
        while self.found.is_empty() && !self.no_more_found {
            match self.walk.next().await? {
                Some(page) => self.take(page),
                None => self.no_more_found = true,
            }
        }
        while self.expected.is_empty() && !self.no_more_expected {
            let mut conn = self.store.reader().await?;
            self.expected = jobs_pages::page_of(&mut conn, self.job, self.side, &self.after)
                .await?
                .into();
            match self.expected.back() {
                Some(last) => self.after.clone_from(&last.key),
                None => self.no_more_expected = true,
            }
        }
        Ok(())
    }

    fn take(&mut self, page: Listing) {
        self.listed += page.objects.len() as u64;
        self.found.extend(page.objects);
        if self.unnameable.is_none() {
            self.unnameable = page.unnameable.into_iter().next();
        }
    }

    fn put(&mut self, batch: &mut Difference, what: &str) {
        if let Some(object) = self.found.front().cloned() {
            self.note(&object.key, what);
            batch.put.push(object);
        }
    }

    fn note(&mut self, key: &str, what: &str) {
        if self.first.is_none() {
            self.first = Some(format!("the object {key:?} {what}"));
        }
    }
}

/// A manifest in key order, a page at a time.
#[derive(Debug)]
pub(super) struct Pages {
    job: JobId,
    after: String,
}

impl Pages {
    pub(super) fn new(job: JobId) -> Self {
        Self {
            job,
            after: String::new(),
        }
    }

    /// The next rows; `None` at the end.
    pub(super) async fn next(&mut self, store: &Store) -> Result<Option<Vec<ManifestRow>>, StoreError> {
        let mut conn = store.reader().await?;
        let rows = jobs_pages::page_any(&mut conn, self.job, &self.after).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after.clone_from(&last.found.key);
        Ok(Some(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::Bytes;

    fn object(key: &str, fingerprint: &str) -> FoundObject {
        FoundObject {
            key: key.into(),
            size_bytes: Bytes(1),
            fingerprint: fingerprint.into(),
        }
    }

    async fn differ(
        store: &Store,
        manifest: &[(&str, &str)],
        listed: &[(&str, &str)],
    ) -> (Difference, Option<String>) {
        let listing = Listing {
            objects: listed.iter().map(|(key, print)| object(key, print)).collect(),
            ..Listing::default()
        };
        let mut comparison = Comparison::new(store, JobId(1), Side::Source, Walk::of(listing));
        comparison.no_more_expected = true;
        comparison.expected = manifest.iter().map(|(key, print)| object(key, print)).collect();
        let all = comparison.next().await.unwrap().unwrap_or_default();
        assert!(comparison.next().await.unwrap().is_none());
        (all, comparison.first)
    }

    #[tokio::test]
    async fn new_changed_and_gone_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("dim.sqlite")).await.unwrap();
        let manifest = [("a", "1"), ("b", "1"), ("d", "1")];
        assert_eq!(
            differ(&store, &manifest, &manifest).await,
            (Difference::default(), None)
        );
        let (other, first) = differ(
            &store,
            &manifest,
            &[("a", "1"), ("b", "2"), ("c", "1"), ("e", "1")],
        )
        .await;
        assert_eq!(other.put, [object("b", "2"), object("c", "1"), object("e", "1")]);
        assert_eq!(other.gone, ["d"]);
        assert_eq!(first.as_deref(), Some("the object \"b\" changed"));
        let (_, first) = differ(&store, &[], &[("x", "1")]).await;
        assert_eq!(first.as_deref(), Some("the object \"x\" is new"));
        let (gone, first) = differ(&store, &manifest, &[]).await;
        assert_eq!(gone.gone.len(), 3);
        assert_eq!(first.as_deref(), Some("the object \"a\" is gone"));
    }
}
