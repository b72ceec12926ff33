//! What differs between a manifest and a fresh listing.
//!
//! Invariant: the manifest is read a page at a time and never held whole; both sides are walked once, in key order.

use crate::adapters::sql::jobs_objects::{self, ManifestRow};
use crate::adapters::sql::{Store, StoreError};
use crate::domain::id::JobId;
use crate::ports::objects::{FoundObject, Listing};
use std::iter::Peekable;
use std::slice::Iter;

/// Which of the two places that a manifest speaks of was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The source.
    Source,
    /// The copies. Objects that were never copied are not expected there.
    Copy,
}

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// New objects and changed ones, as they were listed.
    pub(super) put: Vec<FoundObject>,
    /// Keys that are gone.
    pub(super) gone: Vec<String>,
    /// The first of them, in words.
    pub(super) first: Option<String>,
}

/// Compares a job's manifest with a listing of one of its places.
pub(super) async fn compare(
    store: &Store,
    job: JobId,
    side: Side,
    listing: &Listing,
) -> Result<Difference, StoreError> {
    let mut comparison = Comparison::new(listing);
    let mut pages = Pages::new(job);
    while let Some(rows) = pages.next(store).await? {
        for row in rows {
            match side {
                Side::Source => comparison.expect(&row.found),
                Side::Copy => row.at_target().iter().for_each(|copy| comparison.expect(copy)),
            }
        }
    }
    Ok(comparison.end())
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
        let rows = jobs_objects::page_any(&mut conn, self.job, &self.after).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after.clone_from(&last.found.key);
        Ok(Some(rows))
    }
}

struct Comparison<'a> {
    found: Peekable<Iter<'a, FoundObject>>,
    difference: Difference,
}

impl<'a> Comparison<'a> {
    fn new(listing: &'a Listing) -> Self {
        Self {
            found: listing.objects.iter().peekable(),
            difference: Difference::default(),
        }
    }

    /// The manifest's next object.
    fn expect(&mut self, object: &FoundObject) {
        while let Some(new) = self.found.next_if(|found| found.key < object.key) {
            self.put(new, "is new");
        }
        match self.found.next_if(|found| found.key == object.key) {
            Some(found) if found == object => {}
            Some(found) => self.put(found, "changed"),
            None => {
                self.note(&object.key, "is gone");
                self.difference.gone.push(object.key.clone());
            }
        }
    }

    /// The manifest has no more objects.
    fn end(mut self) -> Difference {
        while let Some(new) = self.found.next() {
            self.put(new, "is new");
        }
        self.difference
    }

    fn put(&mut self, object: &FoundObject, what: &str) {
        self.note(&object.key, what);
        self.difference.put.push(object.clone());
    }

    fn note(&mut self, key: &str, what: &str) {
        if self.difference.first.is_none() {
            self.difference.first = Some(format!("the object {key:?} {what}"));
        }
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

    fn differ(manifest: &[(&str, &str)], listed: &[(&str, &str)]) -> Difference {
        let listing = Listing {
            objects: listed.iter().map(|(key, print)| object(key, print)).collect(),
            ..Listing::default()
        };
        let mut comparison = Comparison::new(&listing);
        for (key, print) in manifest {
            comparison.expect(&object(key, print));
        }
        comparison.end()
    }

    #[test]
    fn new_changed_and_gone_are_told_apart() {
        let manifest = [("a", "1"), ("b", "1"), ("d", "1")];
        assert_eq!(differ(&manifest, &manifest), Difference::default());
        let other = differ(&manifest, &[("a", "1"), ("b", "2"), ("c", "1"), ("e", "1")]);
        assert_eq!(other.put, [object("b", "2"), object("c", "1"), object("e", "1")]);
        assert_eq!(other.gone, ["d"]);
        assert_eq!(other.first.as_deref(), Some("the object \"b\" changed"));
        assert_eq!(
            differ(&[], &[("x", "1")]).first.as_deref(),
            Some("the object \"x\" is new")
        );
        assert_eq!(differ(&manifest, &[]).gone.len(), 3);
        assert_eq!(
            differ(&manifest, &[]).first.as_deref(),
            Some("the object \"a\" is gone")
        );
    }
}
