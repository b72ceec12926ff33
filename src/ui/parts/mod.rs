//! Parts: each a noun that several pages show.
//!
//! Parts know domain types and no page, no route's data and no service.

pub mod icon;

pub mod badge;

#[cfg(not(feature = "browser"))]
pub mod frame;

/// The frame where it is shown.
#[cfg(feature = "browser")]
#[path = "frame_in_browser.rs"]
pub mod frame;

pub mod load;

/// Data of pages that the server alone draws.
#[cfg(not(feature = "browser"))]
pub mod once;

pub mod notice;

pub mod time;

pub mod command;

pub mod place;

pub mod spark;

pub mod history;

pub mod zoom;

pub mod share;

pub mod pager;

pub mod job;

pub mod told;

pub mod scenario;

pub mod stages;

pub mod timeline;

pub mod options;

pub mod plan;

pub mod typed_name;

pub mod target;

pub mod advice;

pub mod costs;

pub mod curves;

pub mod outcome;

pub mod feed;

/// What the server alone says.
#[cfg(not(feature = "browser"))]
pub mod said;

/// The same where it is shown.
#[cfg(feature = "browser")]
#[path = "said_in_browser.rs"]
pub mod said;

pub mod prices;

pub mod report;

pub mod ask;

pub mod forms;

pub mod keys;

pub mod palette;

pub mod record;

pub mod rules;

pub mod labels;

pub mod views;

pub mod log;
