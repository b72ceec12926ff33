//! What pages keep in their URL: filters, order and place in a list, as plain text until a service reads them.
//!
//! Invariant: an empty field is the same as an absent one, since a GET form sends every field.

use crate::domain::dataset::{DatasetFilter, DatasetSort};
use crate::domain::migration::JobFilter;
use crate::domain::recommendation::RecommendationFilter;
use serde::{Deserialize, Serialize};

/// The dataset list's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetQuery {
    /// Part of the name.
    #[serde(default)]
    pub search: Option<String>,
    /// A location.
    #[serde(default)]
    pub location: Option<String>,
    /// A storage class.
    #[serde(default)]
    pub class: Option<String>,
    /// `stay`, `move` or `no_history`.
    #[serde(default)]
    pub advice: Option<String>,
    /// The column that orders the list.
    #[serde(default)]
    pub sort: Option<String>,
    /// `desc` reverses it.
    #[serde(default)]
    pub order: Option<String>,
    /// Place in the list.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl DatasetQuery {
    /// The words of the columns, as the URL has them.
    pub const SORTS: [(&'static str, DatasetSort); 6] = [
        ("id", DatasetSort::Id),
        ("name", DatasetSort::Name),
        ("size", DatasetSort::Size),
        ("last_access", DatasetSort::LastAccess),
        ("cost", DatasetSort::Cost),
        ("saving", DatasetSort::Saving),
    ];

    /// The filter that services understand. An unknown column means the default order.
    #[must_use]
    pub fn filter(&self) -> DatasetFilter {
        let sort = self.sort.as_deref().unwrap_or_default();
        DatasetFilter {
            search: self.search.clone(),
            location: self.location.clone(),
            storage_class: self.class.clone(),
            recommendation: self.advice.clone(),
            sort: Self::SORTS
                .iter()
                .find(|(word, _)| *word == sort)
                .map_or(DatasetSort::default(), |(_, s)| *s),
            descending: self.order.as_deref() == Some("desc"),
        }
    }

    /// Whether anything narrows the list.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.search.is_some() || self.location.is_some() || self.class.is_some() || self.advice.is_some()
    }

    /// The URL of the list under this query.
    #[must_use]
    pub fn href(&self) -> String {
        href(
            "/datasets",
            &[
                ("search", &self.search),
                ("location", &self.location),
                ("class", &self.class),
                ("advice", &self.advice),
                ("sort", &self.sort),
                ("order", &self.order),
                ("cursor", &self.cursor),
            ],
        )
    }
}

/// The job list's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobQuery {
    /// A status, or `active`.
    #[serde(default)]
    pub status: Option<String>,
    /// A dataset's id or name.
    #[serde(default)]
    pub dataset: Option<String>,
    /// Place in the list.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl JobQuery {
    /// The filter that services understand.
    #[must_use]
    pub fn filter(&self) -> JobFilter {
        JobFilter {
            status: self.status.clone(),
            dataset: self.dataset.clone(),
        }
    }

    /// The URL of the list under this query.
    #[must_use]
    pub fn href(&self) -> String {
        href(
            "/jobs",
            &[
                ("status", &self.status),
                ("dataset", &self.dataset),
                ("cursor", &self.cursor),
            ],
        )
    }
}

/// The recommendation list's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceQuery {
    /// `move`, `stay` or `no_history`; absent means `move`, since only those ask for a decision.
    #[serde(default)]
    pub action: Option<String>,
    /// `open`, `accepted`, `snoozed` or `rejected`.
    #[serde(default)]
    pub review: Option<String>,
    /// A location's name or id.
    #[serde(default)]
    pub location: Option<String>,
    /// Place in the list.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl AdviceQuery {
    /// The filter that services understand; `any` is no filter.
    #[must_use]
    pub fn filter(&self) -> RecommendationFilter {
        let action = self.action.clone().unwrap_or_else(|| "move".into());
        RecommendationFilter {
            dataset: None,
            action: (action != "any").then_some(action),
            review: self.review.clone(),
            location: self.location.clone(),
        }
    }

    /// The URL of the list under this query.
    #[must_use]
    pub fn href(&self) -> String {
        href(
            "/recommendations",
            &[
                ("action", &self.action),
                ("review", &self.review),
                ("location", &self.location),
                ("cursor", &self.cursor),
            ],
        )
    }
}

/// A move to look at before it is queued: the plan page's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanQuery {
    /// The dataset, by id or by name.
    #[serde(default)]
    pub dataset: String,
    /// A location's name or id, or an address.
    #[serde(default)]
    pub target: String,
    /// Class at the target.
    #[serde(default)]
    pub class: Option<String>,
}

impl PlanQuery {
    /// The URL of the plan.
    #[must_use]
    pub fn href(&self) -> String {
        href(
            "/plan",
            &[
                ("dataset", &Some(self.dataset.clone())),
                ("target", &Some(self.target.clone())),
                ("class", &self.class),
            ],
        )
    }
}

/// `path?name=value&…` with the absent fields left out.
#[must_use]
pub fn href(path: &str, fields: &[(&str, &Option<String>)]) -> String {
    let mut out = path.to_owned();
    let mut mark = '?';
    for (name, value) in fields {
        if let Some(value) = value.as_deref().filter(|v| !v.is_empty()) {
            out.push(mark);
            out.push_str(name);
            out.push('=');
            push_escaped(&mut out, value);
            mark = '&';
        }
    }
    out
}

/// Percent-encodes everything that has a meaning in a query.
fn push_escaped(out: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leaves_out_what_is_empty_and_escapes_the_rest() {
        let query = DatasetQuery {
            search: Some("a b&c=ü".into()),
            location: Some(String::new()),
            sort: Some("size".into()),
            ..Default::default()
        };
        assert_eq!(query.href(), "/datasets?search=a%20b%26c%3D%C3%BC&sort=size");
        assert_eq!(DatasetQuery::default().href(), "/datasets");
    }

    #[test]
    fn an_unknown_column_is_the_default_order() {
        let query = DatasetQuery {
            sort: Some("colour".into()),
            order: Some("desc".into()),
            ..Default::default()
        };
        assert_eq!(query.filter().sort, DatasetSort::Id);
        assert!(query.filter().descending);
    }
}
