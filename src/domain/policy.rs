//! Rules about where datasets may stand, and what they say of one dataset.
//!
//! Invariant: rules are read in their order. Of a latency limit and of a pin the first rule that states one counts, after what the
//! owner of the dataset states; of replicas the largest number counts; and a place must be allowed by *every* rule that speaks of
//! places. What is forbidden names the rule.

use crate::domain::dataset::Dataset;
use crate::domain::id::{DatasetId, PolicyId};
use crate::domain::name::Name;
use crate::domain::unit::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// Patterns in one list: more than a person reads.
const PATTERNS_MAX: usize = 100;
/// Longest pattern in characters: a name and some more.
const PATTERN_MAX_CHARS: usize = 200;
/// Longest reason of a pin: it stands in a table cell and in a sentence.
pub const REASON_MAX_CHARS: usize = 300;
/// Two days, in milliseconds: no class of any vendor takes longer to its first byte.
pub const LATENCY_MAX_MS: i64 = 172_800_000;
/// Nobody keeps more copies of one dataset.
const REPLICAS_MAX: i64 = 10;

/// What a rule says and of which datasets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Names of the datasets it speaks of, with `*` and `?`; empty means all.
    #[serde(default)]
    pub datasets: Vec<String>,
    /// Names of the locations that are allowed, with `*` and `?`; empty means any.
    #[serde(default)]
    pub allowed_locations: Vec<String>,
    /// Residency: the regions that are allowed, as `provider/region` with `*` and `?`, such as `aws/eu-*`; empty means any.
    #[serde(default)]
    pub allowed_regions: Vec<String>,
    /// Storage classes that are allowed, with `*` and `?`; empty means any.
    #[serde(default)]
    pub allowed_classes: Vec<String>,
    /// Largest first-byte latency that readers accept, in milliseconds.
    #[serde(default)]
    pub latency_limit_ms: Option<i64>,
    /// Verified copies that there must be at least; a source is not retired below it.
    #[serde(default)]
    pub min_replicas: Option<i64>,
    /// Never moved by advice; the reason is shown.
    #[serde(default)]
    pub pinned_reason: Option<String>,
    /// Place in the order, lowest first; equal ones go by name.
    #[serde(default)]
    pub position: i64,
}

/// A rule that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Its unique name.
    pub name: Name,
    /// What it says.
    pub rules: PolicySpec,
    /// Rises at every change; the ETag.
    pub generation: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A rule with the datasets it speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyReach {
    /// The rule.
    pub policy: Policy,
    /// Datasets it speaks of.
    pub speaks_of: i64,
    /// Those of them that stand where it does not allow.
    pub against: i64,
    /// Some of them, those that stand against it first: id and name.
    pub some: Vec<(DatasetId, String)>,
}

/// A rule to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Unique name.
    pub name: Name,
    /// What it says.
    pub rules: PolicySpec,
}

/// Why a rule was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It would change nothing.
    #[error(
        "it asks for nothing; state allowed_locations, allowed_regions, allowed_classes, latency_limit_ms, min_replicas or pinned_reason"
    )]
    Nothing,
    /// A list that nobody could read.
    #[error("{0} has {1} patterns; at most {PATTERNS_MAX} are allowed")]
    TooMany(&'static str, usize),
    /// A pattern that fits nothing.
    #[error("{0} has the pattern {1:?}; a pattern has 1 to {PATTERN_MAX_CHARS} characters on one line")]
    Pattern(&'static str, String),
    /// A region without its provider would fit another vendor's of the same name.
    #[error(
        "allowed_regions has the pattern {0:?}; write provider/region, such as aws/eu-* or */eu-central-1"
    )]
    Region(String),
    /// A number out of its bounds.
    #[error("{0} is between 1 and {1}, not {2}")]
    Number(&'static str, i64, i64),
    /// A reason that cannot be shown.
    #[error("a pin needs a reason of 1 to {REASON_MAX_CHARS} characters on one line")]
    Reason,
}

