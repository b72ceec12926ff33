//! What keeps a candidate from being chosen, or makes it dearer: rules, minimum durations, readers elsewhere.

use super::*;
use crate::domain::price::line::CostKind;
use crate::domain::recommendation::readers::Readers;
use crate::domain::recommendation::solve::solve;

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
