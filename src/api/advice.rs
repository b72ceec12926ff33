//! Recommendations and what people decide about them, for the pages.

use super::{ApiError, query::AdviceQuery};
use crate::domain::dataset::Page;
use crate::domain::id::DatasetId;
use crate::domain::placement::backtest::BacktestReport;
use crate::domain::recommendation::outcome::Advice;
use crate::domain::recommendation::what_if::Scene;
use crate::domain::recommendation::{Action, PlacementRef, Recommendation, ReviewStatus, explain};
use crate::domain::unit::NanoUsd;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

/// Rows on one page of recommendations.
pub const ADVICE_PER_PAGE: u32 = 50;

/// A row of the list: what it draws, and no cost lines, which are by far the largest part of a recommendation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceRow {
    /// The dataset.
    pub id: DatasetId,
    /// Its name.
    pub name: String,
    /// What to do.
    pub action: Action,
    /// Where it stands: location and class.
    pub at: (String, String),
    /// Where it should stand, for a move.
    pub to: Option<(String, String)>,
    /// Staying for 30 days.
    pub stay: Option<NanoUsd>,
    /// Saved in 30 days.
    pub saving: NanoUsd,
    /// Cost of the move.
    pub once: NanoUsd,
    /// Days until it has paid for itself.
    pub pays_in: Option<i64>,
    /// The most telling reason, as a sentence.
    pub why: Option<String>,
    /// What people decided.
    pub review: ReviewStatus,
}

impl From<Recommendation> for AdviceRow {
    fn from(r: Recommendation) -> Self {
        let spot = |at: PlacementRef| (at.location_name.to_string(), at.storage_class.to_string());
        Self {
            id: r.dataset_id,
            why: r.reasons.first().map(explain::reason),
            name: r.dataset_name.to_string(),
            action: r.action,
            at: spot(r.current),
            to: r.proposed.map(spot),
            stay: r.stay_monthly_nanousd,
            saving: r.monthly_saving_nanousd,
            once: r.one_time_nanousd,
            pays_in: r.break_even_days,
            review: r.review.status,
        }
    }
}

/// A page of recommendations in brief, the largest saving first.
///
/// # Errors
/// Those of the recommender.
#[server(prefix = "/api/fn", endpoint = "recommendations", input = GetUrl)]
pub async fn list_advice(#[server(default)] query: AdviceQuery) -> Result<Page<AdviceRow>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let cursor = query.cursor.as_deref();
    let page = services
        .recommender
        .list(&query.filter(), cursor, ADVICE_PER_PAGE)
        .await?;
    Ok(Page {
        items: page.items.into_iter().map(AdviceRow::from).collect(),
        next_cursor: page.next_cursor,
        total: page.total,
    })
}

/// The recommendation for one dataset, with what its earlier moves brought.
///
/// # Errors
/// `not_found`, and those of the recommender.
#[server(prefix = "/api/fn", endpoint = "recommendation", input = GetUrl)]
pub async fn get_advice(dataset: String) -> Result<Advice, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset);
    Ok(services.recommender.advice(&key).await?)
}

/// What every policy would have cost on a dataset's own history, for the whole dataset, and how the costs add up.
///
/// # Errors
/// `not_found`, and a dataset without a history.
#[server(prefix = "/api/fn", endpoint = "backtest", input = GetUrl)]
pub async fn get_backtest(dataset: String) -> Result<BacktestReport, ApiError> {
    use crate::services::recommender::BacktestAsked;
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset);
    let asked = BacktestAsked {
        prices: None,
        classes: crate::domain::price::dense::ClassChoice {
            archive: false,
            managed: true,
        },
        weight: crate::domain::placement::backtest::Weight::Dollar,
        course: true,
        age_max_secs: 60,
    };
    Ok(services.recommender.backtest(&key, asked).await?)
}

/// What a dataset's recommendation rests on, for the what-if page.
///
/// # Errors
/// `not_found`, and those of the recommender.
#[server(prefix = "/api/fn", endpoint = "scene", input = GetUrl)]
pub async fn get_scene(dataset: String) -> Result<Scene, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset);
    Ok(services.recommender.scene(&key).await?)
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
