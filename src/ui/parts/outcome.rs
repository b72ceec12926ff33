//! Was it right? What a completed move was expected to bring, beside what it brought.
//!
//! Invariant: the sentence comes from `domain::recommendation::outcome`, every number from the record itself.

use super::badge::badge;
use super::costs::lines;
use super::icon::Icon;
use super::time::full;
use crate::domain::recommendation::outcome::{Expectation, Outcome, Verdict};
use crate::ui::format::{days, title};
use leptos::prelude::*;
use leptos_router::components::A;

/// The records of a dataset's moves, below its recommendation; nothing where it was never moved.
#[must_use]
pub fn outcomes(list: &[Outcome]) -> Option<AnyView> {
    if list.is_empty() {
        return None;
    }
    let cards = list
        .iter()
        .map(|o| {
            let to = format!("{} to {}", o.source, o.target);
            view! {
                <div class="card-head sub-head">
                    <h3>"Was it right? " <A href=format!("/jobs/{}", o.job_id) attr:class="name">{to}</A></h3>
                    <span class="small muted">{full(o.switched_at)}</span>
                </div>
                {outcome_card(o)}
            }
        })
        .collect_view();
    Some(view! { <div data-testid="outcomes">{cards}</div> }.into_any())
}

/// One record.
#[must_use]
pub fn outcome_card(o: &Outcome) -> AnyView {
    let (tone, picture) = match o.verdict {
        Verdict::PaidBack | Verdict::OnCourse => ("ok", Icon::Check),
        Verdict::Slow => ("warn", Icon::Clock),
        Verdict::Wrong => ("err", Icon::Alert),
        Verdict::TooEarly | Verdict::Unpriced | Verdict::Undone => ("", Icon::Clock),
    };
    let sheets = o.judged().map(|r| {
        view! {
            <details class="quiet">
                <summary>{format!("Both sides over {:.1} days, at the reads that came", r.days)}</summary>
                <h4>"There"</h4>{lines(&r.target)}<h4>"Had it stayed"</h4>{lines(&r.stay)}
            </details>
        }
    });
    view! {
        <div class="card-body stack-s" data-testid="outcome" data-verdict=o.verdict.as_str()>
            <p class="row">{badge(tone, picture, title(o.verdict.as_str()))} <span>{o.sentence()}</span></p>
            {forecast_beside_what_came(o)}
            {sheets}
            <p class="small muted">"Looked at " {full(o.looked_at)}</p>
        </div>
    }
    .into_any()
}

/// A line for each figure, so that it fits beside something else; what came only where it was judged.
fn forecast_beside_what_came(o: &Outcome) -> AnyView {
    let (expected, came) = (o.expected.as_ref(), o.judged());
    let paid = |e: &Expectation| e.break_even_days.map_or_else(|| "never".to_owned(), days);
    let rows = [
        (
            "Saving a month",
            expected.map(|e| e.monthly_saving_nanousd.to_string()),
            came.map(|r| r.monthly_saving_nanousd.to_string()),
        ),
        (
            "Full reads a month",
            expected.map(|e| rate(e.reads_per_month)),
            came.map(|r| rate(Some(r.reads_per_month))),
        ),
        (
            "Cost once",
            expected.map(|e| e.one_time_nanousd.to_string()),
            came.and(expected).map(|e| e.one_time_nanousd.to_string()),
        ),
        ("Pays for itself in", expected.map(paid), None),
        (
            "In all, the cost paid",
            None,
            came.map(|r| r.net_nanousd.to_string()),
        ),
    ];
    let cell = |text: Option<String>| view! { <td class="num">{text.unwrap_or("–".into())}</td> };
    let shown = came.is_some();
    let rows = rows
        .into_iter()
        .filter(|(_, expected, came)| expected.is_some() || came.is_some())
        .map(|(name, expected, came)| {
            view! { <tr><th scope="row">{name}</th>{cell(expected)}{shown.then(|| cell(came))}</tr> }
        })
        .collect_view();
    view! {
        <table class="plain">
            <thead><tr>
                <th scope="col"><span class="visually-hidden">"Figure"</span></th>
                <th scope="col" class="num">"Expected"</th>
                {shown.then(|| view! { <th scope="col" class="num">"Came"</th> })}
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn rate(reads: Option<f64>) -> String {
    reads.map_or_else(|| "–".to_owned(), |r| format!("{r:.2}"))
}
