//! What a demo shows, decided before anything is written: datasets, where they stand, how large their files are, and their past.
//!
//! Invariant: a scene is a pure function of the seed or of the history's files, and of the instant at which it ends. The same
//! seed gives the same catalog and the same files.
//!
//! # Two sizes
//! The catalog's sizes are those that make costs and recommendations worth looking at (terabytes); the files on disk are smaller
//! by one fixed factor, the same for all datasets of a scene, so that a demo fits on any disk. Both are shown and never mixed:
//! size, cost, recommendation and the bytes of the access history are the catalog's; a scan, a plan, a move and a free-space check
//! are the real files'. They meet in two places: `Dataset::counted` (the catalog keeps the stated size) and the live reads, which
//! report what they read times the factor, so that "how much of a dataset was read" is the same in both. The note that every page
//! of the demo shows says so, with the factor.

use crate::domain::access::AccessOp;
use crate::domain::name::{Name, StorageClass};
use crate::domain::overview::DemoNote;
use crate::domain::unit::{Bytes, Timestamp, group_thousands};
use crate::domain::workload::{self, Home, PlannedFile, SCALE, bytes_on_disk, planned_files};
use std::collections::HashMap;

/// Days of a generated history: more than a year, so that yearly minimums and monthly rhythms show.
const DAYS: u32 = 400;
/// The live reads go on as the last days were.
const RECENT: i64 = 30 * Timestamp::DAY;
/// Two moves at once, each of the second largest dataset's size, take about so long, copy and verify together.
const WATCH_SECS: u64 = 90;
/// Slower than this, the progress bar of the smallest move would stand still between two looks.
const SLOWEST: u64 = 4_000;

/// The demo's locations, each a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A fast disk.
    Nvme,
    /// A network share.
    Nas,
    /// A directory that is priced as an object store.
    Lake,
}

impl Place {
    pub(super) const ALL: [Self; 3] = [Self::Nvme, Self::Nas, Self::Lake];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nvme => "nvme",
            Self::Nas => "nas",
            Self::Lake => "lake",
        }
    }

    /// Where its datasets stand at first, below the location's root. Not the root itself: a move to another class of the same
    /// location puts a dataset there, and needs another address than the one that it has.
    pub(super) fn home(self) -> &'static str {
        "landed"
    }

    pub(super) fn price_book(self) -> &'static str {
        match self {
            Self::Nvme => "local/nvme",
            Self::Nas => "local/nas",
            Self::Lake => "aws/us-east-1",
        }
    }

    pub(super) fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Nvme => &["hot"],
            Self::Nas => &["warm"],
            Self::Lake => &["STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING"],
        }
    }
}

/// A dataset of a scene.
pub(super) struct Set {
    pub(super) name: Name,
    pub(super) place: Place,
    pub(super) class: StorageClass,
    /// As the catalog states it.
    pub(super) size: Bytes,
    /// As the catalog states it.
    pub(super) object_count: i64,
    pub(super) created_at: Timestamp,
    pub(super) latency_limit_ms: Option<i64>,
    /// Bytes of all its files.
    pub(super) on_disk: Bytes,
    /// Files at most; fewer when there are fewer bytes.
    pub(super) files: u32,
    /// How often the live reads pick it, relative to the others.
    pub(super) live_weight: u64,
}

/// An access of the past.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    /// Index into [`Scene::sets`].
    pub(super) set: u32,
    pub(super) at: Timestamp,
    pub(super) op: AccessOp,
    pub(super) size: Bytes,
}

/// What there will be.
pub(super) struct Scene {
    pub(super) seed: u64,
    /// Catalog bytes for each byte on disk.
    pub(super) scale: u64,
    /// One sentence: where this comes from.
    pub(super) source: String,
    /// Under which name the past's events are counted.
    pub(super) producer: String,
    pub(super) sets: Vec<Set>,
    /// In order of time.
    pub(super) past: Vec<Past>,
}

/// A dataset that is being read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LiveSet {
    /// Index into [`Scene::sets`].
    pub(super) set: u32,
    /// How often it is picked, relative to the others.
    pub(super) weight: u64,
    /// Bytes of one read, in the catalog's measure, so that a day of such reads adds up to an average day of its last 30.
    pub(super) bytes: f64,
}

impl Scene {
    /// The generated one.
    pub(super) fn generated(seed: u64, now: Timestamp) -> Self {
        let workload = workload::generate(seed, now, DAYS);
        let sets: Vec<Set> = workload.datasets.iter().map(generated_set).collect();
        let past = workload
            .accesses
            .iter()
            .map(|a| Past {
                set: u32::try_from(a.dataset).unwrap_or(u32::MAX),
                at: a.at,
                op: a.op,
                size: a.size,
            })
            .collect();
        Self {
            seed,
            scale: SCALE,
            source: format!(
                "Nothing here was observed: {} invented datasets with {} days of accesses, generated from seed {seed}.",
                sets.len(),
                workload.days
            ),
            producer: format!("demo:generated:seed-{seed}"),
            sets,
            past,
        }
    }

    /// The files of a dataset.
    pub(super) fn files(&self, set: usize) -> Vec<PlannedFile> {
        let number = u32::try_from(set).unwrap_or(u32::MAX);
        planned_files(self.seed, number, self.sets[set].on_disk, self.sets[set].files)
    }

    /// The pace of moves at which one can be watched.
    pub(super) fn bytes_per_sec(&self) -> u64 {
        let mut sizes: Vec<u64> = self.sets.iter().map(|set| set.on_disk.0).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let second = sizes.get(1).or(sizes.last()).copied().unwrap_or(0);
        (4 * second / WATCH_SECS).max(SLOWEST)
    }

