//! `dim config show`: every setting of a server as this directory and environment would give it.
//!
//! Invariant: a password in an address is not printed.

use super::client::Reply;
use super::exit::CliError;
use super::options::ClientOptions;
use super::output::Out;
use super::table::Column;
use crate::config::{Resolved, SETTINGS};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What to do about settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print every setting as `dim serve` would use it here
    Show(Show),
}

/// Arguments of `dim config show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Say where each value comes from: flag, environment, file or default
    #[arg(long)]
    origin: bool,
    /// Settings file
    #[arg(long, env = "DIM_CONFIG", default_value = "dim.toml")]
    config: PathBuf,
}

#[derive(Serialize)]
struct Row {
    key: &'static str,
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    help: &'static str,
}

/// Prints the settings.
///
/// # Errors
/// A file that cannot be read, or a value that could not be used.
pub fn run(command: &Config, options: &ClientOptions) -> Result<(), CliError> {
    let Config::Show(show) = command;
    let bad = |error: crate::config::ConfigError| CliError::usage(error.to_string());
    let resolved =
        Resolved::load(&BTreeMap::new(), |name| std::env::var(name).ok(), &show.config).map_err(bad)?;
    let help = |key: &str| SETTINGS.iter().find(|s| s.key == key).map_or("", |s| s.help);
    let rows: Vec<Row> = resolved
        .iter()
        .map(|(key, value, origin)| Row {
            key,
            value: value.map(without_password),
            origin: show.origin.then(|| origin.to_string()),
            help: help(key),
        })
        .collect();
    let json = serde_json::to_string(&serde_json::json!({ "items": rows, "next_cursor": null }))
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| CliError::failure("the settings cannot be written as JSON"))?;
    Out::new(options.format()).rows(&Reply::from_node(json), &columns(show.origin), &rows, "")?;
    // Shown first, refused then: whoever looks for a mistake wants to see it.
    resolved.settings().map(drop).map_err(bad)
}

fn columns(origin: bool) -> Vec<Column<Row>> {
    let mut all = vec![
        Column::text("SETTING", "key", |r: &Row| r.key.to_owned()),
        Column::text("VALUE", "value", |r: &Row| {
            r.value.clone().unwrap_or_else(|| "–".into())
        })
        .raw(|r: &Row| r.value.clone().unwrap_or_default()),
    ];
    if origin {
        all.push(Column::text("FROM", "origin", |r: &Row| {
            r.origin.clone().unwrap_or_default()
        }));
    }
    all.push(Column::text("WHAT FOR", "help", |r: &Row| r.help.to_owned()));
    all
}

/// `scheme://user:***@host/…`.
fn without_password(value: &str) -> String {
    let hidden = || {
        let (scheme, rest) = value.split_once("://")?;
        let (user, host) = rest.split_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:***@{host}"))
    };
    hidden().unwrap_or_else(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_is_not_shown() {
        for (value, shown) in [
            (
                "postgres://dim:secret@db:5432/dim",
                "postgres://dim:***@db:5432/dim",
            ),
            ("postgres://dim@db/dim", "postgres://dim@db/dim"),
            ("sqlite:///a@b/c", "sqlite:///a@b/c"),
            ("./data", "./data"),
        ] {
            assert_eq!(without_password(value), shown);
        }
    }
}
