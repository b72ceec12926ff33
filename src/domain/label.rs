//! Labels that people put on datasets: a key, or a key with a value.
//!
//! Invariant: a dataset has at most one label of each key; written out and read again, a label is the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest key and longest value in characters: a label is a small mark in a table cell.
pub const LABEL_MAX_CHARS: usize = 63;
/// Labels of one dataset: more are a table of its own.
pub const LABELS_MAX: usize = 20;

/// Why a label was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Nothing before the equals sign.
    #[error("a label is key or key=value, and {0:?} has no key")]
    NoKey(String),
    /// Key or value longer than [`LABEL_MAX_CHARS`].
    #[error("the label {0:?} is too long; key and value have at most {LABEL_MAX_CHARS} characters each")]
    TooLong(String),
    /// A character that would be read as something else in a list, an address or on a command line.
    #[error("the label has the character {0:?}; letters, digits and . _ - + @ : / are allowed")]
    Character(char),
}

/// A key, or a key with a value: `archive`, `team=climate`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    text: String,
    key_bytes: usize,
}

impl Label {
    /// The part before the equals sign.
    #[must_use]
    pub fn key(&self) -> &str {
        self.text.get(..self.key_bytes).unwrap_or_default()
    }

    /// The part after it; empty when there is none.
    #[must_use]
    pub fn value(&self) -> &str {
        self.text.get(self.key_bytes + 1..).unwrap_or_default()
    }

    /// `key` or `key=value`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Label {
    type Err = LabelError;
    fn from_str(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            return Err(LabelError::NoKey(text.to_owned()));
        }
        for part in [key, value] {
            if part.chars().count() > LABEL_MAX_CHARS {
                return Err(LabelError::TooLong(text.chars().take(80).collect()));
            }
            let odd = |c: &char| !(c.is_alphanumeric() || "._-+@:/".contains(*c));
            if let Some(c) = part.chars().find(odd) {
                return Err(LabelError::Character(c));
            }
        }
        let text = match value {
            "" => key.to_owned(),
            value => format!("{key}={value}"),
        };
        Ok(Self {
            key_bytes: key.len(),
            text,
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Label {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Label".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "key or key=value" })
    }
}

/// What is to change about a dataset's labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelChange {
    /// Labels to put on it; one of the same key is replaced.
    #[serde(default)]
    pub set: Vec<Label>,
    /// Keys whose labels are taken away; one that it does not have is left alone.
    #[serde(default)]
    pub remove: Vec<String>,
}

impl LabelChange {
    /// Reads what a person typed: labels to put on, and keys with a dash before them to take away.
    ///
    /// # Errors
    /// The first that is no label.
    pub fn read(text: &str) -> Result<Self, LabelError> {
        let mut change = Self::default();
        for word in text.split([',', ' ']).map(str::trim).filter(|w| !w.is_empty()) {
            match word.strip_prefix('-') {
                Some(key) => change.remove.push(key.parse::<Label>()?.key().to_owned()),
                None => change.set.push(word.parse()?),
            }
        }
        Ok(change)
    }

    /// Labels after the change, in the order of their keys.
    #[must_use]
    pub fn applied_to(&self, labels: &[Label]) -> Vec<Label> {
        let replaced = |key: &str| {
            self.remove.iter().any(|k| k.trim() == key) || self.set.iter().any(|l| l.key() == key)
        };
        let mut after: Vec<Label> = labels.iter().filter(|l| !replaced(l.key())).cloned().collect();
        for (i, label) in self.set.iter().enumerate() {
            // Of two with the same key the last counts.
            if self
                .set
                .iter()
                .skip(i + 1)
                .all(|later| later.key() != label.key())
            {
                after.push(label.clone());
            }
        }
        after.sort();
        after
    }
}

/// A label and how many datasets have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelCount {
    /// The label.
    pub label: Label,
    /// Datasets that have it.
    pub datasets: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(text: &str) -> Vec<Label> {
        LabelChange::read(text).unwrap().set
    }

    #[test]
    fn a_label_is_a_key_or_a_key_with_a_value() {
        let [plain, valued] = &labels("archive, team=climate/eu")[..] else {
            panic!("two labels");
        };
        assert_eq!(
            (plain.key(), plain.value(), plain.as_str()),
            ("archive", "", "archive")
        );
        assert_eq!((valued.key(), valued.value()), ("team", "climate/eu"));
        assert_eq!("archive=".parse::<Label>().unwrap(), *plain);
        assert_eq!("=x".parse::<Label>(), Err(LabelError::NoKey("=x".into())));
        assert_eq!("a=b=c".parse::<Label>(), Err(LabelError::Character('=')));
        assert_eq!("a&b".parse::<Label>(), Err(LabelError::Character('&')));
        assert!(matches!(
            "x".repeat(64).parse::<Label>(),
            Err(LabelError::TooLong(_))
        ));
    }

    #[test]
    fn a_change_replaces_by_key_and_takes_away() {
        let change = LabelChange {
            set: labels("team=b new team=c"),
            remove: vec!["old".into(), "absent".into()],
        };
        assert_eq!(
            change.applied_to(&labels("team=a old=1 kept")),
            labels("kept new team=c")
        );
        assert_eq!(LabelChange::default().applied_to(&labels("b a")), labels("a b"));
        let typed = LabelChange::read("team=c, -old").unwrap();
        assert_eq!(
            (typed.set, typed.remove),
            (labels("team=c"), vec!["old".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn a_label_written_and_read_is_the_same(key in "[a-zäß0-9._:/@+-]{1,63}", value in "[A-Z0-9ü/._-]{0,63}") {
            let label: Label = format!("{key}={value}").parse().unwrap();
            prop_assert_eq!(label.as_str().parse::<Label>().unwrap(), label.clone());
            prop_assert_eq!((label.key(), label.value()), (key.as_str(), value.as_str()));
            let json = serde_json::to_string(&label).unwrap();
            prop_assert_eq!(serde_json::from_str::<Label>(&json).unwrap(), label);
        }
    }
}
