//! Names that people give to locations and datasets, and names of storage classes.
//!
//! Invariant: a name is never all digits, so that "by id or by name" has one meaning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest name in characters: it must fit a table column and a path segment.
pub const NAME_MAX_CHARS: usize = 128;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the name is empty")]
    Empty,
    /// Longer than [`NAME_MAX_CHARS`].
    #[error("the name has {0} characters; at most {NAME_MAX_CHARS} are allowed")]
    TooLong(usize),
    /// A character outside letters, digits and `. _ - + @ : =` and inner spaces or slashes.
    #[error("the name has the character {0:?}; letters, digits and . _ - + @ : = are allowed")]
    Character(char),
    /// All digits: it would be read as an id.
    #[error("the name {0:?} is all digits, which is how ids are written; add a letter")]
    LooksLikeId(String),
    /// Starts with a dot or a dash.
    #[error("the name starts with {0:?}; start with a letter, a digit or an underscore")]
    Start(char),
}

/// A location's or dataset's name: unique, shown everywhere, safe as one path segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let chars = text.chars().count();
        let Some(first) = text.chars().next() else {
            return Err(NameError::Empty);
        };
        if chars > NAME_MAX_CHARS {
            return Err(NameError::TooLong(chars));
        }
        if let Some(c) = text
            .chars()
            .find(|c| !(c.is_alphanumeric() || "._-+@:=".contains(*c)))
        {
            return Err(NameError::Character(c));
        }
        if first == '.' || first == '-' {
            return Err(NameError::Start(first));
        }
        if text.chars().all(|c| c.is_ascii_digit()) {
            return Err(NameError::LooksLikeId(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A provider's storage class, in the provider's own spelling: `STANDARD_IA`, `nearline`, `hot`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct StorageClass(String);

impl StorageClass {
    /// The class of a local location when none was named.
    #[must_use]
    pub fn hot() -> Self {
        Self("hot".into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Same class whatever the case: vendors' tools disagree about it.
    #[must_use]
    pub fn matches(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl FromStr for StorageClass {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > 64 {
            return Err(NameError::TooLong(text.len()));
        }
        match text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || "_-".contains(*c)))
        {
            Some(c) => Err(NameError::Character(c)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for StorageClass {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mislead_are_refused() {
        assert!("demo-dataset".parse::<Name>().is_ok());
        assert_eq!("".parse::<Name>(), Err(NameError::Empty));
        assert_eq!("12".parse::<Name>(), Err(NameError::LooksLikeId("12".into())));
        assert_eq!("a/b".parse::<Name>(), Err(NameError::Character('/')));
        assert_eq!("..".parse::<Name>(), Err(NameError::Start('.')));
        assert!(matches!(
            "x".repeat(129).parse::<Name>(),
            Err(NameError::TooLong(129))
        ));
    }

    #[test]
    fn classes_match_in_any_case() {
        let class: StorageClass = "STANDARD_IA".parse().unwrap();
        assert!(class.matches("standard_ia"));
        assert!("a b".parse::<StorageClass>().is_err());
    }
}
