//! Was it right? What a completed move was expected to bring, beside what it brought.
//!
//! Invariant: the sentence comes from `domain::recommendation::outcome`, every number from the record itself.

use super::badge::badge;
use super::costs::lines;
use super::icon::Icon;
use super::time::full;
use crate::domain::recommendation::outcome::{Outcome, Verdict};
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
    let expected = o.expected.as_ref().map(|e| {
        let paid = e.break_even_days.map_or_else(|| "never".to_owned(), days);
        view! {
            <tr>
                <th scope="row">"Expected"</th>
                <td class="num">{e.monthly_saving_nanousd.to_string()}</td>
                <td class="num">{rate(e.reads_per_month)}</td>
                <td class="num">{e.one_time_nanousd.to_string()}</td>
                <td>{format!("pays for itself in {paid}")}</td>
            </tr>
        }
    });
    let came = o.judged().map(|r| {
        let once = o.expected.as_ref().map(|e| e.one_time_nanousd.to_string());
        view! {
            <tr>
                <th scope="row">"Came"</th>
                <td class="num">{r.monthly_saving_nanousd.to_string()}</td>
                <td class="num">{rate(Some(r.reads_per_month))}</td>
                <td class="num">{once}</td>
                <td>{format!("{} so far, the move paid", r.net_nanousd)}</td>
            </tr>
        }
    });
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
            <div class="table-wrap" role="region" aria-label="Forecast beside what came" tabindex="0">
                <table class="plain">
                    <thead><tr><th scope="col"><span class="visually-hidden">"Side"</span></th><th scope="col" class="num">"Saving a month"</th><th scope="col" class="num">"Full reads a month"</th><th scope="col" class="num">"Once"</th><th scope="col">"In all"</th></tr></thead>
                    <tbody>{expected}{came}</tbody>
                </table>
            </div>
            {sheets}
            <p class="small muted">"Looked at " {full(o.looked_at)}</p>
        </div>
    }
    .into_any()
}

fn rate(reads: Option<f64>) -> String {
    reads.map_or_else(|| "–".to_owned(), |r| format!("{r:.2}"))
}
