//! Rules about where datasets may stand, for their page.

#![allow(
    clippy::too_many_arguments,
    reason = "a form has a field for each thing that it may say"
)]

use super::ApiError;
use crate::domain::policy::PolicyReach;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Every rule with the datasets it speaks of.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "policies", input = GetUrl)]
pub async fn list_policies() -> Result<Vec<PolicyReach>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.catalog.policies_at_work().await?)
}

/// Adds a rule from a form: lists have commas between their patterns.
///
/// # Errors
/// A field that cannot be read, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "add-policy")]
pub async fn add_policy(
    name: String,
    #[server(default)] datasets: String,
    #[server(default)] locations: String,
    #[server(default)] regions: String,
    #[server(default)] classes: String,
    #[server(default)] latency_limit_ms: String,
    #[server(default)] min_replicas: String,
    #[server(default)] pinned_reason: String,
) -> Result<String, ApiError> {
    use crate::domain::policy::{NewPolicy, PolicySpec};
    let list = |text: &str| -> Vec<String> {
        text.split(',')
            .map(|pattern| pattern.trim().to_owned())
            .filter(|pattern| !pattern.is_empty())
            .collect()
    };
    let new = NewPolicy {
        name: name.parse().map_err(ApiError::invalid)?,
        rules: PolicySpec {
            datasets: list(&datasets),
            allowed_locations: list(&locations),
            allowed_regions: list(&regions),
            allowed_classes: list(&classes),
            latency_limit_ms: super::form::optional(&latency_limit_ms)?,
            min_replicas: super::form::optional(&min_replicas)?,
            pinned_reason: super::form::optional(&pinned_reason)?,
            position: 0,
        },
    };
    let services = expect_context::<crate::services::Services>();
    let policy = services.catalog.create_policy(new).await?;
    let sentence = format!("The policy {} holds from now on.", policy.name);
    Ok(super::form::done("policy", sentence))
}

/// Forgets a rule; nothing moves because of it.
///
/// # Errors
/// `not_found`, and a rule that was changed meanwhile.
#[server(prefix = "/api/fn", endpoint = "remove-policy")]
pub async fn remove_policy(key: String, generation: i64) -> Result<String, ApiError> {
    let services = expect_context::<crate::services::Services>();
    services.catalog.delete_policy(&key, Some(generation)).await?;
    let sentence = format!("The policy {key} is removed. Nothing moved because of it.");
    Ok(super::form::done("policy-removed", sentence))
}
