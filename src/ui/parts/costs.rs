//! Two costs side by side: staying and the proposal, a pair of bars for each kind of charge.
//!
//! Invariant: every bar has its amount beside it, and the amounts sum to the totals in the foot.

use crate::domain::price::line::{CostKind, CostSheet, Grade};
use crate::domain::unit::NanoUsd;
use leptos::prelude::*;

/// Staying against the proposal over the horizon.
#[must_use]
pub fn pairs(stay: &CostSheet, proposed: &CostSheet, days: i64) -> AnyView {
    let kinds: Vec<CostKind> = CostKind::ALL
        .into_iter()
        .filter(|k| stay.lines.iter().chain(&proposed.lines).any(|l| l.kind == *k))
        .collect();
    let top = kinds
        .iter()
        .flat_map(|k| [stay.sum_of(*k), proposed.sum_of(*k)])
        .map(|m| m.0.max(0))
        .max()
        .unwrap_or(0);
    let rows = kinds
        .into_iter()
        .map(|kind| {
            let (a, b) = (stay.sum_of(kind), proposed.sum_of(kind));
            let unsure = stay
                .lines
                .iter()
                .chain(&proposed.lines)
                .any(|l| l.kind == kind && l.grade == Grade::C);
            view! {
                <tr>
                    <th scope="row">{kind.title()}{unsure.then(|| view! { <span class="sub">"unsure price (grade C)"</span> })}</th>
                    <td class="pair">{pair(a, b, top)}</td>
                    <td class="num now">{a.to_string()}</td>
                    <td class="num">{b.to_string()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="costs" data-testid="cost-lines">
                <caption class="small muted">{format!("Over {days} days, at the forecast. Upper bar: staying. Lower bar: the proposal.")}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Charge"</th>
                        <th scope="col"><span class="visually-hidden">"Both as bars"</span></th>
                        <th scope="col" class="num"><span class="key-now" aria-hidden="true"></span>"Stay"</th>
                        <th scope="col" class="num"><span class="key-then" aria-hidden="true"></span>"Proposed"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row">"Total"</th>
                        <td></td>
                        <td class="num">{stay.total_nanousd.to_string()}</td>
                        <td class="num">{proposed.total_nanousd.to_string()}</td>
                    </tr>
                </tfoot>
            </table>
        </div>
    }
    .into_any()
}

fn pair(a: NanoUsd, b: NanoUsd, top: i64) -> AnyView {
    let width = |m: NanoUsd| {
        if top <= 0 || m.0 <= 0 {
            return "0".to_owned();
        }
        // A charge that exists is seen, however small beside the largest.
        format!("{:.1}", (m.0 as f64 / top as f64 * 100.0).max(0.8))
    };
    view! {
        <svg class="pair-bars" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
            <rect class="f-now" y="1" width=width(a) height="8"></rect>
            <rect class="f-then" y="11" width=width(b) height="8"></rect>
        </svg>
    }
    .into_any()
}

/// The lines of one sheet: what each is for and how it was computed.
#[must_use]
pub fn lines(sheet: &CostSheet) -> AnyView {
    let total = sheet.total_nanousd.to_string();
    let rows = sheet
        .lines
        .iter()
        .map(|line| {
            let grade = format!("{}: {}", line.grade.as_str(), line.grade.meaning());
            view! {
                <tr>
                    <th scope="row">{line.kind.title()}<span class="sub">{line.text.clone()}</span></th>
                    <td><abbr title=grade>{line.grade.as_str()}</abbr></td>
                    <td class="num">{line.amount_nanousd.to_string()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="costs">
                <thead><tr><th scope="col">"Charge"</th><th scope="col">"Grade"</th><th scope="col" class="num">"Amount"</th></tr></thead>
                <tbody>{rows}</tbody>
                <tfoot><tr><th scope="row">"Total"</th><td></td><td class="num">{total}</td></tr></tfoot>
            </table>
        </div>
    }
    .into_any()
}
