//! Which page stands behind which route, and how its code comes to where it is drawn.
//!
//! Invariant: `whole.rs` and `apart.rs` draw the same. With the first all pages are in one program; with the second each page's code
//! is a file of its own, which the browser fetches when the page is opened. The server is always whole.

#[macro_use]
#[cfg(not(feature = "split"))]
#[path = "whole.rs"]
mod code;

#[macro_use]
#[cfg(feature = "split")]
#[path = "apart.rs"]
mod code;

pub use code::Page;

use super::pages;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file of each page's code, by the page's name, where the site was built so; given to the drawing by the server alone.
#[derive(Clone, Debug, Default)]
pub struct PageFiles(pub Arc<BTreeMap<String, String>>);

pages! {
    overview: pages::overview::page,
    datasets: pages::datasets::page,
    dataset: pages::dataset::page,
    what_if: pages::what_if::page,
    recommendations: pages::recommendations::page,
    plan: pages::plan::page,
    jobs: pages::jobs::page,
    job: pages::job::page,
    locations: pages::locations::page,
    policies: pages::policies::page,
    reports: pages::reports::page,
    report: pages::reports::one,
    prices: pages::prices::page,
}

/// The page at a path, as `app.rs` lists them.
#[must_use]
pub fn at(path: &str) -> Option<Page> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let page = match [parts.next(), parts.next(), parts.next(), parts.next()] {
        [None, ..] => overview(),
        [Some("datasets"), None, ..] => datasets(),
        [Some("datasets"), Some(_), None, _] => dataset(),
        [Some("datasets"), Some(_), Some("what-if"), None] => what_if(),
        [Some("recommendations"), None, ..] => recommendations(),
        [Some("plan"), None, ..] => plan(),
        [Some("jobs"), None, ..] => jobs(),
        [Some("jobs"), Some(_), None, _] => job(),
        [Some("locations"), None, ..] => locations(),
        [Some("policies"), None, ..] => policies(),
        [Some("reports"), None, ..] => reports(),
        [Some("reports"), Some(_), None, _] => report(),
        [Some("prices"), None, ..] => prices(),
        _ => return None,
    };
    Some(page)
}
