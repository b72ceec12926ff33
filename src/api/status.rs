//! The first page's sums and the state of the parts.

use super::ApiError;
use crate::domain::overview::Overview;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Sums over the catalog, and what needs a person.
///
/// # Errors
/// Those of the overview.
#[server(prefix = "/api/fn", endpoint = "overview", input = GetUrl)]
pub async fn get_overview() -> Result<Overview, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.overview.get().await?)
}
