//! `dim jobs list|get|cancel|pause|resume|retry|approve|undo|plan-back|priority|receipt`.
//!
//! Invariant: what can be done with a job is the server's to say; the command passes its answer on.

use super::client::segment;
use super::exit::CliError;
use super::locations::items;
use super::migrate;
use super::output::{Out, note};
use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts, render};
use super::{Client, client::Reply};
use crate::domain::migration::receipt::{ReceiptPlace, SignedReceipt};
use crate::domain::migration::{Job, JobDetail, JobEvent, JobStatus, ManifestObject, Progress};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write as _;
use std::path::PathBuf;

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the jobs, the latest first
    List(List),
    /// Show one job: stages, objects, plan
    Get(One),
    /// Stop a job and remove what it copied; the source serves on
    Cancel(One),
    /// Hold a job; what it copied is kept
    Pause(One),
    /// Go on with a held job
    Resume(One),
    /// Run a failed job again from where it got to
    Retry(One),
    /// Let a job begin that waits for approval
    Approve(One),
    /// Switch a completed job back within its grace period: no bytes move
    Undo(One),
    /// Plan the move that takes a completed job back after its grace period, with its price
    PlanBack {
        /// Its id
        job: String,
        /// Queue it as well
        #[arg(long)]
        apply: bool,
    },
    /// Set how urgent a waiting job is
    Priority {
        /// Its id
        job: String,
        /// From -10 to 10; higher is taken first
        #[arg(allow_negative_numbers = true)]
        priority: i64,
    },
    /// The signed receipt of a completed job; keep it with -o json or --save and check it later with `dim verify`
    Receipt(ReceiptArgs),
}

/// Where a mover of its own listens unless told otherwise.
const MOVER_PORT: u16 = 8090;

/// Who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The server's catalog
    #[default]
    #[value(alias = "python")]
    Api,
    /// The mover
    #[value(alias = "go")]
    Mover,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Asked {
    /// Who is asked; python and go are accepted for api and mover
    #[arg(long, value_enum, default_value_t)]
    pub source: Source,
}

impl Asked {
    /// Whoever is to be asked: the server; or the mover of `DIM_MOVER`, else one on port 8090 of the server's machine, else the one
    /// inside the server, and which of them is said.
    ///
    /// # Errors
    /// A `DIM_MOVER` that is no address.
    pub async fn of(self, client: &Client) -> Result<Client, CliError> {
        if self.source == Source::Api {
            return Ok(client.clone());
        }
        if let Some(url) = std::env::var("DIM_MOVER").ok().filter(|url| !url.is_empty()) {
            let mover = client.at(&url)?;
            note(&format!("asking the mover at {}", mover.base()));
            return Ok(mover);
        }
        if let Some(mover) = client.beside(MOVER_PORT)
            && mover.is_alive().await
        {
            note(&format!("asking the mover at {}", mover.base()));
            return Ok(mover);
        }
        note(&format!(
            "the mover runs inside {}: these are its jobs",
            client.base()
        ));
        Ok(client.clone())
    }
}

/// Arguments of `dim jobs list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only those in this status, or `active` for all that have not ended
    #[arg(long)]
    status: Option<String>,
    /// Only those of this dataset, by id or name
    #[arg(long)]
    dataset_id: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

