//! `dim migrate plan`: what a move would do, and the job it becomes.
//!
//! Invariant: the plan is the server's; the dry run prints the same plan that the real run queues.

use super::Client;
use super::client::Reply;
use super::counting::while_counting;
use super::exit::{CliError, Exit};
use super::output::{Out, note};
use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts, render};
use crate::domain::migration::options::{Breaker, MoveOptions, VerifyLevel, Window};
use crate::domain::migration::{Plan, PlanCheck, PlanCostLine, Planned};
use crate::domain::unit::{Bytes, NanoUsd};
use clap::{Args, Subcommand};
use serde_json::json;

/// What to do about moves.
#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Print the plan of a move, and queue it unless it is a dry run
    Plan(PlanArgs),
}

/// Arguments of `dim migrate plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The dataset, by id or name
    #[arg(long, value_name = "ID")]
    dataset_id: String,
    /// Where to: a location's name or id, or an address
    #[arg(long, value_name = "URI|NAME")]
    target_location: String,
    /// Storage class there [default: the location's]
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Only print the plan
    #[arg(long)]
    dry_run: bool,
    /// Queue it so that a person must approve it first
    #[arg(long, conflicts_with = "dry_run")]
    require_approval: bool,
    #[command(flatten)]
    how: How,
}

/// How a move is to be carried out.
#[derive(Debug, Default, Args)]
pub struct How {
    /// How closely the copy is checked: full reads everything back, size compares names, sizes and times alone
    #[arg(long, value_name = "full|checksum|size", default_value_t)]
    verify: VerifyLevel,
    /// Refuse it when it costs more than so many US dollars once, and stop it when it comes to cost more
    #[arg(long, value_name = "USD")]
    max_cost: Option<f64>,
    /// The most bytes that may be copied, such as 500GB; what is copied again counts
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_bytes: Option<Bytes>,
    /// Keep the source for good as a second copy
    #[arg(long)]
    keep_source: bool,
    /// From -10 to 10; higher is taken first
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    priority: i64,
    /// Run only in minutes that these five cron fields match, such as '* 22-23,0-5 * * *' for the night
    #[arg(long, value_name = "CRON")]
    window: Option<String>,
    /// The zone whose clock the window means, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "window")]
    time_zone: String,
    /// Stop when so many percent of at least so many objects fail, such as 5/20
    #[arg(long, value_name = "PERCENT/OBJECTS", value_parser = breaker)]
    breaker: Option<Breaker>,
    /// A limit of this move's own, such as 50MB a second; can be changed later with `dim limits set`
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    bandwidth: Option<Bytes>,
}

impl How {
    /// As the server takes it.
    pub fn options(&self) -> MoveOptions {
        MoveOptions {
            verify: self.verify,
            keep_source: self.keep_source,
            replicate: false,
            max_cost_nanousd: self.max_cost.map(|usd| NanoUsd((usd * 1e9).round() as i64)),
            max_bytes: self.max_bytes,
            priority: self.priority,
            window: self.window.clone().map(|cron| Window {
                cron,
                time_zone: self.time_zone.clone(),
            }),
            breaker: self.breaker,
            bytes_per_sec: self.bandwidth,
        }
    }
}

/// Reads `1048576`, `50MB`, `1.5GiB`.
pub fn bytes(text: &str) -> Result<Bytes, String> {
    Bytes::read(text)
}

fn breaker(text: &str) -> Result<Breaker, String> {
    let refused = || format!("{text:?} is no breaker; write PERCENT/OBJECTS, as in 5/20");
    let (percent, objects) = text.split_once('/').ok_or_else(refused)?;
    Ok(Breaker {
        percent: percent.trim().parse().map_err(|_| refused())?,
        of_at_least: objects.trim().parse().map_err(|_| refused())?,
    })
}

/// Carries out a command on moves.
///
/// # Errors
/// No server, its refusal, or a plan whose checks do not allow the move.
pub async fn run(command: Migrate, client: &Client, out: Out) -> Result<(), CliError> {
    let Migrate::Plan(args) = command;
    plan(&args, client, out).await
}

async fn plan(args: &PlanArgs, client: &Client, out: Out) -> Result<(), CliError> {
    let body = json!({
        "dataset_id": args.dataset_id, "target_location": args.target_location,
        "storage_class": args.storage_class, "dry_run": args.dry_run, "require_approval": args.require_approval,
        "options": args.how.options(),
    });
    let planned = client.post("/api/v1/plans", &body);
    let reply = while_counting(client, &args.dataset_id, planned).await?;
    show(&reply, out)
}

