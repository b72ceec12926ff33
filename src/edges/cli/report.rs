//! `dim report`: the reports in a terminal, as CSV, JSON and YAML, and as a file that prints.
//!
//! Invariant: every figure is the server's; the file that `--html` writes is the server's as well and needs nothing else.

use super::client::{Client, segment};
use super::exit::CliError;
use super::options::Format;
use super::output::{Out, note};
use super::style::{Style, clean, width};
use super::table::Tint;
use crate::domain::report::{Report, ReportName, Table};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Which report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Which {
    /// What moves were forecast to save, what they have saved, and what is open
    Savings,
    /// Where everything stands, and what it costs
    #[value(alias = "inventory")]
    Placement,
    /// Every move and every stage of it
    Moves,
    /// Whether stated confidence came true, and the regret to the optimum
    Advice,
}

impl Which {
    fn name(self) -> ReportName {
        match self {
            Self::Savings => ReportName::Savings,
            Self::Placement => ReportName::Placement,
            Self::Moves => ReportName::Moves,
            Self::Advice => ReportName::Advice,
        }
    }
}

/// Arguments of `dim report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which report
    #[arg(value_enum)]
    report: Which,
    /// Only the last so many days, for savings and moves
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=36_500))]
    days: Option<i64>,
    /// Rows of a table at most, up to 20,000; sums are over all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    limit: Option<u32>,
    /// Only this table, by its key; CSV holds the main one without it
    #[arg(long, value_name = "KEY")]
    table: Option<String>,
    /// Write a page that prints, in one file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl ReportArgs {
    fn path(&self, ending: &str) -> String {
        let mut path = format!("/api/v1/reports/{}{ending}", self.report.name());
        let fields = [
            self.days.map(|n| format!("days={n}")),
            self.limit.map(|n| format!("limit={n}")),
            self.table
                .as_ref()
                .filter(|_| ending == ".csv")
                .map(|t| format!("table={}", segment(t))),
        ];
        for (i, field) in fields.into_iter().flatten().enumerate() {
            path.push(if i == 0 { '?' } else { '&' });
            path.push_str(&field);
        }
        path
    }
}

/// Carries out `dim report`.
///
/// # Errors
/// No server, its refusal, or a file that cannot be written.
pub async fn run(args: ReportArgs, client: &Client, out: Out) -> Result<(), CliError> {
    if let Some(file) = &args.html {
        let html = client.text(&args.path(".html")).await?;
        std::fs::write(file, html).map_err(|e| {
            CliError::failure(format!("cannot write {}: {e}", file.display()))
                .hint("nothing was changed at the server; name another file")
        })?;
        note(&format!("written: {}", file.display()));
        return Ok(());
    }
    if out.format == Format::Csv {
        return out.text(&client.text(&args.path(".csv")).await?);
    }
    let reply = client.get(&args.path("")).await?;
    if out.format != Format::Table {
        return out.reply(&reply);
    }
    let report: Report = reply.typed()?;
    if let Some(key) = &args.table {
        let found = report.table(Some(key)).ok_or_else(|| {
            let keys: Vec<_> = report.tables.iter().map(|t| t.key.as_str()).collect();
            CliError::usage(format!(
                "this report has no table {key:?}; it has {}",
                keys.join(", ")
            ))
        })?;
        return out.text(&lines(found, out.style));
    }
    out.text(&text(&report, out.style))
}

fn text(r: &Report, style: Style) -> String {
    let mut shown = format!("{}, {}\n{}\n\n", style.bold(&r.title), r.span(), r.lead);
    let widest = r.figures.iter().map(|f| width(&f.label)).max().unwrap_or(0);
    for f in &r.figures {
        let pad = " ".repeat(widest - width(&f.label));
        let note = style.tint(Tint::Faint, &f.note);
        shown.push_str(&format!("{}{pad}  {}  {note}\n", f.label, f.value.show(f.unit)));
    }
    for t in &r.tables {
        shown.push_str(&format!(
            "\n{} {}\n",
            style.bold(&t.title),
            style.tint(Tint::Faint, &format!("(--table {})", t.key))
        ));
        shown.push_str(&lines(t, style));
    }
    for note in &r.notes {
        shown.push_str(&format!("\n{}\n", style.tint(Tint::Faint, note)));
    }
    shown
}

/// A table as aligned lines, like every other of the command line.
fn lines(t: &Table, style: Style) -> String {
    if t.rows.is_empty() {
        return format!("{}\n", t.empty);
    }
    let columns: Vec<_> = t.shown().collect();
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|(_, c)| c.title.to_uppercase()).collect()];
    let cell = |row: &[crate::domain::report::Cell], (i, c): &(usize, &crate::domain::report::Column)| {
        row.get(*i).map_or_else(String::new, |v| clean(&v.show(c.unit)))
    };
    rows.extend(
        t.rows
            .iter()
            .map(|row| columns.iter().map(|c| cell(row, c)).collect()),
    );
    rows.extend(t.total.iter().map(|row| {
        columns
            .iter()
            .map(|c| match row.get(c.0) {
                Some(crate::domain::report::Cell::Empty) | None => String::new(),
                Some(_) => cell(row, c),
            })
            .collect()
    }));
    let widths: Vec<usize> = (0..columns.len())
        .map(|i| rows.iter().map(|row| width(&row[i])).max().unwrap_or(0))
        .collect();
    let mut shown = String::new();
    for (n, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (i, text) in row.iter().enumerate() {
            let pad = " ".repeat(widths[i] - width(text));
            if columns[i].1.unit.is_number() {
                line.push_str(&pad);
                line.push_str(text);
            } else {
                line.push_str(text);
                line.push_str(&pad);
            }
            line.push_str("  ");
        }
        let line = line.trim_end();
        shown.push_str(&if n == 0 { style.bold(line) } else { line.to_owned() });
        shown.push('\n');
    }
    if t.left_out() > 0 {
        shown.push_str(&format!(
            "{} of {} rows; --limit shows more\n",
            t.rows.len(),
            t.row_count
        ));
    }
    shown
}