impl PolicySpec {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), PolicyError> {
        for (name, patterns) in [
            ("datasets", &self.datasets),
            ("allowed_locations", &self.allowed_locations),
            ("allowed_regions", &self.allowed_regions),
            ("allowed_classes", &self.allowed_classes),
        ] {
            if patterns.len() > PATTERNS_MAX {
                return Err(PolicyError::TooMany(name, patterns.len()));
            }
            let bad = |p: &&String| {
                let chars = p.chars().count();
                p.trim().is_empty() || chars > PATTERN_MAX_CHARS || p.chars().any(char::is_control)
            };
            if let Some(pattern) = patterns.iter().find(bad) {
                return Err(PolicyError::Pattern(name, pattern.clone()));
            }
        }
        if let Some(pattern) = self.allowed_regions.iter().find(|p| !p.contains('/')) {
            return Err(PolicyError::Region(pattern.clone()));
        }
        for (name, value, most) in [
            ("latency_limit_ms", self.latency_limit_ms, LATENCY_MAX_MS),
            ("min_replicas", self.min_replicas, REPLICAS_MAX),
        ] {
            if let Some(value) = value
                && !(1..=most).contains(&value)
            {
                return Err(PolicyError::Number(name, most, value));
            }
        }
        if let Some(reason) = &self.pinned_reason {
            let chars = reason.trim().chars().count();
            if chars == 0 || chars > REASON_MAX_CHARS || reason.chars().any(char::is_control) {
                return Err(PolicyError::Reason);
            }
        }
        let silent = PolicySpec {
            datasets: self.datasets.clone(),
            position: self.position,
            ..Self::default()
        };
        if *self == silent {
            return Err(PolicyError::Nothing);
        }
        Ok(())
    }

    /// What it says, in a phrase.
    #[must_use]
    pub fn says(&self) -> String {
        let mut parts = Vec::new();
        for (what, patterns) in [
            ("locations", &self.allowed_locations),
            ("regions", &self.allowed_regions),
            ("classes", &self.allowed_classes),
        ] {
            if !patterns.is_empty() {
                parts.push(format!("only {what} {}", patterns.join(", ")));
            }
        }
        parts.extend(
            self.latency_limit_ms
                .map(|ms| format!("first byte within {ms} ms")),
        );
        parts.extend(self.min_replicas.map(|n| format!("at least {n} copies")));
        parts.extend(
            self.pinned_reason
                .as_ref()
                .map(|reason| format!("pinned: {reason}")),
        );
        parts.join("; ")
    }

    /// Whether it allows a place.
    #[must_use]
    pub fn allows(&self, place: Place<'_>) -> bool {
        fits(&self.allowed_locations, place.location)
            && fits(&self.allowed_regions, place.region)
            && fits(&self.allowed_classes, place.class)
    }

    /// Whether it speaks of a dataset of this name.
    #[must_use]
    pub fn speaks_of(&self, dataset: &str) -> bool {
        fits(&self.datasets, dataset)
    }
}

/// No pattern fits everything.
fn fits(patterns: &[String], text: &str) -> bool {
    patterns.is_empty()
        || patterns
            .iter()
            .any(|p| WildMatch::new_case_insensitive(p.trim()).matches(text))
}

/// A value with the rule that states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ruled<T> {
    /// The value.
    pub value: T,
    /// The rule's name; `None` for the dataset's own.
    pub policy: Option<String>,
}

/// A place as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The location's name.
    pub location: &'a str,
    /// `provider/region` of its prices or of its own statement.
    pub region: &'a str,
    /// The storage class.
    pub class: &'a str,
}

