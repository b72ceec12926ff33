//! Recommendations and what people decide about them, for the pages.

use super::{ApiError, query::AdviceQuery};
use crate::domain::dataset::Page;
use crate::domain::recommendation::Recommendation;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Rows on one page of recommendations.
pub const ADVICE_PER_PAGE: u32 = 50;

/// A page of recommendations, the largest saving first.
///
/// # Errors
/// Those of the recommender.
#[server(prefix = "/api/fn", endpoint = "recommendations", input = GetUrl)]
pub async fn list_advice(#[server(default)] query: AdviceQuery) -> Result<Page<Recommendation>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let cursor = query.cursor.as_deref();
    Ok(services
        .recommender
        .list(&query.filter(), cursor, ADVICE_PER_PAGE)
        .await?)
}

/// The recommendation for one dataset.
///
/// # Errors
/// `not_found`, and those of the recommender.
#[server(prefix = "/api/fn", endpoint = "recommendation", input = GetUrl)]
pub async fn get_advice(dataset: String) -> Result<Recommendation, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset);
    Ok(services.recommender.get(&key).await?)
}

/// Keeps a decision: `snoozed` for a number of days, `rejected` with a reason, or `open` to take it back.
///
/// # Errors
/// A field that cannot be read, and those of the recommender.
#[server(prefix = "/api/fn", endpoint = "review")]
pub async fn review_advice(
    dataset: String,
    status: String,
    #[server(default)] reason: String,
    #[server(default)] days: String,
) -> Result<String, ApiError> {
    let request = request(&status, &reason, &days)?;
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset);
    let kept = services.recommender.review(&key, request).await?.recommendation;
    let sentence = format!(
        "Recommendation for {}: {}.",
        kept.dataset_name,
        kept.review.status.as_str()
    );
    Ok(super::form::done("review", sentence))
}

#[cfg(feature = "ssr")]
fn request(
    status: &str,
    reason: &str,
    days: &str,
) -> Result<crate::domain::recommendation::ReviewRequest, ApiError> {
    use crate::domain::recommendation::{ReviewRequest, ReviewStatus};
    use crate::domain::unit::Timestamp;
    let status =
        ReviewStatus::parse(status).ok_or_else(|| ApiError::invalid(format!("{status:?} is no decision")))?;
    let days: Option<i64> = super::form::optional(days)?;
    // Ten years: past that a snooze is a rejection.
    let days = days.map(|d| d.clamp(1, 3_650));
    let until = days.map(|d| super::form::now().plus_micros(d * Timestamp::DAY));
    Ok(ReviewRequest {
        status,
        reason: super::form::optional(reason)?,
        until: until.filter(|_| status == ReviewStatus::Snoozed),
    })
}
