//! The pages: drawn on the server, hydrated in the browser, complete without JavaScript.
//!
//! Invariant: what a view draws first is the same on both sides: UTC, no clock, no random id. What only the browser knows (its
//! clock, its theme) comes in through an effect. A page is a file, a part is a noun.
//!
//! The pages know no service, no database and no protocol: they ask `api` and draw `domain` types.

pub mod app;

pub mod format;

/// What only a browser can do.
#[cfg(feature = "browser")]
pub mod browser;

/// The same names where there is no browser.
#[cfg(not(feature = "browser"))]
#[path = "browser_absent.rs"]
pub mod browser;

pub mod live;

pub mod pages;

pub mod parts;

pub mod routes;
