//! `dim db copy`: what it is told, and what it prints. The work is done by the program itself, without a server.

use super::client::Reply;
use super::exit::CliError;
use super::output::Out;
use super::table::Column;
use crate::config::Database;
use clap::{Args, Subcommand};
use serde::Serialize;

/// What to do with databases.
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Copy everything into another, empty database, and compare it there. Stop the servers first
    Copy(Copy),
}

/// Arguments of `dim db copy`.
#[derive(Debug, Args)]
pub struct Copy {
    /// Where the data is: sqlite://PATH or postgres://USER@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL")]
    from: String,
    /// Where it goes: an empty database
    #[arg(long, value_name = "URL")]
    to: String,
}

impl Copy {
    /// Both addresses.
    ///
    /// # Errors
    /// An address of neither kind, the same one twice, or a file that is not there.
    pub fn places(&self) -> Result<(Database, Database), CliError> {
        let read = |flag: &str, url: &str| {
            Database::parse(url).map_err(|problem| CliError::usage(format!("{flag}: {problem}")))
        };
        let (from, to) = (read("--from", &self.from)?, read("--to", &self.to)?);
        if from == to {
            return Err(CliError::usage("--from and --to are the same database"));
        }
        if let Database::Sqlite(path) = &from
            && !path.is_file()
        {
            return Err(CliError::failure(format!(
                "there is no database {}; nothing was copied",
                path.display()
            )));
        }
        Ok((from, to))
    }
}

/// A table as it is told.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Its name.
    pub table: String,
    /// Rows on both sides.
    pub rows: i64,
    /// Hash over them on both sides.
    pub hash: String,
}

/// Prints what was copied.
///
/// # Errors
/// When it cannot be written.
pub fn print(lines: &[Line], out: Out) -> Result<(), CliError> {
    let json = serde_json::to_string(&serde_json::json!({ "items": lines, "next_cursor": null }))
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| CliError::failure("the answer cannot be written as JSON"))?;
    let columns = vec![
        Column::text("TABLE", "table", |l: &Line| l.table.clone()),
        Column::text("ROWS", "rows", |l: &Line| l.rows.to_string()),
        Column::text("HASH ON BOTH SIDES", "hash", |l: &Line| l.hash.clone()),
    ];
    out.rows(&Reply::from_node(json), &columns, lines, "")
}
