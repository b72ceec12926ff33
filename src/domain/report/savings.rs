//! Savings: what completed moves were forecast to save beside what they have saved, and what is still open.
//!
//! Invariant: forecast and realised are summed over the same moves, those that have been judged; whatever is too young for that is
//! counted by itself, never mixed in.

use super::{Cell, Column, Figure, Pair, Report, ReportName, Table, Unit};
use crate::domain::recommendation::outcome::{ENOUGH_DAYS, Outcome, Verdict};
use crate::domain::recommendation::{Recommendation, ReviewStatus};
use crate::domain::unit::{NanoUsd, Timestamp};

/// Proposals in one state of review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// What people decided.
    pub status: ReviewStatus,
    /// Datasets.
    pub count: i64,
    /// Saved in 30 days if all were followed.
    pub saving: NanoUsd,
}

/// What the report is made from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Days back from now; `None` for all.
    pub days: Option<i64>,
    /// Records of completed moves, the latest first.
    pub outcomes: &'a [Outcome],
    /// Records that were not read because of a limit.
    pub unread: i64,
    /// Open proposals to move, the largest first.
    pub open: &'a [Recommendation],
    /// All proposals to move by state of review.
    pub reviewed: &'a [Reviewed],
    /// Rows of a table at most.
    pub rows: usize,
}

const VERDICTS: [(Verdict, &str); 7] = [
    (Verdict::PaidBack, "Paid back"),
    (Verdict::OnCourse, "On course"),
    (Verdict::Slow, "Slow"),
    (Verdict::Wrong, "Wrong"),
    (Verdict::TooEarly, "Too early to tell"),
    (Verdict::Unpriced, "A price is missing"),
    (Verdict::Undone, "Undone"),
];

/// A verdict in words.
#[must_use]
pub fn verdict(of: Verdict) -> &'static str {
    VERDICTS
        .iter()
        .find(|(v, _)| *v == of)
        .map_or("", |(_, word)| word)
}

fn is_judged(o: &Outcome) -> bool {
    o.judged().is_some()
}

fn forecast(o: &Outcome) -> Option<NanoUsd> {
    o.expected.as_ref().map(|e| e.monthly_saving_nanousd)
}

fn came(o: &Outcome) -> Option<NanoUsd> {
    o.judged().map(|r| r.monthly_saving_nanousd)
}

fn net(o: &Outcome) -> Option<NanoUsd> {
    o.judged().map(|r| r.net_nanousd)
}

fn sum<'a>(of: impl Iterator<Item = &'a Outcome>, value: fn(&Outcome) -> Option<NanoUsd>) -> NanoUsd {
    of.filter_map(value).sum()
}

/// The report.
#[must_use]
pub fn savings(from: &Sources<'_>) -> Report {
    let mut report = Report::new(ReportName::Savings, from.days, from.now, "moves");
    let judged = || from.outcomes.iter().filter(|o| is_judged(o));
    let count = |of: &dyn Fn(&Outcome) -> bool| from.outcomes.iter().filter(|o| of(o)).count();
    let (n, young) = (count(&is_judged), count(&|o| o.verdict == Verdict::TooEarly));
    let state = |status| {
        from.reviewed
            .iter()
            .find(|r| r.status == status)
            .map_or((0, NanoUsd::ZERO), |r| (r.count, r.saving))
    };
    let (open, put_off, turned_down) = (
        state(ReviewStatus::Open),
        state(ReviewStatus::Snoozed),
        state(ReviewStatus::Rejected),
    );
    let missed = put_off.1 + turned_down.1;
    report.figures = vec![
        Figure::new(
            "realised",
            "Realised a month",
            Unit::Nanousd,
            sum(judged(), came),
            format!("measured on {n} judged moves"),
        )
        .behind("/jobs?status=completed"),
        Figure::new(
            "forecast",
            "Forecast a month",
            Unit::Nanousd,
            sum(judged(), forecast),
            "of the same moves, when they were planned",
        )
        .behind("/jobs?status=completed"),
        Figure::new(
            "net",
            "Brought so far",
            Unit::Nanousd,
            sum(judged(), net),
            "since the switches, the cost of moving paid",
        ),
        Figure::new(
            "too_early",
            "Too early to tell",
            Unit::Count,
            young as i64,
            format!("moves of less than {ENOUGH_DAYS} days"),
        ),
        Figure::new(
            "open",
            "Found, still open",
            Unit::Nanousd,
            open.1,
            format!("a month, by {} proposals", open.0),
        )
        .behind("/recommendations"),
        Figure::new(
            "missed",
            "Put off or turned down",
            Unit::Nanousd,
            missed,
            format!("a month, by {} proposals", put_off.0 + turned_down.0),
        )
        .behind("/recommendations?review=rejected"),
    ];
    report.tables = vec![by_verdict(from.outcomes), moves(from), proposals(from)];
    report.notes = vec![
        format!(
            "Realised: staying and the target are both priced for the reads that really came since the switch. A move is judged \
             after {ENOUGH_DAYS} days; its record is closed after 90 days, or when the dataset is moved on."
        ),
        "A month has 30 days. Forecast is what the plan said when the move was queued.".into(),
    ];
    if from.unread > 0 {
        report.notes.push(format!(
            "{} older records were left out of sums and tables: choose a shorter span.",
            from.unread
        ));
    }
    report
}