/// Prints a plan, and says what became of it.
///
/// # Errors
/// A plan whose checks do not allow the move.
pub fn show(reply: &Reply, out: Out) -> Result<(), CliError> {
    let planned: Planned = reply.typed()?;
    out.one(reply, &columns(), &planned, |style| {
        plan_text(&planned.plan, style)
    })?;
    if let Some(job) = &planned.job {
        note(&format!(
            "job {} is {}; follow it with: dim watch job --job-id {}",
            job.id, job.status, job.id
        ));
    } else {
        note("a dry run: nothing was queued");
    }
    if planned.plan.applicable {
        return Ok(());
    }
    let failed: Vec<&str> = planned
        .plan
        .checks
        .iter()
        .filter(|c| !c.ok)
        .map(|c| c.name.as_str())
        .collect();
    Err(CliError::new(
        Exit::Conflict,
        format!("the move is not allowed by: {}", failed.join(", ")),
    ))
}

fn columns() -> Vec<Column<Planned>> {
    vec![
        Column::text("JOB", "job_id", |r: &Planned| {
            r.job.as_ref().map_or_else(String::new, |j| j.id.to_string())
        }),
        Column::text("DATASET", "dataset_id", |r: &Planned| {
            r.plan.dataset_id.to_string()
        }),
        Column::text("TO", "target_uri", |r: &Planned| r.plan.target_uri.to_string()),
        Column::text("CLASS", "target_class", |r: &Planned| {
            r.plan.target_class.to_string()
        }),
        Column::text("OBJECTS", "object_count", |r: &Planned| {
            r.plan.object_count.to_string()
        }),
        Column::text("SIZE", "size_bytes", |r: &Planned| {
            r.plan.size_bytes.0.to_string()
        }),
        Column::text("ONCE", "one_time_nanousd", |r: &Planned| {
            r.plan.one_time_nanousd.0.to_string()
        }),
        Column::text("APPLICABLE", "applicable", |r: &Planned| {
            r.plan.applicable.to_string()
        }),
    ]
}

fn plan_text(plan: &Plan, style: Style) -> String {
    let time = plan.duration_secs.map_or_else(
        || "not known before a first job has ended".into(),
        |(fast, slow)| format!("{} to {}", style::span(fast), style::span(slow)),
    );
    let rows = [
        ("dataset", format!("{} ({})", plan.dataset_name, plan.dataset_id)),
        ("from", format!("{} as {}", plan.source_uri, plan.source_class)),
        ("to", format!("{} as {}", plan.target_uri, plan.target_class)),
        (
            "objects",
            format!(
                "{}, {} ({} bytes)",
                plan.object_count, plan.size_bytes, plan.size_bytes.0
            ),
        ),
        ("free there", or_dash(plan.target_free_bytes)),
        ("time", time),
        ("once", plan.one_time_nanousd.to_string()),
        (
            "saves",
            format!("{} a month", or_dash(plan.monthly_saving_nanousd)),
        ),
        ("check", format!("{}: {}", plan.options.verify, plan.proves)),
        ("deletes", plan.deletes.clone()),
    ];
    let mut text = facts(&rows, style);
    if !plan.cost_lines.is_empty() {
        let lines = [
            Column::text("COST", "kind", |r: &PlanCostLine| r.kind.clone()),
            Column::number(
                "AMOUNT",
                "amount_nanousd",
                |r: &PlanCostLine| r.amount_nanousd.to_string(),
                |r: &PlanCostLine| r.amount_nanousd.0.to_string(),
            ),
            Column::text("FOR", "text", |r: &PlanCostLine| r.text.clone()),
        ];
        text.push('\n');
        text.push_str(&render(&lines, &plan.cost_lines, style));
    }
    if !plan.checks.is_empty() {
        let word = |ok: bool| if ok { "ok" } else { "no" };
        let checks = [
            Column::text("CHECK", "name", |r: &PlanCheck| r.name.clone()),
            Column::text("", "ok", move |r: &PlanCheck| word(r.ok).into())
                .tinted(|r| if r.ok { Tint::Good } else { Tint::Bad }),
            Column::text("FOUND", "detail", |r: &PlanCheck| r.detail.clone()),
        ];
        text.push('\n');
        text.push_str(&render(&checks, &plan.checks, style));
    }
    for entry in &plan.skipped {
        text.push_str(&format!(
            "left out {}: {}\n",
            style::clean(&entry.path),
            style::clean(&entry.reason)
        ));
    }
    text
}
