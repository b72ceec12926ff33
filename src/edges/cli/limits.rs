//! `dim limits list|set|clear`.

use super::Client;
use super::exit::CliError;
use super::locations::items;
use super::migrate::bytes;
use super::output::{Out, note};
use super::style::or_dash;
use super::table::Column;
use crate::domain::migration::limit::{Limit, NewLimit};
use crate::domain::unit::Bytes;
use clap::{Args, Subcommand};

/// What to do with limits.
#[derive(Debug, Subcommand)]
pub enum Limits {
    /// List the limits that are set
    List,
    /// Set a limit; in force at once, also for moves under way
    Set(Set),
    /// Take a limit away
    Clear {
        /// total, location:NAME or job:ID
        scope: String,
    },
}

/// Arguments of `dim limits set`.
#[derive(Debug, Args)]
pub struct Set {
    /// total, location:NAME or job:ID
    scope: String,
    /// Bytes a second, such as 50MB; bytes read back to verify count as well
    #[arg(long, value_name = "BYTES", value_parser = bytes, required_unless_present = "requests")]
    bandwidth: Option<Bytes>,
    /// Objects begun a second
    #[arg(long, value_name = "NUMBER")]
    requests: Option<u32>,
}

/// Carries out a command on limits.
///
/// # Errors
/// No server, or its refusal.
pub async fn run(command: Limits, client: &Client, out: Out) -> Result<(), CliError> {
    let reply = match command {
        Limits::List => client.get("/api/v1/limits").await?,
        Limits::Set(set) => {
            let new = NewLimit {
                scope: set.scope,
                bytes_per_sec: set.bandwidth,
                requests_per_sec: set.requests,
            };
            client.post("/api/v1/limits", &new).await?
        }
        Limits::Clear { scope } => {
            let none = NewLimit {
                scope,
                ..NewLimit::default()
            };
            let reply = client.post("/api/v1/limits", &none).await?;
            note(&format!("{} has no limit any more", none.scope));
            reply
        }
    };
    let rows: Vec<Limit> = items(&reply)?;
    let empty = "no limits are set; set one with: dim limits set total --bandwidth 50MB";
    out.rows(&reply, &columns(), &rows, empty)
}

fn columns() -> Vec<Column<Limit>> {
    vec![
        Column::text("FOR", "scope", |r: &Limit| r.scope.clone()),
        Column::number(
            "BYTES A SECOND",
            "bytes_per_sec",
            |r: &Limit| or_dash(r.bytes_per_sec),
            |r: &Limit| r.bytes_per_sec.map_or_else(String::new, |b| b.0.to_string()),
        ),
        Column::number(
            "OBJECTS A SECOND",
            "requests_per_sec",
            |r: &Limit| or_dash(r.requests_per_sec),
            |r: &Limit| r.requests_per_sec.map_or_else(String::new, |n| n.to_string()),
        ),
    ]
}
