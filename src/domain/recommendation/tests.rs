//! Stories of single datasets with prices that can be followed on paper, and properties over random fleets of price books.

use super::problem::{Candidate, Guidance, Problem, Readers};
use super::solve::{solve, threshold};
use super::tell::sheets_add_up;
use super::*;
use crate::domain::access::AccessBucket;
use crate::domain::dataset::Dataset;
use crate::domain::price::book::{BillingUnit, ClassPrice, Egress, Figure, ManagedTier, PriceBook, Step};
use crate::domain::price::line::{CostKind, Grade};
use crate::domain::price::transfer::Priced;
use crate::domain::unit::Bytes;
use proptest::prelude::*;

const TODAY: i64 = 20_000;

fn figure<T>(value: T) -> Figure<T> {
    Figure {
        value,
        source: "a test".into(),
        date: "2026-01-01".into(),
        grade: Grade::A,
        note: None,
    }
}

fn nano(usd: f64) -> Figure<NanoUsd> {
    figure(NanoUsd::from_usd(usd))
}

/// A class without minimum and requests: storage and retrieval in USD per GB.
fn class(name: &str, storage: f64, retrieval: f64) -> ClassPrice {
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

fn book(name: &str, classes: Vec<ClassPrice>, internet: f64) -> PriceBook {
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
fn candidates(books: &[PriceBook]) -> Vec<Candidate<'_>> {
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

fn dataset(gb: u64) -> Dataset {
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
fn year(set: &Dataset, reads: i64, share: f64) -> Vec<AccessBucket> {
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

fn problem<'a>(
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
fn two_classes() -> PriceBook {
    let mut cold = class("COLD", 0.005, 0.01);
    cold.transition_in_per_1k = Some(nano(0.001));
    book("vendor", vec![class("HOT", 0.02, 0.0), cold], 0.09)
}

#[test]
fn a_dead_dataset_moves_to_the_cheap_class_with_money_that_can_be_checked_on_paper() {
    let books = [two_classes()];
    let (set, all) = (dataset(1000), candidates(&books));
    let days = year(&set, 0, 0.0);
    let r = solve(&problem(&set, &all, 0, &days));
    assert_eq!(r.action, Action::Move, "{r:#?}");
    assert_eq!(r.proposed.as_ref().unwrap().to_string(), "place-1/COLD");
    // 1000 GB × (0.02 − 0.005) = $15 a month; ten objects written once; three months.
    assert_eq!(r.stay_monthly_nanousd, Some(NanoUsd::from_usd(20.0)));
    assert_eq!(r.monthly_saving_nanousd, NanoUsd::from_usd(15.0));
    assert_eq!(r.one_time_nanousd, NanoUsd::from_usd(0.00001));
    assert_eq!(
        r.horizon_saving_nanousd,
        NanoUsd::from_usd(45.0) - r.one_time_nanousd
    );
    assert_eq!(r.break_even_days, Some(1));
    assert_eq!(r.break_even_at, Some(Timestamp((TODAY + 1) * Timestamp::DAY + 5)));
    assert_eq!(r.threshold_nanousd, NanoUsd::from_usd(3.0));
    assert!(matches!(
        r.reasons[..],
        [
            Reason::Cheaper { .. },
            Reason::Idle { days: 364 },
            Reason::ReadRate { .. }
        ]
    ));
    assert!(r.confidence.is_none(), "none is invented");
    assert!(
        r.stay
            .as_ref()
            .unwrap()
            .lines
            .iter()
            .all(|l| l.kind == CostKind::Storage)
    );
}

#[test]
fn a_dataset_that_is_read_stays_and_the_flip_rate_is_where_the_costs_cross() {
    let books = [two_classes()];
    let (set, all) = (dataset(1000), candidates(&books));
    let days = year(&set, 4, 0.1);
    let r = solve(&problem(&set, &all, 0, &days));
    assert_eq!(
        (r.action, r.monthly_saving_nanousd),
        (Action::Stay, NanoUsd::ZERO)
    );
    assert!(matches!(r.reasons[0], Reason::NothingCheaper));
    let Some(WhyNot::DearerBy { amount_nanousd }) = r.alternatives[0].why_not else {
        panic!("{:?}", r.alternatives[0].why_not)
    };
    // Three full reads a month for three months at $10 each, less the $45 saved in storage.
    let extra = NanoUsd::from_usd(90.0 - 45.0) + r.alternatives[0].one_time.as_ref().unwrap().total_nanousd;
    assert_eq!(amount_nanousd, extra);
    // 45 − 30ρ − 0.00001 = 3 at the flip: ρ = 1.4.
    assert_eq!(r.forecast.as_ref().unwrap().flips_at_reads_per_month, Some(1.4));
    let less = year(&set, 4, 1.39 / 30.0);
    assert_eq!(solve(&problem(&set, &all, 0, &less)).action, Action::Move);
    let more = year(&set, 4, 1.41 / 30.0);
    assert_eq!(solve(&problem(&set, &all, 0, &more)).action, Action::Stay);
}

#[test]
fn without_history_holding_alone_is_priced_and_nothing_is_proposed() {
    let books = [two_classes()];
    let (set, all) = (dataset(1000), candidates(&books));
    let r = solve(&problem(&set, &all, 0, &[]));
    assert_eq!(r.action, Action::NoHistory);
    assert_eq!(r.reasons, [Reason::NoHistory]);
    assert_eq!(r.stay_monthly_nanousd, Some(NanoUsd::from_usd(20.0)));
    assert!(r.forecast.is_none() && r.alternatives.is_empty() && r.proposed.is_none());
    let empty = dataset(0);
    let r = solve(&problem(&empty, &all, 0, &[]));
    assert_eq!(r.reasons, [Reason::NoHistory, Reason::NoSize]);
    assert!(r.stay.is_none());
}

#[test]
fn constraints_come_before_money_and_say_which_they_are() {
    let mut slow = class("ICE", 0.001, 0.0);
    slow.first_byte_ms = figure(43_200_000);
    let mut large = class("LARGE", 0.002, 0.0);
    large.min_object_bytes = Some(figure(200_000_000_000));
    let books = [book("vendor", vec![class("HOT", 0.02, 0.0), slow, large], 0.0)];
    let mut all = candidates(&books);
    all.push(Candidate {
        at: None,
        forbidden: None,
        placement: PlacementRef {
            storage_class: "NEW".parse().unwrap(),
            ..all[0].placement.clone()
        },
        ..all[0].clone()
    });
    let mut set = dataset(1000);
    let days = year(&set, 0, 0.0);
    let r = solve(&problem(&set, &all, 0, &days));
    let why = |r: &Recommendation, name: &str| {
        let found = r
            .alternatives
            .iter()
            .find(|a| a.placement.storage_class.as_str() == name);
        found.unwrap().why_not.clone()
    };
    assert_eq!(r.action, Action::Stay);
    assert!(matches!(
        why(&r, "ICE"),
        Some(WhyNot::TooSlow { limit_ms: 60_000, .. })
    ));
    assert!(matches!(why(&r, "LARGE"), Some(WhyNot::ObjectsTooSmall { .. })));
    assert_eq!(why(&r, "NEW"), Some(WhyNot::NoPrice));
    assert!(r.reasons.contains(&Reason::LatencyAssumed {
        limit_ms: 60_000,
        removed: 1
    }));

    set.latency_limit_ms = Some(86_400_000);
    let r = solve(&problem(&set, &all, 0, &days));
    assert_eq!(r.proposed.unwrap().storage_class.as_str(), "ICE");
    set.latency_limit_ms = Some(500);
    let r = solve(&problem(&set, &all, 0, &days));
    assert!(r.reasons.contains(&Reason::LatencyLimit {
        limit_ms: 500,
        removed: 1
    }));

    set.pinned_reason = Some("audit".into());
    set.latency_limit_ms = None;
    let r = solve(&problem(&set, &all, 0, &days));
    assert_eq!(r.action, Action::Stay);
    assert!(matches!(r.reasons[0], Reason::Pinned { .. }));
    assert!(
        r.alternatives
            .iter()
            .all(|a| matches!(a.why_not, Some(WhyNot::Pinned { .. })))
    );
    assert_eq!(r.forecast.unwrap().flips_at_reads_per_month, None);
}

#[test]
fn a_minimum_that_is_not_served_is_charged_and_said() {
    let mut warm = class("WARM", 0.01, 0.0);
    warm.min_days = Some(figure(30));
    let books = [book("vendor", vec![warm, class("COLD", 0.0099, 0.0)], 0.0)];
    let (set, all) = (dataset(1000), candidates(&books));
    let days = year(&set, 0, 0.0);
    let mut p = problem(&set, &all, 0, &days);
    p.days_held = 12;
    let r = solve(&p);
    // 18 days of $10 a month.
    let owed = NanoUsd::from_usd(6.0);
    assert!(r.reasons.contains(&Reason::MinimumNotServed {
        days_left: 18,
        amount_nanousd: owed
    }));
    assert_eq!(
        r.alternatives[0]
            .one_time
            .as_ref()
            .unwrap()
            .sum_of(CostKind::EarlyDeletion),
        owed
    );
}

#[test]
fn readers_that_stay_behind_pay_egress_in_the_reads_and_the_move_pays_it_once() {
    let books = [
        book("near", vec![class("HOT", 0.02, 0.0)], 0.05),
        book("far", vec![class("HOT", 0.001, 0.0)], 0.1),
    ];
    let (set, all) = (dataset(1000), candidates(&books));
    let days = year(&set, 1, 0.5 / 30.0);
    let mut p = problem(&set, &all, 0, &days);
    let free = solve(&p).alternatives[0].clone();
    assert_eq!(
        free.one_time.unwrap().sum_of(CostKind::Egress),
        NanoUsd::from_usd(50.0)
    );
    assert_eq!(free.running.unwrap().sum_of(CostKind::Egress), NanoUsd::ZERO);
    let readers = Readers::all_at(&books[0]);
    p.readers = &readers;
    let paid = solve(&p).alternatives[0].clone();
    // Half a read a month, three months, 1000 GB at $0.10.
    let reads = paid.running.unwrap().sum_of(CostKind::Egress).as_usd();
    assert!((reads - 150.0).abs() < 0.01, "{reads}");
}

#[test]
fn a_policy_may_choose_or_wait_but_never_against_the_money() {
    let mut mid = class("MID", 0.01, 0.0);
    mid.class_a_per_1k = Some(nano(0.001));
    let books = [book(
        "vendor",
        vec![
            class("HOT", 0.02, 0.0),
            mid,
            class("COLD", 0.005, 0.0),
            class("GOLD", 0.1, 0.0),
        ],
        0.0,
    )];
    let (set, all) = (dataset(1000), candidates(&books));
    let days = year(&set, 0, 0.0);
    let says = |name: &str| Guidance {
        location_id: LocationId(1),
        storage_class: name.parse().unwrap(),
        cell: Some("idle for a year".into()),
        confidence: None,
    };
    let ask = |name: &str| {
        let guidance = says(name);
        let mut p = problem(&set, &all, 0, &days);
        p.guidance = Some(&guidance);
        solve(&p)
    };
    let r = ask("MID");
    assert_eq!(r.proposed.unwrap().storage_class.as_str(), "MID");
    assert_eq!(r.forecast.unwrap().cell.as_deref(), Some("idle for a year"));
    let waits = ask("HOT");
    assert_eq!(
        (waits.action, &waits.reasons[0]),
        (Action::Stay, &Reason::PolicyWaits)
    );
    assert_eq!(waits.alternatives[0].why_not, Some(WhyNot::PolicyWaits));
    assert_eq!(ask("GOLD").action, Action::Stay);
}

prop_compose! {
    fn any_class(name: &'static str)(
        storage in 0.0005..0.03_f64,
        retrieval in prop_oneof![Just(0.0), 0.001..0.05_f64],
        put in prop_oneof![Just(0.0), 0.001..0.1_f64],
        get in prop_oneof![Just(0.0), 0.0001..0.05_f64],
        min_days in prop_oneof![Just(0_i64), Just(30), Just(90), Just(180)],
        managed in prop_oneof![4 => Just(false), 1 => Just(true)],
        transition in proptest::option::of(0.001..0.1_f64),
    ) -> ClassPrice {
        let mut c = class(name, storage, retrieval);
        c.class_a_per_1k = (put > 0.0).then(|| nano(put));
        c.class_b_per_1k = (get > 0.0).then(|| nano(get));
        c.transition_in_per_1k = transition.map(nano);
        if managed {
            c.retrieval_per_gb = None;
            c.managed = [(30, 0.6), (90, 0.2)].map(|(from_idle_days, share)| ManagedTier {
                from_idle_days,
                price: nano(storage * share),
            }).into();
            c.monitoring_per_1k_objects = Some(nano(0.0025));
        } else if min_days > 0 {
            c.min_days = Some(figure(min_days));
        }
        c
    }
}

prop_compose! {
    fn any_book(name: &'static str)(
        a in any_class("A"),
        b in any_class("B"),
        c in any_class("C"),
        classes in 1..=3_usize,
        internet in prop_oneof![Just(0.0), 0.01..0.15_f64],
        between in proptest::option::of(0.001..0.05_f64),
        provider in prop_oneof![Just("x"), Just("y")],
    ) -> PriceBook {
        let mut book = book(name, [a, b, c].into_iter().take(classes).collect(), internet);
        book.provider = provider.into();
        book.region = name.into();
        book.egress.between_regions_per_gb = between.map(nano);
        book
    }
}

/// Reads by day: (days ago, reads, share of the dataset in per mille).
fn any_days() -> impl Strategy<Value = Vec<(i64, i64, u64)>> {
    proptest::collection::vec((0..800_i64, 1..50_i64, 0..1500_u64), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn after_the_proposed_move_the_answer_is_to_stay_and_every_sum_is_exact(
        books in (any_book("one"), any_book("two"), any_book("three")),
        gb in 1..200_000_u64,
        objects in 1..5_000_000_i64,
        days in any_days(),
        days_held in 0..400_i64,
        at in 0..9_usize,
        transitions in any::<[bool; 3]>(),
        near in any::<bool>(),
    ) {
        let books = [books.0, books.1, books.2];
        let mut all = candidates(&books);
        for c in &mut all {
            c.has_transitions = transitions[usize::try_from(c.placement.location_id.0 - 1).unwrap()];
        }
        let at = at % all.len();
        let mut set = dataset(gb);
        set.object_count = objects;
        let buckets: Vec<_> = days.iter().map(|&(ago, reads, share)| AccessBucket {
            start: Timestamp((TODAY - ago) * Timestamp::DAY),
            reads,
            read_bytes: Bytes(set.size_bytes.0 / 1000 * share),
            ..AccessBucket::default()
        }).collect();
        let readers = Readers::all_at(&books[0]);
        let mut p = problem(&set, &all, at, &buckets);
        p.days_held = days_held;
        p.grace_days = 7.0;
        if near {
            p.readers = &readers;
        }
        let r = solve(&p);
        prop_assert!(sheets_add_up(&r));
        prop_assert_eq!(r.alternatives.len(), all.len() - 1);
        let open: Vec<_> = r.alternatives.iter().filter(|a| !matches!(a.why_not, Some(WhyNot::NotLasting { .. }))).collect();
        prop_assert!(open.windows(2).all(|w| w[0].horizon_nanousd <= w[1].horizon_nanousd));
        for a in &open {
            if let Some(WhyNot::DearerBy { amount_nanousd } | WhyNot::SavingTooSmall { amount_nanousd, .. }) = &a.why_not {
                prop_assert!(amount_nanousd.0 >= 0, "{:?}", a.why_not);
            }
        }
        if let Some(to) = &r.proposed {
            let stay = r.stay.as_ref().unwrap().total_nanousd;
            prop_assert!(r.horizon_saving_nanousd >= threshold(stay));
            prop_assert!(r.break_even_days.unwrap() <= 90);
            prop_assert_eq!(Some(to), r.proposed_alternative().map(|a| &a.placement));
            p.current = all.iter().find(|c| c.placement == *to).unwrap().clone();
            p.days_held = 0;
            let after = solve(&p);
            prop_assert_eq!(after.action, Action::Stay, "after {} -> {}: {:?}", r.current, to, after.proposed);
            prop_assert_eq!(change::change(Some(&after), &solve(&p)), None);
        } else {
            prop_assert_eq!(r.action, Action::Stay);
        }
    }

    #[test]
    fn a_recommendation_survives_the_database(days in any_days(), book in any_book("one")) {
        let books = [book];
        let (set, all) = (dataset(1000), candidates(&books));
        let buckets: Vec<_> = days.iter().map(|&(ago, reads, share)| AccessBucket {
            start: Timestamp((TODAY - ago) * Timestamp::DAY),
            reads,
            read_bytes: Bytes(set.size_bytes.0 / 1000 * share),
            ..AccessBucket::default()
        }).collect();
        let r = solve(&problem(&set, &all, 0, &buckets));
        let text = serde_json::to_string(&r).unwrap();
        prop_assert_eq!(serde_json::from_str::<Recommendation>(&text).unwrap(), r);
    }
}
