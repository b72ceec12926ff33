//! `dim backtest`: opens the history's files (gzip or plain), makes one service call, prints the answer.
//!
//! Invariant: works without a server; the price books are handed in, since this edge knows no file of prices. Data goes to standard
//! output, everything else to standard error.

use crate::domain::placement::backtest::{BacktestReport, Weight};
use crate::domain::price::book::PriceBooks;
use crate::domain::price::dense::ClassChoice;
use crate::edges::cli::backtest_text::{lines, tables};
use crate::edges::cli::exit::{CliError, Exit};
use crate::edges::cli::node::Node;
use crate::edges::cli::options::Format;
use crate::edges::cli::output::{Out, note};
use crate::services::ServiceError;
use crate::services::backtest::{BacktestRequest, read_history, run as play};
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Classes by how soon they answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Classes {
    /// Only classes that answer at once.
    #[default]
    Instant,
    /// Archives too, which answer after hours.
    All,
}

/// How datasets are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Weighting {
    /// Each counts as one of 1 GB.
    #[default]
    Equal,
    /// Each counts with its size: the real bill.
    Dollar,
}

/// Replay an access history against every policy: what each would have cost, without looking ahead.
///
/// `ratio` is a policy's cost over the exact optimum in hindsight that keeps to plain classes (the unit of published figures);
/// the policy `optimum` has ratio 1. A class that the vendor manages changes tier without a charge and can be below 1.
/// `ratio_to_optimum_with_managed` is over the optimum of all allowed classes, which no policy can beat; with
/// --exclude-managed both are the same. Every policy starts in the hot class on the dataset's first day. CSV has a row a
/// policy, or with --by-dataset a row a dataset and policy.
#[derive(Clone, Debug, Args)]
pub struct BacktestArgs {
    /// Access history: CSV with the header unix_time,object_id,op,size_bytes; may be gzipped.
    #[arg(long)]
    pub events: PathBuf,
    /// Its datasets: CSV with the header object_id,size_bytes,n_files,created_unix; may be gzipped.
    #[arg(long)]
    pub objects: PathBuf,
    /// aws, gcs, azure, or the name of a price book.
    #[arg(long, default_value = "aws")]
    pub prices: String,
    /// Which classes may be chosen.
    #[arg(long, value_enum, default_value_t)]
    pub classes: Classes,
    /// How datasets are added up.
    #[arg(long, value_enum, default_value_t)]
    pub weight: Weighting,
    /// Leave out classes that the vendor manages (Intelligent-Tiering, Autoclass).
    #[arg(long)]
    pub exclude_managed: bool,
    /// List each dataset too.
    #[arg(long)]
    pub by_dataset: bool,
    /// Compare the stated confidence of each recommended move with what came of it within 90 days (table, JSON and YAML).
    #[arg(long)]
    pub calibration: bool,
    /// Directory of price books that replace those built in.
    #[arg(long, env = "DIM_PRICES_DIR")]
    pub prices_dir: Option<PathBuf>,
}

/// Carries the command out.
///
/// # Errors
/// A file that cannot be read, an unknown price book, an option that is not supported yet.
pub fn run(args: &BacktestArgs, books: &PriceBooks, format: Format) -> Result<(), CliError> {
    let report = answer(args, books).map_err(|error| {
        let exit = match error {
            ServiceError::Invalid { .. } => Exit::Usage,
            ServiceError::NotFound { .. } => Exit::NotFound,
            _ => Exit::Failure,
        };
        CliError::new(exit, error.to_string())
    })?;
    let out = Out::new(format);
    let unwritten = |e: &dyn std::fmt::Display| CliError::failure(format!("cannot write the report: {e}"));
    match format {
        Format::Table => out.text(&tables(&report, out.style)),
        Format::Csv => out.text(&lines(&report).map_err(|e| unwritten(&e))?),
        Format::Json => out.text(&serde_json::to_string_pretty(&report).map_err(|e| unwritten(&e))?),
        Format::Yaml => {
            let json = serde_json::to_string(&report).map_err(|e| unwritten(&e))?;
            let node: Node = serde_json::from_str(&json).map_err(|e| unwritten(&e))?;
            out.text(&node.to_yaml())
        }
    }
}

fn answer(args: &BacktestArgs, books: &PriceBooks) -> Result<BacktestReport, ServiceError> {
    let read = read_history(open(&args.events)?, open(&args.objects)?)?;
    for reason in &read.reasons {
        note(&format!("dim: skipped {reason}"));
    }
    if read.skipped > 0 {
        note(&format!("dim: {} lines were skipped", read.skipped));
    }
    let request = BacktestRequest {
        prices: args.prices.clone(),
        classes: ClassChoice {
            archive: args.classes == Classes::All,
            managed: !args.exclude_managed,
        },
        weight: match args.weight {
            Weighting::Equal => Weight::Equal,
            Weighting::Dollar => Weight::Dollar,
        },
        by_dataset: args.by_dataset,
        calibration: args.calibration,
        course: None,
    };
    play(books, &read, &request)
}

/// Opens a file; whether it is gzipped is told by its first bytes.
pub(in crate::edges) fn open(path: &Path) -> Result<Box<dyn BufRead>, ServiceError> {
    let bad = |e: std::io::Error| {
        ServiceError::invalid("unreadable_file", format!("cannot read {}: {e}", path.display()))
    };
    let mut file = BufReader::new(File::open(path).map_err(bad)?);
    if file.fill_buf().map_err(bad)?.starts_with(&[0x1f, 0x8b]) {
        let plain: Box<dyn Read> = Box::new(flate2::bufread::MultiGzDecoder::new(file));
        return Ok(Box::new(BufReader::new(plain)));
    }
    Ok(Box::new(file))
}
