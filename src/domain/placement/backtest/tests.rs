//! No policy beats the optimum, and the recommended one knows nothing of the future.

use super::*;
use crate::domain::placement::problem::{Candidate, Stage};
use crate::domain::placement::universe::{Draws, KINDS, life};

fn problem(files_per_gb: f64, managed: bool) -> Problem {
    let fee = 2.5e-6 * files_per_gb / 30.0;
    let mut classes = vec![
        Candidate::plain("hot", 0.023 / 30.0, 4e-7 * files_per_gb, 0, 10.0),
        Candidate::plain("warm", 0.0125 / 30.0, 0.01, 30, 10.0),
        Candidate::plain("cold", 0.004 / 30.0, 0.03, 90, 10.0),
    ];
    if managed {
        let stage = |day, month: f64| Stage {
            from_idle_days: day,
            storage_per_gb_day: month / 30.0 + fee,
            read_per_gb: 0.0,
        };
        classes.push(Candidate {
            name: "auto".into(),
            stages: vec![stage(0, 0.023), stage(30, 0.0125), stage(90, 0.004)],
            min_days: 0,
            first_byte_ms: 10.0,
        });
    }
    let n = classes.len();
    let up = [0.0, 0.01, 0.03, 0.0];
    let moves = (0..n * n)
        .map(|i| match (i / n, i % n) {
            (a, b) if a == b => 0.0,
            (a, b) if b < a || b == 3 => up[a] + 1e-5 * files_per_gb,
            _ => 1e-5 * files_per_gb,
        })
        .collect();
    Problem::new(classes, moves, 0).expect("a good problem")
}

/// An invented fleet with every kind of behaviour, born on different days.
fn fleet(seed: u64, datasets: usize, days: u32) -> History {
    let mut draws = Draws(seed);
    let datasets = (0..datasets)
        .map(|i| {
            let late = if i == 0 { 0 } else { (draws.unit() * 60.0) as u32 };
            let reads = life(KINDS[i % KINDS.len()], days - late, &mut draws);
            DatasetHistory {
                id: format!("d{i}"),
                size: Bytes(draws.log_uniform(1e9, 1e13) as u64),
                n_files: draws.log_uniform(1.0, 1e5) as u64,
                first_day: 1_000 + i64::from(late),
                reads: (0..).zip(reads).filter(|(_, r)| *r > 0.0).collect(),
            }
        })
        .collect();
    History {
        datasets,
        events: 0,
        first_day: 1_000,
        end_day: 1_000 + i64::from(days),
    }
}

fn problems(history: &History, managed: bool) -> Vec<Problem> {
    let density = |d: &DatasetHistory| (d.n_files as f64 / d.size.as_gb()).min(1e4);
    history
        .datasets
        .iter()
        .map(|d| problem(density(d), managed))
        .collect()
}

/// Fails where `own` is cheaper than `best` on a dataset.
fn assert_not_beaten(name: &str, own: &[Ledger], best: &[Ledger]) {
    assert_eq!(own.len(), best.len());
    for (i, (own, best)) in own.iter().zip(best).enumerate() {
        let (own, best) = (own.total(), best.total());
        assert!(
            own >= best - 1e-9 * best.max(1.0),
            "{name} on {i}: {own} beats {best}"
        );
    }
}

#[test]
fn nobody_beats_the_optimum_with_managed_and_plain_policies_not_the_plain_one() {
    const PLAIN: [&str; 8] = [
        "always-hot",
        "fixed:warm",
        "fixed:cold",
        "age-30-90",
        "idle-30-90",
        "break-even",
        "ski-rental",
        OPTIMUM,
    ];
    for (seed, managed) in [(1, true), (2, false)] {
        let history = fleet(seed, 16, 120);
        let played = backtest(&history, &problems(&history, managed)).expect("there are candidates");
        assert_eq!(played.outcomes[0].name, RECOMMENDED);
        for outcome in &played.outcomes {
            assert_not_beaten(&outcome.name, &outcome.ledgers, &played.optimum_with_managed);
            if !managed || PLAIN.contains(&outcome.name.as_str()) {
                assert_not_beaten(&outcome.name, &outcome.ledgers, played.optimum());
            }
        }
        let names: Vec<&str> = played.outcomes.iter().map(|o| o.name.as_str()).collect();
        assert!(PLAIN.iter().all(|name| names.contains(name)), "{names:?}");
        assert_eq!(names.contains(&"managed:auto"), managed);
        assert_eq!(played.optimum() == played.optimum_with_managed, !managed);
    }
}

