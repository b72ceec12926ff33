//! `/api/v1/labels` and the labels of a dataset.

use super::extract::{Json, Key};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::label::{Label, LabelChange, LabelCount};
use crate::services::Services;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/labels",
            "listLabels",
            "Lists labels in use with the number of their datasets",
            list,
        )
        .detail("The most used first, at most 500.")
        .answers::<Labels>(200),
        Route::patch(
            "/api/v1/datasets/{dataset}/labels",
            "changeLabels",
            "Puts labels on a dataset, or takes them away",
            change,
        )
        .detail("A label is `key` or `key=value`, one of each key. Nothing moves because of it, and the generation stays.")
        .body::<LabelChange>()
        .answers::<LabelsOfOne>(200)
        .problems(&[404]),
    ]
}

/// Labels in use.
#[derive(Debug, Serialize, JsonSchema)]
struct Labels {
    /// The most used first.
    items: Vec<LabelCount>,
    /// Always none: the list is short and whole.
    next_cursor: Option<String>,
}

/// The labels of a dataset.
#[derive(Debug, Serialize, JsonSchema)]
struct LabelsOfOne {
    /// In the order of their keys.
    labels: Vec<Label>,
}

async fn list(State(services): State<Services>) -> Result<axum::Json<Labels>, ApiError> {
    Ok(axum::Json(Labels {
        items: services.catalog.list_labels().await?,
        next_cursor: None,
    }))
}

async fn change(
    State(services): State<Services>,
    key: Key,
    Json(change): Json<LabelChange>,
) -> Result<axum::Json<LabelsOfOne>, ApiError> {
    let labels = services.catalog.change_labels(&key.dataset(), &change).await?;
    Ok(axum::Json(LabelsOfOne { labels }))
}
