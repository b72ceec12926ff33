//! What every command takes: which server, which token, which form of output.
//!
//! Invariant: data goes to standard output and everything else to standard error; `--json` is `-o json`.

use clap::{Args, ValueEnum};

/// Forms of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// The server's JSON, indented.
    Json,
    /// The same as YAML.
    Yaml,
    /// A header and one line a row, raw values.
    Csv,
}

/// Options of every command that speaks to a server.
#[derive(Args, Clone, Debug)]
pub struct ClientOptions {
    /// The server's address
    #[arg(
        long,
        global = true,
        env = "DIM_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        help_heading = "Connection"
    )]
    pub server: String,

    /// Token, where the server asks for one
    #[arg(
        long,
        global = true,
        env = "DIM_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Connection"
    )]
    pub token: Option<String>,

    /// Seconds to wait for an answer
    #[arg(long, global = true, env = "DIM_TIMEOUT", value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400), help_heading = "Connection")]
    pub timeout: u64,

    /// Form of the output
    #[arg(
        short = 'o',
        long,
        global = true,
        env = "DIM_OUTPUT",
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub output: Format,

    /// The same as -o json
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
}

impl ClientOptions {
    /// The form that was asked for.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }
}
