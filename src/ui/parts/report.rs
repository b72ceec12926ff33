//! A report's figures and tables, whatever report it is.
//!
//! Invariant: every text is the cell's own; a bar stands beside the figures that it is drawn from.

use crate::domain::report::{Cell, Column, Figure, Table, Unit};
use crate::ui::format::count;
use leptos::prelude::*;

/// The strip of key figures.
#[must_use]
pub fn figures(of: &[Figure]) -> AnyView {
    let items = of
        .iter()
        .map(|f| {
            let (label, value, note) = (f.label.clone(), f.value.show(f.unit), f.note.clone());
            let value = match f.href.clone() {
                Some(href) => view! { <a href=href>{value}</a> }.into_any(),
                None => value.into_any(),
            };
            view! { <div data-figure=f.key.clone()><dt>{label}</dt><dd>{value}</dd><dd class="muted">{note}</dd></div> }
        })
        .collect_view();
    view! { <dl class="report-figures">{items}</dl> }.into_any()
}

/// A table with its heading, foot, and what a limit left out.
#[must_use]
pub fn table(t: &Table) -> AnyView {
    let id = format!("table-{}", t.key);
    let (labelled, key) = (id.clone(), t.key.clone());
    let (title, lead) = (t.title.clone(), t.lead.clone());
    let inner = if t.rows.is_empty() {
        let empty = t.empty.clone();
        view! { <p class="soft">{empty}</p> }.into_any()
    } else {
        grid(t)
    };
    view! {
        <section class="card report-table" aria-labelledby=labelled data-table=key>
            <h2 id=id>{title}</h2>
            {lead.map(|lead| view! { <p class="small muted">{lead}</p> })}
            {inner}
        </section>
    }
    .into_any()
}

fn grid(t: &Table) -> AnyView {
    let heads = t
        .shown()
        .map(|(_, c)| {
            let title = c.title.clone();
            let class = if c.unit.is_number() { "num" } else { "" };
            view! { <th scope="col" class=class>{title}</th> }
        })
        .collect_view();
    let longest = t.longest();
    let (first, second) = t
        .pair
        .and_then(|p| {
            Some((
                t.columns.get(p.first)?.title.clone(),
                t.columns.get(p.second)?.title.clone(),
            ))
        })
        .unwrap_or_default();
    let bars = t.pair.is_some();
    let rows = t
        .rows
        .iter()
        .map(|row| {
            let cells = t.shown().map(|(i, c)| cell(t, row, i, c)).collect_view();
            let pair = t.pair.map(|p| pair(row.get(p.first), row.get(p.second), longest));
            view! { <tr>{cells}{pair}</tr> }
        })
        .collect_view();
    let foot = t.total.as_ref().map(|total| {
        let cells = t
            .shown()
            .map(|(i, c)| {
                let text = match total.get(i) {
                    Some(Cell::Empty) | None => String::new(),
                    Some(value) => value.show(c.unit),
                };
                view! { <td class=class(c.unit)>{text}</td> }
            })
            .collect_view();
        view! { <tfoot><tr>{cells}{bars.then(|| view! { <td></td> })}</tr></tfoot> }
    });
    let shown = i64::try_from(t.rows.len()).unwrap_or(0);
    let left = (t.left_out() > 0).then(|| {
        let text = format!(
            "{} of {} rows; sums are over all. CSV has more.",
            count(shown),
            count(t.row_count)
        );
        view! { <p class="small muted">{text}</p> }
    });
    // The card around it has the title alone.
    let label = format!("{}, table", t.title);
    view! {
        <div class="table-wrap" role="region" aria-label=label tabindex="0">
            <table>
                <thead>
                    <tr>
                        {heads}
                        {bars.then(|| view! {
                            <th scope="col">
                                <span class="bar-key"><span class="key-s1" aria-hidden="true"></span>{first}</span>
                                <span class="bar-key"><span class="key-s2" aria-hidden="true"></span>{second}</span>
                            </th>
                        })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                {foot}
            </table>
        </div>
        {left}
    }
    .into_any()
}

fn cell(t: &Table, row: &[Cell], at: usize, c: &Column) -> AnyView {
    let text = row.get(at).map_or_else(String::new, |v| v.show(c.unit));
    match t.href(row, c) {
        Some(href) => view! { <td class=class(c.unit)><a href=href>{text}</a></td> }.into_any(),
        None => view! { <td class=class(c.unit)>{text}</td> }.into_any(),
    }
}

fn pair(first: Option<&Cell>, second: Option<&Cell>, longest: f64) -> AnyView {
    let width = |cell: Option<&Cell>| {
        let value = cell.map_or(0.0, Cell::amount).abs();
        format!(
            "{:.1}",
            if longest > 0.0 {
                value / longest * 100.0
            } else {
                0.0
            }
        )
    };
    view! {
        <td class="bars">
            <svg class="pair-bars" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
                <rect class="s1" y="2" width=width(first) height="7"></rect>
                <rect class="s2" y="11" width=width(second) height="7"></rect>
            </svg>
        </td>
    }
    .into_any()
}

fn class(unit: Unit) -> &'static str {
    match unit {
        Unit::Code => "mono",
        unit if unit.is_number() => "num",
        _ => "",
    }
}
