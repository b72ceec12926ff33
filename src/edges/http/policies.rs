//! `/api/v1/policies`, and what they say of a dataset.

use super::etag::{changed, created, expected, tagged};
use super::extract::{Json, Key};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::policy::{NewPolicy, Policy, PolicySpec, Verdict};
use crate::services::Services;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/policies",
            "listPolicies",
            "Lists the rules about placement, in the order in which they are read",
            list,
        )
        .answers::<Policies>(200),
        Route::post("/api/v1/policies", "createPolicy", "Adds a rule about placement", create)
            .detail(
                "Recommendations, plans and the deletion of old copies obey it from then on. It moves nothing by itself; what stands \
                 against it already is said in the verdict of a dataset.",
            )
            .body::<NewPolicy>()
            .answers::<Policy>(201)
            .problems(&[409])
            .tagged()
            .idempotent(),
        Route::get("/api/v1/policies/{policy}", "getPolicy", "Shows a rule", get)
            .answers::<Policy>(200)
            .problems(&[404])
            .tagged(),
        Route::patch(
            "/api/v1/policies/{policy}",
            "changePolicy",
            "Replaces what a rule says",
            change,
        )
        .body::<PolicySpec>()
        .answers::<Policy>(200)
        .problems(&[404])
        .tagged()
        .guarded(),
        Route::delete("/api/v1/policies/{policy}", "removePolicy", "Forgets a rule", remove)
            .problems(&[404])
            .guarded(),
        Route::get(
            "/api/v1/datasets/{dataset}/verdict",
            "getVerdict",
            "Tells what the rules say of a dataset, and what is wrong with where it stands",
            verdict,
        )
        .answers::<Verdict>(200)
        .problems(&[404]),
    ]
}

/// Every rule.
#[derive(Debug, Serialize, JsonSchema)]
struct Policies {
    /// In the order in which they are read.
    items: Vec<Policy>,
    /// Always none: the list is short and whole.
    next_cursor: Option<String>,
}

async fn list(State(services): State<Services>) -> Result<axum::Json<Policies>, ApiError> {
    let items = services.catalog.list_policies().await?;
    Ok(axum::Json(Policies {
        items,
        next_cursor: None,
    }))
}

async fn create(State(services): State<Services>, Json(new): Json<NewPolicy>) -> Result<Response, ApiError> {
    let policy = services.catalog.create_policy(new).await?;
    let address = format!("/api/v1/policies/{}", policy.id);
    Ok(created(&address, policy.generation, &policy))
}

async fn get(State(services): State<Services>, key: Key, headers: HeaderMap) -> Result<Response, ApiError> {
    let policy = services.catalog.get_policy(&key.0).await?;
    Ok(tagged(&headers, policy.generation, &policy))
}

async fn change(
    State(services): State<Services>,
    key: Key,
    headers: HeaderMap,
    Json(rules): Json<PolicySpec>,
) -> Result<Response, ApiError> {
    let policy = services
        .catalog
        .change_policy(&key.0, rules, expected(&headers)?)
        .await?;
    Ok(changed(policy.generation, &policy))
}

async fn remove(
    State(services): State<Services>,
    key: Key,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    services
        .catalog
        .delete_policy(&key.0, expected(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn verdict(State(services): State<Services>, key: Key) -> Result<axum::Json<Verdict>, ApiError> {
    Ok(axum::Json(services.catalog.verdict(&key.dataset()).await?))
}
