//! Plain tables: a heading line, then aligned columns with two spaces between them. No boxes: the eye and `awk` both read them.
//!
//! Invariant: a column is described once, with a cell for people and a raw value for CSV. Colour is only ever added around text,
//! after the widths were measured.

use crate::edges::cli::style::{Style, clean, width};

type Cell<T> = Box<dyn Fn(&T) -> String>;

/// A column of a table and of a CSV file.
pub struct Column<T> {
    title: &'static str,
    key: &'static str,
    right: bool,
    cell: Cell<T>,
    raw: Cell<T>,
    tint: Option<fn(&T) -> Tint>,
    wide_only: bool,
}

/// Colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// As the terminal has it.
    None,
    /// All is well.
    Good,
    /// Under way.
    Busy,
    /// Somebody should look.
    Warn,
    /// It failed.
    Bad,
    /// Of little weight.
    Faint,
}

impl<T> Column<T> {
    /// A column of text: the same for people and for CSV.
    pub fn text(
        title: &'static str,
        key: &'static str,
        cell: impl Fn(&T) -> String + Clone + 'static,
    ) -> Self {
        Self {
            title,
            key,
            right: false,
            raw: Box::new(cell.clone()),
            cell: Box::new(cell),
            tint: None,
            wide_only: false,
        }
    }

    /// A column of quantities, aligned to the right: with its unit for people, bare for CSV.
    pub fn number(
        title: &'static str,
        key: &'static str,
        cell: impl Fn(&T) -> String + 'static,
        raw: impl Fn(&T) -> String + 'static,
    ) -> Self {
        Self {
            title,
            key,
            right: true,
            cell: Box::new(cell),
            raw: Box::new(raw),
            tint: None,
            wide_only: false,
        }
    }

    /// The same column with colour.
    #[must_use]
    pub fn tinted(mut self, tint: fn(&T) -> Tint) -> Self {
        self.tint = Some(tint);
        self
    }

    /// The same column in CSV only.
    #[must_use]
    pub fn csv_only(mut self) -> Self {
        self.wide_only = true;
        self
    }

    /// The same column with another value in CSV.
    #[must_use]
    pub fn raw(mut self, raw: impl Fn(&T) -> String + 'static) -> Self {
        self.raw = Box::new(raw);
        self
    }
}

/// The table as lines, each ended.
pub fn render<T>(columns: &[Column<T>], rows: &[T], style: Style) -> String {
    let columns: Vec<&Column<T>> = columns.iter().filter(|c| !c.wide_only).collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|c| clean(&(c.cell)(row))).collect())
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let widest = cells.iter().map(|row| width(&row[i])).max().unwrap_or(0);
            widest.max(width(c.title))
        })
        .collect();
    let mut out = String::new();
    let last = columns.len().saturating_sub(1);
    for (i, column) in columns.iter().enumerate() {
        let text = pad(column.title, widths[i], column.right, i == last);
        out.push_str(&style.bold(&text));
        out.push_str(if i == last { "\n" } else { "  " });
    }
    for (row, cells) in rows.iter().zip(&cells) {
        for (i, column) in columns.iter().enumerate() {
            let text = pad(&cells[i], widths[i], column.right, i == last);
            let tint = column.tint.map_or(Tint::None, |tint| tint(row));
            out.push_str(&style.tint(tint, &text));
            out.push_str(if i == last { "\n" } else { "  " });
        }
    }
    out
}

/// Fills up with spaces; nothing is added after the last column's text.
fn pad(text: &str, to: usize, right: bool, last: bool) -> String {
    let spaces = " ".repeat(to.saturating_sub(width(text)));
    match (right, last) {
        (true, _) => spaces + text,
        (false, true) => text.to_owned(),
        (false, false) => text.to_owned() + &spaces,
    }
}

/// The rows as CSV with a header of keys.
///
/// # Errors
/// When a row cannot be written, which memory never refuses.
pub fn csv<T>(columns: &[Column<T>], rows: &[T]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|c| c.key))?;
    for row in rows {
        writer.write_record(columns.iter().map(|c| (c.raw)(row)))?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Facts about one thing: names to the left, values to the right.
pub fn facts(rows: &[(&str, String)], style: Style) -> String {
    let widest = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    rows.iter()
        .map(|(name, value)| {
            let name = pad(name, widest, false, false);
            format!("{}  {}\n", style.tint(Tint::Faint, &name), clean(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column<(&'static str, u32)>> {
        vec![
            Column::text("NAME", "name", |r: &(&str, u32)| r.0.to_owned()),
            Column::number(
                "SIZE",
                "size_bytes",
                |r: &(&str, u32)| format!("{} kB", r.1),
                |r: &(&str, u32)| (r.1 * 1000).to_string(),
            ),
        ]
    }

    #[test]
    fn numbers_stand_under_each_other() {
        let text = render(&columns(), &[("ä", 5), ("long", 1000)], Style::plain());
        assert_eq!(text, "NAME     SIZE\nä        5 kB\nlong  1000 kB\n");
    }

    #[test]
    fn csv_has_raw_values_and_quotes_what_needs_it() {
        let text = csv(&columns(), &[("a,b", 5)]).unwrap();
        assert_eq!(text, "name,size_bytes\n\"a,b\",5000\n");
    }

    #[test]
    fn a_name_cannot_paint_the_terminal() {
        let text = render(&columns(), &[("a\u{1b}[31m", 5)], Style::plain());
        assert!(!text.contains('\u{1b}'));
    }
}
