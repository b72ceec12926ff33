//! `dim prices list|show|diff`.

use super::client::{Client, Reply, segment};
use super::exit::CliError;
use super::locations::items;
use super::output::{Out, note};
use super::style::Style;
use super::table::{Column, Tint, facts, render};
use crate::domain::price::book::{FigureRow, PriceBook};
use crate::domain::price::line::Grade;
use crate::domain::price::listing::{BookSummary, FigureDifference};
use clap::Subcommand;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What to do with price books.
#[derive(Debug, Subcommand)]
pub enum Prices {
    /// List the price books and the locations that use them
    List,
    /// Show every figure of a book with its source, date and grade
    Show {
        /// Its name, such as aws/us-east-1
        book: String,
    },
    /// Copy a book's file, to edit it and load it with `dim serve --prices-dir DIR`
    Copy {
        /// Its name, such as aws/us-east-1
        book: String,
        /// The file to write, which must not exist; standard output when left out
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Show what differs between two books
    Diff {
        /// The first book
        left: String,
        /// The second book
        right: String,
    },
}

/// Carries out a command on price books.
///
/// # Errors
/// No server, or its refusal.
pub async fn run(command: Prices, client: &Client, out: Out) -> Result<(), CliError> {
    match command {
        Prices::List => {
            let reply = client.list("/api/v1/prices", &[]).await?;
            let rows: Vec<BookSummary> = items(&reply)?;
            out.rows(&reply, &books(), &rows, "no price books are loaded")
        }
        Prices::Show { book } => {
            let reply = client.get(&path(&book, "")).await?;
            let found: PriceBook = reply.typed()?;
            show(&found, &reply, out)
        }
        Prices::Copy { book, to } => {
            let text = client.text(&path(&book, "/file")).await?;
            let Some(to) = to else {
                return out.text(&text);
            };
            write_new(&to, &text).map_err(|e| {
                CliError::failure(format!("cannot write {}: {e}; nothing was changed", to.display()))
            })?;
            note(&format!(
                "{book} is in {}; edit it and start the server with --prices-dir {}",
                to.display(),
                to.parent()
                    .filter(|p| !p.as_os_str().is_empty())
                    .unwrap_or(Path::new("."))
                    .display()
            ));
            Ok(())
        }
        Prices::Diff { left, right } => {
            let rest = format!("/differences/{}", segment(&right));
            let reply = client.get(&path(&left, &rest)).await?;
            let rows: Vec<FigureDifference> = items(&reply)?;
            let empty = format!("{left} and {right} agree on every figure");
            out.rows(&reply, &changes(), &rows, &empty)
        }
    }
}

/// Writes a file that does not exist yet, and the directories above it.
fn write_new(to: &Path, text: &str) -> std::io::Result<()> {
    if let Some(above) = to.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(above)?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(to)?;
    file.write_all(text.as_bytes())
}

fn path(book: &str, rest: &str) -> String {
    format!("/api/v1/prices/{}{rest}", segment(book))
}

fn show(book: &PriceBook, reply: &Reply, out: Out) -> Result<(), CliError> {
    let rows = book.figures();
    if rows.iter().any(|r| r.grade == Grade::C) {
        note("grade C: sources disagree, or general knowledge; check these figures before you rely on them");
    }
    match out.format {
        super::options::Format::Table => out.text(&format!(
            "{}{}",
            head(book, out.style),
            render(&figures(), &rows, out.style)
        )),
        _ => out.rows(reply, &figures(), &rows, ""),
    }
}

fn head(book: &PriceBook, style: Style) -> String {
    let origin = if book.assumption {
        format!("{} (an assumption: set your own)", book.origin)
    } else {
        book.origin.clone()
    };
    let rows = [
        ("book", book.name.clone()),
        ("title", book.title.clone()),
        ("date", format!("{}, version {}", book.date, book.version)),
        ("a gigabyte is", format!("1 {}", book.unit.as_str())),
        ("from", origin),
    ];
    facts(&rows, style) + "\n"
}

fn books() -> Vec<Column<BookSummary>> {
    vec![
        Column::text("BOOK", "name", |r: &BookSummary| r.name.clone()),
        Column::text("DATE", "date", |r: &BookSummary| r.date.clone()),
        Column::text("CLASSES", "classes", |r: &BookSummary| r.classes.join(", ")),
        Column::number(
            "A",
            "figures_a",
            |r: &BookSummary| r.figures_by_grade[0].to_string(),
            |r: &BookSummary| r.figures_by_grade[0].to_string(),
        ),
        Column::number(
            "B",
            "figures_b",
            |r: &BookSummary| r.figures_by_grade[1].to_string(),
            |r: &BookSummary| r.figures_by_grade[1].to_string(),
        ),
        Column::number(
            "C",
            "figures_c",
            |r: &BookSummary| r.figures_by_grade[2].to_string(),
            |r: &BookSummary| r.figures_by_grade[2].to_string(),
        )
        .tinted(|r| {
            if r.figures_by_grade[2] > 0 {
                Tint::Warn
            } else {
                Tint::None
            }
        }),
        Column::text("USED BY", "locations", |r: &BookSummary| r.locations.join(", ")),
        Column::text("FROM", "origin", |r: &BookSummary| {
            let own = if r.is_own { "own: " } else { "" };
            let assumed = if r.assumption { ", assumed" } else { "" };
            format!("{own}{}{assumed}", r.origin)
        })
        .tinted(|r| if r.is_own { Tint::Good } else { Tint::Faint }),
    ]
}

fn figures() -> Vec<Column<FigureRow>> {
    vec![
        Column::text("CLASS", "class", |r: &FigureRow| {
            r.class.clone().unwrap_or_else(|| "all".into())
        }),
        Column::text("FIGURE", "name", |r: &FigureRow| r.name.clone()),
        Column::number("VALUE", "value", FigureRow::value_text, FigureRow::value_text),
        Column::text("GRADE", "grade", |r: &FigureRow| r.grade.as_str().to_owned()).tinted(|r| {
            if r.grade == Grade::C {
                Tint::Warn
            } else {
                Tint::None
            }
        }),
        Column::text("DATE", "date", |r: &FigureRow| r.date.clone()),
        Column::text("SOURCE", "source", |r: &FigureRow| {
            let remark = r.note.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
            format!("{}{remark}", r.source)
        })
        .tinted(|_| Tint::Faint),
    ]
}

fn changes() -> Vec<Column<FigureDifference>> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    vec![
        Column::text("CLASS", "class", |r: &FigureDifference| {
            r.class.clone().unwrap_or_else(|| "all".into())
        }),
        Column::text("FIGURE", "name", |r: &FigureDifference| r.name.clone()),
        Column::number(
            "FIRST",
            "left",
            move |r: &FigureDifference| or_none(&r.left),
            move |r: &FigureDifference| or_none(&r.left),
        ),
        Column::number(
            "SECOND",
            "right",
            move |r: &FigureDifference| or_none(&r.right),
            move |r: &FigureDifference| or_none(&r.right),
        ),
    ]
}
