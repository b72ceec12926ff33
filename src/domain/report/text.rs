//! Cells as text: as people read them, and as CSV has them.
//!
//! Invariant: a CSV cell holds the bare value of its unit, so that a program needs no parser for our words.

use super::{Cell, Column, Table, Unit};
use crate::domain::unit::{Bytes, NanoUsd, Timestamp, group_thousands};
use std::fmt::Write;

impl Cell {
    /// As people read it, unit included; what is not known is a dash.
    #[must_use]
    pub fn show(&self, unit: Unit) -> String {
        match (self, unit) {
            (Self::Empty, _) => "–".into(),
            (Self::Text(text), Unit::Time) => Timestamp::parse_rfc3339(text)
                .ok()
                .and_then(Timestamp::to_utc)
                .map_or_else(|| text.clone(), |t| t.format("%-d %b %Y, %H:%M UTC").to_string()),
            (Self::Text(text), _) => text.clone(),
            (Self::Int(value), Unit::Nanousd) => NanoUsd(*value).to_string(),
            (Self::Int(value), Unit::Bytes) => Bytes(u64::try_from(*value).unwrap_or(0)).to_string(),
            (Self::Int(value), Unit::Days) => days(*value),
            (Self::Int(value), Unit::Seconds) => span(*value),
            (Self::Int(value), _) => {
                let sign = if *value < 0 { "-" } else { "" };
                format!("{sign}{}", group_thousands(value.unsigned_abs()))
            }
            (Self::Float(value), Unit::Share) => format!("{:.1} %", value * 100.0),
            (Self::Float(value), Unit::Days) => format!("{value:.1} days"),
            (Self::Float(value), Unit::Nanousd) => NanoUsd::from_usd(*value / 1e9).to_string(),
            (Self::Float(value), _) => format!("{value:.2}"),
        }
    }

    /// The bare value.
    #[must_use]
    pub fn raw(&self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Empty => String::new(),
        }
    }
}

fn days(count: i64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} day{s}")
}

fn span(secs: i64) -> String {
    match secs {
        ..60 => format!("{secs} s"),
        60..3_600 => format!("{} min {} s", secs / 60, secs % 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{} d {} h", secs / 86_400, secs % 86_400 / 3_600),
    }
}

impl Column {
    /// Its name in CSV: with the unit where a bare number would not say it.
    #[must_use]
    pub fn csv_key(&self) -> String {
        let suffix = match self.unit {
            Unit::Nanousd => "nanousd",
            Unit::Bytes => "bytes",
            Unit::Days => "days",
            Unit::Seconds => "secs",
            _ => return self.key.clone(),
        };
        if self.key.ends_with(suffix) {
            self.key.clone()
        } else {
            format!("{}_{suffix}", self.key)
        }
    }
}

impl Table {
    /// The rows as CSV (RFC 4180) with a head of keys; sums are left to whoever reads it.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = String::new();
        line(&mut out, self.columns.iter().map(Column::csv_key));
        for row in &self.rows {
            line(&mut out, row.iter().map(Cell::raw));
        }
        out
    }
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(',');
        }
        // A cell that a spreadsheet would carry out as a formula is quoted by an apostrophe.
        let formula = cell.starts_with(['=', '@', '\t', '\r'])
            || (cell.starts_with(['+', '-']) && cell.parse::<f64>().is_err());
        let mark = if formula { "'" } else { "" };
        if formula || cell.contains([',', '"', '\n', '\r']) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\"{mark}{}\"", cell.replace('"', "\"\""));
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_say_their_unit_to_people_and_keep_it_bare_for_programs() {
        for (cell, unit, shown, raw) in [
            (
                Cell::from(NanoUsd(1_500_000_000)),
                Unit::Nanousd,
                "$1.50",
                "1500000000",
            ),
            (Cell::from(Bytes(2_000_000)), Unit::Bytes, "2.00 MB", "2000000"),
            (Cell::Float(0.25), Unit::Share, "25.0 %", "0.25"),
            (Cell::Int(-1_234), Unit::Count, "-1,234", "-1234"),
            (Cell::Int(1), Unit::Days, "1 day", "1"),
            (Cell::Empty, Unit::Bytes, "–", ""),
            (
                Cell::from(Timestamp(0)),
                Unit::Time,
                "1 Jan 1970, 00:00 UTC",
                "1970-01-01T00:00:00Z",
            ),
        ] {
            assert_eq!(cell.show(unit), shown);
            assert_eq!(cell.raw(), raw);
        }
    }

    #[test]
    fn csv_quotes_what_needs_it_and_disarms_formulas() {
        let mut table = Table::new(
            "t",
            "T",
            vec![
                Column::new("name", "Name", Unit::Text),
                Column::new("size", "Size", Unit::Bytes),
                Column::new("saved", "Saved", Unit::Nanousd),
            ],
            "",
        );
        table.push(vec!["a,\"b\"".into(), Cell::Int(5), Cell::Int(-7)]);
        table.push(vec!["=1+1".into(), Cell::Empty, Cell::Empty]);
        assert_eq!(
            table.csv(),
            "name,size_bytes,saved_nanousd\r\n\"a,\"\"b\"\"\",5,-7\r\n\"'=1+1\",,\r\n"
        );
    }

    #[test]
    fn a_limit_leaves_rows_out_and_says_how_many() {
        let mut table = Table::new("t", "T", vec![Column::new("n", "N", Unit::Count)], "");
        (0..5).for_each(|n| table.push(vec![Cell::Int(n)]));
        table.keep(2);
        assert_eq!((table.rows.len(), table.row_count, table.left_out()), (2, 5, 3));
    }
}
