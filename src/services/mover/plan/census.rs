//! What a plan needs to know of the source's objects, counted a page at a time.
//!
//! Invariant: nothing in it grows with the number of objects.

use super::checks::{AZURE_ONE_REQUEST, BLOCK};
use crate::domain::dataset::SkippedEntry;
use crate::domain::encryption::stored_bytes;
use crate::domain::migration::PlanPrefix;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Listing, RECLASS_MAX_S3};
use std::collections::HashSet;
use unicode_normalization::UnicodeNormalization;

/// Names that are compared with their case and Unicode form folded; of more objects the first are.
pub(super) const FOLDED_LOOKED: u64 = 100_000;

/// The objects of the source.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// How many.
    pub(super) objects: u64,
    /// Their bytes.
    pub(super) size: Bytes,
    /// Bytes as they are written: more where they are encrypted.
    pub(super) written: Bytes,
    /// Whether they are.
    encrypted: bool,
    /// Space on disk for the copies: whole blocks, at least one an object.
    pub(super) on_disk: Bytes,
    /// How they are spread over the first folder of their names.
    pub(super) prefixes: Vec<PlanPrefix>,
    /// Objects of which Azure keeps no checksum.
    pub(super) over_one_request: u64,
    /// Objects that S3 cannot give another class where they stand.
    pub(super) over_reclass_s3: u64,
    /// What is no object, and what cannot be one.
    pub(super) left_out: Listing,
    /// Names that a disk which folds them would take for one: how many, and the first.
    pub(super) folded: (u64, Option<(String, String)>),
    /// An object that a directory of files could not hold, because others are below it.
    pub(super) shadows: Option<String>,
    seen: HashSet<[u8; 8]>,
    pending: Vec<(String, [u8; 8])>,
    above: Vec<String>,
}

impl Census {
    /// For a target that is encrypted or is not.
    pub(super) fn for_target(encrypted: bool) -> Self {
        Self {
            encrypted,
            ..Self::default()
        }
    }

    /// Counts the next page; pages come in key order.
    pub(super) fn add(&mut self, page: &Listing) {
        for object in &page.objects {
            self.objects += 1;
            self.size += object.size_bytes;
            let written = if self.encrypted {
                stored_bytes(object.size_bytes)
            } else {
                object.size_bytes
            };
            self.written += written;
            let blocks = written.0.div_ceil(BLOCK).max(1);
            self.on_disk += Bytes(blocks.saturating_mul(BLOCK));
            self.over_one_request += u64::from(object.size_bytes > AZURE_ONE_REQUEST);
            self.over_reclass_s3 += u64::from(object.size_bytes > RECLASS_MAX_S3);
            self.spread(&object.key, object.size_bytes);
            self.fold(&object.key);
            self.look_above(&object.key);
        }
        let (skipped, unnameable) = (page.skipped.clone(), page.unnameable.clone());
        self.left_out
            .add_left_out(skipped, page.skipped_count, unnameable);
    }

    /// Of plans and answers: as signed as they have it.
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.objects).unwrap_or(i64::MAX)
    }

    /// Entries that are left out: the first of them.
    pub(super) fn skipped(&self) -> &[SkippedEntry] {
        &self.left_out.skipped
    }

    /// Names come in order, so that those which begin alike come together; those in no folder come between them.
    fn spread(&mut self, key: &str, size: Bytes) {
        let first = key.find('/').map_or("", |at| &key[..=at]);
        let known = if first.is_empty() {
            self.prefixes.iter().position(|p| p.prefix.is_empty())
        } else {
            self.prefixes.iter().rposition(|p| p.prefix == first)
        };
        let at = known.unwrap_or_else(|| {
            if self.prefixes.len() < PREFIXES_MAX {
                self.prefixes.push(PlanPrefix {
                    prefix: first.to_owned(),
                    ..PlanPrefix::default()
                });
            } else if self.prefixes.len() == PREFIXES_MAX {
                self.prefixes.push(PlanPrefix {
                    prefix: "…".to_owned(),
                    ..PlanPrefix::default()
                });
            }
            self.prefixes.len() - 1
        });
        if let Some(of) = self.prefixes.get_mut(at) {
            of.object_count += 1;
            of.size_bytes += size;
        }
    }

    fn fold(&mut self, key: &str) {
        if self.objects > FOLDED_LOOKED {
            self.seen = HashSet::new();
            self.pending = Vec::new();
            return;
        }
        let folded = short(&folded(key));
        if self.seen.insert(folded) {
            // Which key it was is only asked for when another one folds to the same; upper case comes first in key order.
            if folded != short(key) && self.pending.len() < PENDING_MAX {
                self.pending.push((key.to_owned(), folded));
            }
            return;
        }
        self.folded.0 += 1;
        if self.folded.1.is_none() {
            let first = self.pending.iter().find(|(_, hash)| *hash == folded);
            let other = first.map_or_else(|| folded_text(key), |(key, _)| key.clone());
            self.folded.1 = Some((other, key.to_owned()));
        }
    }

    /// In key order every object that could be above this one has been seen, and begins it.
    fn look_above(&mut self, key: &str) {
        if self.shadows.is_some() {
            return;
        }
        while self
            .above
            .last()
            .is_some_and(|above| !key.starts_with(above.as_str()))
        {
            self.above.pop();
        }
        self.shadows = self
            .above
            .iter()
            .find(|above| key[above.len()..].starts_with('/'))
            .cloned();
        self.above.push(key.to_owned());
    }
}

