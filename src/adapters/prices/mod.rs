//! Price books from TOML: the built-in ones of `deploy/prices/`, and an owner's directory whose books win over them.
//!
//! Invariant: a file either becomes whole price books or an error that names the file and what is wrong with it; a figure without
//! source, date and grade is such an error. Knows the domain only; [`mod@file`] is the format.

pub mod file;

use crate::domain::price::book::{BUILT_IN_ORIGIN, PriceBook, PriceBooks};
use std::path::{Path, PathBuf};

/// The books shipped with the program, by file name.
pub const BUILT_IN: [(&str, &str); 9] = [
    (
        "aws-us-east-1.toml",
        include_str!("../../../deploy/prices/aws-us-east-1.toml"),
    ),
    (
        "azure-eastus2.toml",
        include_str!("../../../deploy/prices/azure-eastus2.toml"),
    ),
    (
        "azure-westus.toml",
        include_str!("../../../deploy/prices/azure-westus.toml"),
    ),
    (
        "backblaze-b2.toml",
        include_str!("../../../deploy/prices/backblaze-b2.toml"),
    ),
    (
        "cloudflare-r2.toml",
        include_str!("../../../deploy/prices/cloudflare-r2.toml"),
    ),
    (
        "gcs-us-central1.toml",
        include_str!("../../../deploy/prices/gcs-us-central1.toml"),
    ),
    (
        "local-nas.toml",
        include_str!("../../../deploy/prices/local-nas.toml"),
    ),
    (
        "local-nvme.toml",
        include_str!("../../../deploy/prices/local-nvme.toml"),
    ),
    ("wasabi.toml", include_str!("../../../deploy/prices/wasabi.toml")),
];

/// Why prices could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The directory or a file cannot be read.
    #[error("read prices from {}: {source}", path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file is not a price book.
    #[error("price book {origin}: {problem}")]
    Invalid {
        /// The file.
        origin: String,
        /// What is wrong, with the place where it is known.
        problem: String,
    },
}

/// The built-in books, and over them every `*.toml` of `dir`.
///
/// # Errors
/// [`PricesError`] when `dir` cannot be read or holds a file that is no price book.
pub fn load(dir: Option<&Path>) -> Result<PriceBooks, PricesError> {
    let mut books = Vec::new();
    for (name, text) in BUILT_IN {
        let book = parse(text, BUILT_IN_ORIGIN).map_err(|problem| PricesError::Invalid {
            origin: name.to_owned(),
            problem,
        })?;
        books.push((book, text.to_owned()));
    }
    if let Some(dir) = dir {
        books.extend(read_dir(dir)?);
    }
    Ok(PriceBooks::with_texts(books))
}

/// One book from TOML text. `origin` says where the text came from.
///
/// # Errors
/// What is wrong, in words, with its line and field.
pub fn parse(text: &str, origin: &str) -> Result<PriceBook, String> {
    let file: file::BookFile = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        format!("line {}: {}", line(text, at), e.message())
    })?;
    file.into_book(origin)
        .map_err(|fault| format!("line {}, {}", line(text, fault.at.start), fault.what))
}

/// The number of the line in which a byte stands, the first being 1.
fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

fn read_dir(dir: &Path) -> Result<Vec<(PriceBook, String)>, PricesError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| PricesError::Io { path, source }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io(dir))? {
        let path = entry.map_err(io(dir))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).map_err(io(path))?;
            let origin = path.display().to_string();
            match parse(&text, &origin) {
                Ok(book) => Ok((book, text)),
                Err(problem) => Err(PricesError::Invalid { origin, problem }),
            }
        })
        .collect()
}

#[cfg(test)]
mod score_tests;
#[cfg(test)]
mod tests;
