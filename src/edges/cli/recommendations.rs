//! `dim recommendations`: the list, one dataset's answer with every figure behind it, and a person's decision about it.
//!
//! Invariant: every sentence comes from `domain::recommendation::explain` and every number from the server's answer.

use super::client::{Client, Reply, segment};
use super::exit::CliError;
use super::locations::items;
use super::outcome_text;
use super::output::{Out, note};
use super::recommendation_text::text;
use super::style::{self, or_dash};
use super::table::{Column, Tint};
use crate::domain::recommendation::outcome::{Advice, Outcome};
use crate::domain::recommendation::{Action, Recommendation, Review, ReviewStatus};
use crate::domain::unit::{NanoUsd, Timestamp, group_thousands};
use crate::edges::cli::node::Node;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

/// Rows of a list unless all are asked for: a screen or two.
const ROWS: u32 = 50;

/// Arguments of `dim recommendations`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Recommendations {
    /// Show everything about this dataset's, by id or name
    #[arg(long, value_name = "ID")]
    dataset_id: Option<String>,
    /// Only those that say stay, move or no_history
    #[arg(long, conflicts_with = "dataset_id")]
    action: Option<String>,
    /// Only those that are open (ask for a decision), accepted, snoozed or rejected
    #[arg(long, conflicts_with = "dataset_id")]
    review: Option<String>,
    /// Only those of datasets on this location, by name or id
    #[arg(long, conflicts_with = "dataset_id")]
    location: Option<String>,
    /// List every one, not only the first 50
    #[arg(long, conflicts_with = "dataset_id")]
    all: bool,
    /// What to decide.
    #[command(subcommand)]
    decision: Option<Decision>,
}

/// A person's decision, or a look back.
#[derive(Debug, Subcommand)]
pub enum Decision {
    /// Queue the proposed move
    Accept(One),
    /// Hide the proposal for a while
    Snooze {
        #[command(flatten)]
        one: One,
        /// For how many days
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: i64,
    },
    /// Turn the proposal down
    Reject {
        #[command(flatten)]
        one: One,
        /// Why: the next person will want to know
        #[arg(long)]
        reason: String,
    },
    /// Take a decision back
    Reopen(One),
    /// Was it right? What completed moves were expected to bring, and what they brought
    Outcomes {
        /// Only those of this dataset, by id or name
        #[arg(long, value_name = "ID")]
        dataset_id: Option<String>,
    },
}

/// One dataset.
#[derive(Debug, Args)]
pub struct One {
    /// The dataset, by id or name
    #[arg(value_name = "DATASET", required_unless_present = "dataset_id")]
    dataset: Option<String>,
    /// The same as the argument
    #[arg(long, value_name = "ID", conflicts_with = "dataset")]
    dataset_id: Option<String>,
}

impl One {
    fn key(self) -> String {
        self.dataset_id.or(self.dataset).unwrap_or_default()
    }
}

/// Carries out a command on recommendations.
///
/// # Errors
/// No server, or its refusal.
pub async fn run(asked: Recommendations, client: &Client, out: Out) -> Result<(), CliError> {
    match asked.decision {
        Some(Decision::Outcomes { dataset_id }) => return outcomes(dataset_id, client, out).await,
        Some(decision) => return decide(decision, client, out).await,
        None => {}
    }
    if let Some(key) = &asked.dataset_id {
        let reply = client.get(&path(key)).await?;
        let found: Advice = reply.typed()?;
        return out.one(&reply, &columns(), &found.recommendation, |style| {
            let mut shown = text(&found.recommendation, style);
            for outcome in &found.outcomes {
                shown.push_str(&format!("\nmoved by job {}\n", outcome.job_id));
                shown.push_str(&outcome_text::text(outcome, style));
            }
            shown
        });
    }
    let mut query: Vec<(&str, String)> = Vec::new();
    query.extend(asked.action.map(|v| ("action", v)));
    query.extend(asked.review.map(|v| ("review", v)));
    query.extend(asked.location.map(|v| ("location", v)));
    let reply = if asked.all {
        client.list("/api/v1/recommendations", &query).await?
    } else {
        query.push(("limit", ROWS.to_string()));
        let request = client.request(Method::GET, "/api/v1/recommendations");
        client.send(request.query(&query)).await?
    };
    let rows: Vec<Recommendation> = items(&reply)?;
    let empty = "nothing to recommend here yet; accesses teach the recommender: dim access import FILE";
    out.rows(&reply, &columns(), &rows, empty)?;
    if let Some(total) = total(&reply)
        && total > rows.len() as u64
    {
        note(&format!(
            "{} of {} are shown; --all lists every one",
            rows.len(),
            group_thousands(total)
        ));
    }
    Ok(())
}