/// A vendor that changes tiers without a charge can be below what plain classes can reach: the ratio then says so.
#[test]
fn a_managed_class_can_be_below_the_optimum_over_plain_classes() {
    let dataset = DatasetHistory {
        id: "sometimes".into(),
        size: Bytes(1_000_000_000_000),
        n_files: 1_000_000,
        first_day: 1_000,
        // Ten busy days, then 45 quiet ones, again and again: each way there and back would ask for every object.
        reads: (0..330)
            .filter(|day| day % 55 < 10)
            .map(|day| (day, 1.0))
            .collect(),
    };
    let history = History {
        datasets: vec![dataset],
        events: 60,
        first_day: 1_000,
        end_day: 1_330,
    };
    let played = backtest(&history, &problems(&history, true)).expect("there are candidates");
    let prices = PricesUsed {
        name: "test".into(),
        date: "2026-01-01".into(),
    };
    let report = played.report(&history, prices, Weight::Equal, true);
    let auto = |policies: &[DatasetPolicy]| policies.iter().find(|p| p.name == "managed:auto").cloned();
    let auto = auto(&report.by_dataset[0].policies).expect("it was played");
    assert!(
        auto.ratio < 1.0 && auto.ratio_to_optimum_with_managed >= 1.0,
        "{auto:?}"
    );
    assert!(report.optimum_with_managed_usd < report.optimum_usd);
    let best = report.policies.last().expect("the optimum");
    assert_eq!((best.name.as_str(), best.ratio), (OPTIMUM, 1.0));
    assert!((best.usd - report.optimum_usd).abs() < 1e-12);
}

#[test]
fn another_future_changes_no_past_decision_and_a_rebuild_is_the_same() {
    const KNOWN: i64 = 70;
    let history = fleet(3, 16, 100);
    let p = problems(&history, true);
    let mut other = history.clone();
    for (i, dataset) in other.datasets.iter_mut().enumerate() {
        let turn = u32::try_from(1_000 + KNOWN - dataset.first_day).expect("born before");
        dataset.reads.retain(|(day, _)| *day < turn);
        if i % 2 == 0 {
            dataset.reads.extend((turn..turn + 30).map(|day| (day, 1.5)));
        }
    }
    let (mut a, mut b, mut again) = (
        Course::new(&history, &p),
        Course::new(&other, &p),
        Course::new(&history, &p),
    );
    let mut moved = false;
    // The decision of the first different day is still made from the common past.
    for _ in 0..=KNOWN {
        let places = |c: &Course<'_>| (0..p.len()).map(|i| c.place(i)).collect::<Vec<_>>();
        assert_eq!(places(&a), places(&b), "day {}", a.day());
        moved |= places(&a).iter().any(|at| at.is_some_and(|k| k != 0));
        assert!(a.step() && b.step() && again.step());
    }
    let last = |c: &Course<'_>| (0..p.len()).map(|i| c.place(i)).collect::<Vec<_>>();
    assert_eq!(last(&a), last(&b), "the morning of the first different day");
    assert!(moved, "a fleet that never moves proves nothing");
    assert_eq!(a, again);
    let mut resumed = again.clone();
    while a.step() {
        assert!(resumed.step());
    }
    assert_eq!(a, resumed);
    while b.step() {}
    assert_ne!(a.ledgers(), b.ledgers(), "the futures were the same");
}

#[test]
fn a_report_adds_up_and_knows_its_weights() {
    let history = fleet(4, 8, 70);
    let played = backtest(&history, &problems(&history, true)).expect("there are candidates");
    let prices = PricesUsed {
        name: "test".into(),
        date: "2026-01-01".into(),
    };
    let equal = played.report(&history, prices.clone(), Weight::Equal, true);
    for p in &equal.policies {
        let shares = p.storage_usd + p.read_usd + p.move_usd + p.early_deletion_usd;
        assert!((shares - p.usd).abs() < 1e-9 && p.ratio_to_optimum_with_managed >= 1.0 - 1e-9);
        assert!((p.ratio - p.usd / equal.optimum_usd).abs() < 1e-9);
        let single = |d: &DatasetTotal| d.policies.iter().find(|x| x.name == p.name).map(|x| x.usd);
        let sum: f64 = equal.by_dataset.iter().filter_map(single).sum();
        assert!((sum - p.usd).abs() < 1e-9, "{}", p.name);
    }
    assert!(equal.optimum_usd >= equal.optimum_with_managed_usd);
    let dollar = played.report(&history, prices, Weight::Dollar, false);
    let gb: f64 = history
        .datasets
        .iter()
        .zip(played.optimum())
        .map(|(d, l)| d.size.as_gb() * l.total())
        .sum();
    assert!((dollar.optimum_usd / gb - 1.0).abs() < 1e-9 && dollar.by_dataset.is_empty());
}