/// Folders that a plan names; the rest are one line.
const PREFIXES_MAX: usize = 100;

/// Keys that are remembered because their folded form is another one.
const PENDING_MAX: usize = 1000;

fn folded_text(key: &str) -> String {
    format!("{} in another form", folded(key))
}

fn short(text: &str) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
    short
}

fn folded(key: &str) -> String {
    key.nfc()
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .nfc()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::objects::FoundObject;

    fn page(keys: &[&str]) -> Listing {
        let objects = keys.iter().map(|key| FoundObject {
            key: (*key).to_owned(),
            size_bytes: Bytes(5000),
            fingerprint: String::new(),
        });
        Listing {
            objects: objects.collect(),
            ..Listing::default()
        }
    }

    #[test]
    fn names_are_folded_by_case_and_by_unicode_form() {
        assert_eq!(folded("Stra\u{df}e/\u{c4}"), folded("stra\u{df}e/a\u{308}"));
        assert_eq!(folded("a/B"), folded("A/b"));
        assert_ne!(folded("a/b"), folded("a/b "));
    }

    #[test]
    fn pages_add_up_and_what_spans_two_of_them_is_seen() {
        let mut census = Census::default();
        census.add(&page(&["A", "a", "a!", "a-b"]));
        assert_eq!(census.shadows, None);
        census.add(&page(&["a/b", "b"]));
        assert_eq!((census.objects, census.size), (6, Bytes(30_000)));
        assert_eq!(census.on_disk, Bytes(6 * 8192));
        assert_eq!(census.shadows.as_deref(), Some("a"));
        assert_eq!(census.folded, (1, Some(("A".into(), "a".into()))));
    }

    #[test]
    fn objects_are_spread_over_their_first_folders_and_the_list_is_bounded() {
        let mut census = Census::default();
        census.add(&page(&["a-b", "a/1", "a/2/3"]));
        census.add(&page(&["a/4", "b", "c/1"]));
        let of = |census: &Census| -> Vec<(String, i64)> {
            let all = census.prefixes.iter();
            all.map(|p| (p.prefix.clone(), p.object_count)).collect()
        };
        let told = [("", 2), ("a/", 3), ("c/", 1)].map(|(p, n)| (p.to_owned(), n));
        assert_eq!(of(&census), told);
        assert_eq!(census.prefixes[1].size_bytes, Bytes(15_000));
        let many: Vec<String> = (0..250).map(|i| format!("d{i:03}/x")).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).collect();
        census.add(&page(&names));
        assert_eq!(census.prefixes.len(), PREFIXES_MAX + 1);
        assert_eq!(of(&census).last().unwrap(), &("…".to_owned(), 153));
    }

    #[test]
    fn encrypted_copies_are_counted_as_they_are_written() {
        let mut plain = Census::default();
        plain.add(&page(&["a", "b"]));
        assert_eq!((plain.size, plain.written), (Bytes(10_000), Bytes(10_000)));
        let mut encrypted = Census::for_target(true);
        encrypted.add(&page(&["a", "b"]));
        assert_eq!(
            (encrypted.size, encrypted.written),
            (Bytes(10_000), Bytes(10_224))
        );
    }

    #[test]
    fn nothing_grows_with_the_number_of_objects() {
        let mut census = Census::default();
        let mut most = 0;
        for n in 0..FOLDED_LOOKED / 500 * 3 {
            let keys: Vec<String> = (0..500).map(|i| format!("D{n:06}/K{i:03}")).collect();
            census.add(&page(&keys.iter().map(String::as_str).collect::<Vec<_>>()));
            most = most.max(census.seen.len() + census.pending.len() + census.above.len());
        }
        assert_eq!(census.objects, FOLDED_LOOKED * 3);
        assert!(most as u64 <= FOLDED_LOOKED + 2000, "{most}");
        assert!(census.seen.is_empty() && census.pending.is_empty() && census.above.len() < 3);
    }
}
