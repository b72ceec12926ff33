//! Statements over many rows, and statements that are put together: the one place that writes parameters for each engine.
//!
//! Many rows go in a few fixed sizes, so that each statement is prepared once and found again.

use super::engine::Engine;
use super::store::{Conn, Db};
use sqlx::any::AnyArguments;
use sqlx::query::{Query, QueryScalar};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Type};
use std::fmt::{Display, Write as _};

/// Rows of one statement, largest first. 512 rows of 8 columns are 4,096 parameters of the 32,766 that SQLite takes.
const SIZES: [usize; 4] = [512, 64, 8, 1];

/// Cuts rows into pieces of the fixed sizes.
pub(super) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|&size| size <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// The `n`th parameter of a statement, from 1.
///
/// SQLite takes `$1` for a *name*, and each bind of the driver looks for its name among all of them: with a few thousand parameters
/// that is nearly all the time a statement takes. So parameters that are many have no numbers there; Postgres wants them.
fn put_parameter(sql: &mut String, engine: Engine, n: usize) {
    match engine {
        Engine::Sqlite => sql.push('?'),
        // Writing to a String cannot fail.
        Engine::Postgres => drop(write!(sql, "${n}")),
    }
}

/// `(?, ?), (?, ?), …`: the parameters of `rows` rows of `columns` columns, in the order in which they are bound. A statement that
/// has them may have no others.
pub(super) fn tuples(conn: &Conn, columns: usize, rows: usize) -> String {
    tuples_for(Engine::of(conn), columns, rows)
}

fn tuples_for(engine: Engine, columns: usize, rows: usize) -> String {
    let mut sql = String::with_capacity(rows * (columns * 3 + 4));
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                sql.push_str(", ");
            }
            put_parameter(&mut sql, engine, row * columns + column + 1);
        }
        sql.push(')');
    }
    sql
}

/// A statement whose one answer holds the rows of another one: a JSON array with an array of these columns for each. The driver
/// hands rows over one by one, between two threads, and describes every column of each anew: for a page of a thousand rows that is
/// several times what the database does. No engine promises an order of the rows.
pub(super) fn in_one_row(conn: &Conn, columns: &str, rows: &str) -> String {
    match Engine::of(conn) {
        Engine::Sqlite => format!("SELECT json_group_array(json_array({columns})) FROM ({rows})"),
        Engine::Postgres => format!(
            "SELECT CAST(COALESCE(json_agg(json_build_array({columns})), '[]') AS TEXT) FROM ({rows}) AS page"
        ),
    }
}

/// A statement that is put together from pieces. Values are always bound, never written into the text.
pub(super) struct Builder {
    engine: Engine,
    sql: String,
    arguments: AnyArguments,
}

impl Builder {
    /// For the engine of this connection.
    pub(super) fn new(conn: &Conn, sql: impl Into<String>) -> Self {
        Self {
            engine: Engine::of(conn),
            sql: sql.into(),
            arguments: AnyArguments::default(),
        }
    }

    /// Appends the condition that a column contains a text, whatever the case of its letters.
    pub(super) fn push_contains(&mut self, column: &str, text: &str) -> &mut Self {
        let pattern = text
            .to_lowercase()
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        // SQLite's LIKE takes no account of case by itself, and four times as many rows a second as with `lower`.
        match self.engine {
            Engine::Sqlite => self.push(column),
            Engine::Postgres => self.push(format_args!("lower({column})")),
        };
        self.push(" LIKE ")
            .push_bind(format!("%{pattern}%"))
            .push(" ESCAPE '\\'")
    }

    /// Appends text of the program's own.
    pub(super) fn push(&mut self, sql: impl Display) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = write!(self.sql, "{sql}");
        self
    }

    /// Appends a parameter with its value.
    pub(super) fn push_bind<'t, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'t, Db> + Type<Db>,
    {
        // Numbers and text always have a form that the driver takes.
        let _ = self.arguments.add(value);
        put_parameter(&mut self.sql, self.engine, self.arguments.len());
        self
    }

    /// Appends parameters between separators.
    pub(super) fn separated(&mut self, separator: &'static str) -> Separated<'_> {
        Separated {
            builder: self,
            separator,
            first: true,
        }
    }

    /// `VALUES (…), (…)`, a row for each item.
    pub(super) fn push_values<I>(
        &mut self,
        items: I,
        mut row: impl FnMut(Separated<'_>, I::Item),
    ) -> &mut Self
    where
        I: IntoIterator,
    {
        self.push("VALUES ");
        for (i, item) in items.into_iter().enumerate() {
            self.push(if i == 0 { "(" } else { ", (" });
            row(self.separated(", "), item);
            self.push(")");
        }
        self
    }

    /// The statement. The builder is empty afterwards.
    pub(super) fn build(&mut self) -> Query<'static, Db, AnyArguments> {
        let (sql, arguments) = self.take();
        sqlx::query_with(AssertSqlSafe(sql), arguments)
    }

    /// The statement, for its first column. The builder is empty afterwards.
    pub(super) fn build_query_scalar<O>(&mut self) -> QueryScalar<'static, Db, O, AnyArguments>
    where
        (O,): for<'r> sqlx::FromRow<'r, super::Row>,
    {
        let (sql, arguments) = self.take();
        sqlx::query_scalar_with(AssertSqlSafe(sql), arguments)
    }

    fn take(&mut self) -> (String, AnyArguments) {
        (std::mem::take(&mut self.sql), std::mem::take(&mut self.arguments))
    }
}

/// A list of parameters in a [`Builder`].
pub(super) struct Separated<'a> {
    builder: &'a mut Builder,
    separator: &'static str,
    first: bool,
}

impl Separated<'_> {
    /// Appends a parameter with its value, after a separator unless it is the first.
    pub(super) fn push_bind<'t, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'t, Db> + Type<Db>,
    {
        if !std::mem::take(&mut self.first) {
            self.builder.push(self.separator);
        }
        self.builder.push_bind(value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_known_sizes_and_lose_nothing() {
        let rows: Vec<usize> = (0..1100).collect();
        let sizes: Vec<usize> = pieces(&rows).map(<[usize]>::len).collect();
        assert_eq!(sizes, [512, 512, 64, 8, 1, 1, 1, 1]);
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(pieces::<usize>(&[]).count(), 0);
    }

    #[test]
    fn every_column_of_every_row_has_a_parameter() {
        assert_eq!(tuples_for(Engine::Sqlite, 2, 2), "(?, ?), (?, ?)");
        assert_eq!(tuples_for(Engine::Sqlite, 3, 1), "(?, ?, ?)");
        assert_eq!(tuples_for(Engine::Postgres, 2, 2), "($1, $2), ($3, $4)");
    }

    #[test]
    fn a_statement_is_put_together_for_each_engine() {
        for (engine, text) in [
            (Engine::Sqlite, "SELECT ? WHERE x IN (?, ?) VALUES (?), (?)"),
            (
                Engine::Postgres,
                "SELECT $1 WHERE x IN ($2, $3) VALUES ($4), ($5)",
            ),
        ] {
            let mut builder = Builder {
                engine,
                sql: "SELECT ".into(),
                arguments: AnyArguments::default(),
            };
            builder.push_bind(1_i64).push(" WHERE x IN (");
            builder.separated(", ").push_bind("a").push_bind(Some("b"));
            builder.push(") ").push_values([1_i64, 2], |mut row, item| {
                row.push_bind(item);
            });
            assert_eq!(builder.sql, text);
            assert_eq!(builder.arguments.len(), 5);
        }
    }
}
