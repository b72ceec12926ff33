//! HTTP: the REST API, health and metrics.
//!
//! Invariant: every path under `/api/v1` is in the one route table, from which the router and the OpenAPI document are made.
//! Handlers know no SQL and decide nothing; a service does.
//!
//! # To add a route
//!
//! 1. In the file of its resource (`datasets.rs`, …; a new resource gets a new file, named in [`table()`] below) write the handler:
//!    extractors of [`extract`] in (`Key`, `Query<T>`, `Json<T>`), one service call, `Result<axum::Json<T>, ApiError>` out. A single
//!    resource answers with `etag::tagged`, a new one with `etag::created`.
//! 2. In that file's `table()` add the entry: [`Route::get`] (`post`, `patch`, `delete`) with path, operation id, summary and handler,
//!    then what it takes and gives: `.query::<T>()`, `.body::<T>()`, `.answers::<T>(200)`, `.problems(&[404, 409])`; `.tagged()` when
//!    the answer has an `ETag`, `.guarded()` when it reads `If-Match`, `.idempotent()` when it starts work, `.body_max(bytes)` for a
//!    large body. The types derive `JsonSchema`, and their doc comments become the document's sentences.
//! 3. Query types carry `#[serde(deny_unknown_fields)]`. Nothing else is to be done: `tests/it/contract.rs` asks each documented
//!    operation and holds it to what the entry says.

pub mod datasets;
pub mod docs;
pub mod etag;
pub mod events;
pub mod extract;
pub mod fallback;
pub mod health;
pub mod idempotency;
pub mod jobs;
pub mod labels;
pub mod layers;
pub mod limits;
pub mod listener;
pub mod locations;
pub mod metrics;
pub mod openapi;
pub mod overview;
pub mod policies;
pub mod prices;
pub mod problem;
pub mod recommendations;
pub mod redraw;
pub mod remembered;
pub mod reports;
pub mod table;
pub mod trace;
pub mod views;

use crate::services::Services;
use axum::Router;
use axum::routing::any;
use table::Route;

/// Rows of a list's page when the request names no number.
pub const PAGE_ROWS: u32 = 50;

/// Every operation.
#[must_use]
pub fn table() -> Vec<Route> {
    [
        health::table(),
        metrics::table(),
        overview::table(),
        locations::table(),
        datasets::table(),
        labels::table(),
        super::ingest::table(),
        recommendations::table(),
        prices::table(),
        reports::table(),
        jobs::table(),
        limits::table(),
        policies::table(),
        views::table(),
        events::table(),
    ]
    .concat()
}

/// What a mover of its own answers: how it is, its figures, and the jobs as it sees them.
pub fn mover_router(services: &Services) -> Router<Services> {
    let table = [health::table(), metrics::table(), jobs::table_of_mover()].concat();
    table::router(table, services)
        .fallback(fallback::unknown_path)
        .method_not_allowed_fallback(fallback::wrong_method)
}

/// Every path but the pages and the live channel.
pub fn router(services: &Services) -> Router<Services> {
    let table = table();
    let document = openapi::document(&table);
    table::router(table, services)
        .merge(docs::router(&document))
        .route("/api", any(fallback::unknown_path))
        .route("/api/{*rest}", any(fallback::unknown_path))
        .method_not_allowed_fallback(fallback::wrong_method)
}
