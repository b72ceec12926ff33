//! Quality of the advice: whether stated confidence came true, what became of proposals, and how far each policy is from the
//! optimum on the fleet's own history.
//!
//! Invariant: walk-forward throughout: a chance was stated before the days that judge it, a policy sees no later day. Only the
//! optimum looks ahead, and it is named so.

use super::savings::{Reviewed, verdict};
use super::{Cell, Column, Figure, Pair, Report, ReportName, Table, Unit};
use crate::domain::placement::backtest::BacktestReport;
use crate::domain::placement::calibration::{CALIBRATED_FROM, Reliability, ReliabilityLine};
use crate::domain::recommendation::ReviewStatus;
use crate::domain::recommendation::outcome::Verdict;
use crate::domain::unit::{NanoUsd, Timestamp};

/// What the report is made from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Stated chances against what came, of each fleet that chooses between the same placements.
    pub calibration: &'a [Reliability],
    /// Completed moves by verdict.
    pub verdicts: &'a [(Verdict, i64)],
    /// Proposals to move by state of review.
    pub reviewed: &'a [Reviewed],
    /// The replay of every policy, by price book.
    pub replays: &'a [BacktestReport],
    /// Datasets replayed, and all that have a history.
    pub replayed: (i64, i64),
    /// Why nothing was replayed, or not all.
    pub replay_note: Option<String>,
}

/// Tables of several fleets as one: each line weighted by its proposals.
#[must_use]
pub fn pooled(tables: &[Reliability]) -> Option<Reliability> {
    let decisions: u64 = tables.iter().map(|t| t.decisions).sum();
    let brier = tables.iter().map(|t| t.brier * t.decisions as f64).sum::<f64>() / decisions.max(1) as f64;
    let mut lines: Vec<ReliabilityLine> = Vec::new();
    for line in tables.iter().flat_map(|t| &t.lines) {
        match lines.iter_mut().find(|l| (l.from - line.from).abs() < 1e-9) {
            Some(known) => *known = both(known, line),
            None => lines.push(*line),
        }
    }
    lines.sort_by(|a, b| a.from.total_cmp(&b.from));
    let early = tables.iter().filter_map(|t| t.before_calibration);
    let before_calibration = early.reduce(|a, b| both(&a, &b));
    (decisions > 0 || before_calibration.is_some()).then_some(Reliability {
        decisions,
        brier,
        lines,
        before_calibration,
    })
}

fn both(a: &ReliabilityLine, b: &ReliabilityLine) -> ReliabilityLine {
    let (n, m) = (a.decisions as f64, b.decisions as f64);
    let mean = |x: f64, y: f64| (x * n + y * m) / (n + m).max(1.0);
    ReliabilityLine {
        from: a.from,
        to: a.to,
        decisions: a.decisions + b.decisions,
        stated: mean(a.stated, b.stated),
        observed: mean(a.observed, b.observed),
    }
}

