//! What the tests of recommendations share: price books and datasets whose money can be followed on paper.

use super::problem::{Candidate, Problem};
use super::*;
use crate::domain::access::AccessBucket;
use crate::domain::dataset::Dataset;
use crate::domain::price::book::{BillingUnit, ClassPrice, Egress, Figure, PriceBook, Step};
use crate::domain::price::line::Grade;
use crate::domain::price::transfer::Priced;
use crate::domain::unit::Bytes;

mod answers;
mod limits;
mod properties;

pub(super) const TODAY: i64 = 20_000;

pub(super) fn figure<T>(value: T) -> Figure<T> {
    Figure {
        value,
        source: "a test".into(),
        date: "2026-01-01".into(),
        grade: Grade::A,
        note: None,
    }
}

pub(super) fn nano(usd: f64) -> Figure<NanoUsd> {
    figure(NanoUsd::from_usd(usd))
}

/// A class without minimum and requests: storage and retrieval in USD per GB.
pub(super) fn class(name: &str, storage: f64, retrieval: f64) -> ClassPrice {
    ClassPrice {
        name: name.parse().unwrap(),
        title: name.into(),
        tier: Tier::Hot,
        single_zone: false,
        storage: vec![Step {
            up_to_gb: None,
            price: nano(storage),
        }],
        managed: Vec::new(),
        retrieval_per_gb: (retrieval > 0.0).then(|| nano(retrieval)),
        class_a_per_1k: None,
        class_b_per_1k: None,
        restore_per_1k: None,
        transition_in_per_1k: None,
        min_days: None,
        min_object_bytes: None,
        overhead_bytes: None,
        overhead_hot_bytes: None,
        monitoring_per_1k_objects: None,
        managed_min_object_bytes: None,
        first_byte_ms: figure(20),
    }
}

pub(super) fn book(name: &str, classes: Vec<ClassPrice>, internet: f64) -> PriceBook {
    PriceBook {
        name: name.into(),
        title: name.into(),
        provider: name.into(),
        region: "here".into(),
        date: "2026-01-01".into(),
        version: 1,
        assumption: false,
        unit: BillingUnit::Gb,
        origin: "a test".into(),
        classes,
        egress: Egress {
            internet: vec![Step {
                up_to_gb: None,
                price: nano(internet),
            }],
            ..Egress::default()
        },
    }
}

/// Every class of every book as a candidate; each book is a location.
pub(super) fn candidates(books: &[PriceBook]) -> Vec<Candidate<'_>> {
    let mut all = Vec::new();
    for (i, book) in books.iter().enumerate() {
        for class in &book.classes {
            all.push(Candidate {
                placement: PlacementRef {
                    location_id: LocationId(i as i64 + 1),
                    location_name: format!("place-{}", i + 1).parse().unwrap(),
                    storage_class: class.name.clone(),
                    tier: class.tier,
                    managed: class.is_managed(),
                },
                at: Some(Priced { book, class }),
                price_book: &book.name,
                has_transitions: true,
                forbidden: None,
            });
        }
    }
    all
}

pub(super) fn dataset(gb: u64) -> Dataset {
    Dataset {
        id: DatasetId(1),
        name: "set".parse().unwrap(),
        path_uri: "file:///data/set".parse().unwrap(),
        location_id: LocationId(1),
        location_name: "place-1".parse().unwrap(),
        storage_class: "HOT".parse().unwrap(),
        size_bytes: Bytes(gb * 1_000_000_000),
        object_count: 10,
        scanned_at: None,
        generation: 1,
        pinned_reason: None,
        latency_limit_ms: None,
        stand_in: false,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// A year with one event at its beginning and `reads` of `share` of the dataset on each day since.
pub(super) fn year(set: &Dataset, reads: i64, share: f64) -> Vec<AccessBucket> {
    (0..365)
        .map(|ago| AccessBucket {
            start: Timestamp((TODAY - ago) * Timestamp::DAY),
            reads,
            writes: i64::from(ago == 364),
            read_bytes: Bytes((set.size_bytes.0 as f64 * share) as u64),
            ..AccessBucket::default()
        })
        .collect()
}

pub(super) fn problem<'a>(
    set: &'a Dataset,
    all: &'a [Candidate<'a>],
    at: usize,
    days: &'a [AccessBucket],
) -> Problem<'a> {
    Problem {
        dataset: set,
        current: all[at].clone(),
        days_held: 400,
        days,
        readers: &[],
        candidates: all,
        guidance: None,
        is_moving: false,
        now: Timestamp(TODAY * Timestamp::DAY + 5),
        horizon_days: 90,
        grace_days: 0.0,
    }
}

/// Two classes of one place: 0.02 and 0.005 a GB-month, reading the second costs 0.01 a GB, moving there 0.001 per thousand.
pub(super) fn two_classes() -> PriceBook {
    let mut cold = class("COLD", 0.005, 0.01);
    cold.transition_in_per_1k = Some(nano(0.001));
    book("vendor", vec![class("HOT", 0.02, 0.0), cold], 0.09)
}
