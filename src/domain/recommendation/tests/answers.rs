//! What is answered for single datasets, with money that can be checked on paper.

use super::*;
use crate::domain::price::line::CostKind;
use crate::domain::recommendation::problem::Guidance;
use crate::domain::recommendation::solve::solve;

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
fn a_policy_may_choose_or_wait_but_never_against_the_money() {
    let mut mid = class("MID", 0.01, 0.001);
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
    let says = |name: &str, probability: Option<f64>| Guidance {
        location_id: LocationId(1),
        storage_class: name.parse().unwrap(),
        cell: Some("idle for a year".into()),
        confidence: probability.map(|probability| Confidence {
            probability,
            calibrated_on: "nothing".into(),
        }),
    };
    let ask_with = |name: &str, probability: Option<f64>| {
        let guidance = says(name, probability);
        let mut p = problem(&set, &all, 0, &days);
        p.guidance = Some(&guidance);
        solve(&p)
    };
    let ask = |name: &str| ask_with(name, None);
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

    assert_eq!(ask_with("MID", Some(0.5)).action, Action::Move);
    let unlikely = ask_with("MID", Some(0.499));
    assert_eq!(
        (unlikely.action, &unlikely.reasons[0], &unlikely.confidence),
        (Action::Stay, &Reason::Unlikely { chance_percent: 49 }, &None)
    );
    let mid = unlikely
        .alternatives
        .iter()
        .find(|a| a.placement.storage_class.as_str() == "MID")
        .unwrap();
    assert_eq!(mid.why_not, Some(WhyNot::Unlikely { chance_percent: 49 }));
    // Where reading is not dearer, a small chance may still win a lot.
    let back = ask_with("COLD", Some(0.1));
    assert_eq!(
        (back.action, back.proposed.unwrap().storage_class.as_str()),
        (Action::Move, "COLD")
    );
}