/// The report.
#[must_use]
pub fn advice(from: &Sources<'_>) -> Report {
    let mut report = Report::new(ReportName::Advice, None, from.now, "policies");
    let reliability = pooled(from.calibration);
    let judged = reliability.as_ref().map_or(0, |r| r.decisions);
    let mean = |of: fn(&ReliabilityLine) -> f64| {
        let r = reliability.as_ref().filter(|r| r.decisions > 0)?;
        let sum: f64 = r.lines.iter().map(|l| of(l) * l.decisions as f64).sum();
        Some(sum / r.decisions as f64)
    };
    let total = |name: &str| {
        let of = from.replays.iter().flat_map(|r| &r.policies);
        of.filter(|p| p.name == name).map(|p| p.usd).sum::<f64>()
    };
    let best: f64 = from.replays.iter().map(|r| r.optimum_usd).sum();
    let ours = total("recommended");
    let regret = (!from.replays.is_empty()).then(|| NanoUsd::from_usd(ours - best));
    let ratio = (best > 0.0).then(|| ours / best);
    report.figures = vec![
        Figure::new(
            "judged",
            "Proposals judged",
            Unit::Count,
            judged,
            format!("each after 90 days; calibrated from {CALIBRATED_FROM} on"),
        ),
        Figure::new(
            "stated",
            "Stated chance",
            Unit::Share,
            mean(|l| l.stated),
            "mean over those",
        ),
        Figure::new(
            "observed",
            "Came true",
            Unit::Share,
            mean(|l| l.observed),
            "of those",
        ),
        Figure::new(
            "brier",
            "Brier score",
            Unit::Number,
            reliability.as_ref().filter(|r| r.decisions > 0).map(|r| r.brier),
            "0 is perfect, 0.25 is a coin",
        ),
        Figure::new(
            "regret",
            "Regret",
            Unit::Nanousd,
            regret,
            "recommended policy beyond the optimum in hindsight",
        ),
        Figure::new(
            "ratio",
            "Cost to optimum",
            Unit::Number,
            ratio,
            "1.00 is the best possible course",
        ),
    ];
    report.tables = vec![
        calibration(reliability.as_ref()),
        decisions(from.reviewed),
        verdicts(from.verdicts),
        policies(from),
    ];
    report.notes = vec![
        "A proposal is followed for 90 days both ways, moved and not moved, on the reads that came; it came true when the move was \
         cheaper. A chance that was stated while fewer than fifty outcomes were known stands in a line of its own."
            .into(),
        "The replay gives each dataset the classes of its own location's prices, instant ones alone. Ratio: to the best course in \
         hindsight over plain classes; a class that the vendor manages can be below 1."
            .into(),
    ];
    report.notes.extend(from.replay_note.clone());
    report
}

fn calibration(of: Option<&Reliability>) -> Table {
    let columns = vec![
        Column::new("chance", "Stated chance", Unit::Text),
        Column::new("proposals", "Proposals", Unit::Count),
        Column::new("stated", "Mean stated", Unit::Share),
        Column::new("observed", "Came true", Unit::Share),
    ];
    let mut table = Table::new(
        "calibration",
        "Does stated confidence come true?",
        columns,
        "No proposal has been followed for 90 days yet. An imported history counts: dim access import FILE.",
    );
    let row = |name: String, l: &ReliabilityLine| {
        vec![
            name.into(),
            l.decisions.into(),
            l.stated.into(),
            l.observed.into(),
        ]
    };
    if let Some(r) = of {
        for l in &r.lines {
            table.push(row(format!("{:.0} to {:.0} %", l.from * 100.0, l.to * 100.0), l));
        }
        if let Some(l) = &r.before_calibration {
            table.push(row("Before it was calibrated".into(), l));
        }
    }
    table.pair = Some(Pair { first: 2, second: 3 });
    table
}

fn decisions(reviewed: &[Reviewed]) -> Table {
    let columns = vec![
        Column::new("review", "Decision", Unit::Text),
        Column::new("proposals", "Proposals", Unit::Count),
        Column::new("saving", "Would save a month", Unit::Nanousd),
    ];
    let mut table = Table::new(
        "decisions",
        "What people decided",
        columns,
        "Nothing is proposed now.",
    );
    table.lead = Some(
        "Of the proposals to move that stand now; an accepted one leaves the list when it is done.".into(),
    );
    for r in reviewed {
        let word = match r.status {
            ReviewStatus::Open => "Not decided",
            ReviewStatus::Accepted => "Accepted",
            ReviewStatus::Snoozed => "Put off",
            ReviewStatus::Rejected => "Turned down",
        };
        table.push(vec![word.into(), r.count.into(), r.saving.into()]);
    }
    table
}

