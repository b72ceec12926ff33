//! Reports: figures and tables that are read, printed and handed on. A report is data that every edge draws from: page, print,
//! command line, JSON and CSV show the same numbers because they have no others.
//!
//! Invariant: a cell is a plain value and its column says the unit; a sum stands over all rows there are, also those that a limit
//! leaves out. Read `savings`, `placement`, `moves` and `advice` for what each report says.
//!
//! A report knows neither the database nor how it is drawn.

pub mod advice;
pub mod moves;
pub mod placement;
pub mod savings;
mod text;

use crate::domain::unit::{Bytes, NanoUsd, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportName {
    /// What moves have saved, beside what was forecast.
    Savings,
    /// Where everything stands and what it costs.
    Placement,
    /// What was moved: every job and every stage.
    Moves,
    /// How good the advice was.
    Advice,
}

impl ReportName {
    /// Every report, in the order of the menu.
    pub const ALL: [Self; 4] = [Self::Savings, Self::Placement, Self::Moves, Self::Advice];

    /// The word in addresses and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Savings => "savings",
            Self::Placement => "placement",
            Self::Moves => "moves",
            Self::Advice => "advice",
        }
    }

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Savings => "Savings",
            Self::Placement => "Placement inventory",
            Self::Moves => "Audit of moves",
            Self::Advice => "Quality of the advice",
        }
    }

    /// What it answers, in a sentence.
    #[must_use]
    pub fn lead(self) -> &'static str {
        match self {
            Self::Savings => {
                "What completed moves were forecast to save, what they have saved since, and what is still open."
            }
            Self::Placement => {
                "Where every dataset stands, how large it is, what it costs, and which copies are kept."
            }
            Self::Moves => {
                "Every move: what was copied where, how it was checked, how it ended, and each stage."
            }
            Self::Advice => {
                "Whether stated confidence came true, what became of proposals, and how far policies are from the optimum."
            }
        }
    }

    /// Whether it is about a span of time that can be chosen.
    #[must_use]
    pub fn has_span(self) -> bool {
        matches!(self, Self::Savings | Self::Moves)
    }
}

impl fmt::Display for ReportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ReportName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no report; savings, placement, moves and advice are"))
    }
}

/// What a value of a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Words.
    Text,
    /// Addresses, ids and hashes, drawn in a fixed width.
    Code,
    /// Integer nano-dollars.
    Nanousd,
    /// Integer bytes.
    Bytes,
    /// An integer.
    Count,
    /// A number with two decimals.
    Number,
    /// A share, 0 to 1, drawn as percent.
    Share,
    /// Days.
    Days,
    /// Seconds.
    Seconds,
    /// An instant, RFC 3339 in UTC.
    Time,
}

impl Unit {
    /// Whether values stand under each other at the right.
    #[must_use]
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Text | Self::Code | Self::Time)
    }
}

/// A value; its column says the unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cell {
    /// Counts, bytes, nano-dollars.
    Int(i64),
    /// Shares and numbers.
    Float(f64),
    /// Words, and instants as RFC 3339.
    Text(String),
    /// Not known.
    #[default]
    Empty,
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<NanoUsd> for Cell {
    fn from(value: NanoUsd) -> Self {
        Self::Int(value.0)
    }
}

impl From<Bytes> for Cell {
    fn from(value: Bytes) -> Self {
        Self::Int(value.to_i64())
    }
}

impl From<Timestamp> for Cell {
    fn from(value: Timestamp) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// Stable name, also the head of the column in CSV.
    pub key: String,
    /// The head that people read.
    pub title: String,
    /// What its values mean.
    pub unit: Unit,
    /// In JSON and CSV only: drawn nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// The page behind a value: a path that ends with the value of another column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

impl Column {
    /// A column that is drawn.
    #[must_use]
    pub fn new(key: &str, title: &str, unit: Unit) -> Self {
        Self {
            key: key.to_owned(),
            title: title.to_owned(),
            unit,
            hidden: false,
            link: None,
        }
    }

    /// The same for JSON and CSV only.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// The same with a page behind each value: `path` and the value of the column at `at`.
    #[must_use]
    pub fn linked(mut self, path: &str, at: usize) -> Self {
        self.link = Some(Link {
            path: path.to_owned(),
            column: at,
        });
        self
    }
}

/// The page behind a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// Its path up to the value.
    pub path: String,
    /// The column whose value ends it.
    pub column: usize,
}

/// Two columns that are drawn as a pair of bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The upper bar's column.
    pub first: usize,
    /// The lower bar's column.
    pub second: usize,
}

