//! Where the data stands: a row for each placement, with its share of the bytes and of the monthly cost as a pair of bars.

use super::place::place;
use crate::api::query::DatasetQuery;
use crate::domain::overview::PlacementShare;
use crate::domain::unit::{Bytes, NanoUsd};
use crate::ui::format::{count, monthly};
use leptos::prelude::*;
use leptos_router::components::A;

/// The table, the largest placement first.
#[must_use]
pub fn shares(placements: &[PlacementShare]) -> AnyView {
    let mut rows = placements.to_vec();
    rows.sort_by(|a, b| {
        b.size_bytes
            .cmp(&a.size_bytes)
            .then_with(|| a.location_name.cmp(&b.location_name))
    });
    let datasets = count(rows.iter().map(|p| p.dataset_count).sum());
    let size: Bytes = rows.iter().map(|p| p.size_bytes).sum();
    let cost: NanoUsd = rows.iter().filter_map(|p| p.monthly_cost_nanousd).sum();
    let rows = rows.into_iter().map(|p| row(p, size, cost)).collect_view();
    view! {
        <div class="table-wrap">
            <table class="cards shares" data-testid="placements">
                <caption class="visually-hidden">"Datasets, bytes and monthly cost by location and storage class"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Placement"</th>
                        <th scope="col" class="num">"Datasets"</th>
                        <th scope="col" class="num"><span class="key-then" aria-hidden="true"></span>"Size"</th>
                        <th scope="col"><span class="visually-hidden">"Share of the size and of the cost"</span></th>
                        <th scope="col" class="num"><span class="key-cost" aria-hidden="true"></span>"Cost a month"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row">"All"</th>
                        <td class="num" data-label="Datasets">{datasets}</td>
                        <td class="num" data-label="Size">{size.to_string()}</td>
                        <td class="bars"></td>
                        <td class="num" data-label="Cost a month">{cost.to_string()}</td>
                    </tr>
                </tfoot>
            </table>
        </div>
    }
    .into_any()
}

fn row(p: PlacementShare, size: Bytes, cost: NanoUsd) -> AnyView {
    let href = DatasetQuery {
        location: Some(p.location_name.clone()),
        class: Some(p.storage_class.clone()),
        ..Default::default()
    }
    .href();
    let of_size = share(p.size_bytes.0 as f64, size.0 as f64);
    let of_cost = share(p.monthly_cost_nanousd.map_or(0.0, NanoUsd::as_usd), cost.as_usd());
    let says = format!("{of_size:.0} % of the size, {of_cost:.0} % of the cost");
    let width = |percent: f64| format!("{percent:.1}");
    view! {
        <tr>
            <td class="title"><A href=href attr:class="name">{place(&p.location_name, &p.storage_class)}</A></td>
            <td class="num" data-label="Datasets">{count(p.dataset_count)}</td>
            <td class="num" data-label="Size">{p.size_bytes.to_string()}</td>
            <td class="bars">
                <svg class="pair-bars" viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label=says>
                    <rect class="track" y="2" width="100" height="7"></rect>
                    <rect class="s1" y="2" width=width(of_size) height="7"></rect>
                    <rect class="track" y="11" width="100" height="7"></rect>
                    <rect class="s2" y="11" width=width(of_cost) height="7"></rect>
                </svg>
            </td>
            <td class="num" data-label="Cost a month">{monthly(p.monthly_cost_nanousd)}</td>
        </tr>
    }
    .into_any()
}

/// Percent, 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole * 100.0).clamp(0.0, 100.0)
    } else {
        0.0
    }
}
