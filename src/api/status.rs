//! The first page's sums, the state of the parts, and what stands on every page.

use super::ApiError;
use crate::domain::event::DomainEvent;
use crate::domain::overview::{DemoNote, HealthReport, Overview, PlacementShare};
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

/// Events on the first page: as many as are read at a glance.
pub const LAST_EVENTS: i64 = 12;

/// Sums over the catalog, and what needs a person.
///
/// # Errors
/// Those of the overview.
#[server(prefix = "/api/fn", endpoint = "overview", input = GetUrl)]
pub async fn get_overview() -> Result<Overview, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.overview.overview().await?)
}

/// Where the data stands.
///
/// # Errors
/// Those of the overview.
#[server(prefix = "/api/fn", endpoint = "placements", input = GetUrl)]
pub async fn list_placements() -> Result<Vec<PlacementShare>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.overview.placements().await?)
}

/// The last events of the log, the newest first.
///
/// # Errors
/// When the log cannot be read.
#[server(prefix = "/api/fn", endpoint = "events", input = GetUrl)]
pub async fn last_events() -> Result<Vec<DomainEvent>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let (_, events) = services
        .live
        .latest(crate::domain::event::Stream::All, LAST_EVENTS)
        .await?;
    Ok(events.into_iter().rev().collect())
}

/// State of the process and of each part.
///
/// # Errors
/// None today; a part that is down is an answer.
#[server(prefix = "/api/fn", endpoint = "health", input = GetUrl)]
pub async fn get_health() -> Result<HealthReport, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.health.report().await?)
}

/// What stands on every page of this server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameNote {
    /// The running version.
    pub version: String,
    /// Set on a demo server: how its data came about.
    pub demo: Option<DemoNote>,
    /// Faults that the operator asked for; empty on an ordinary server.
    pub faults: Vec<String>,
    /// The event log's name.
    pub log: String,
    /// The last event when the page was drawn: the live connection begins after it.
    pub seq: i64,
}

/// How this server's data came about, which faults it was started with, and where its event log stands.
///
/// # Errors
/// When the log cannot be read.
#[server(prefix = "/api/fn", endpoint = "frame", input = GetUrl)]
pub async fn get_frame() -> Result<FrameNote, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let bounds = services.live.bounds().await?;
    Ok(FrameNote {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        demo: services.options.demo.clone(),
        faults: services.options.inject.clone(),
        log: bounds.log,
        seq: bounds.last,
    })
}
