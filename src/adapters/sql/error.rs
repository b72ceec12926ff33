//! What can go wrong in the database, told apart once: the one place that reads a driver's error.

/// A failed statement or connection.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint: the text names `table.column` (SQLite) or the constraint (Postgres).
    #[error("already taken: {0}")]
    Unique(String),
    /// A row that another one needs, or that needs another one.
    #[error("still referred to, or refers to nothing: {0}")]
    Reference(String),
    /// The database cannot be reached; the text says why.
    #[error("{0}")]
    Away(String),
    /// No connection or no lock within the time allowed.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The disk under the database is full.
    #[error("the disk of the database is full")]
    Full,
    /// The database cannot be used by this program.
    #[error("{0}")]
    Unusable(String),
    /// A column that holds what the program never writes.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    /// Anything else.
    #[error("database: {0}")]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(db) if db.is_unique_violation() => Self::Unique(unique(&**db)),
            sqlx::Error::Database(db) if db.is_foreign_key_violation() => {
                Self::Reference(db.message().to_owned())
            }
            sqlx::Error::Database(db) => match db.code().as_deref() {
                Some("5" | "6" | "261" | "517") => Self::Busy(db.message().to_owned()),
                Some("13" | "53100") => Self::Full,
                // Postgres: no lock in time, cut off, too slow, two that wait for each other.
                Some("55P03" | "57014" | "25P03" | "40001" | "40P01") => Self::Busy(db.message().to_owned()),
                // Postgres: stopping, starting, out of connections.
                Some("57P01" | "57P02" | "57P03" | "53300") => Self::Away(db.message().to_owned()),
                _ => Self::Other(error),
            },
            sqlx::Error::Io(problem) => {
                Self::Away(format!("the connection to the database failed: {problem}"))
            }
            sqlx::Error::PoolTimedOut => Self::Busy("no free connection in time".into()),
            _ => Self::Other(error),
        }
    }
}

/// `table.column` as SQLite says it; Postgres names the constraint, which it made up of the two.
fn unique(error: &dyn sqlx::error::DatabaseError) -> String {
    let named = || {
        let (table, constraint) = (error.table()?, error.constraint()?);
        let column = constraint
            .strip_prefix(table)?
            .strip_prefix('_')?
            .strip_suffix("_key")?;
        Some(format!("UNIQUE constraint failed: {table}.{column}"))
    };
    named().unwrap_or_else(|| error.message().to_owned())
}

impl StoreError {
    /// A stored text that does not parse.
    #[must_use]
    pub fn corrupt(column: &str, problem: impl std::fmt::Display) -> Self {
        Self::Corrupt(format!("{column}: {problem}"))
    }
}
