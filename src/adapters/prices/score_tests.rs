//! The scoring of whole fleets says the same money as the itemised costs, over every shipped book.

use super::load;
use crate::domain::price::cost::{MoveTerms, Usage, moving, running};
use crate::domain::price::rates::Holding;
use crate::domain::price::score::{Place, Scorer, Subject};
use crate::domain::price::transfer::Priced;
use crate::domain::unit::Bytes;
use proptest::prelude::*;

const HORIZON_DAYS: u32 = 90;
const GRACE_DAYS: f64 = 7.0;
/// A sheet has at most 20 lines, each off by half a nano-dollar.
const ROUNDING_USD: f64 = 1e-8;

/// Every class of every book; each book is a location, some of which have no transitions.
fn places(books: &crate::domain::price::book::PriceBooks) -> Vec<Place<'_>> {
    let mut all = Vec::new();
    for (i, book) in books.all().iter().enumerate() {
        for class in &book.classes {
            all.push(Place {
                at: Priced { book, class },
                location: i as i64,
                has_transitions: i % 3 != 2,
                outside_share: [0.0, 0.3, 1.0][i % 3],
                other_region_share: [0.0, 0.5, 0.0][i % 3],
            });
        }
    }
    all
}

/// The same by the itemised costs.
fn itemised(places: &[Place<'_>], s: &Subject, to: usize) -> f64 {
    let held = Holding::new(Bytes(s.size_bytes as u64), s.objects as i64);
    let (from, target) = (&places[s.at], &places[to]);
    let usage = Usage {
        days: f64::from(HORIZON_DAYS),
        read_bytes: s.read_bytes,
        gets: s.gets,
        puts: s.puts,
        outside_share: target.outside_share,
        other_region_share: target.other_region_share,
        read_day_chance: 1.0 - s.quiet,
        idle_days: if to == s.at { s.idle_days } else { 0 },
    };
    let mut sum = running(target.at, held, &usage).total_nanousd;
    if to != s.at {
        let terms = MoveTerms {
            same_location: from.location == target.location && from.has_transitions,
            days_held: i64::from(s.days_held),
            grace_days: GRACE_DAYS,
            horizon_days: f64::from(HORIZON_DAYS),
        };
        sum += moving(from.at, target.at, held, &terms).total_nanousd;
    }
    sum.as_usd()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_score_is_the_itemised_cost(
        size_bytes in (6.0..15.5_f64).prop_map(|log| 10_f64.powf(log).floor()),
        objects in (0.0..8.0_f64).prop_map(|log| 10_f64.powf(log).floor()),
        reads in prop_oneof![Just(0.0), 0.0001..20.0_f64],
        puts in prop_oneof![Just(0.0), Just(1000.0)],
        quiet in prop_oneof![Just(1.0), Just(0.0), 0.0..1.0_f64, 0.99..1.0_f64],
        idle_days in 0..500_u32,
        days_held in 0..400_u32,
        at in any::<prop::sample::Index>(),
    ) {
        let books = load(None).unwrap();
        let places = places(&books);
        let scorer = Scorer::new(&places, HORIZON_DAYS, GRACE_DAYS);
        let s = Subject {
            size_bytes,
            objects,
            read_bytes: (size_bytes * reads).floor(),
            gets: (objects * reads).floor(),
            puts,
            quiet,
            idle_days,
            days_held,
            at: at.index(places.len()),
        };
        let mut cheapest = f64::INFINITY;
        for to in 0..places.len() {
            let (scored, exact) = (scorer.cost(&s, to), itemised(&places, &s, to));
            prop_assert!(
                (scored - exact).abs() <= ROUNDING_USD + 1e-9 * exact,
                "{} to {}: {scored} is not {exact} for {s:?}",
                places[s.at].at.class.name, places[to].at.class.name
            );
            cheapest = cheapest.min(exact);
        }
        let (best, cost) = scorer.best(&s);
        prop_assert!((cost - cheapest).abs() <= ROUNDING_USD + 1e-9 * cheapest);
        prop_assert!((itemised(&places, &s, best) - cheapest).abs() <= ROUNDING_USD + 1e-9 * cheapest);
    }
}
