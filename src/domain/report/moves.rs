//! Audit of moves: every job with what was copied where and how it was checked, and every stage that it went through.
//!
//! Invariant: rows are what was recorded when it happened; nothing is reconstructed. Who asked is not known, since there is no
//! sign-in yet, and the report says so.

use super::{Cell, Column, Figure, Report, ReportName, Table, Unit};
use crate::domain::id::JobId;
use crate::domain::migration::{Job, JobEvent, JobStatus};
use crate::domain::unit::{Bytes, Timestamp};

/// A job with what its row does not say.
#[derive(Clone, Debug)]
pub struct Audited {
    /// The job.
    pub job: Job,
    /// What the check proved, in words.
    pub verification: Option<String>,
    /// Whether a signed receipt is kept.
    pub receipt: bool,
}

/// Jobs that ended, or are, in one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InStage {
    /// The stage.
    pub status: JobStatus,
    /// Jobs.
    pub jobs: i64,
    /// Their objects.
    pub objects: i64,
    /// Their bytes.
    pub bytes: Bytes,
    /// Bytes that were really copied, those included that were copied again.
    pub sent: Bytes,
}

/// What the report is made from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Days back from now; `None` for all.
    pub days: Option<i64>,
    /// Sums by stage over all jobs of the span.
    pub stages: &'a [InStage],
    /// Jobs, the latest first; as many as a table may have.
    pub jobs: &'a [Audited],
    /// Stages, the latest first, with their job; as many as a table may have.
    pub events: &'a [(JobId, JobEvent)],
    /// Stages there are.
    pub event_count: i64,
}

/// The report.
#[must_use]
pub fn moves(from: &Sources<'_>) -> Report {
    let mut report = Report::new(ReportName::Moves, from.days, from.now, "jobs");
    let of = |status| from.stages.iter().filter(move |s| s.status == status);
    let jobs = |status| of(status).map(|s| s.jobs).sum::<i64>();
    let all: i64 = from.stages.iter().map(|s| s.jobs).sum();
    let sent: Bytes = from.stages.iter().map(|s| s.sent).sum();
    let done: Bytes = of(JobStatus::Completed).map(|s| s.bytes).sum();
    report.figures = vec![
        Figure::new("jobs", "Jobs", Unit::Count, all, "made in this span").behind("/jobs"),
        Figure::new(
            "completed",
            "Completed",
            Unit::Count,
            jobs(JobStatus::Completed),
            format!("{done} switched and still there"),
        )
        .behind("/jobs?status=completed"),
        Figure::new(
            "failed",
            "Failed",
            Unit::Count,
            jobs(JobStatus::Failed),
            "their source serves on",
        )
        .behind("/jobs?status=failed"),
        Figure::new(
            "cancelled",
            "Cancelled",
            Unit::Count,
            jobs(JobStatus::Cancelled),
            "their copy was removed",
        )
        .behind("/jobs?status=cancelled"),
        Figure::new(
            "undone",
            "Undone",
            Unit::Count,
            jobs(JobStatus::Undone),
            "readers went back",
        )
        .behind("/jobs?status=undone"),
        Figure::new(
            "sent",
            "Copied",
            Unit::Bytes,
            sent,
            "by all of them, second tries included",
        ),
    ];
    report.tables = vec![by_stage(from.stages), listed(from.jobs, all), stages(from)];
    report.notes = vec![
        "Verified by says what was proved of every object before readers were sent to the target; a receipt is signed and can be \
         checked against the store with dim verify."
            .into(),
        "Who asked for a move is not recorded: there is no sign-in yet.".into(),
    ];
    report
}

fn word(status: JobStatus) -> String {
    let text = status.as_str().replace('_', " ");
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| {
        c.to_uppercase().collect::<String>() + chars.as_str()
    })
}

fn by_stage(stages: &[InStage]) -> Table {
    let columns = vec![
        Column::new("status", "Stage", Unit::Text),
        Column::new("jobs", "Jobs", Unit::Count),
        Column::new("objects", "Objects", Unit::Count),
        Column::new("size", "Size", Unit::Bytes),
        Column::new("sent", "Copied", Unit::Bytes),
    ];
    let mut table = Table::new("stages", "By stage", columns, "No job in this span.");
    for s in stages {
        table.push(vec![
            word(s.status).into(),
            s.jobs.into(),
            s.objects.into(),
            s.bytes.into(),
            s.sent.into(),
        ]);
    }
    table
}

fn listed(jobs: &[Audited], all: i64) -> Table {
    let columns = vec![
        Column::new("job", "Job", Unit::Count).linked("/jobs/", 0),
        Column::new("dataset_id", "Dataset id", Unit::Count).hidden(),
        Column::new("dataset", "Dataset", Unit::Text).linked("/datasets/", 1),
        Column::new("source", "From", Unit::Code),
        Column::new("source_class", "Class", Unit::Text),
        Column::new("target", "To", Unit::Code),
        Column::new("target_class", "Class", Unit::Text),
        Column::new("objects", "Objects", Unit::Count),
        Column::new("size", "Size", Unit::Bytes),
        Column::new("created_at", "Made", Unit::Time),
        Column::new("started_at", "Begun", Unit::Time).hidden(),
        Column::new("finished_at", "Ended", Unit::Time),
        Column::new("runs", "Runs", Unit::Count),
        Column::new("status", "Ended as", Unit::Text),
        Column::new("receipt", "Receipt", Unit::Text),
        Column::new("verification", "Verified by", Unit::Text).hidden(),
        Column::new("reason", "Reason", Unit::Text),
    ];
    let mut table = Table::new("jobs", "Moves", columns, "No job in this span.");
    table.lead = Some("The latest first.".into());
    for a in jobs {
        let j = &a.job;
        table.push(vec![
            j.id.0.into(),
            j.dataset_id.0.into(),
            j.dataset_name.as_str().into(),
            j.source_uri.to_string().into(),
            j.source_class.to_string().into(),
            j.target_uri.to_string().into(),
            j.target_class.to_string().into(),
            j.progress.objects_total.into(),
            j.progress.bytes_total.into(),
            j.created_at.into(),
            j.started_at.into(),
            j.finished_at.into(),
            j.attempt.into(),
            word(j.status).into(),
            if a.receipt {
                Cell::from("signed")
            } else {
                Cell::Empty
            },
            a.verification.as_deref().into(),
            j.reason.as_deref().into(),
        ]);
    }
    table.row_count = all.max(table.row_count);
    table
}

fn stages(from: &Sources<'_>) -> Table {
    let columns = vec![
        Column::new("at", "When", Unit::Time),
        Column::new("job", "Job", Unit::Count).linked("/jobs/", 1),
        Column::new("run", "Run", Unit::Count),
        Column::new("seq", "Number in the log", Unit::Count),
        Column::new("status", "Stage", Unit::Text),
        Column::new("reason", "Reason", Unit::Text),
    ];
    let mut table = Table::new("events", "Every stage", columns, "No stage in this span.");
    table.lead = Some("The latest first; the number is that of the event log, which has no gap.".into());
    for (job, e) in from.events {
        table.push(vec![
            e.at.into(),
            job.0.into(),
            e.attempt.into(),
            e.seq.into(),
            word(e.status).into(),
            e.reason.as_deref().into(),
        ]);
    }
    table.row_count = from.event_count.max(table.row_count);
    table
}
