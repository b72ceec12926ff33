//! The command line: reads arguments, makes one call to a server, prints the answer.
//!
//! Knows no database and no page; `dim serve` itself is started by `main.rs`.

pub mod serve;

use clap::{Parser, Subcommand};

/// Intelligent data placement: catalog, telemetry, priced recommendations and verified moves.
#[derive(Debug, Parser)]
#[command(name = "dim", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server: API, dashboard and roles.
    Serve(serve::ServeArgs),
}
