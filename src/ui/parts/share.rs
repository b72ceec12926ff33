//! Where the data stands: one bar over all placements, and a row for each with its share of bytes and of cost.

use super::place::place;
use crate::api::query::DatasetQuery;
use crate::domain::overview::PlacementShare;
use crate::domain::unit::{Bytes, NanoUsd};
use crate::ui::format::{count, monthly};
use leptos::prelude::*;
use leptos_router::components::A;

/// Placements that get a colour of their own.
const COLOURS: usize = 8;

/// The bar and its table.
#[must_use]
pub fn shares(placements: &[PlacementShare]) -> AnyView {
    let mut rows = placements.to_vec();
    rows.sort_by(|a, b| {
        b.size_bytes
            .cmp(&a.size_bytes)
            .then_with(|| a.location_name.cmp(&b.location_name))
    });
    let total: Bytes = rows.iter().map(|p| p.size_bytes).sum();
    let cost: NanoUsd = rows.iter().filter_map(|p| p.monthly_cost_nanousd).sum();
    let top_bytes = rows.iter().map(|p| p.size_bytes.0).max().unwrap_or(0);
    let top_cost = rows
        .iter()
        .filter_map(|p| p.monthly_cost_nanousd)
        .max()
        .unwrap_or_default();
    let mut x = 0.0;
    let parts = rows
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let width = ratio(p.size_bytes.0 as f64, total.0 as f64) * 1000.0;
            let at = x;
            x += width;
            let label = format!("{} {}: {}", p.location_name, p.storage_class, p.size_bytes);
            view! {
                <rect class=colour(i) x=format!("{at:.1}") y="0" width=format!("{:.1}", (width - 3.0).max(1.5)) height="20">
                    <title>{label}</title>
                </rect>
            }
        })
        .collect_view();
    view! {
        <svg class="share-bar" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label=format!("{total} by placement; the table below has the figures")>
            {parts}
        </svg>
        <div class="table-wrap">
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">"Placement"</th>
                        <th scope="col" class="num">"Datasets"</th>
                        <th scope="col" class="num">"Size"</th>
                        <th scope="col"><span class="visually-hidden">"Share of size"</span></th>
                        <th scope="col" class="num">"Cost a month"</th>
                        <th scope="col"><span class="visually-hidden">"Share of cost"</span></th>
                    </tr>
                </thead>
                <tbody>
                    {rows
                        .iter()
                        .enumerate()
                        .map(|(i, p)| row(i, p.clone(), ratio(p.size_bytes.0 as f64, top_bytes as f64), p.monthly_cost_nanousd.map_or(0.0, |c| ratio(c.as_usd(), top_cost.as_usd()))))
                        .collect_view()}
                </tbody>
                <tfoot>
                    <tr>
                        <td class="title">"All"</td>
                        <td class="num" data-label="Datasets">{count(rows.iter().map(|p| p.dataset_count).sum())}</td>
                        <td class="num" data-label="Size">{total.to_string()}</td>
                        <td class="none"></td>
                        <td class="num" data-label="Cost a month">{cost.to_string()}</td>
                        <td class="none"></td>
                    </tr>
                </tfoot>
            </table>
        </div>
    }
    .into_any()
}

fn row(i: usize, p: PlacementShare, bytes: f64, cost: f64) -> AnyView {
    let href = DatasetQuery {
        location: Some(p.location_name.clone()),
        class: Some(p.storage_class.clone()),
        ..Default::default()
    }
    .href();
    view! {
        <tr>
            <td class="title">
                <span class="row">
                    <svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class=colour(i) width="10" height="10" rx="2"></rect></svg>
                    <A href=href attr:class="name">{place(&p.location_name, &p.storage_class)}</A>
                </span>
            </td>
            <td class="num" data-label="Datasets">{count(p.dataset_count)}</td>
            <td class="num" data-label="Size">{p.size_bytes.to_string()}</td>
            <td class="none">{bar(colour(i), bytes)}</td>
            <td class="num" data-label="Cost a month">{monthly(p.monthly_cost_nanousd)}</td>
            <td class="none">{bar(colour(i), cost)}</td>
        </tr>
    }
    .into_any()
}

/// A bar of a share between 0 and 1, for a table cell whose number stands beside it.
#[must_use]
pub fn bar(class: &'static str, share: f64) -> AnyView {
    let width = format!("{:.1}", share.clamp(0.0, 1.0) * 100.0);
    view! {
        <svg class="bar-cell" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class="track" width="100" height="8"></rect>
            <rect class=class width=width height="8"></rect>
        </svg>
    }
    .into_any()
}

fn colour(i: usize) -> &'static str {
    ["f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"][i.min(COLOURS - 1)]
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