async fn outcomes(dataset: Option<String>, client: &Client, out: Out) -> Result<(), CliError> {
    let mut query = Vec::new();
    query.extend(dataset.map(|v| ("dataset", v)));
    let reply = client.list("/api/v1/outcomes", &query).await?;
    let rows: Vec<Outcome> = items(&reply)?;
    let empty = "no move was completed yet; a record begins with the switch";
    out.rows(&reply, &outcome_text::columns(), &rows, empty)
}

fn total(reply: &Reply) -> Option<u64> {
    match reply.node.get("total") {
        Some(Node::Number(n)) => n.as_u64(),
        _ => None,
    }
}

fn path(key: &str) -> String {
    format!("/api/v1/recommendations/{}", segment(key))
}

async fn decide(decision: Decision, client: &Client, out: Out) -> Result<(), CliError> {
    let (one, body) = match decision {
        Decision::Accept(one) => (one, json!({ "status": "accepted" })),
        Decision::Snooze { one, days } => {
            let until = style::now().plus_micros(days * Timestamp::DAY);
            (one, json!({ "status": "snoozed", "until": until }))
        }
        Decision::Reject { one, reason } => (one, json!({ "status": "rejected", "reason": reason })),
        Decision::Reopen(one) => (one, json!({ "status": "open" })),
        Decision::Outcomes { .. } => return Err(CliError::usage("outcomes are listed, not decided")),
    };
    let reply = client
        .post(&format!("{}/review", path(&one.key())), &body)
        .await?;
    let found: Recommendation = reply.typed()?;
    out.one(&reply, &columns(), &found, |_| {
        format!("{}: {}", found.dataset_name, review_text(&found.review))
    })?;
    let job = reply
        .node
        .get("job")
        .and_then(|job| job.get("id"))
        .and_then(Node::text);
    if let Some(job) = job {
        note(&format!(
            "job {job} is queued; follow it with: dim watch job --job-id {job}"
        ));
    }
    Ok(())
}

pub(super) fn review_text(review: &Review) -> String {
    let mut text = match (review.status, review.until) {
        (ReviewStatus::Snoozed, Some(until)) => format!("snoozed until {}", style::stamp(until)),
        (status, _) => status.as_str().to_owned(),
    };
    if let Some(reason) = &review.reason {
        text.push_str(&format!(" ({reason})"));
    }
    text
}

fn columns() -> Vec<Column<Recommendation>> {
    let money = |title, key, of: fn(&Recommendation) -> NanoUsd| {
        Column::number(
            title,
            key,
            move |r: &Recommendation| {
                if r.action == Action::Move {
                    of(r).to_string()
                } else {
                    "-".into()
                }
            },
            move |r: &Recommendation| of(r).0.to_string(),
        )
    };
    vec![
        Column::number(
            "ID",
            "dataset_id",
            |r: &Recommendation| r.dataset_id.to_string(),
            |r: &Recommendation| r.dataset_id.to_string(),
        ),
        Column::text("DATASET", "dataset", |r: &Recommendation| {
            r.dataset_name.to_string()
        }),
        Column::text("ACTION", "action", |r: &Recommendation| {
            r.action.as_str().replace('_', " ")
        })
        .raw(|r: &Recommendation| r.action.as_str().to_owned())
        .tinted(|r| match r.action {
            Action::Move => Tint::Good,
            Action::Stay => Tint::None,
            Action::NoHistory => Tint::Faint,
        }),
        Column::text("STANDS ON", "current", |r: &Recommendation| r.current.to_string()),
        Column::text("BETTER ON", "proposed", |r: &Recommendation| {
            or_dash(r.proposed.as_ref())
        })
        .raw(|r: &Recommendation| r.proposed.as_ref().map(ToString::to_string).unwrap_or_default()),
        Column::number(
            "NOW/MONTH",
            "stay_monthly_nanousd",
            |r: &Recommendation| or_dash(r.stay_monthly_nanousd),
            |r: &Recommendation| {
                r.stay_monthly_nanousd
                    .map(|m| m.0.to_string())
                    .unwrap_or_default()
            },
        ),
        money("SAVES/MONTH", "monthly_saving_nanousd", |r| {
            r.monthly_saving_nanousd
        }),
        money("ONCE", "one_time_nanousd", |r| r.one_time_nanousd),
        money("NET", "horizon_saving_nanousd", |r| r.horizon_saving_nanousd),
        Column::number(
            "PAID BACK",
            "break_even_days",
            |r: &Recommendation| or_dash(r.break_even_days.map(|d| format!("{d} d"))),
            |r: &Recommendation| r.break_even_days.map(|d| d.to_string()).unwrap_or_default(),
        ),
        Column::text("REVIEW", "review", |r: &Recommendation| {
            if r.action == Action::Move {
                review_text(&r.review)
            } else {
                "-".into()
            }
        })
        .raw(|r: &Recommendation| r.review.status.as_str().to_owned()),
    ]
}
