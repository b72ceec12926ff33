//! Pages that the server alone draws: lists, advice, places, prices and reports, which change when something has happened and not
//! by themselves; and the parts of the other pages that do so.
//!
//! Invariant: each is one element with a name in `data-served`, complete without a script; `data-follow` in it names what makes it out of date.
//! The browser carries no code of theirs: it asks for the page again and takes over what is different (`served_in_browser.rs`).

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

pub use dataset::page as dataset;
pub use datasets::page as datasets;
pub use job::record as job_record;
pub use jobs::{head as job_head, saved as job_views};
pub use locations::page as locations;
pub use overview::{last as overview_last, places as overview_stands, sums as overview_sums};
pub use plan::page as plan;
pub use policies::page as policies;
pub use prices::page as prices;
pub use recommendations::page as recommendations;
pub use reports::{one as report, page as reports};
