//! What pages keep in their URL: filters, order and place in a list, as plain text until a service reads them.
//!
//! Invariant: an empty field is the same as an absent one, since a GET form sends every field.

use crate::domain::dataset::{DatasetFilter, DatasetSort};
use crate::domain::migration::JobFilter;
use crate::domain::recommendation::RecommendationFilter;
use crate::domain::recommendation::what_if::Scenario;
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
    /// A label: `key` or `key=value`.
    #[serde(default)]
    pub label: Option<String>,
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
            label: self.label.clone(),
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
        [
            &self.search,
            &self.location,
            &self.class,
            &self.advice,
            &self.label,
        ]
        .iter()
        .any(|field| field.is_some())
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
                ("label", &self.label),
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
    /// `full`, `checksum` or `size`.
    #[serde(default)]
    pub verify: Option<String>,
    /// The most that it may cost once, in US dollars.
    #[serde(default)]
    pub max_cost: Option<String>,
    /// The most bytes that may be copied, such as `500GB`.
    #[serde(default)]
    pub max_bytes: Option<String>,
    /// Bytes a second at most, such as `50MB`.
    #[serde(default)]
    pub bandwidth: Option<String>,
    /// From -10 to 10.
    #[serde(default)]
    pub priority: Option<String>,
    /// Five cron fields: the minutes in which it may run.
    #[serde(default)]
    pub window: Option<String>,
    /// The zone whose clock they mean.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// `yes` keeps the source for good.
    #[serde(default)]
    pub keep_source: Option<String>,
}

impl PlanQuery {
    /// A plan with the usual options.
    #[must_use]
    pub fn of(dataset: impl Into<String>, target: impl Into<String>, class: Option<String>) -> Self {
        Self {
            dataset: dataset.into(),
            target: target.into(),
            class,
            ..Self::default()
        }
    }

    /// Every field with the name that it has in addresses and forms.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, Option<String>); 11] {
        [
            ("dataset", Some(self.dataset.clone())),
            ("target", Some(self.target.clone())),
            ("class", self.class.clone()),
            ("verify", self.verify.clone()),
            ("max_cost", self.max_cost.clone()),
            ("max_bytes", self.max_bytes.clone()),
            ("bandwidth", self.bandwidth.clone()),
            ("priority", self.priority.clone()),
            ("window", self.window.clone()),
            ("time_zone", self.time_zone.clone()),
            ("keep_source", self.keep_source.clone()),
        ]
    }

    /// The URL of the plan.
    #[must_use]
    pub fn href(&self) -> String {
        let fields = self.fields();
        let fields: Vec<(&str, &Option<String>)> = fields.iter().map(|(name, v)| (*name, v)).collect();
        href("/plan", &fields)
    }

    /// The options as arguments of `dim migrate plan`, with a space before each.
    #[must_use]
    pub fn arguments(&self) -> String {
        let quoted = |v: &String| {
            let plain = v
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.+/:".contains(c));
            if plain {
                v.clone()
            } else {
                format!("'{}'", v.replace('\'', "'\\''"))
            }
        };
        let mut out = String::new();
        for (flag, value) in [
            ("verify", &self.verify),
            ("max-cost", &self.max_cost),
            ("max-bytes", &self.max_bytes),
            ("bandwidth", &self.bandwidth),
            ("priority", &self.priority),
            ("window", &self.window),
            (
                "time-zone",
                &self.time_zone.clone().filter(|_| self.window.is_some()),
            ),
        ] {
            if let Some(value) = value {
                out.push_str(&format!(" --{flag} {}", quoted(value)));
            }
        }
        if self.keep_source.is_some() {
            out.push_str(" --keep-source");
        }
        out
    }
}

/// The what-if page's URL: percent, milliseconds, days, and the names of locations that are left out, with commas between.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfQuery {
    /// Growth of reads in percent.
    pub growth: Option<String>,
    /// Change of retrieval prices in percent.
    pub retrieval: Option<String>,
    /// Latency limit in milliseconds.
    pub latency: Option<String>,
    /// Days that costs are compared over.
    pub horizon: Option<String>,
    /// Locations that are left out.
    pub without: Option<String>,
}

impl WhatIfQuery {
    /// What is changed; what cannot be read changes nothing.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        fn number(text: Option<&String>) -> Option<i64> {
            text.and_then(|t| t.trim().parse().ok())
        }
        Scenario {
            growth_percent: number(self.growth.as_ref()).unwrap_or_default(),
            retrieval_percent: number(self.retrieval.as_ref()).unwrap_or_default(),
            latency_ms: number(self.latency.as_ref()),
            horizon_days: number(self.horizon.as_ref()),
            without: self
                .without
                .iter()
                .flat_map(|names| names.split(','))
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        }
        .bounded()
    }

    /// The URL of a scenario.
    #[must_use]
    pub fn href(dataset: &str, s: &Scenario) -> String {
        let percent = |n: i64| (n != 0).then(|| n.to_string());
        let without: Vec<&str> = s.without.iter().map(String::as_str).collect();
        href(
            &format!("/datasets/{dataset}/what-if"),
            &[
                ("growth", &percent(s.growth_percent)),
                ("retrieval", &percent(s.retrieval_percent)),
                ("latency", &s.latency_ms.map(|n| n.to_string())),
                ("horizon", &s.horizon_days.map(|n| n.to_string())),
                ("without", &Some(without.join(","))),
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
    fn options_of_a_plan_are_in_its_link_and_on_its_command_line() {
        let plan = PlanQuery {
            max_bytes: Some("5GB".into()),
            window: Some("* 22-23 * * *".into()),
            time_zone: Some("Europe/Berlin".into()),
            keep_source: Some("yes".into()),
            ..PlanQuery::of("7", "nas", None)
        };
        assert_eq!(
            plan.href(),
            "/plan?dataset=7&target=nas&max_bytes=5GB&window=%2A%2022-23%20%2A%20%2A%20%2A&time_zone=Europe/Berlin&keep_source=yes"
        );
        assert_eq!(
            plan.arguments(),
            " --max-bytes 5GB --window '* 22-23 * * *' --time-zone Europe/Berlin --keep-source"
        );
        assert_eq!(PlanQuery::of("7", "nas", None).arguments(), "");
    }

    #[test]
    fn a_scenario_is_in_its_link_and_read_back_from_it() {
        let query = WhatIfQuery {
            growth: Some("50".into()),
            retrieval: Some("x".into()),
            horizon: Some("90".into()),
            without: Some("nas, lake".into()),
            ..Default::default()
        };
        let scenario = query.scenario();
        assert_eq!(
            (
                scenario.growth_percent,
                scenario.horizon_days,
                scenario.without.len()
            ),
            (50, None, 2)
        );
        assert_eq!(
            WhatIfQuery::href("7", &scenario),
            "/datasets/7/what-if?growth=50&without=lake%2Cnas"
        );
        assert_eq!(
            WhatIfQuery::href("7", &Scenario::default()),
            "/datasets/7/what-if"
        );
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
