//! Was it right? A completed move's forecast beside what came, for people.
//!
//! Invariant: the sentence comes from `domain::recommendation::outcome` and every number from the server's answer.

use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts};
use crate::domain::recommendation::outcome::{Outcome, Verdict};

/// One record in full.
pub(super) fn text(o: &Outcome, style: Style) -> String {
    let mut rows = vec![("was it right", o.sentence())];
    if let Some(e) = &o.expected {
        let paid = e
            .break_even_days
            .map_or("never".to_owned(), |d| format!("after {d} days"));
        let sure = e.confidence.as_ref().map_or(String::new(), |c| {
            format!(", confidence {:.0} %", c.probability * 100.0)
        });
        rows.push((
            "expected",
            format!(
                "{} saved a month at {} full reads, {} once, paid back {paid}{sure}",
                e.monthly_saving_nanousd,
                or_dash(e.reads_per_month.map(|r| format!("{r:.2}"))),
                e.one_time_nanousd
            ),
        ));
    }
    if let Some(r) = o.judged() {
        rows.push((
            "came",
            format!(
                "{} saved a month at {:.2} full reads, over {:.1} days: {} there, {} had it stayed",
                r.monthly_saving_nanousd,
                r.reads_per_month,
                r.days,
                r.target.total_nanousd,
                r.stay.total_nanousd
            ),
        ));
        rows.push(("net so far", format!("{}, the move paid", r.net_nanousd)));
    }
    rows.push(("looked at", style::stamp(o.looked_at)));
    facts(&rows, style)
}

/// Columns of the list.
pub(super) fn columns() -> Vec<Column<Outcome>> {
    let money = |title, key, of: fn(&Outcome) -> Option<crate::domain::unit::NanoUsd>| {
        Column::number(
            title,
            key,
            move |o: &Outcome| or_dash(of(o)),
            move |o: &Outcome| of(o).map(|m| m.0.to_string()).unwrap_or_default(),
        )
    };
    vec![
        Column::number(
            "JOB",
            "job_id",
            |o: &Outcome| o.job_id.to_string(),
            |o: &Outcome| o.job_id.to_string(),
        ),
        Column::text("DATASET", "dataset", |o: &Outcome| o.dataset_name.clone()),
        Column::text("FROM", "source", |o: &Outcome| o.source.clone()),
        Column::text("TO", "target", |o: &Outcome| o.target.clone()),
        Column::text("SWITCHED", "switched_at", |o: &Outcome| {
            style::stamp(o.switched_at)
        })
        .raw(|o: &Outcome| o.switched_at.to_string()),
        money("EXPECTED/MONTH", "expected_monthly_saving_nanousd", |o| {
            o.expected.as_ref().map(|e| e.monthly_saving_nanousd)
        }),
        money("CAME/MONTH", "realised_monthly_saving_nanousd", |o| {
            o.judged().map(|r| r.monthly_saving_nanousd)
        }),
        money("NET", "net_nanousd", |o| o.judged().map(|r| r.net_nanousd)),
        Column::text("RIGHT?", "verdict", |o: &Outcome| {
            o.verdict.as_str().replace('_', " ")
        })
        .raw(|o: &Outcome| o.verdict.as_str().to_owned())
        .tinted(|o| match o.verdict {
            Verdict::PaidBack | Verdict::OnCourse => Tint::Good,
            Verdict::Slow => Tint::Warn,
            Verdict::Wrong => Tint::Bad,
            Verdict::TooEarly | Verdict::Unpriced | Verdict::Undone => Tint::Faint,
        }),
    ]
}
