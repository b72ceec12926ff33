//! `dim backtest`: opens the history's files (gzip or plain), makes one service call, prints the answer.
//!
//! Invariant: works without a server; the price books are handed in, since this edge knows no file of prices. Data goes to standard
//! output, everything else to standard error.

use crate::domain::placement::backtest::{BacktestReport, Weight};
use crate::domain::price::book::PriceBooks;
use crate::domain::price::dense::ClassChoice;
use crate::domain::unit::group_thousands;
use crate::edges::cli::exit::{CliError, Exit};
use crate::edges::cli::options::Format;
use crate::edges::cli::output::{Out, note};
use crate::services::ServiceError;
use crate::services::backtest::{BacktestRequest, read_history, run as play};
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
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
    /// Compare stated confidence with what happened (not supported yet).
    #[arg(long)]
    pub calibration: bool,
    /// Directory of price books that replace those built in.
    #[arg(long, env = "DIM_PRICES_DIR")]
    pub prices_dir: Option<PathBuf>,
}

/// Carries the command out.
///
/// # Errors
/// A file that cannot be read, an unknown price book, a form of output or option that is not supported yet.
pub fn run(args: &BacktestArgs, books: &PriceBooks, format: Format) -> Result<(), CliError> {
    if !matches!(format, Format::Table | Format::Json) {
        return Err(CliError::failure(
            "not supported yet: a backtest as YAML or CSV; use -o table or -o json",
        ));
    }
    let report = answer(args, books).map_err(|error| {
        let exit = match error {
            ServiceError::Invalid { .. } => Exit::Usage,
            ServiceError::NotFound { .. } => Exit::NotFound,
            _ => Exit::Failure,
        };
        CliError::new(exit, error.to_string())
    })?;
    let out = Out::new(format);
    if format == Format::Table {
        return out.text(&table(&report));
    }
    let json = serde_json::to_string_pretty(&report)
        .map_err(|e| CliError::failure(format!("cannot write JSON: {e}")))?;
    out.text(&json)
}

fn answer(args: &BacktestArgs, books: &PriceBooks) -> Result<BacktestReport, ServiceError> {
    if args.calibration {
        return Err(ServiceError::not_supported(
            "--calibration; a recommendation states no calibrated confidence yet",
        ));
    }
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

fn table(r: &BacktestReport) -> String {
    let mut out = String::new();
    let basis = match r.weight {
        Weight::Equal => "each dataset counted as 1 GB",
        Weight::Dollar => "each dataset counted with its size",
    };
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "{} datasets, {} events, {} days; prices {} of {}; {basis}",
        group_thousands(r.datasets),
        group_thousands(r.events),
        r.span_days,
        r.prices.name,
        r.prices.date
    );
    let _ = writeln!(
        out,
        "ratio: to the optimum in hindsight over the same classes ({}), ${:.4}\nto plain: to the optimum over plain classes alone, ${:.4}\n",
        r.classes.join(", "),
        r.optimum_usd,
        r.optimum_plain_usd
    );
    let _ = writeln!(
        out,
        "{:<30} {:>7} {:>8} {:>14} {:>8} {:>14} {:>12} {:>12} {:>12} {:>7}  worst dataset",
        "policy", "ratio", "to plain", "usd", "moves", "storage", "read", "move", "early del.", "worst"
    );
    for p in &r.policies {
        let _ = writeln!(
            out,
            "{:<30} {:>7.3} {:>8.3} {:>14.4} {:>8} {:>14.4} {:>12.4} {:>12.4} {:>12.4} {:>7.2}  {}",
            p.name,
            p.ratio,
            p.ratio_to_plain,
            p.usd,
            p.moves,
            p.storage_usd,
            p.read_usd,
            p.move_usd,
            p.early_deletion_usd,
            p.worst_ratio,
            p.worst_dataset
        );
    }
    if !r.by_dataset.is_empty() {
        let _ = writeln!(
            out,
            "\n{:<30} {:>20} {:>14} {:>7} {:>6}",
            "dataset", "bytes", "optimum usd", "ratio", "moves"
        );
    }
    for d in &r.by_dataset {
        let own = &d.policies[0];
        let _ = writeln!(
            out,
            "{:<30} {:>20} {:>14.4} {:>7.3} {:>6}",
            d.object_id,
            group_thousands(d.size_bytes.0),
            d.optimum_usd,
            own.ratio,
            own.moves
        );
    }
    out
}
