//! `dim backtest`: reads an access history and a price book, and asks the domain what every policy would have cost.
//!
//! Invariant: a bad line is skipped, counted and told with its number; it is never guessed at. Needs no server and no database.
//! The comparison itself is [`crate::domain::placement::backtest`].

use crate::domain::name::StorageClass;
use crate::domain::placement::backtest::{BacktestReport, PricesUsed, Weight, backtest};
use crate::domain::placement::curve::curves;
use crate::domain::placement::history::{
    Columns, EVENT_COLUMNS, EventRecord, History, HistoryBuilder, LineError, OBJECT_COLUMNS,
};
use crate::domain::placement::problem::Problem;
use crate::domain::price::book::{PriceBook, PriceBooks};
use crate::domain::price::dense::{ClassChoice, book_problem};
use crate::domain::price::rates::Holding;
use crate::services::{ServiceError, ServiceResult};
use std::io::BufRead;

/// How many refused lines are told one by one.
const TOLD_LINES: usize = 5;

/// What was read from the two files.
#[derive(Clone, Debug)]
pub struct ReadHistory {
    /// The history.
    pub history: History,
    /// Lines of either file that were refused.
    pub skipped: u64,
    /// The first of them, in words.
    pub reasons: Vec<String>,
}

/// Reads a history from plain text.
///
/// # Errors
/// A file that cannot be read, whose header lacks a column, or a history without a dataset.
pub fn read_history(events: impl BufRead, objects: impl BufRead) -> ServiceResult<ReadHistory> {
    read_history_with(events, objects, |_| {})
}

/// The same, and tells each event that was taken, in the order of the file.
///
/// # Errors
/// Those of [`read_history`].
pub fn read_history_with(
    events: impl BufRead,
    objects: impl BufRead,
    mut each: impl FnMut(&EventRecord),
) -> ServiceResult<ReadHistory> {
    let mut builder = HistoryBuilder::default();
    let mut told = Refused::default();
    lines(
        objects,
        "objects",
        &OBJECT_COLUMNS,
        &mut told,
        |columns, text, n| columns.object(text, n).map(|record| builder.object(record)),
    )?;
    lines(events, "events", &EVENT_COLUMNS, &mut told, |columns, text, n| {
        columns.event(text, n).map(|record| {
            builder.event(&record);
            each(&record);
        })
    })?;
    let history = builder.finish();
    if history.datasets.is_empty() {
        return Err(ServiceError::invalid(
            "empty_history",
            "the history holds no dataset with a known size and at least one event",
        ));
    }
    Ok(ReadHistory {
        history,
        skipped: told.count,
        reasons: told.reasons,
    })
}

#[derive(Debug, Default)]
struct Refused {
    count: u64,
    reasons: Vec<String>,
}

fn lines(
    mut text: impl BufRead,
    file: &str,
    names: &[&str],
    refused: &mut Refused,
    mut take: impl FnMut(&Columns, &str, u64) -> Result<(), LineError>,
) -> ServiceResult<()> {
    let invalid = |what: String| ServiceError::invalid("bad_history", format!("the {file} file: {what}"));
    let mut line = String::new();
    let mut columns = None;
    let mut number = 0;
    loop {
        line.clear();
        if text.read_line(&mut line).map_err(|e| invalid(e.to_string()))? == 0 {
            break;
        }
        number += 1;
        let Some(columns) = &columns else {
            columns = Some(Columns::find(&line, names).map_err(|e| invalid(e.to_string()))?);
            continue;
        };
        if line.trim().is_empty() {
            continue;
        }
        if let Err(error) = take(columns, &line, number) {
            refused.count += 1;
            if refused.reasons.len() < TOLD_LINES {
                refused.reasons.push(format!("{file} {error}"));
            }
        }
    }
    match columns {
        Some(_) => Ok(()),
        None => Err(invalid("it is empty".into())),
    }
}

/// What to compare under which prices.
#[derive(Clone, Debug)]
pub struct BacktestRequest {
    /// `aws`, `gcs`, `azure`, or the name of a price book.
    pub prices: String,
    /// Classes to choose from.
    pub classes: ClassChoice,
    /// How datasets are added up.
    pub weight: Weight,
    /// Whether each dataset is listed.
    pub by_dataset: bool,
    /// Whether stated confidence is compared with what came.
    pub calibration: bool,
    /// How the costs of the first dataset add up, where the history is of one dataset.
    pub course: Option<CourseAsked>,
}

/// What a chart of one dataset's costs shows.
#[derive(Clone, Debug, Default)]
pub struct CourseAsked {
    /// Days at most.
    pub points: usize,
    /// What was really done: (day since 1970, class of the book), ascending; empty when that is not known.
    pub actual: Vec<(i64, StorageClass)>,
}

/// Plays every policy through the history.
///
/// # Errors
/// An unknown price book, or one without a class to choose.
pub fn run(
    books: &PriceBooks,
    read: &ReadHistory,
    request: &BacktestRequest,
) -> ServiceResult<BacktestReport> {
    let book = find_book(books, &request.prices)?;
    let history = &read.history;
    let problems: Vec<Problem> = history
        .datasets
        .iter()
        .map(|d| {
            let files = i64::try_from(d.n_files).unwrap_or(i64::MAX);
            book_problem(book, Holding::new(d.size, files), request.classes)
        })
        .collect::<Result<_, _>>()
        .map_err(|e| ServiceError::invalid("no_candidate", format!("price book {}: {e}", book.name)))?;
    let played = backtest(history, &problems)
        .map_err(|e| ServiceError::invalid("no_candidate", format!("price book {}: {e}", book.name)))?;
    let prices = PricesUsed {
        name: book.name.clone(),
        date: book.date.clone(),
    };
    let mut report = played.report(history, prices, request.weight, request.by_dataset);
    if request.calibration {
        report.calibration.clone_from(&played.reliability);
    }
    report.skipped_lines = read.skipped;
    if let (Some(asked), [dataset], [problem]) = (&request.course, &history.datasets[..], &problems[..]) {
        let place = |(day, class): &(i64, StorageClass)| Some((*day, problem.find(class.as_str())?));
        // A class that may not be chosen here makes the whole of it incomparable.
        let actual: Option<Vec<_>> = asked.actual.iter().map(place).collect();
        let drawn = curves(history, problem, &actual.unwrap_or_default(), asked.points)
            .map_err(|e| ServiceError::invalid("no_candidate", format!("price book {}: {e}", book.name)))?;
        report.course = Some(drawn.scaled(match request.weight {
            Weight::Equal => 1.0,
            Weight::Dollar => dataset.size.as_gb(),
        }));
    }
    Ok(report)
}

/// A book by name, or a vendor's usual one.
fn find_book<'a>(books: &'a PriceBooks, name: &str) -> ServiceResult<&'a PriceBook> {
    let usual = match name {
        "aws" => "aws/us-east-1",
        "gcs" => "gcs/us-central1",
        "azure" => "azure/eastus2",
        other => other,
    };
    books
        .find(usual)
        .ok_or_else(|| ServiceError::not_found("price book", name))
}
