//! Which page stands behind which route, and how its code comes to where it is drawn.
//!
//! What the server alone draws has no code in the browser, and so no file.
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

pub use code::{Page, play};

use super::pages;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file of each page's code, by the page's name, where the site was built so; given to the drawing by the server alone.
#[derive(Clone, Debug, Default)]
pub struct PageFiles(pub Arc<BTreeMap<String, String>>);

/// Scheme, host and port under which the server was reached; given to the drawing by the server alone.
#[derive(Clone, Debug, Default)]
pub struct Origin(pub String);

/// Header of a request that asks for one part of a page, by the name that the part has in `data-served`.
pub const PART: &str = "dim-part";

/// The part of a page that was asked for, if not all of it; given to the drawing by the server alone.
#[derive(Clone, Debug, Default)]
pub struct AskedPart(pub Option<String>);

pages! {
    palette: super::parts::palette::palette,
}

served! {
    overview: pages::overview::page,
    jobs: pages::served::jobs,
    job: pages::served::job,
    what_if: pages::served::what_if,
    datasets: pages::served::datasets,
    dataset: pages::served::dataset,
    recommendations: pages::served::recommendations,
    plan: pages::served::plan,
    locations: pages::served::locations,
    policies: pages::served::policies,
    reports: pages::served::reports,
    report: pages::served::report,
    prices: pages::served::prices,
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
