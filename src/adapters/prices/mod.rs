//! Price books from TOML: the built-in ones of `deploy/prices/`, and an owner's directory whose books win over them.
//!
//! Invariant: a file either becomes whole price books or an error that names the file and what is wrong with it; a figure without
//! source, date and grade is such an error. Knows the domain only; [`mod@file`] is the format.

pub mod file;

use crate::domain::price::book::{PriceBook, PriceBooks};
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
        books.push(parse(text, "built in").map_err(|problem| PricesError::Invalid {
            origin: name.to_owned(),
            problem,
        })?);
    }
    if let Some(dir) = dir {
        books.extend(read_dir(dir)?);
    }
    Ok(PriceBooks::new(books))
}

/// One book from TOML text. `origin` says where the text came from.
///
/// # Errors
/// What is wrong, in words.
pub fn parse(text: &str, origin: &str) -> Result<PriceBook, String> {
    let file: file::BookFile = toml::from_str(text).map_err(|e| e.to_string())?;
    file.into_book(origin)
}

fn read_dir(dir: &Path) -> Result<Vec<PriceBook>, PricesError> {
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
            parse(&text, &origin).map_err(|problem| PricesError::Invalid { origin, problem })
        })
        .collect()
}

#[cfg(test)]
mod score_tests;
#[cfg(test)]
mod tests;
