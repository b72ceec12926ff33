//! The text that a reference to a secret leads to.
//!
//! Invariant: it is read when it is needed; no error repeats any of it.

use crate::domain::location::CredentialRef;
use std::io::Read;
use zeroize::Zeroizing;

/// No secret is longer; a service account's key has 2.5 kB.
const LENGTH_MAX: u64 = 64 * 1024;

/// Why there is none.
pub(super) enum Missing {
    /// No such variable.
    NotSet,
    /// The file cannot be read.
    Unreadable(std::io::Error),
    /// There is only white space.
    Empty,
    /// No reference of a known kind.
    Unknown,
}

/// The text, without white space around it.
pub(super) fn read(reference: &CredentialRef) -> Result<Zeroizing<String>, Missing> {
    let mut text = Zeroizing::new(String::new());
    match reference.as_str().split_once(':') {
        Some(("env", name)) => *text = std::env::var(name).map_err(|_| Missing::NotSet)?,
        Some(("file", path)) => {
            std::fs::File::open(path)
                .and_then(|file| file.take(LENGTH_MAX).read_to_string(&mut text))
                .map_err(Missing::Unreadable)?;
        }
        _ => return Err(Missing::Unknown),
    }
    let trimmed = Zeroizing::new(text.trim().to_owned());
    if trimmed.is_empty() {
        return Err(Missing::Empty);
    }
    Ok(trimmed)
}
