//! How the costs of policies add up over a dataset's own history: one line a policy, with the same figures as a table.
//!
//! Invariant: every line ends at its policy's bill in the table; nothing is computed here but where a point lies.

use crate::domain::placement::backtest::BacktestReport;
use crate::domain::placement::curve::{ACTUAL, Curve, Curves};
use crate::domain::report::advice::title;
use crate::domain::unit::{NanoUsd, Timestamp};
use crate::ui::format::date;
use leptos::prelude::*;
use std::fmt::Write;

/// Rows of the table of days.
const ROWS_MAX: usize = 24;
/// Colours there are; further managed classes share the last.
const COLOURS: usize = 6;

/// The chart, its table of days and the table of all policies.
#[must_use]
pub fn backtest(r: &BacktestReport) -> AnyView {
    let drawn = r.course.as_ref().map(chart);
    let rows = r
        .policies
        .iter()
        .map(|p| {
            view! {
                <tr>
                    <th scope="row">{title(&p.name)}</th>
                    <td class="num">{money(p.usd)}</td>
                    <td class="num">{format!("{:.2}", p.ratio)}</td>
                    <td class="num">{format!("{:.2}", p.ratio_to_optimum_with_managed)}</td>
                    <td class="num">{p.moves.to_string()}</td>
                    <td class="num">{money(p.storage_usd)}</td>
                    <td class="num">{money(p.read_usd)}</td>
                    <td class="num">{money(p.move_usd)}</td>
                    <td class="num">{money(p.early_deletion_usd)}</td>
                </tr>
            }
        })
        .collect_view();
    let basis = format!(
        "{} days, prices {} of {}. Ratio: to the best possible course in hindsight over plain classes; the second one: over all \
         classes, which nobody can beat.",
        r.span_days, r.prices.name, r.prices.date
    );
    view! {
        <div class="card-body stack-s" data-testid="backtest">
            {drawn}
            <p class="small soft">{basis}</p>
            <div class="table-wrap" role="region" aria-label="Costs of policies" tabindex="0">
                <table class="plain">
                    <caption class="visually-hidden">"What each policy would have cost"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Policy"</th>
                            <th scope="col" class="num">"Cost"</th>
                            <th scope="col" class="num">"Ratio"</th>
                            <th scope="col" class="num">"To managed"</th>
                            <th scope="col" class="num">"Moves"</th>
                            <th scope="col" class="num">"Storage"</th>
                            <th scope="col" class="num">"Reads"</th>
                            <th scope="col" class="num">"Moving"</th>
                            <th scope="col" class="num">"Early deletion"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </div>
    }
    .into_any()
}

fn chart(c: &Curves) -> AnyView {
    let ends = c.curves.iter().filter_map(|curve| curve.usd.last());
    let top = ends.copied().fold(0.0, f64::max);
    let width = c.days.len().max(2) - 1;
    let (from, to) = (c.days.first(), c.days.last());
    let day =
        |d: Option<&i64>| d.map_or_else(String::new, |d| date(Timestamp(d.saturating_mul(Timestamp::DAY))));
    let (from, to) = (day(from), day(to));
    let ends = c
        .curves
        .iter()
        .map(|curve| {
            format!(
                "{} {}",
                title(&curve.name),
                money(curve.usd.last().copied().unwrap_or(0.0))
            )
        })
        .collect::<Vec<_>>()
        .join(", ");
    let desc = format!("From {from} to {to}. At the end: {ends}.");
    let says = format!("Costs so far by policy. {desc}");
    let legend = c
        .curves
        .iter()
        .enumerate()
        .map(|(i, curve)| {
            let end = money(curve.usd.last().copied().unwrap_or(0.0));
            let class = format!("line l{}", (i + 1).min(COLOURS));
            view! { <span><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><path class=class d="M0 5H10"></path></svg>{format!("{} {end}", title(&curve.name))}</span> }
        })
        .collect_view();
    let lines = c
        .curves
        .iter()
        .enumerate()
        .map(|(i, curve)| {
            let class = format!("line l{}", (i + 1).min(COLOURS));
            view! { <path class=class d=path(curve, top)></path> }
        })
        .collect_view();
    let unknown = (!c.curves.iter().any(|curve| curve.name == ACTUAL)).then(|| {
        view! { <p class="small muted">"What was really done is not drawn: it stood in a class or on a location that these prices do not have."</p> }
    });
    view! {
        <figure class="stack-s">
            <p class="legend">{legend}</p>
            <div class="chart">
                <div class="y" aria-hidden="true"><span>{money(top)}</span><span>"0"</span></div>
                <svg role="img" aria-label=says viewBox=format!("0 0 {width} 100") preserveAspectRatio="none">
                    <title>"Costs so far by policy"</title>
                    <desc>{desc.clone()}</desc>
                    <path class="grid-line" fill="none" d=format!("M0 0H{width}M0 50H{width}M0 100H{width}")></path>
                    {lines}
                </svg>
                <div class="x" aria-hidden="true"><span>{from}</span><span>{to}</span></div>
            </div>
            <figcaption class="small muted">{desc}</figcaption>
            {unknown}
        </figure>
        <details class="quiet">
            <summary>"The same as a table"</summary>
            {table(c)}
        </details>
    }
    .into_any()
}

fn table(c: &Curves) -> AnyView {
    let heads = c
        .curves
        .iter()
        .map(|curve| view! { <th scope="col" class="num">{title(&curve.name)}</th> })
        .collect_view();
    let step = c.days.len().div_ceil(ROWS_MAX).max(1);
    let mut shown: Vec<usize> = (0..c.days.len()).rev().step_by(step).collect();
    shown.reverse();
    let rows = shown
        .into_iter()
        .map(|i| {
            let day = date(Timestamp(c.days[i].saturating_mul(Timestamp::DAY)));
            let cells = c
                .curves
                .iter()
                .map(|curve| view! { <td class="num">{curve.usd.get(i).copied().map(money)}</td> })
                .collect_view();
            view! { <tr><th scope="row">{day}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="table-wrap" role="region" aria-label="Costs of policies" tabindex="0">
            <table>
                <thead><tr><th scope="col">"Until (UTC)"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// A line from left to right, one unit a point, scaled to 100 from the top.
fn path(curve: &Curve, top: f64) -> String {
    let mut d = String::new();
    for (i, usd) in curve.usd.iter().enumerate() {
        let y = if top > 0.0 {
            100.0 - usd / top * 100.0
        } else {
            100.0
        };
        // Writing to a String cannot fail.
        let _ = write!(d, "{}{i} {y:.2}", if i == 0 { "M" } else { "L" });
    }
    d
}

fn money(usd: f64) -> String {
    NanoUsd::from_usd(usd).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_the_foot_to_its_share_of_the_top() {
        let curve = Curve {
            name: "optimum".into(),
            usd: vec![0.0, 1.0, 2.0],
        };
        assert_eq!(path(&curve, 4.0), "M0 100.00L1 75.00L2 50.00");
        assert_eq!(path(&curve, 0.0), "M0 100.00L1 100.00L2 100.00");
    }
}
