//! `/api/v1/recommendations`, and a dataset's own backtest.

use super::extract::{Json, Key, Query};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::access::DatasetKey;
use crate::domain::dataset::Page;
use crate::domain::placement::backtest::{BacktestReport, Weight};
use crate::domain::price::dense::ClassChoice;
use crate::domain::recommendation::outcome::{Advice, Outcome};
use crate::domain::recommendation::{Recommendation, RecommendationFilter, ReviewRequest};
use crate::services::Services;
use crate::services::recommender::{BacktestAsked, Reviewed};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/recommendations",
            "listRecommendations",
            "Lists recommendations, the largest net saving first",
            list,
        )
        .query::<Asked>()
        .answers::<Page<Recommendation>>(200)
        .problems(&[422]),
        Route::get(
            "/api/v1/recommendations/{dataset}",
            "getRecommendation",
            "Says where a dataset should stand and why",
            get,
        )
        .detail(
            "Computed now when there is none yet or what it rests on has changed. With what the dataset's earlier moves brought.",
        )
        .answers::<Advice>(200)
        .problems(&[404, 409]),
        Route::post(
            "/api/v1/recommendations/{dataset}/review",
            "reviewRecommendation",
            "Accepts, snoozes or turns down what is proposed",
            review,
        )
        .detail(
            "Accepting queues the move and answers with its job. A decision holds as long as the answer stays the same; `open` \
             takes it back.",
        )
        .body::<ReviewRequest>()
        .answers::<Reviewed>(200)
        .problems(&[403, 404, 409, 501])
        .idempotent(),
        Route::get(
            "/api/v1/outcomes",
            "listOutcomes",
            "Was it right? Lists completed moves with what was expected and what came, the latest first",
            outcomes,
        )
        .detail(
            "What came is counted from the accesses since the switch; staying and the target are priced for the same reads. Looked \
             at once a day until 90 days after the switch; before 14 days the verdict is `too_early`.",
        )
        .query::<LookedBack>()
        .answers::<Page<Outcome>>(200)
        .problems(&[404, 422]),
        Route::get(
            "/api/v1/datasets/{dataset}/backtest",
            "backtestDataset",
            "Replays a dataset's own history against every policy",
            backtest,
        )
        .detail(
            "No policy looks ahead; the optimum does. The same figures as `dim backtest` gives for a file with this dataset alone. \
             `ratio` is the policy's cost over that of the optimum which keeps to plain classes; a class that the vendor manages \
             can be below 1. `ratio_to_optimum_with_managed` is over the optimum of all allowed classes and never below 1.",
        )
        .query::<Replay>()
        .answers::<BacktestReport>(200)
        .problems(&[404, 422]),
    ]
}

/// Which recommendations. Every field narrows the list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A dataset's id or name.
    dataset: Option<String>,
    /// `stay`, `move` or `no_history`.
    action: Option<String>,
    /// `open` (a move that asks for a decision now), `accepted`, `snoozed` or `rejected`.
    review: Option<String>,
    /// The present location's name or id.
    location: Option<String>,
    /// Rows of a page, 1 to 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

async fn list(
    State(services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Page<Recommendation>>, ApiError> {
    let filter = RecommendationFilter {
        dataset: asked.dataset,
        action: asked.action,
        review: asked.review,
        location: asked.location,
    };
    let limit = asked.limit.unwrap_or(super::PAGE_ROWS);
    let page = services
        .recommender
        .list(&filter, asked.cursor.as_deref(), limit)
        .await?;
    Ok(axum::Json(page))
}

async fn get(State(services): State<Services>, key: Key) -> Result<axum::Json<Advice>, ApiError> {
    Ok(axum::Json(services.recommender.advice(&key.dataset()).await?))
}

/// Which completed moves.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LookedBack {
    /// A dataset's id or name.
    dataset: Option<String>,
    /// Rows of a page, 1 to 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

async fn outcomes(
    State(services): State<Services>,
    Query(asked): Query<LookedBack>,
) -> Result<axum::Json<Page<Outcome>>, ApiError> {
    let dataset = asked.dataset.as_deref().map(DatasetKey::parse);
    let limit = asked.limit.unwrap_or(super::PAGE_ROWS);
    let page = services
        .recommender
        .outcomes(dataset.as_ref(), asked.cursor.as_deref(), limit)
        .await?;
    Ok(axum::Json(page))
}

async fn review(
    State(services): State<Services>,
    key: Key,
    Json(request): Json<ReviewRequest>,
) -> Result<axum::Json<Reviewed>, ApiError> {
    Ok(axum::Json(
        services.recommender.review(&key.dataset(), request).await?,
    ))
}

/// Which classes may be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Classes {
    /// Those that answer at once.
    #[default]
    Instant,
    /// Archive classes as well.
    All,
}

/// How to replay.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// `aws`, `gcs`, `azure` or the name of a price book; that of the dataset's location when left out.
    prices: Option<String>,
    /// Classes to choose from.
    #[serde(default)]
    classes: Classes,
    /// Leaves out classes that the vendor manages.
    #[serde(default)]
    exclude_managed: bool,
    /// `equal` bills one GB, `dollar` the whole dataset.
    #[serde(default)]
    weight: Weight,
    /// Tells also how the costs add up day by day, of a few policies and of what was really done.
    #[serde(default)]
    course: bool,
}

async fn backtest(
    State(services): State<Services>,
    key: Key,
    Query(asked): Query<Replay>,
) -> Result<axum::Json<BacktestReport>, ApiError> {
    let asked = BacktestAsked {
        prices: asked.prices,
        classes: ClassChoice {
            archive: asked.classes == Classes::All,
            managed: !asked.exclude_managed,
        },
        weight: asked.weight,
        course: asked.course,
        age_max_secs: 0,
    };
    Ok(axum::Json(
        services.recommender.backtest(&key.dataset(), asked).await?,
    ))
}