fn verdicts(of: &[(Verdict, i64)]) -> Table {
    let columns = vec![
        Column::new("verdict", "Verdict", Unit::Text),
        Column::new("moves", "Moves", Unit::Count),
    ];
    let mut table = Table::new(
        "verdicts",
        "What moves turned out to be",
        columns,
        "No move has been completed yet.",
    );
    for (v, n) in of {
        table.push(vec![verdict(*v).into(), (*n).into()]);
    }
    table
}

fn policies(from: &Sources<'_>) -> Table {
    let columns = vec![
        Column::new("prices", "Prices", Unit::Text),
        Column::new("policy", "Policy", Unit::Text),
        Column::new("cost", "Cost", Unit::Nanousd),
        Column::new("regret", "Beyond the optimum", Unit::Nanousd),
        Column::new("ratio", "Ratio", Unit::Number),
        Column::new("moves", "Moves", Unit::Count),
        Column::new("worst", "Worst dataset's ratio", Unit::Number),
        Column::new("worst_dataset", "Which", Unit::Text),
        Column::new("days", "Replayed", Unit::Days),
    ];
    let mut table = Table::new(
        "policies",
        "Every policy on this fleet's own history",
        columns,
        "Nothing was replayed for this report.",
    );
    let (played, all) = from.replayed;
    table.lead = (played > 0).then(|| {
        if played < all {
            format!("The {played} datasets that cost most of {all} with a history, the whole of each.")
        } else {
            format!("{played} datasets with a history, the whole of each.")
        }
    });
    for r in from.replays {
        for p in &r.policies {
            table.push(vec![
                r.prices.name.as_str().into(),
                title(&p.name).into(),
                NanoUsd::from_usd(p.usd).into(),
                NanoUsd::from_usd(p.usd - r.optimum_usd).into(),
                p.ratio.into(),
                p.moves.into(),
                p.worst_ratio.into(),
                if p.worst_dataset.is_empty() {
                    Cell::Empty
                } else {
                    p.worst_dataset.as_str().into()
                },
                r.span_days.into(),
            ]);
        }
    }
    table
}

/// What a policy's name means to people.
#[must_use]
pub fn title(name: &str) -> String {
    match name {
        "actual" => "As it was".into(),
        "recommended" => "Recommended".into(),
        "always-hot" => "Always hot".into(),
        "best-fixed-hindsight" => "Best fixed class in hindsight".into(),
        "optimum" => "Optimum in hindsight".into(),
        "age-30-90" => "By age, 30 and 90 days".into(),
        "idle-30-90" => "By last access, 30 and 90 days".into(),
        "break-even" => "Break-even times".into(),
        "ski-rental" => "Ski rental".into(),
        _ => match name.split_once(':') {
            Some(("managed", class)) => format!("The vendor's own {class}"),
            Some(("fixed", class)) => format!("Always {class}"),
            _ => name.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(from: f64, decisions: u64, stated: f64, observed: f64) -> ReliabilityLine {
        ReliabilityLine {
            from,
            to: from + 0.1,
            decisions,
            stated,
            observed,
        }
    }

    #[test]
    fn fleets_are_pooled_by_the_number_of_their_proposals() {
        let one = Reliability {
            decisions: 30,
            brier: 0.1,
            lines: vec![line(0.8, 30, 0.85, 0.9)],
            before_calibration: None,
        };
        let two = Reliability {
            decisions: 10,
            brier: 0.2,
            lines: vec![line(0.8, 10, 0.81, 0.5), line(0.1, 5, 0.15, 0.2)],
            before_calibration: Some(line(0.0, 50, 0.5, 0.4)),
        };
        let all = pooled(&[one, two]).unwrap();
        assert_eq!(all.decisions, 40);
        assert!((all.brier - 0.125).abs() < 1e-12);
        assert_eq!(all.lines.len(), 2);
        assert!((all.lines[1].observed - 0.8).abs() < 1e-12, "{:?}", all.lines);
        assert_eq!(all.before_calibration.unwrap().decisions, 50);
        assert!(pooled(&[]).is_none());
    }
}