/// A table of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// Stable name.
    pub key: String,
    /// Its heading.
    pub title: String,
    /// What it shows and what it leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// A value for each column.
    pub rows: Vec<Vec<Cell>>,
    /// The foot, over all rows there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Vec<Cell>>,
    /// Rows there are; more than those listed when a limit held.
    pub row_count: i64,
    /// What is said when there is none.
    pub empty: String,
    /// Drawn as bars beside the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
}

impl Table {
    /// An empty table; rows are pushed.
    #[must_use]
    pub fn new(key: &str, title: &str, columns: Vec<Column>, empty: &str) -> Self {
        Self {
            key: key.to_owned(),
            title: title.to_owned(),
            lead: None,
            columns,
            rows: Vec::new(),
            total: None,
            row_count: 0,
            empty: empty.to_owned(),
            pair: None,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "{}", self.key);
        self.rows.push(row);
        self.row_count += 1;
    }

    /// Keeps the first rows only; how many there are stays known.
    pub fn keep(&mut self, most: usize) {
        self.rows.truncate(most);
    }

    /// Whether a limit left rows out.
    #[must_use]
    pub fn left_out(&self) -> i64 {
        self.row_count - i64::try_from(self.rows.len()).unwrap_or(i64::MAX)
    }

    /// The columns that are drawn, with their places.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, c)| !c.hidden)
    }

    /// The page behind a cell.
    #[must_use]
    pub fn href(&self, row: &[Cell], column: &Column) -> Option<String> {
        let link = column.link.as_ref()?;
        match row.get(link.column)? {
            Cell::Int(id) => Some(format!("{}{id}", link.path)),
            Cell::Text(id) => Some(format!("{}{id}", link.path)),
            Cell::Float(_) | Cell::Empty => None,
        }
    }

    /// The longest bar of the pair; 0 where there is none.
    #[must_use]
    pub fn longest(&self) -> f64 {
        let Some(pair) = self.pair else { return 0.0 };
        let value = |row: &Vec<Cell>, at: usize| row.get(at).map_or(0.0, Cell::amount);
        self.rows
            .iter()
            .flat_map(|row| [value(row, pair.first), value(row, pair.second)])
            .fold(0.0, |longest, v| longest.max(v.abs()))
    }
}

impl Cell {
    /// As a number; 0 of words.
    #[must_use]
    pub fn amount(&self) -> f64 {
        match self {
            Self::Int(value) => *value as f64,
            Self::Float(value) => *value,
            Self::Text(_) | Self::Empty => 0.0,
        }
    }
}

/// A key figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// Stable name.
    pub key: String,
    /// What people read.
    pub label: String,
    /// What the value means.
    pub unit: Unit,
    /// The value.
    pub value: Cell,
    /// What it is over.
    pub note: String,
    /// The list behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
}

impl Figure {
    /// A figure with what it is over.
    #[must_use]
    pub fn new(key: &str, label: &str, unit: Unit, value: impl Into<Cell>, note: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            label: label.to_owned(),
            unit,
            value: value.into(),
            note: note.into(),
            href: None,
        }
    }

    /// The same with the list behind it.
    #[must_use]
    pub fn behind(mut self, href: &str) -> Self {
        self.href = Some(href.to_owned());
        self
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Which.
    pub name: ReportName,
    /// Its title.
    pub title: String,
    /// What it answers.
    pub lead: String,
    /// The days it is about, up to now; `None` means all there are.
    pub days: Option<i64>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Key figures.
    pub figures: Vec<Figure>,
    /// Tables, in the order in which they are read.
    pub tables: Vec<Table>,
    /// Key of the table that CSV holds when none is named.
    pub main: String,
    /// What the reader should know of how the numbers came about.
    pub notes: Vec<String>,
}

impl Report {
    /// One without figures yet.
    #[must_use]
    pub fn new(name: ReportName, days: Option<i64>, made_at: Timestamp, main: &str) -> Self {
        Self {
            name,
            title: name.title().to_owned(),
            lead: name.lead().to_owned(),
            days,
            made_at,
            figures: Vec::new(),
            tables: Vec::new(),
            main: main.to_owned(),
            notes: Vec::new(),
        }
    }

    /// The table of that key; without one, the main table.
    #[must_use]
    pub fn table(&self, key: Option<&str>) -> Option<&Table> {
        let key = key.unwrap_or(&self.main);
        self.tables.iter().find(|t| t.key == key)
    }

    /// The span in words.
    #[must_use]
    pub fn span(&self) -> String {
        match self.days {
            _ if !self.name.has_span() => "as it stands".into(),
            Some(1) => "the last day".into(),
            Some(days) => format!("the last {days} days"),
            None => "since the beginning".into(),
        }
    }
}
