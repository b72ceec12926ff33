//! HTTP: the REST API, health and metrics.
//!
//! Invariant: every path under `/api/v1` is in the one route table, from which the router and the OpenAPI document are made.
//! Handlers know no SQL and decide nothing; a service does.

pub mod health;
pub mod layers;
pub mod problem;

use crate::services::Services;
use axum::Router;

/// Every path but the pages.
pub fn router() -> Router<Services> {
    Router::new().merge(health::router())
}