/// What all rules together say of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The dataset.
    pub dataset_id: DatasetId,
    /// Its name.
    pub dataset_name: Name,
    /// The rules that speak of it, in their order.
    pub policies: Vec<Policy>,
    /// Largest first-byte latency, in milliseconds.
    pub latency_limit_ms: Option<Ruled<i64>>,
    /// Why it is never moved by advice.
    pub pinned_reason: Option<Ruled<String>>,
    /// Verified copies that there must be at least.
    pub min_replicas: Option<Ruled<i64>>,
    /// What is wrong with where it stands now, if anything.
    #[serde(default)]
    pub broken: Vec<String>,
}

impl Verdict {
    /// What rules say of a dataset. `all` may come in any order.
    #[must_use]
    pub fn of(dataset: &Dataset, all: &[Policy]) -> Self {
        let mut policies: Vec<Policy> = all
            .iter()
            .filter(|p| p.rules.speaks_of(dataset.name.as_str()))
            .cloned()
            .collect();
        policies.sort_by(|a, b| (a.rules.position, &a.name).cmp(&(b.rules.position, &b.name)));
        let ruled = |p: &Policy| Some(p.name.to_string());
        let own = |value: i64| Ruled { value, policy: None };
        let latency_limit_ms = dataset.latency_limit_ms.map(own).or_else(|| {
            let stated = |p: &Policy| Some((p.rules.latency_limit_ms?, ruled(p)));
            let (value, policy) = policies.iter().find_map(stated)?;
            Some(Ruled { value, policy })
        });
        let pinned_reason = dataset
            .pinned_reason
            .clone()
            .map(|value| Ruled { value, policy: None })
            .or_else(|| {
                let stated = |p: &Policy| Some((p.rules.pinned_reason.clone()?, ruled(p)));
                let (value, policy) = policies.iter().find_map(stated)?;
                Some(Ruled { value, policy })
            });
        let mut min_replicas: Option<Ruled<i64>> = None;
        for policy in &policies {
            if let Some(value) = policy.rules.min_replicas
                && min_replicas.as_ref().is_none_or(|m| m.value < value)
            {
                min_replicas = Some(Ruled {
                    value,
                    policy: ruled(policy),
                });
            }
        }
        Self {
            dataset_id: dataset.id,
            dataset_name: dataset.name.clone(),
            policies,
            latency_limit_ms,
            pinned_reason,
            min_replicas,
            broken: Vec::new(),
        }
    }

    /// The rule that forbids a place, in words; `None` when every rule allows it.
    #[must_use]
    pub fn forbids(&self, place: Place<'_>) -> Option<String> {
        self.policies.iter().find_map(|policy| {
            let spec = &policy.rules;
            let says = |what: &str, patterns: &[String]| {
                Some(format!(
                    "the policy {} allows only {what} {}",
                    policy.name,
                    patterns.join(", ")
                ))
            };
            if !fits(&spec.allowed_locations, place.location) {
                return says("locations", &spec.allowed_locations);
            }
            if !fits(&spec.allowed_regions, place.region) {
                return says("regions", &spec.allowed_regions);
            }
            if !fits(&spec.allowed_classes, place.class) {
                return says("classes", &spec.allowed_classes);
            }
            None
        })
    }

    /// What is said when there are fewer verified copies than a rule asks for.
    #[must_use]
    pub fn too_few(&self, copies: i64) -> Option<String> {
        let least = self.min_replicas.as_ref().filter(|m| copies < m.value)?;
        let policy = least.policy.as_deref().unwrap_or_default();
        Some(format!(
            "the policy {policy} asks for {} verified copies, and there {} {copies}",
            least.value,
            if copies == 1 { "is" } else { "are" },
        ))
    }

    /// The dataset with what rules state where its owner states nothing.
    #[must_use]
    pub fn applied_to(&self, dataset: &Dataset) -> Dataset {
        Dataset {
            latency_limit_ms: self.latency_limit_ms.as_ref().map(|r| r.value),
            pinned_reason: self.pinned_reason.as_ref().map(|r| match &r.policy {
                Some(policy) => format!("{} (policy {policy})", r.value),
                None => r.value.clone(),
            }),
            ..dataset.clone()
        }
    }
}

#[cfg(test)]
mod tests;
