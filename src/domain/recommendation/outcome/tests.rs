//! Moves whose outcome can be followed on paper.

use super::*;
use crate::domain::price::book::PriceBook;
use crate::domain::price::rates::Holding;
use crate::domain::recommendation::tests::{book, class, nano, two_classes};

const TB: u64 = 1_000_000_000_000;
const SWITCHED: Timestamp = Timestamp(20_000 * Timestamp::DAY);

fn after(days: f64) -> Timestamp {
    SWITCHED.plus_micros((days * Timestamp::DAY as f64) as i64)
}

fn read_on(day: f64, bytes: u64) -> AccessBucket {
    AccessBucket {
        start: after(day),
        reads: 1,
        read_bytes: Bytes(bytes),
        ..AccessBucket::default()
    }
}

/// Moved from the first to the second class of a book: 1 TB in ten objects.
fn look(book: &PriceBook, expected: &Expectation, days: f64, buckets: &[AccessBucket]) -> Option<Realised> {
    let terms = Terms {
        held: Holding::new(Bytes(TB), 10),
        forecast: None,
        readers: &[],
        horizon_days: HORIZON_DAYS,
        grace_days: 0.0,
    };
    let at = |i: usize| Priced {
        book,
        class: &book.classes[i],
    };
    let sides = Sides {
        source: at(0),
        target: at(1),
    };
    realise(&terms, sides, expected, (SWITCHED, after(days)), buckets)
}

fn usd(amount: f64) -> NanoUsd {
    NanoUsd::from_usd(amount)
}

/// Expected: $20 against $5 a month, $3 once.
fn expected() -> Expectation {
    Expectation::new(usd(20.0), usd(5.0), usd(3.0))
}

#[test]
fn a_silent_dataset_saves_what_was_expected_and_pays_back_on_the_day_that_was_told() {
    let (book, expected) = (two_classes(), expected());
    assert_eq!(expected.break_even_days, Some(6));
    let r = look(&book, &expected, 15.0, &[]).unwrap();
    // Half a month: $10 against $2.50.
    assert_eq!(
        (r.stay.total_nanousd, r.target.total_nanousd),
        (usd(10.0), usd(2.5))
    );
    assert_eq!((r.monthly_saving_nanousd, r.net_nanousd), (usd(15.0), usd(4.5)));
    assert_eq!(judge(Some(&expected), Some(&r), None), Verdict::PaidBack);
}

#[test]
fn before_two_weeks_nothing_is_judged_however_it_looks() {
    let (book, expected) = (two_classes(), expected());
    for (days, verdict) in [
        (0.5, Verdict::TooEarly),
        (13.9, Verdict::TooEarly),
        (14.0, Verdict::PaidBack),
    ] {
        let r = look(&book, &expected, days, &[]);
        assert_eq!(judge(Some(&expected), r.as_ref(), None), verdict, "{days}");
    }
    assert_eq!(look(&book, &expected, 0.0, &[]), None);
    assert_eq!(judge(Some(&expected), None, None), Verdict::TooEarly);
    assert_eq!(judge(None, None, None), Verdict::Unpriced);
    assert_eq!(
        judge(Some(&expected), None, Some(Closed::Undone)),
        Verdict::Undone
    );
}

#[test]
fn reads_that_nobody_foresaw_make_it_slow_or_wrong_and_reads_after_the_end_do_not_count() {
    let (book, expected) = (two_classes(), expected());
    // Fourteen and a half days: $9.667 against $2.417 of storage and $0.01 a GB read.
    let verdict = |terabytes: f64| {
        let r = look(
            &book,
            &expected,
            14.5,
            &[read_on(3.25, (terabytes * 1e12) as u64)],
        )
        .unwrap();
        assert!((r.reads_per_month - terabytes * 30.0 / 14.5).abs() < 1e-9);
        judge(Some(&expected), Some(&r), None)
    };
    assert_eq!(verdict(0.4), Verdict::PaidBack);
    assert_eq!(verdict(0.6), Verdict::OnCourse);
    assert_eq!(verdict(0.7), Verdict::Slow);
    assert_eq!(verdict(0.8), Verdict::Wrong);
    let late = look(&book, &expected, 20.0, &[read_on(20.0, 5 * TB)]).unwrap();
    assert_eq!(late, look(&book, &expected, 20.0, &[]).unwrap());
}

/// A managed target is billed by the days on which reads really fell, not by their mean chance.
#[test]
fn a_managed_class_is_billed_by_its_own_idle_days() {
    let mut auto = class("AUTO", 0.02, 0.0);
    auto.managed = vec![crate::domain::price::book::ManagedTier {
        from_idle_days: 10,
        price: nano(0.005),
    }];
    let book = book("vendor", vec![class("HOT", 0.02, 0.0), auto], 0.0);
    let once = Expectation::new(usd(20.0), usd(10.0), usd(0.0));
    // 30 days: a read on day 15 makes days 10 to 14 and 25 to 29 cheap, and no others.
    let r = look(&book, &once, 30.0, &[read_on(15.5, TB)]).unwrap();
    assert_eq!(r.stay.total_nanousd, usd(20.0));
    assert_eq!(
        r.target.total_nanousd,
        usd(20.0 * 20.0 / 30.0) + usd(5.0 * 10.0 / 30.0)
    );
    // Where it left a managed class, that one would have gone on counting its idle days.
    let back = Expectation {
        idle_days: 100,
        ..once
    };
    let sides = Sides {
        source: Priced {
            book: &book,
            class: &book.classes[1],
        },
        target: Priced {
            book: &book,
            class: &book.classes[0],
        },
    };
    let terms = Terms {
        held: Holding::new(Bytes(TB), 10),
        forecast: None,
        readers: &[],
        horizon_days: HORIZON_DAYS,
        grace_days: 0.0,
    };
    let r = realise(&terms, sides, &back, (SWITCHED, after(30.0)), &[]).unwrap();
    assert_eq!(
        (r.stay.total_nanousd, r.target.total_nanousd),
        (usd(5.0), usd(20.0))
    );
    assert_eq!(judge(Some(&back), Some(&r), None), Verdict::Wrong);
}

#[test]
fn every_verdict_says_its_figures() {
    let (book, expected) = (two_classes(), expected());
    let mut outcome = Outcome {
        job_id: JobId(1),
        dataset_id: DatasetId(1),
        dataset_name: "set".into(),
        source: "place/HOT".into(),
        target: "place/COLD".into(),
        switched_at: SWITCHED,
        realised: look(&book, &expected, 5.0, &[]),
        expected: Some(expected.clone()),
        verdict: Verdict::TooEarly,
        closed: None,
        looked_at: after(5.0),
    };
    assert_eq!(
        outcome.sentence(),
        format!(
            "Too early to tell: 5 of 14 days have passed since the switch; it is judged from {} on.",
            after(14.0).to_utc().unwrap().format("%-d %b %Y")
        )
    );
    assert_eq!(outcome.judged(), None, "figures of five days are told to nobody");
    outcome.realised = look(&book, &expected, 15.0, &[]);
    outcome.verdict = Verdict::PaidBack;
    assert!(outcome.judged().is_some());
    assert_eq!(
        outcome.sentence(),
        "Right: after 15 days it saves $15.00 a month and has brought $4.50 beyond its cost."
    );
    let text = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
}
