//! `dim migrate plan`: what a move would do, and the job it becomes.
//!
//! Invariant: the plan is the server's; the dry run prints the same plan that the real run queues.

use super::Client;
use super::exit::{CliError, Exit};
use super::output::{Out, note};
use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts, render};
use crate::domain::migration::{Plan, PlanCheck, PlanCostLine, Planned};
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
}

/// Carries out a command on moves.
///
/// # Errors
/// No server, its refusal, or a plan whose checks do not allow the move.
pub async fn run(command: Migrate, client: &Client, out: Out) -> Result<(), CliError> {
    let Migrate::Plan(args) = command;
    let body = json!({
        "dataset_id": args.dataset_id, "target_location": args.target_location,
        "storage_class": args.storage_class, "dry_run": args.dry_run, "require_approval": args.require_approval,
    });
    let reply = client.post("/api/v1/plans", &body).await?;
    let planned: Planned = reply.typed()?;
    out.one(&reply, &columns(), &planned, |style| {
        plan_text(&planned.plan, style)
    })?;
    if let Some(job) = &planned.job {
        note(&format!(
            "job {} is {}; follow it with: dim watch job --job-id {}",
            job.id, job.status, job.id
        ));
    } else if args.dry_run {
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
