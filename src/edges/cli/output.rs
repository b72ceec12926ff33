//! Where every command's data leaves: one function a form, all through [`Out`].
//!
//! Invariant: this is the only file of the commands that writes to standard output, so a closed pipe is met in one place.

use crate::edges::cli::client::Reply;
use crate::edges::cli::exit::CliError;
use crate::edges::cli::options::Format;
use crate::edges::cli::style::Style;
use crate::edges::cli::table::{self, Column};
use std::io::Write;

/// Standard output in the form that was asked for.
#[derive(Clone, Copy)]
pub struct Out {
    /// The form.
    pub format: Format,
    /// The colours.
    pub style: Style,
}

impl Out {
    /// Output in that form.
    pub fn new(format: Format) -> Self {
        let style = match format {
            Format::Table => Style::of_stdout(),
            _ => Style::plain(),
        };
        Self { format, style }
    }

    /// Writes text as it is.
    ///
    /// # Errors
    /// A closed pipe (silent) or a full disk.
    pub fn text(self, text: &str) -> Result<(), CliError> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()?;
        Ok(())
    }

    /// Writes a list: rows in the table and in CSV, the answer itself otherwise. Says what to do when there is nothing.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub fn rows<T>(
        self,
        reply: &Reply,
        columns: &[Column<T>],
        rows: &[T],
        empty: &str,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Table if rows.is_empty() => {
                note(empty);
                Ok(())
            }
            Format::Table => self.text(&table::render(columns, rows, self.style)),
            Format::Csv => self.csv(columns, rows),
            Format::Json | Format::Yaml => self.reply(reply),
        }
    }

    /// Writes one thing: prose in the table form, a row in CSV, the answer itself otherwise.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub fn one<T>(
        self,
        reply: &Reply,
        columns: &[Column<T>],
        row: &T,
        prose: impl FnOnce(Style) -> String,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Table => self.text(&prose(self.style)),
            Format::Csv => self.csv(columns, std::slice::from_ref(row)),
            Format::Json | Format::Yaml => self.reply(reply),
        }
    }

    /// Writes an answer as it came.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub fn reply(self, reply: &Reply) -> Result<(), CliError> {
        match self.format {
            Format::Yaml => self.text(&reply.node.to_yaml()),
            _ => self.text(&reply.node.to_json()),
        }
    }

    fn csv<T>(self, columns: &[Column<T>], rows: &[T]) -> Result<(), CliError> {
        let text =
            table::csv(columns, rows).map_err(|e| CliError::failure(format!("cannot write CSV: {e}")))?;
        self.text(&text)
    }
}

/// A word to the person beside the data: standard error. A closed one is no reason to stop.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
