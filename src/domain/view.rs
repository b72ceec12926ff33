//! Saved views: a list with its filters under a name of its own.
//!
//! Invariant: a view is the address of a list and nothing else; opening one changes nothing.

use crate::domain::id::ViewId;
use crate::domain::unit::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest name in characters: it is written on a chip.
pub const VIEW_NAME_MAX_CHARS: usize = 60;
/// Longest query in bytes: every filter fits several times.
pub const VIEW_QUERY_MAX_BYTES: usize = 2_000;

/// The lists that can be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewOf {
    /// `/datasets`.
    Datasets,
    /// `/jobs`.
    Jobs,
    /// `/recommendations`.
    Recommendations,
}

impl ViewOf {
    /// Its word, which is also the path of its page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Datasets => "datasets",
            Self::Jobs => "jobs",
            Self::Recommendations => "recommendations",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Datasets, Self::Jobs, Self::Recommendations]
            .into_iter()
            .find(|list| list.as_str() == text)
    }
}

/// Why a view was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// No name, or one that does not fit a chip.
    #[error("a view needs a name of 1 to {VIEW_NAME_MAX_CHARS} characters on one line")]
    Name,
    /// A query that is no query.
    #[error(
        "the filters of a view are a query such as location=lake&sort=cost, of at most {VIEW_QUERY_MAX_BYTES} bytes"
    )]
    Query,
    /// Nothing that it would keep.
    #[error("no filter and no order is set, so there is nothing to keep under a name")]
    Nothing,
}

/// A view to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewView {
    /// The list.
    pub list: ViewOf,
    /// Its name, unique in that list.
    pub name: String,
    /// The filters and the order, as in the list's address behind the question mark.
    pub query: String,
}

impl NewView {
    /// The view as it is kept: without a place in the list and without empty fields.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked(self) -> Result<Self, ViewError> {
        let name = self.name.trim().to_owned();
        let chars = name.chars().count();
        if chars == 0 || chars > VIEW_NAME_MAX_CHARS || name.chars().any(char::is_control) {
            return Err(ViewError::Name);
        }
        let plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}#?".contains(c);
        if self.query.len() > VIEW_QUERY_MAX_BYTES || !self.query.chars().all(plain) {
            return Err(ViewError::Query);
        }
        let kept = |pair: &&str| {
            let (field, value) = pair.split_once('=').unwrap_or((pair, ""));
            !value.is_empty() && field != "cursor"
        };
        let query = self.query.split('&').filter(kept).collect::<Vec<_>>().join("&");
        if query.is_empty() {
            return Err(ViewError::Nothing);
        }
        Ok(Self { name, query, ..self })
    }
}

/// A view that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// Its id.
    pub id: ViewId,
    /// The list.
    pub list: ViewOf,
    /// Its name.
    pub name: String,
    /// The filters and the order.
    pub query: String,
    /// When it was kept.
    pub created_at: Timestamp,
}

impl View {
    /// Its address.
    #[must_use]
    pub fn href(&self) -> String {
        format!("/{}?{}", self.list.as_str(), self.query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, query: &str) -> NewView {
        NewView {
            list: ViewOf::Datasets,
            name: name.into(),
            query: query.into(),
        }
    }

    #[test]
    fn a_view_keeps_filters_and_order_and_no_place_in_the_list() {
        let kept = new(
            " Big ones ",
            "search=&sort=size&order=&cursor=s7.9&label=team%3Dx",
        )
        .checked()
        .unwrap();
        assert_eq!(
            (kept.name.as_str(), kept.query.as_str()),
            ("Big ones", "sort=size&label=team%3Dx")
        );
    }

    #[test]
    fn what_is_no_view_is_refused() {
        assert_eq!(new("", "sort=size").checked(), Err(ViewError::Name));
        assert_eq!(new(&"x".repeat(61), "sort=size").checked(), Err(ViewError::Name));
        assert_eq!(new("a", "cursor=s1.1").checked(), Err(ViewError::Nothing));
        for query in ["a=b c", "a=\"", "a=<script>", "x=1#y", "//evil?x=1"] {
            assert_eq!(new("a", query).checked(), Err(ViewError::Query), "{query}");
        }
        assert_eq!(new("a", &"x=1&".repeat(501)).checked(), Err(ViewError::Query));
    }
}
