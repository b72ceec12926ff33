//! Price books as lists and comparisons show them.
//!
//! Invariant: a comparison names every figure that differs, also one that only one of the two books has; equal figures are left
//! out. Knows no file format and no location.

use super::book::{FigureRow, PriceBook};
use super::line::Grade;
use crate::domain::unit::NanoUsd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A row of the list of price books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BookSummary {
    /// Its name, which locations refer to.
    pub name: String,
    /// For people.
    pub title: String,
    /// The date its prices hold for, `YYYY-MM-DD`.
    pub date: String,
    /// Rises when a figure changes.
    pub version: i64,
    /// The prices are the owner's assumption rather than a vendor's list.
    pub assumption: bool,
    /// `built in`, or the file that replaced it.
    pub origin: String,
    /// Whether it is an owner's file rather than one shipped with the program.
    #[serde(default)]
    pub is_own: bool,
    /// Its storage classes, in the vendor's order of transitions.
    pub classes: Vec<String>,
    /// How many figures are of grade A, of B and of C.
    pub figures_by_grade: [i64; 3],
    /// Locations that are priced by it.
    pub locations: Vec<String>,
}

impl BookSummary {
    /// The row of a book that prices these locations.
    #[must_use]
    pub fn of(book: &PriceBook, locations: Vec<String>) -> Self {
        let figures = book.figures();
        let of =
            |grade| i64::try_from(figures.iter().filter(|f| f.grade == grade).count()).unwrap_or(i64::MAX);
        Self {
            name: book.name.clone(),
            title: book.title.clone(),
            date: book.date.clone(),
            version: book.version,
            assumption: book.assumption,
            origin: book.origin.clone(),
            is_own: book.is_own(),
            classes: book.classes.iter().map(|c| c.name.to_string()).collect(),
            figures_by_grade: [of(Grade::A), of(Grade::B), of(Grade::C)],
            locations,
        }
    }
}

/// A figure that two books do not agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FigureDifference {
    /// The class; `None` for what holds for the whole place.
    pub class: Option<String>,
    /// Its name with its unit.
    pub name: String,
    /// As the first book has it.
    pub left: Option<String>,
    /// As the second book has it.
    pub right: Option<String>,
    /// Second less first, where both are money.
    pub change_nanousd: Option<NanoUsd>,
}

/// What differs between two books, in the order of the first, then what only the second has.
#[must_use]
pub fn differences(left: &[FigureRow], right: &[FigureRow]) -> Vec<FigureDifference> {
    let key = |row: &FigureRow| (row.class.clone(), row.name.clone());
    let mut others: BTreeMap<_, &FigureRow> = right.iter().map(|row| (key(row), row)).collect();
    let mut found = Vec::new();
    for row in left {
        let other = others.remove(&key(row));
        if other.is_some_and(|o| (o.amount_nanousd, o.number) == (row.amount_nanousd, row.number)) {
            continue;
        }
        found.push(FigureDifference {
            class: row.class.clone(),
            name: row.name.clone(),
            left: Some(row.value_text()),
            right: other.map(FigureRow::value_text),
            change_nanousd: match (row.amount_nanousd, other.and_then(|o| o.amount_nanousd)) {
                (Some(a), Some(b)) => Some(NanoUsd(b.0 - a.0)),
                _ => None,
            },
        });
    }
    let only_right = right.iter().filter(|row| others.contains_key(&key(row)));
    found.extend(only_right.map(|row| FigureDifference {
        class: row.class.clone(),
        name: row.name.clone(),
        left: None,
        right: Some(row.value_text()),
        change_nanousd: None,
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(class: &str, name: &str, amount: i64) -> FigureRow {
        FigureRow {
            class: Some(class.into()),
            name: name.into(),
            amount_nanousd: Some(NanoUsd(amount)),
            number: None,
            source: "a test".into(),
            date: "2026-01-01".into(),
            grade: Grade::A,
            note: None,
        }
    }

    #[test]
    fn only_what_differs_is_told_with_both_sides() {
        let left = [
            row("HOT", "storage", 20),
            row("HOT", "get", 3),
            row("COLD", "storage", 4),
        ];
        let right = [
            row("HOT", "storage", 23),
            row("HOT", "get", 3),
            row("ICE", "storage", 1),
        ];
        let told: Vec<_> = differences(&left, &right)
            .into_iter()
            .map(|d| {
                (
                    d.class.unwrap(),
                    d.name,
                    d.left.is_some(),
                    d.right.is_some(),
                    d.change_nanousd,
                )
            })
            .collect();
        let text = |s: &str| s.to_owned();
        assert_eq!(
            told,
            [
                (text("HOT"), text("storage"), true, true, Some(NanoUsd(3))),
                (text("COLD"), text("storage"), true, false, None),
                (text("ICE"), text("storage"), false, true, None),
            ]
        );
        assert!(differences(&left, &left).is_empty());
    }
}
