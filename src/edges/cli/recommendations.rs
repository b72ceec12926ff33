//! `dim recommendations`: the list, one dataset's answer with every figure behind it, and a person's decision about it.
//!
//! Invariant: every sentence comes from `domain::recommendation::explain` and every number from the server's answer.

use super::client::{Client, Reply, segment};
use super::exit::CliError;
use super::locations::items;
use super::output::{Out, note};
use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts, render};
use crate::domain::price::line::{CostKind, CostLine, CostSheet};
use crate::domain::recommendation::{Action, Alternative, Recommendation, Review, ReviewStatus, explain};
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

/// A person's decision.
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
    if let Some(decision) = asked.decision {
        return decide(decision, client, out).await;
    }
    if let Some(key) = &asked.dataset_id {
        let reply = client.get(&path(key)).await?;
        let found: Recommendation = reply.typed()?;
        return out.one(&reply, &columns(), &found, |style| text(&found, style));
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

fn review_text(review: &Review) -> String {
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

/// Everything about one recommendation.
fn text(r: &Recommendation, style: Style) -> String {
    let mut out = format!(
        "{}\n{}\n",
        style.bold(&style::clean(r.dataset_name.as_str())),
        style::clean(&explain::headline(r))
    );
    for reason in explain::reasons(r) {
        out.push_str(&format!("  - {}\n", style::clean(&reason)));
    }
    out.push('\n');
    out.push_str(&facts(&figures(r), style));
    if let Some(stay) = &r.stay {
        out.push('\n');
        out.push_str(&costs(r, stay, style));
    }
    if !r.alternatives.is_empty() {
        out.push('\n');
        out.push_str(&render(&alternatives(r.horizon_days), &r.alternatives, style));
    }
    out
}

fn figures(r: &Recommendation) -> Vec<(&'static str, String)> {
    let is_move = r.action == Action::Move;
    let mut rows = vec![
        ("stands on", r.current.to_string()),
        (
            "costs now",
            format!("{} a month", or_dash(r.stay_monthly_nanousd)),
        ),
    ];
    if is_move {
        rows.extend([
            ("saves", format!("{} a month", r.monthly_saving_nanousd)),
            ("once", r.one_time_nanousd.to_string()),
            (
                "net",
                format!("{} over {} days", r.horizon_saving_nanousd, r.horizon_days),
            ),
        ]);
    }
    if let (true, Some(days)) = (is_move, r.break_even_days) {
        let on = r.break_even_at.map(|at| format!(", on {}", style::stamp(at)));
        rows.push((
            "paid back",
            format!("after {days} days{}", on.unwrap_or_default()),
        ));
    }
    if r.threshold_nanousd > NanoUsd::ZERO {
        rows.push((
            "a move must save",
            format!("{} over {} days", r.threshold_nanousd, r.horizon_days),
        ));
    }
    if let Some(forecast) = &r.forecast {
        rows.push((
            "forecast",
            format!(
                "{} full reads, {} read requests a month",
                rate(forecast.reads_per_month),
                rate(forecast.requests_per_month)
            ),
        ));
        rows.push(("by the rule", forecast.rule.clone()));
        let seen = forecast
            .features
            .iter()
            .map(|f| format!("{} {}", f.name, rate(f.value)))
            .collect::<Vec<_>>();
        rows.push(("made from", seen.join(", ")));
        rows.push((
            "would change",
            match forecast.flips_at_reads_per_month {
                Some(flip) => format!("at {} full reads a month", rate(flip)),
                None => "at no rate of reads in sight".into(),
            },
        ));
        rows.extend(forecast.cell.clone().map(|cell| ("cell", cell)));
        rows.push(("confidence", explain::confidence(r.confidence.as_ref())));
    }
    let prices: Vec<String> = r
        .basis
        .iter()
        .map(|b| format!("{} of {}", b.price_book, b.date))
        .collect();
    rows.push((
        "prices",
        or_dash(Some(prices.join(", ")).filter(|p| !p.is_empty())),
    ));
    if is_move {
        rows.push(("review", review_text(&r.review)));
    }
    rows.push((
        "this version",
        format!("{}: {}", style::stamp(r.updated_at), r.changed_because),
    ));
    rows
}

/// At most four digits, none of them idle.
fn rate(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A line of both sides' costs.
struct CostRow {
    what: &'static str,
    stay: Option<NanoUsd>,
    there: Option<NanoUsd>,
    how: String,
}

/// Staying and the proposal (or the cheapest other place) side by side: each kind of charge, then what the move costs once.
fn costs(r: &Recommendation, stay: &CostSheet, style: Style) -> String {
    let none = CostSheet::default();
    let other = r
        .proposed_alternative()
        .or_else(|| r.alternatives.iter().find(|a| a.running.is_some()));
    let running = other.and_then(|a| a.running.as_ref());
    let way = other.and_then(|a| a.one_time.as_ref()).unwrap_or(&none);
    let mut rows = Vec::new();
    for kind in CostKind::ALL {
        let of = |sheet: &CostSheet| {
            sheet
                .lines
                .iter()
                .filter(|l| l.kind == kind)
                .cloned()
                .collect::<Vec<_>>()
        };
        let (left, right) = (of(stay), running.map(of).unwrap_or_default());
        if left.is_empty() && right.is_empty() {
            continue;
        }
        rows.push(CostRow {
            what: kind.title(),
            stay: Some(stay.sum_of(kind)),
            there: running.map(|sheet| sheet.sum_of(kind)),
            how: how(&left, &right),
        });
    }
    rows.push(CostRow {
        what: "Running",
        stay: Some(stay.total_nanousd),
        there: running.map(|s| s.total_nanousd),
        how: String::new(),
    });
    rows.extend(way.lines.iter().map(|line| CostRow {
        what: line.kind.title(),
        stay: None,
        there: Some(line.amount_nanousd),
        how: format!("once: {}", line.text),
    }));
    rows.push(CostRow {
        what: "All",
        stay: Some(stay.total_nanousd),
        there: running.map(|s| s.total_nanousd + way.total_nanousd),
        how: format!("over {} days", r.horizon_days),
    });
    let title = other.map_or_else(String::new, |a| format!("{} beside {}\n", r.current, a.placement));
    style.tint(Tint::Faint, &style::clean(&title)) + &render(&cost_columns(), &rows, style)
}

fn how(stay: &[CostLine], there: &[CostLine]) -> String {
    let texts = |lines: &[CostLine]| {
        lines
            .iter()
            .map(|l| l.text.clone())
            .collect::<Vec<_>>()
            .join(" + ")
    };
    match (stay.is_empty(), there.is_empty()) {
        (false, false) => format!("{} | {}", texts(stay), texts(there)),
        (false, true) => texts(stay),
        _ => format!("| {}", texts(there)),
    }
}

fn cost_columns() -> Vec<Column<CostRow>> {
    let amount = |title, key, of: fn(&CostRow) -> Option<NanoUsd>| {
        Column::number(
            title,
            key,
            move |r: &CostRow| of(r).map(|m| m.to_string()).unwrap_or_default(),
            move |r: &CostRow| of(r).map(|m| m.0.to_string()).unwrap_or_default(),
        )
    };
    vec![
        Column::text("COST", "what", |r: &CostRow| r.what.to_owned()),
        amount("STAY", "stay", |r| r.stay),
        amount("THERE", "there", |r| r.there),
        Column::text("FOR", "how", |r: &CostRow| r.how.clone()).tinted(|_| Tint::Faint),
    ]
}

fn alternatives(horizon_days: i64) -> Vec<Column<Alternative>> {
    let optional = |title, key, of: fn(&Alternative) -> Option<NanoUsd>| {
        Column::number(
            title,
            key,
            move |a: &Alternative| or_dash(of(a)),
            move |a: &Alternative| of(a).map(|m| m.0.to_string()).unwrap_or_default(),
        )
    };
    // The heading names the horizon, which is the same for all of them.
    let whole: &'static str = if horizon_days == 90 { "90 DAYS" } else { "HORIZON" };
    vec![
        Column::text("PLACE", "placement", |a: &Alternative| a.placement.to_string()),
        optional("A MONTH", "monthly_nanousd", |a| a.monthly_nanousd),
        optional("ONCE", "one_time_nanousd", |a| {
            a.one_time.as_ref().map(|s| s.total_nanousd)
        }),
        optional(whole, "horizon_nanousd", |a| a.horizon_nanousd),
        Column::number(
            "PAID BACK",
            "break_even_days",
            |a: &Alternative| or_dash(a.break_even_days.map(|d| format!("{d} d"))),
            |a: &Alternative| a.break_even_days.map(|d| d.to_string()).unwrap_or_default(),
        ),
        Column::text("WHY NOT", "why_not", |a: &Alternative| {
            a.why_not
                .as_ref()
                .map_or_else(|| "proposed".into(), explain::why_not)
        })
        .tinted(|a| match a.why_not {
            None => Tint::Good,
            Some(_) => Tint::None,
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates_show_at_most_four_digits_that_say_something() {
        for (value, text) in [
            (0.0, "0"),
            (1.4, "1.4"),
            (0.000_123_456, "0.0001235"),
            (12_345.6, "12346"),
            (364.0, "364"),
            (0.5, "0.5"),
        ] {
            assert_eq!(rate(value), text);
        }
    }
}
