//! `dim access`: one access event, or a whole history by `dim access import`.
//!
//! Invariant: what is printed as counted was committed by the server. Reading a history file is in `import`.

use super::client::{Client, Reply, problem};
use super::exit::{CliError, Exit};
use super::import::{self, Import};
use super::node::Node;
use super::output::{Out, note};
use super::style::Style;
use super::table::{Column, facts};
use crate::domain::access::{AccessEvent, AccessOp, DatasetKey, IngestReport, RefusalKind};
use crate::domain::unit::{Bytes, Timestamp};
use clap::{Args, Subcommand, ValueEnum};
use reqwest::{Method, RequestBuilder};

/// The path of access events.
pub const PATH: &str = "/api/v1/access-events";

/// Arguments of `dim access`.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub struct Access {
    /// Instead of one event: a file.
    #[command(subcommand)]
    command: Option<AccessCommand>,
    /// The dataset, by id or name
    #[arg(long, value_name = "ID", required = true)]
    dataset_id: Option<String>,
    /// What was done
    #[arg(long, required = true)]
    op: Option<OpWord>,
    /// Bytes read or written
    #[arg(long, value_name = "BYTES", required = true)]
    size_bytes: Option<u64>,
    /// First-byte latency that the client saw, in milliseconds
    #[arg(long, value_name = "MS")]
    client_lat_ms: Option<f64>,
    /// The client's region
    #[arg(long, value_name = "REGION")]
    client_region: Option<String>,
    /// When it happened, in seconds since 1970 [default: now]
    #[arg(long, value_name = "UNIX_SECONDS")]
    unix_time: Option<i64>,
    /// The client's own id of this event: the same id is counted once
    #[arg(long, value_name = "TEXT")]
    event_id: Option<String>,
}

/// What else can be done with accesses.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Import a history from a file; importing it again counts nothing twice
    Import(Import),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OpWord {
    Read,
    Write,
}

/// Posts one event or imports a file.
///
/// # Errors
/// No server, or its refusal; a file that cannot be read.
pub async fn run(access: Access, client: &Client, out: Out) -> Result<(), CliError> {
    let missing = || CliError::usage("--dataset-id, --op and --size-bytes are needed for one event");
    match access.command {
        Some(AccessCommand::Import(file)) => import::run(file, client, out).await,
        None => {
            let event = AccessEvent {
                event_id: access.event_id,
                producer: None,
                sequence: None,
                dataset_id: DatasetKey::parse(&access.dataset_id.ok_or_else(missing)?),
                op: match access.op.ok_or_else(missing)? {
                    OpWord::Read => AccessOp::Read,
                    OpWord::Write => AccessOp::Write,
                },
                size_bytes: Bytes(access.size_bytes.ok_or_else(missing)?),
                client_lat_ms: access.client_lat_ms,
                client_region: access.client_region,
                occurred_at: access.unix_time.map(Timestamp::from_unix_secs),
            };
            let request = client.request(Method::POST, PATH).json(&event);
            let reply = client.send_any(request).await?;
            let report = read_report(&reply)?;
            if let Some(error) = report.errors.first() {
                let exit = if error.code == RefusalKind::UnknownDataset.as_str() {
                    Exit::NotFound
                } else {
                    Exit::Usage
                };
                return Err(CliError::new(exit, error.reason.clone()));
            }
            if report.duplicates > 0 {
                note("this event was counted before and is not counted again");
            }
            out.one(&reply, &columns(), &report, |style| report_facts(&report, style))
        }
    }
}

/// Sends events and reads what became of them, also when every one was refused.
///
/// # Errors
/// No server, a time-out, or a refusal of the whole request.
pub async fn report_of(client: &Client, request: RequestBuilder) -> Result<IngestReport, CliError> {
    read_report(&client.send_any(request).await?)
}

/// A report comes by itself or, when every event was refused, inside a problem; any other problem is an error.
fn read_report(reply: &Reply) -> Result<IngestReport, CliError> {
    let field = |name| reply.node.get(name);
    if field("code").is_some() && field("received").is_none() {
        let status = match field("status") {
            Some(Node::Number(status)) => status.as_u64().and_then(|s| u16::try_from(s).ok()),
            _ => None,
        };
        return Err(problem(status.unwrap_or(500), &reply.node.to_json_line()));
    }
    reply.typed()
}

/// The report as a row.
pub fn columns() -> Vec<Column<IngestReport>> {
    vec![
        Column::text("READ", "received", |r: &IngestReport| r.received.to_string()),
        Column::text("TAKEN", "accepted", |r: &IngestReport| r.accepted.to_string()),
        Column::text("DUPLICATE", "duplicates", |r: &IngestReport| {
            r.duplicates.to_string()
        }),
        Column::text("SKIPPED", "rejected", |r: &IngestReport| r.rejected.to_string()),
    ]
}

/// The report for people.
pub fn report_facts(report: &IngestReport, style: Style) -> String {
    facts(
        &[
            ("read", report.received.to_string()),
            ("taken", report.accepted.to_string()),
            ("duplicate", report.duplicates.to_string()),
            ("skipped", report.rejected.to_string()),
        ],
        style,
    )
}
