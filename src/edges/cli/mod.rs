//! The command line: reads arguments, makes one call to a server, prints the answer.
//!
//! Invariant: a command speaks to the server over HTTP as any other program could; [`exit::CliError`] is its only way to end
//! badly. Knows no database and no page; `dim serve` itself is started by `main.rs`.

pub mod access;
pub mod backtest;
mod backtest_text;
pub mod client;
pub mod config;
mod counting;
pub mod datasets;
pub mod db;
pub mod decrypt;
pub mod events;
pub mod exit;
pub mod health;
pub mod import;
pub mod jobs;
pub mod labels;
mod limits;
pub mod locations;
pub mod migrate;
pub mod mover;
pub mod node;
pub mod options;
mod outcome_text;
pub mod output;
pub mod policies;
pub mod prices;
pub mod recommendation_text;
pub mod recommendations;
pub mod report;
pub mod serve;
pub mod style;
pub mod table;
pub mod verify;
pub mod watch;

use clap::{Parser, Subcommand};
use client::Client;
use exit::CliError;
use options::ClientOptions;
use output::Out;
use std::process::ExitCode;
use style::Style;
use table::Tint;

/// Intelligent data placement: catalog, telemetry, priced recommendations and verified moves.
#[derive(Debug, Parser)]
#[command(name = "dim", version, about, propagate_version = true)]
pub struct Cli {
    /// Which server, and which form of output.
    #[command(flatten)]
    pub options: ClientOptions,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server: API, dashboard and roles.
    Serve(Box<serve::ServeArgs>),
    /// Ask a server's parts how they are; exit 0 only if all are well.
    Health,
    /// Places where data can stand.
    #[command(subcommand)]
    Locations(locations::Locations),
    /// The units that are placed.
    #[command(subcommand)]
    Datasets(datasets::Datasets),
    /// Report one access, or import a history of them.
    Access(access::Access),
    /// Where each dataset should stand, what that saves and why; accept, snooze or turn down.
    Recommendations(recommendations::Recommendations),
    /// Plan moves.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// What storing, reading and moving costs, with the source of each figure.
    #[command(subcommand)]
    Prices(prices::Prices),
    /// Moves that wait, run or have ended.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// How fast bytes may move: in total, for a location, for a job.
    #[command(subcommand)]
    Limits(limits::Limits),
    /// Rules about where datasets may stand: places, residency, latency, copies, pins.
    #[command(subcommand)]
    Policies(policies::Policies),
    /// Follow what happens, live.
    #[command(subcommand)]
    Watch(watch::Watch),
    /// Settings, and where they come from.
    #[command(subcommand)]
    Config(config::Config),
    /// Copy a database into another one, also from SQLite to Postgres or back.
    #[command(subcommand)]
    Db(db::Db),
    /// Run a mover alone: takes jobs from a database that it shares with servers.
    Mover(Box<mover::MoverArgs>),
    /// Reports that print: savings, placement, moves, and how good the advice was.
    Report(report::ReportArgs),
    /// Check the receipt of a move against the store, without a server.
    Verify(verify::VerifyArgs),
    /// Decrypt an object that a move has encrypted, without a server.
    Decrypt(decrypt::DecryptArgs),
    /// Replay an access history against every policy: what each would have cost, without looking ahead.
    Backtest(backtest::BacktestArgs),
}

/// Carries out a command that speaks to a server.
pub async fn run(command: Command, options: &ClientOptions) -> ExitCode {
    finish(dispatch(command, options).await)
}

/// Says on standard error what went wrong, and gives the exit code.
#[must_use]
pub fn finish(ended: Result<(), CliError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.silent => ExitCode::SUCCESS,
        Err(error) => {
            let head = Style::of_stderr().tint(Tint::Bad, "dim:");
            output::note(&format!("{head} {error}"));
            ExitCode::from(error.exit as u8)
        }
    }
}

async fn dispatch(command: Command, options: &ClientOptions) -> Result<(), CliError> {
    let client = || Client::new(options);
    let out = Out::new(options.format());
    match command {
        Command::Config(command) => config::run(&command, options),
        Command::Serve(_) => Err(CliError::usage(
            "`dim serve` is a program of its own, not a call to a server",
        )),
        Command::Verify(_) => Err(CliError::usage("`dim verify` works without a server")),
        Command::Decrypt(_) => Err(CliError::usage("`dim decrypt` works without a server")),
        Command::Mover(_) => Err(CliError::usage(
            "`dim mover` is a program of its own, not a call to a server",
        )),
        Command::Db(_) => Err(CliError::usage("`dim db` works without a server")),
        Command::Backtest(_) => Err(CliError::usage("`dim backtest` works without a server")),
        Command::Health => health::run(&client()?, out).await,
        Command::Locations(command) => locations::run(command, &client()?, out).await,
        Command::Datasets(command) => datasets::run(command, &client()?, out).await,
        Command::Access(access) => access::run(access, &client()?, out).await,
        Command::Recommendations(asked) => recommendations::run(asked, &client()?, out).await,
        Command::Migrate(command) => migrate::run(command, &client()?, out).await,
        Command::Prices(command) => prices::run(command, &client()?, out).await,
        Command::Jobs(command) => jobs::run(command, &client()?, out).await,
        Command::Report(args) => report::run(args, &client()?, out).await,
        Command::Limits(command) => limits::run(command, &client()?, out).await,
        Command::Policies(command) => policies::run(command, &client()?, out).await,
        Command::Watch(command) => watch::run(command, &client()?, out).await,
    }
}