/// One job.
#[derive(Debug, Args)]
pub struct One {
    /// Its id
    #[arg(value_name = "JOB", required_unless_present = "job_id")]
    job: Option<String>,
    /// The same as the argument
    #[arg(long, value_name = "ID", conflicts_with = "job")]
    job_id: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

/// Arguments of `dim jobs receipt`.
#[derive(Debug, Args)]
pub struct ReceiptArgs {
    #[command(flatten)]
    one: One,
    /// Write it to this file, which must not exist
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

async fn receipt(args: &ReceiptArgs, client: &Client, out: Out) -> Result<(), CliError> {
    let key = args.one.key();
    let reply = client.get(&path(&key, "/receipt")).await?;
    let signed: SignedReceipt = reply.typed()?;
    if let Some(file) = &args.save {
        let failed = |e: std::io::Error| CliError::failure(format!("write {}: {e}", file.display()));
        let mut new = std::fs::File::create_new(file).map_err(failed)?;
        new.write_all(reply.node.to_json().as_bytes()).map_err(failed)?;
        new.sync_all().map_err(failed)?;
        note(&format!("saved; check it with: dim verify {}", file.display()));
        return Ok(());
    }
    out.one(&reply, &receipt_columns(), &signed, |style| {
        let mut text = receipt_facts(&signed, style);
        text.push_str(&format!("\nkeep it with: dim jobs receipt {key} --save FILE\n"));
        text
    })
}

fn receipt_columns() -> Vec<Column<SignedReceipt>> {
    vec![
        Column::text("JOB", "job_id", |r: &SignedReceipt| r.receipt.job_id.to_string()),
        Column::text("TO", "target_uri", |r: &SignedReceipt| {
            r.receipt.target.uri.to_string()
        }),
        Column::text("OBJECTS", "object_count", |r: &SignedReceipt| {
            r.receipt.object_count.to_string()
        }),
        Column::text("BYTES", "size_bytes", |r: &SignedReceipt| {
            r.receipt.size_bytes.0.to_string()
        }),
        Column::text("BLAKE3", "objects_blake3", |r: &SignedReceipt| {
            r.receipt.objects_blake3.clone()
        }),
        Column::text("SIGNED BY", "public_key", |r: &SignedReceipt| {
            r.seal.public_key.clone()
        }),
    ]
}

fn place(place: &ReceiptPlace) -> String {
    let encryption = place.encryption.as_ref();
    let encryption = encryption.map_or_else(String::new, |e| format!(", encrypted with {e}"));
    format!("{} as {}{encryption}", place.uri, place.storage_class)
}

/// A receipt for people.
pub fn receipt_facts(signed: &SignedReceipt, style: Style) -> String {
    let r = &signed.receipt;
    let rows = [
        ("job", format!("{} (run {})", r.job_id, r.attempt)),
        ("dataset", format!("{} ({})", r.dataset_name, r.dataset_id)),
        ("from", place(&r.source)),
        ("to", place(&r.target)),
        (
            "objects",
            format!("{}, {} ({} bytes)", r.object_count, r.size_bytes, r.size_bytes.0),
        ),
        ("completed", style::stamp(r.completed_at)),
        ("check", format!("{}: {}", r.verify, r.proves)),
        ("blake3", r.objects_blake3.clone()),
        (
            "signed by",
            format!("{} {}", signed.seal.algorithm, signed.seal.public_key),
        ),
    ];
    facts(&rows, style)
}

/// Carries out a command on jobs.
///
/// # Errors
/// No server, or its refusal.
pub async fn run(command: Jobs, client: &Client, out: Out) -> Result<(), CliError> {
    match command {
        Jobs::List(list) => {
            let client = &list.asked.of(client).await?;
            let mut query = Vec::new();
            query.extend(list.status.map(|v| ("status", v)));
            query.extend(list.dataset_id.map(|v| ("dataset", v)));
            let reply = client.list("/api/v1/jobs", &query).await?;
            let rows: Vec<Job> = items(&reply)?;
            let empty =
                "no jobs here; plan one with: dim migrate plan --dataset-id ID --target-location NAME";
            out.rows(&reply, &columns(), &rows, empty)
        }
        Jobs::Get(one) => {
            let client = &one.asked.of(client).await?;
            let reply = client.get(&path(&one.key(), "")).await?;
            let detail: JobDetail = reply.typed()?;
            out.one(&reply, &columns(), &detail.job, |style| {
                detail_text(&detail, style)
            })
        }
        Jobs::Cancel(one) => act(&one, "cancel", client, out).await,
        Jobs::Pause(one) => act(&one, "pause", client, out).await,
        Jobs::Resume(one) => act(&one, "resume", client, out).await,
        Jobs::Retry(one) => act(&one, "retry", client, out).await,
        Jobs::Approve(one) => act(&one, "approve", client, out).await,
        Jobs::Undo(one) => act(&one, "undo", client, out).await,
        Jobs::PlanBack { job, apply } => {
            let body = serde_json::json!({ "dry_run": !apply });
            let reply = client.post(&path(&job, "/plan-back"), &body).await?;
            migrate::show(&reply, out)
        }
        Jobs::Priority { job, priority } => {
            let body = serde_json::json!({ "priority": priority });
            let reply = client.post(&path(&job, "/priority"), &body).await?;
            let row: Job = reply.typed()?;
            out.one(&reply, &columns(), &row, |style| job_facts(&row, style))
        }
        Jobs::Receipt(args) => receipt(&args, client, out).await,
    }
}

impl One {
    fn key(&self) -> String {
        self.job
            .clone()
            .or_else(|| self.job_id.clone())
            .unwrap_or_default()
    }
}

async fn act(one: &One, command: &str, client: &Client, out: Out) -> Result<(), CliError> {
    let key = one.key();
    let reply: Reply = client.command(&path(&key, &format!("/{command}"))).await?;
    let job: Job = reply.typed()?;
    match &job.wanted {
        Some(wanted) => note(&format!(
            "{wanted} is on its way to the mover; follow it with: dim watch job --job-id {key}"
        )),
        None => note(&format!("job {key} is {} now", job.status)),
    }
    out.one(&reply, &columns(), &job, |style| job_facts(&job, style))
}

/// The path of a job, or of a command on it.
pub fn path(job: &str, rest: &str) -> String {
    format!("/api/v1/jobs/{}{rest}", segment(job))
}

/// The colour of a status.
pub fn tint(status: JobStatus) -> Tint {
    match status {
        JobStatus::Completed => Tint::Good,
        JobStatus::Copying | JobStatus::Verifying | JobStatus::Switching => Tint::Busy,
        JobStatus::AwaitingApproval | JobStatus::Paused => Tint::Warn,
        JobStatus::Failed => Tint::Bad,
        JobStatus::Queued | JobStatus::Cancelled | JobStatus::Undone => Tint::Faint,
    }
}

/// `3 of 10 objects, 1.2 MB of 4 MB (30 %), 1.1 MB/s, 3 s left`; nothing before there is a manifest.
pub fn progress(p: &Progress) -> String {
    if p.objects_total == 0 {
        return String::new();
    }
    let percent = match p.bytes_total.0 {
        0 => p.objects_done.saturating_mul(100) / p.objects_total.max(1),
        total => i64::try_from(u128::from(p.bytes_done.0) * 100 / u128::from(total)).unwrap_or(100),
    };
    let mut text = format!(
        "{} of {} objects, {} of {} ({percent} %)",
        p.objects_done, p.objects_total, p.bytes_done, p.bytes_total
    );
    if p.bytes_per_sec > 0 {
        let rate = crate::domain::unit::Bytes::from_i64(p.bytes_per_sec);
        text.push_str(&format!(", {rate}/s"));
    }
    if let Some(secs) = p.eta_secs {
        text.push_str(&format!(", {} left", style::span(secs)));
    }
    text
}

fn columns() -> Vec<Column<Job>> {
    let now = style::now();
    vec![
        Column::number("ID", "id", |r: &Job| r.id.to_string(), |r: &Job| r.id.to_string()),
        Column::text("DATASET", "dataset_name", |r: &Job| r.dataset_name.clone()),
        Column::text("STATUS", "status", |r: &Job| r.status.to_string()).tinted(|r| tint(r.status)),
        Column::text("TO", "target_uri", |r: &Job| r.target_uri.to_string()),
        Column::text("CLASS", "target_class", |r: &Job| r.target_class.to_string()),
        Column::text("UPDATED", "updated_at", move |r: &Job| {
            style::ago(r.updated_at, now)
        })
        .raw(|r: &Job| r.updated_at.to_string()),
        Column::text("PROGRESS", "progress", |r: &Job| {
            match (&r.reason, r.status.is_end()) {
                (Some(reason), _) => reason.clone(),
                (None, true) => String::new(),
                (None, false) => progress(&r.progress),
            }
        })
        .raw(|r: &Job| r.reason.clone().unwrap_or_default()),
        Column::text("FROM", "source_uri", |r: &Job| r.source_uri.to_string()).csv_only(),
        Column::text("DONE", "bytes_done", |r: &Job| {
            r.progress.bytes_done.0.to_string()
        })
        .csv_only(),
        Column::text("TOTAL", "bytes_total", |r: &Job| {
            r.progress.bytes_total.0.to_string()
        })
        .csv_only(),
    ]
}

/// A job for people.
pub fn job_facts(job: &Job, style: Style) -> String {
    let mut rows = vec![
        ("job", job.id.to_string()),
        ("dataset", format!("{} ({})", job.dataset_name, job.dataset_id)),
        ("from", format!("{} as {}", job.source_uri, job.source_class)),
        ("to", format!("{} as {}", job.target_uri, job.target_class)),
        ("run", job.attempt.to_string()),
        ("created", style::stamp(job.created_at)),
    ];
    let mut more = |name, value: Option<String>| rows.extend(value.map(|v| (name, v)));
    more("finished", job.finished_at.map(style::stamp));
    more("reason", job.reason.clone());
    more("error", job.error_code.clone());
    more(
        "progress",
        Some(progress(&job.progress)).filter(|p| !p.is_empty()),
    );
    more("undo until", job.undo_until.map(style::stamp));
    more(
        "saving",
        job.forecast_saving_nanousd
            .map(|m| format!("{m} a month, forecast")),
    );
    more("can be", Some(job.actions.join(", ")).filter(|a| !a.is_empty()));
    format!(
        "{}\n{}",
        style.tint(tint(job.status), job.status.as_str()),
        facts(&rows, style)
    )
}

fn detail_text(detail: &JobDetail, style: Style) -> String {
    let stages = render(
        &[
            Column::text("STAGE", "status", |r: &JobEvent| r.status.to_string()).tinted(|r| tint(r.status)),
            Column::text("AT", "at", |r: &JobEvent| style::stamp(r.at)),
            Column::text("RUN", "attempt", |r: &JobEvent| r.attempt.to_string()),
            Column::text("REASON", "reason", |r: &JobEvent| {
                r.reason.clone().unwrap_or_default()
            }),
        ],
        &detail.events,
        style,
    );
    let mut text = format!("{}\n{stages}", job_facts(&detail.job, style));
    if let Some(check) = &detail.verification {
        text.push_str(&format!("\nverified: {}\n", style::clean(check)));
    }
    if let Some(outcome) = &detail.outcome {
        text.push('\n');
        text.push_str(&super::outcome_text::text(outcome, style));
    }
    if !detail.objects.is_empty() {
        text.push('\n');
        text.push_str(&render(&object_columns(), &detail.objects, style));
    }
    text
}

fn object_columns() -> Vec<Column<ManifestObject>> {
    vec![
        Column::text("OBJECT", "key", |r: &ManifestObject| r.key.clone()),
        Column::number(
            "SIZE",
            "size_bytes",
            |r: &ManifestObject| r.size_bytes.to_string(),
            |r: &ManifestObject| r.size_bytes.0.to_string(),
        ),
        Column::text("STATE", "state", |r: &ManifestObject| r.state.clone()),
        Column::text("BLAKE3", "content_hash", |r: &ManifestObject| {
            or_dash(
                r.content_hash
                    .as_ref()
                    .map(|h| h.chars().take(12).collect::<String>()),
            )
        }),
        Column::text("ERROR", "error", |r: &ManifestObject| {
            r.error.clone().unwrap_or_default()
        })
        .tinted(|_| Tint::Bad),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::Bytes;

    #[test]
    fn progress_is_counted_and_survives_empty_objects() {
        let mut p = Progress {
            objects_done: 1,
            objects_total: 2,
            ..Progress::default()
        };
        assert!(progress(&p).contains("(50 %)"), "{}", progress(&p));
        p.bytes_total = Bytes(4_000_000);
        p.bytes_done = Bytes(1_000_000);
        p.bytes_per_sec = 1_000_000;
        p.eta_secs = Some(3);
        assert!(
            progress(&p).ends_with("(25 %), 1.00 MB/s, 3 s left"),
            "{}",
            progress(&p)
        );
        assert_eq!(progress(&Progress::default()), "");
    }
}