    /// What the pages say about all this.
    pub(super) fn note(&self, inject: &[String]) -> DemoNote {
        let pace = inject
            .iter()
            .find_map(|word| word.strip_prefix("slow-copy=")?.parse().ok())
            .map(|rate| format!(", slowed to {} a second", Bytes(rate)))
            .unwrap_or_default();
        DemoNote {
            source: self.source.clone(),
            scale: format!(
                "One byte on disk stands for {} of the catalog: sizes, costs and recommendations count the catalog's bytes, scans \
                 and moves are real and count the files'{pace}. Live reads are real reads with measured latency, their bytes times \
                 that factor. lake is a directory here, priced like {}: no cloud is involved.",
                group_thousands(self.scale),
                Place::Lake.price_book()
            ),
        }
    }

    /// Which datasets the live reads read, at `reads_a_day` of all together.
    pub(super) fn live(&self, reads_a_day: f64) -> Vec<LiveSet> {
        let end = self.past.last().map_or(Timestamp(0), |last| last.at);
        let mut recent: HashMap<u32, u64> = HashMap::new();
        for past in self.past.iter().rev().take_while(|p| end.since(p.at) <= RECENT) {
            if past.op == AccessOp::Read {
                let bytes = recent.entry(past.set).or_default();
                *bytes = bytes.saturating_add(past.size.0);
            }
        }
        let weight_of = |set: u32| self.sets.get(set as usize).map_or(0, |s| s.live_weight);
        let all: u64 = recent.keys().map(|set| weight_of(*set)).sum();
        let mut live: Vec<LiveSet> = recent
            .into_iter()
            .filter(|(set, _)| weight_of(*set) > 0)
            .map(|(set, bytes)| {
                let weight = weight_of(set);
                let reads = reads_a_day * weight as f64 / all as f64;
                LiveSet {
                    set,
                    weight,
                    bytes: bytes as f64 / 30.0 / reads,
                }
            })
            .collect();
        live.sort_by_key(|l| l.set);
        live
    }
}

fn generated_set(d: &workload::WorkloadDataset) -> Set {
    let (place, class) = match d.home {
        Home::Nvme => (Place::Nvme, "hot"),
        Home::Nas => (Place::Nas, "warm"),
        Home::Lake => (Place::Lake, "STANDARD"),
        Home::LakeInfrequent => (Place::Lake, "STANDARD_IA"),
    };
    Set {
        name: name(d.name),
        place,
        class: storage_class(class),
        size: d.size,
        object_count: i64::from(d.objects),
        created_at: d.created_at,
        latency_limit_ms: d.latency_limit_ms,
        on_disk: bytes_on_disk(d.size),
        files: d.objects,
        live_weight: u64::from(d.shape.live_weight()),
    }
}

fn name(text: &str) -> Name {
    text.parse()
        .expect("the cast's names are names, as a test checks")
}

/// A class of a place.
pub(super) fn storage_class(text: &str) -> StorageClass {
    text.parse()
        .expect("the places' classes are classes, as a test checks")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_492_621_000_000);

    #[test]
    fn the_same_seed_gives_the_same_catalog_and_files() {
        let facts = |scene: &Scene| -> Vec<_> {
            (0..scene.sets.len())
                .map(|i| {
                    let set = &scene.sets[i];
                    let files: Vec<_> = scene.files(i).into_iter().map(|f| (f.key, f.size)).collect();
                    (
                        set.name.clone(),
                        set.size,
                        set.object_count,
                        set.class.clone(),
                        files,
                    )
                })
                .collect()
        };
        // A later start shifts the past and changes nothing else.
        let later = NOW.plus_micros(3 * Timestamp::DAY);
        assert_eq!(
            facts(&Scene::generated(7, NOW)),
            facts(&Scene::generated(7, later))
        );
        assert_ne!(facts(&Scene::generated(7, NOW)), facts(&Scene::generated(8, NOW)));
    }

    #[test]
    fn objects_are_real_and_files_are_smaller_by_the_stated_factor() {
        let scene = Scene::generated(7, NOW);
        for (i, set) in scene.sets.iter().enumerate() {
            let files = scene.files(i);
            assert_eq!(
                i64::try_from(files.len()).ok(),
                Some(set.object_count),
                "{}",
                set.name
            );
            let bytes: Bytes = files.iter().map(|f| f.size).sum();
            assert_eq!(bytes.0 * scene.scale, set.size.0, "{}", set.name);
            assert!(set.place.classes().contains(&set.class.as_str()));
        }
        let rate = scene.bytes_per_sec();
        let note = scene.note(&["fail-verify=1".into(), format!("slow-copy={rate}")]);
        assert!(note.source.contains("seed 7"), "{note:?}");
        for part in ["2,000,000", "no cloud", &Bytes(rate).to_string()] {
            assert!(note.scale.contains(part), "{note:?}");
        }
    }

    #[test]
    fn a_day_of_live_reads_adds_up_to_an_average_day_of_the_last_thirty() {
        let scene = Scene::generated(7, NOW);
        let live = scene.live(10_000.0);
        assert!(live.iter().any(|l| l.weight == 40) && live.len() < scene.sets.len());
        let all: u64 = live.iter().map(|l| l.weight).sum();
        let day: f64 = live
            .iter()
            .map(|l| l.bytes * 10_000.0 * l.weight as f64 / all as f64)
            .sum();
        let end = scene.past.last().unwrap().at;
        let recent: u64 = scene
            .past
            .iter()
            .filter(|p| p.op == AccessOp::Read && end.since(p.at) <= RECENT)
            .filter(|p| scene.sets[p.set as usize].live_weight > 0)
            .map(|p| p.size.0)
            .sum();
        assert!((day / (recent as f64 / 30.0) - 1.0).abs() < 1e-9);
    }
}