fn by_verdict(outcomes: &[Outcome]) -> Table {
    let columns = vec![
        Column::new("verdict", "Verdict", Unit::Text),
        Column::new("moves", "Moves", Unit::Count),
        Column::new("forecast", "Forecast a month", Unit::Nanousd),
        Column::new("realised", "Realised a month", Unit::Nanousd),
        Column::new("one_time", "Paid once", Unit::Nanousd),
        Column::new("net", "Brought so far", Unit::Nanousd),
    ];
    let mut table = Table::new(
        "verdicts",
        "Were they right?",
        columns,
        "No move has been completed yet.",
    );
    for (verdict, word) in VERDICTS {
        let of = || outcomes.iter().filter(move |o| o.verdict == verdict);
        let moves = of().count();
        if moves > 0 {
            // Nothing came of what is too young to be judged.
            let judged = of().any(is_judged);
            let once = |o: &Outcome| o.expected.as_ref().map(|e| e.one_time_nanousd);
            table.push(vec![
                word.into(),
                Cell::Int(moves as i64),
                sum(of(), forecast).into(),
                judged.then(|| sum(of(), came)).into(),
                sum(of(), once).into(),
                judged.then(|| sum(of(), net)).into(),
            ]);
        }
    }
    table.pair = Some(Pair { first: 2, second: 3 });
    table
}

fn moves(from: &Sources<'_>) -> Table {
    let columns = vec![
        Column::new("job", "Job", Unit::Count).linked("/jobs/", 0),
        Column::new("dataset_id", "Dataset id", Unit::Count).hidden(),
        Column::new("dataset", "Dataset", Unit::Text).linked("/datasets/", 1),
        Column::new("source", "From", Unit::Text),
        Column::new("target", "To", Unit::Text),
        Column::new("switched_at", "Switched", Unit::Time),
        Column::new("days", "Counted", Unit::Days),
        Column::new("forecast", "Forecast a month", Unit::Nanousd),
        Column::new("realised", "Realised a month", Unit::Nanousd),
        Column::new("one_time", "Once", Unit::Nanousd),
        Column::new("net", "Net so far", Unit::Nanousd),
        Column::new("verdict", "Verdict", Unit::Text),
    ];
    let mut table = Table::new(
        "moves",
        "Completed moves",
        columns,
        "No move has been completed in this span.",
    );
    for o in from.outcomes {
        table.push(vec![
            o.job_id.0.into(),
            o.dataset_id.0.into(),
            o.dataset_name.as_str().into(),
            o.source.as_str().into(),
            o.target.as_str().into(),
            o.switched_at.into(),
            o.realised.as_ref().map(|r| r.days).into(),
            forecast(o).into(),
            came(o).into(),
            o.expected.as_ref().map(|e| e.one_time_nanousd).into(),
            net(o).into(),
            verdict(o.verdict).into(),
        ]);
    }
    let mut total = vec![Cell::Empty; table.columns.len()];
    total[2] = "All".into();
    total[7] = sum(from.outcomes.iter(), forecast).into();
    total[8] = sum(from.outcomes.iter(), came).into();
    total[9] = from
        .outcomes
        .iter()
        .filter_map(|o| o.expected.as_ref().map(|e| e.one_time_nanousd))
        .sum::<NanoUsd>()
        .into();
    total[10] = sum(from.outcomes.iter(), net).into();
    table.total = Some(total);
    table.pair = Some(Pair { first: 7, second: 8 });
    table.keep(from.rows);
    table.row_count += from.unread;
    table
}

fn proposals(from: &Sources<'_>) -> Table {
    let columns = vec![
        Column::new("dataset_id", "Dataset id", Unit::Count).hidden(),
        Column::new("dataset", "Dataset", Unit::Text).linked("/datasets/", 0),
        Column::new("current", "Stands on", Unit::Text),
        Column::new("proposed", "Better on", Unit::Text),
        Column::new("stay", "Now a month", Unit::Nanousd),
        Column::new("saving", "Saves a month", Unit::Nanousd),
        Column::new("one_time", "Once", Unit::Nanousd),
        Column::new("pays_in", "Pays for itself in", Unit::Days),
        Column::new("confidence", "Confidence", Unit::Share),
    ];
    let mut table = Table::new(
        "open",
        "Found and still open",
        columns,
        "Nothing is proposed now.",
    );
    table.lead = Some("Proposals that wait for a decision, the largest first.".into());
    for r in from.open.iter().take(from.rows) {
        table.push(vec![
            r.dataset_id.0.into(),
            r.dataset_name.as_str().into(),
            r.current.to_string().into(),
            r.proposed.as_ref().map(ToString::to_string).into(),
            r.stay_monthly_nanousd.into(),
            r.monthly_saving_nanousd.into(),
            r.one_time_nanousd.into(),
            r.break_even_days.into(),
            r.confidence.as_ref().map(|c| c.probability).into(),
        ]);
    }
    let all = from.reviewed.iter().find(|r| r.status == ReviewStatus::Open);
    table.row_count = all.map_or(table.row_count, |r| r.count.max(table.row_count));
    table
}
