//! `dim health`: asks every part and prints one table. Exit 0 only if all are well.

use super::exit::{CliError, Exit};
use super::output::{Out, note};
use super::table::{Column, Tint};
use super::{Client, style};
use crate::domain::overview::{HealthReport, HealthStatus, PartHealth};
use reqwest::Method;

type Row = (String, PartHealth);

/// Prints the state of the server's parts.
///
/// # Errors
/// No server, or a part that is not well.
pub async fn run(client: &Client, out: Out) -> Result<(), CliError> {
    let request = client.request(Method::GET, "/health");
    // An unwell server answers 503 with the same report, which is what is wanted here.
    let reply = client.send_any(request).await?;
    let report: HealthReport = reply.typed()?;
    let rows: Vec<Row> = report.parts.into_iter().collect();
    out.rows(&reply, &columns(), &rows, "the server names no parts")?;
    note(&format!(
        "{} · dim {} · up {}",
        client.base(),
        report.version,
        style::span(style::now().since(report.started_at) / 1_000_000)
    ));
    match report.status {
        HealthStatus::Ok | HealthStatus::Disabled => Ok(()),
        HealthStatus::Degraded | HealthStatus::Down => Err(CliError::new(
            Exit::Failure,
            format!("not all is well: {}", word(report.status)),
        )),
    }
}

fn columns() -> Vec<Column<Row>> {
    vec![
        Column::text("PART", "part", |r: &Row| r.0.clone()),
        Column::text("STATUS", "status", |r: &Row| word(r.1.status).into()).tinted(|r| match r.1.status {
            HealthStatus::Ok => Tint::Good,
            HealthStatus::Disabled => Tint::Faint,
            HealthStatus::Degraded => Tint::Warn,
            HealthStatus::Down => Tint::Bad,
        }),
        Column::text("DETAIL", "detail", |r: &Row| r.1.detail.clone()),
    ]
}

fn word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Ok => "ok",
        HealthStatus::Disabled => "disabled",
        HealthStatus::Degraded => "degraded",
        HealthStatus::Down => "down",
    }
}
