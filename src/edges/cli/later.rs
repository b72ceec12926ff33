//! Commands that are named but not built: they say so, and what works instead.
//!
//! Invariant: nothing is started or written, and the exit code is that of a failure.

use super::exit::CliError;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Which report.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// What moves have saved and could save (not supported yet)
    Savings(ReportArgs),
    /// Where the data stands (not supported yet)
    Placement(ReportArgs),
    /// What was moved (not supported yet)
    Moves(ReportArgs),
}

/// Arguments of a report.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Write a printable page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// `dim report …`.
///
/// # Errors
/// Always.
pub fn report(report: &Report) -> Result<(), CliError> {
    let (name, instead) = match report {
        Report::Savings(_) => ("savings", "dim recommendations"),
        Report::Placement(_) => ("placement", "dim datasets list"),
        Report::Moves(_) => ("moves", "dim jobs list"),
    };
    Err(CliError::failure(format!(
        "not supported yet: the report {name}. Nothing was written"
    ))
    .hint(format!(
        "`{instead} -o csv` prints the figures that it will be made of"
    )))
}
