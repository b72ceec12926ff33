//! What holds for any fleet of price books and any history.

use super::*;
use crate::domain::price::book::ManagedTier;
use crate::domain::recommendation::readers::Readers;
use crate::domain::recommendation::solve::{solve, threshold};
use crate::domain::recommendation::tell::sheets_add_up;
use proptest::prelude::*;

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
