//! Saved views and labels in use, for the lists.

use super::ApiError;
use crate::domain::label::LabelCount;
use crate::domain::view::View;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Every saved view.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "views", input = GetUrl)]
pub async fn list_views() -> Result<Vec<View>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.catalog.list_views().await?)
}

/// Labels in use, the most used first.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "labels", input = GetUrl)]
pub async fn list_labels() -> Result<Vec<LabelCount>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.catalog.list_labels().await?)
}

/// Keeps a list's filters under a name.
///
/// # Errors
/// A view that cannot be kept, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "save-view")]
pub async fn save_view(
    list: String,
    name: String,
    #[server(default)] query: String,
) -> Result<String, ApiError> {
    use crate::domain::view::{NewView, ViewOf};
    let list = ViewOf::parse(&list).ok_or_else(|| ApiError::invalid(format!("{list:?} is no list")))?;
    let services = expect_context::<crate::services::Services>();
    let view = services.catalog.save_view(NewView { list, name, query }).await?;
    let sentence = format!("The view {} is saved.", view.name);
    Ok(super::form::done("view", sentence))
}

/// Forgets a view.
///
/// # Errors
/// `not_found`, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "remove-view")]
pub async fn remove_view(id: i64) -> Result<String, ApiError> {
    let services = expect_context::<crate::services::Services>();
    services
        .catalog
        .delete_view(crate::domain::id::ViewId(id))
        .await?;
    Ok(super::form::done("view-removed", "The view is removed.".into()))
}
