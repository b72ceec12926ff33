//! Pages, all drawn by the server alone.
//!
//! Invariant: each is one element with a name in `data-served`, complete without a script; `data-follow` in it names what makes it out of
//! date, `data-every` how many milliseconds lie between two looks at least. The browser carries no code of theirs: it asks for the page again and
//! takes over what is different (`served_in_browser.rs`); meters alone follow what is heard without asking (`parts/job.rs`), and what-if is
//! computed there as well while its sliders move (`data-scene`).

mod dataset;
mod datasets;
mod job;
mod jobs;
mod locations;
mod overview;
mod plan;
mod policies;
mod prices;
mod recommendations;
mod reports;
mod what_if;

pub use dataset::page as dataset;
pub use datasets::page as datasets;
pub use job::page as job;
pub use jobs::page as jobs;
pub use locations::page as locations;
pub use overview::{
    last as overview_last, places as overview_stands, running as overview_running, sums as overview_sums,
};
pub use plan::page as plan;
pub use policies::page as policies;
pub use prices::page as prices;
pub use recommendations::page as recommendations;
pub use reports::{one as report, page as reports};
pub use what_if::page as what_if;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// A field of the URL; an empty one is an absent one.
pub(in crate::ui) fn field(name: &'static str) -> impl Fn() -> Option<String> + Copy {
    let map = use_query_map();
    move || map.with(|m| m.get(name)).filter(|v| !v.trim().is_empty())
}
