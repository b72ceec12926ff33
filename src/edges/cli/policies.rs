//! `dim policies add|list|get|set|remove|check`.

use super::Client;
use super::client::{Reply, segment};
use super::exit::CliError;
use super::locations::items;
use super::output::{Out, note};
use super::table::{Column, facts};
use crate::domain::policy::{Policy, PolicySpec, Ruled, Verdict};
use clap::{Args, Subcommand};
use serde_json::json;

/// What to do with rules about placement.
#[derive(Debug, Subcommand)]
pub enum Policies {
    /// Add a rule; recommendations, plans and the deletion of old copies obey it from then on
    Add(Named),
    /// List the rules, in the order in which they are read
    List,
    /// Show one rule
    Get {
        /// Its id or name
        policy: String,
    },
    /// Replace what a rule says
    Set(Named),
    /// Forget a rule; nothing moves because of it
    Remove {
        /// Its id or name
        policy: String,
    },
    /// Tell what the rules say of a dataset, and what is wrong with where it stands
    Check {
        /// Its id or name
        dataset: String,
    },
}

/// A rule's name and what it says.
#[derive(Debug, Args)]
pub struct Named {
    /// The rule's name
    policy: String,
    #[command(flatten)]
    says: Says,
}

/// What a rule says.
#[derive(Debug, Args)]
pub struct Says {
    /// Names of the datasets it speaks of, with * and ? [default: all]
    #[arg(long = "dataset", value_name = "PATTERN", value_delimiter = ',')]
    datasets: Vec<String>,
    /// Locations that are allowed, with * and ? [default: any]
    #[arg(long = "allow-location", value_name = "PATTERN", value_delimiter = ',')]
    allowed_locations: Vec<String>,
    /// Regions that are allowed, as provider/region, such as aws/eu-* [default: any]
    #[arg(long = "allow-region", value_name = "PATTERN", value_delimiter = ',')]
    allowed_regions: Vec<String>,
    /// Storage classes that are allowed, with * and ? [default: any]
    #[arg(long = "allow-class", value_name = "PATTERN", value_delimiter = ',')]
    allowed_classes: Vec<String>,
    /// Largest first-byte latency that readers accept, in milliseconds
    #[arg(long, value_name = "MS")]
    latency_limit_ms: Option<i64>,
    /// Verified copies that there must be at least
    #[arg(long, value_name = "NUMBER")]
    min_replicas: Option<i64>,
    /// Never moved by advice, for this reason
    #[arg(long, value_name = "REASON")]
    pin: Option<String>,
    /// Place in the order, lowest first
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    position: i64,
}

impl From<Says> for PolicySpec {
    fn from(says: Says) -> Self {
        Self {
            datasets: says.datasets,
            allowed_locations: says.allowed_locations,
            allowed_regions: says.allowed_regions,
            allowed_classes: says.allowed_classes,
            latency_limit_ms: says.latency_limit_ms,
            min_replicas: says.min_replicas,
            pinned_reason: says.pin,
            position: says.position,
        }
    }
}

/// Carries out a command on rules.
///
/// # Errors
/// No server, or its refusal.
pub async fn run(command: Policies, client: &Client, out: Out) -> Result<(), CliError> {
    match command {
        Policies::List => {
            let reply = client.get("/api/v1/policies").await?;
            let rows: Vec<Policy> = items(&reply)?;
            let empty = "no policies; add one with: dim policies add eu-only --dataset 'climate-*' --allow-region 'aws/eu-*'";
            out.rows(&reply, &columns(), &rows, empty)
        }
        Policies::Get { policy } => show(&client.get(&address(&policy)).await?, out),
        Policies::Add(Named { policy, says }) => {
            let new = json!({ "name": policy, "rules": PolicySpec::from(says) });
            show(&client.post("/api/v1/policies", &new).await?, out)
        }
        Policies::Set(Named { policy, says }) => {
            let rules = PolicySpec::from(says);
            show(&client.patch(&address(&policy), &rules).await?, out)
        }
        Policies::Remove { policy } => {
            client.delete(&address(&policy)).await?;
            note(&format!(
                "the policy {policy} is gone; nothing moves because of it"
            ));
            Ok(())
        }
        Policies::Check { dataset } => {
            let path = format!("/api/v1/datasets/{}/verdict", segment(&dataset));
            let reply = client.get(&path).await?;
            let verdict: Verdict = reply.typed()?;
            out.one(&reply, &verdict_columns(), &verdict, |style| {
                facts(&verdict_facts(&verdict), style)
            })
        }
    }
}

fn show(reply: &Reply, out: Out) -> Result<(), CliError> {
    let policy: Policy = reply.typed()?;
    out.one(reply, &columns(), &policy, |style| {
        let rows = [
            ("id", policy.id.to_string()),
            ("name", policy.name.to_string()),
            ("datasets", of(&policy.rules)),
            ("says", policy.rules.says()),
            ("position", policy.rules.position.to_string()),
        ];
        facts(&rows, style)
    })
}

fn address(policy: &str) -> String {
    format!("/api/v1/policies/{}", segment(policy))
}

fn of(rules: &PolicySpec) -> String {
    if rules.datasets.is_empty() {
        "all".into()
    } else {
        rules.datasets.join(", ")
    }
}

fn columns() -> Vec<Column<Policy>> {
    vec![
        Column::text("ID", "id", |p: &Policy| p.id.to_string()),
        Column::text("NAME", "name", |p: &Policy| p.name.to_string()),
        Column::text("DATASETS", "datasets", |p: &Policy| of(&p.rules)),
        Column::text("SAYS", "says", |p: &Policy| p.rules.says()),
    ]
}

/// A value with where it comes from.
fn ruled<T: ToString>(ruled: Option<&Ruled<T>>) -> String {
    ruled.map_or_else(
        || "-".into(),
        |r| match &r.policy {
            Some(policy) => format!("{} (policy {policy})", r.value.to_string()),
            None => format!("{} (its own)", r.value.to_string()),
        },
    )
}

fn names(verdict: &Verdict) -> String {
    let names: Vec<&str> = verdict.policies.iter().map(|p| p.name.as_str()).collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

fn verdict_facts(v: &Verdict) -> Vec<(&'static str, String)> {
    let mut rows = vec![("dataset", v.dataset_name.to_string()), ("policies", names(v))];
    for policy in &v.policies {
        rows.push(("", format!("{}: {}", policy.name, policy.rules.says())));
    }
    rows.push(("latency limit ms", ruled(v.latency_limit_ms.as_ref())));
    rows.push(("pinned", ruled(v.pinned_reason.as_ref())));
    rows.push(("least copies", ruled(v.min_replicas.as_ref())));
    if v.broken.is_empty() {
        rows.push(("now", "nothing stands against them".into()));
    }
    for broken in &v.broken {
        rows.push(("broken", broken.clone()));
    }
    rows
}

fn verdict_columns() -> Vec<Column<Verdict>> {
    vec![
        Column::text("DATASET", "dataset_name", |v: &Verdict| {
            v.dataset_name.to_string()
        }),
        Column::text("POLICIES", "policies", names),
        Column::text("LATENCY LIMIT MS", "latency_limit_ms", |v: &Verdict| {
            ruled(v.latency_limit_ms.as_ref())
        }),
        Column::text("PINNED", "pinned_reason", |v: &Verdict| {
            ruled(v.pinned_reason.as_ref())
        }),
        Column::text("LEAST COPIES", "min_replicas", |v: &Verdict| {
            ruled(v.min_replicas.as_ref())
        }),
        Column::text("BROKEN", "broken", |v: &Verdict| v.broken.join("; ")),
    ]
}
