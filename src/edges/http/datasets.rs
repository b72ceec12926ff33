//! `/api/v1/datasets`.

use super::etag::{changed, created, expected, tagged};
use super::extract::{Json, Key, Query, given};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::dataset::{
    Dataset, DatasetDetail, DatasetFilter, DatasetSort, DatasetSummary, ListingsUnderWay, NewDataset,
    OwnerRules, Page, ScanResult,
};
use crate::services::{ServiceError, Services};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get("/api/v1/datasets", "listDatasets", "Lists datasets, filtered and ordered", list)
            .query::<Asked>()
            .answers::<Page<DatasetSummary>>(200)
            .problems(&[422]),
        Route::post("/api/v1/datasets", "createDataset", "Registers a dataset", create)
            .detail(
                "Its address must lie in a known location, or under a root that the operator allows; then its parent \
                 directory becomes a location. No file is touched.",
            )
            .body::<NewDataset>()
            .answers::<Dataset>(201)
            .problems(&[409])
            .tagged()
            .idempotent(),
        Route::get(
            "/api/v1/datasets/{dataset}",
            "getDataset",
            "Shows a dataset with its replicas and its history by day",
            get,
        )
        .answers::<DatasetDetail>(200)
        .problems(&[404])
        .tagged(),
        Route::patch(
            "/api/v1/datasets/{dataset}",
            "changeDataset",
            "Changes what its owner asks: a pin with its reason, a latency limit",
            change,
        )
        .detail("A field that is left out stays as it is; null takes it away. 409 while a job is at work on the dataset.")
        .body::<Change>()
        .answers::<Dataset>(200)
        .problems(&[404, 409])
        .tagged()
        .guarded(),
        Route::post(
            "/api/v1/datasets/{dataset}/scan",
            "scanDataset",
            "Lists the real objects and fills in count and size",
            scan,
        )
        .answers::<ScanResult>(200)
        .problems(&[404, 409, 501])
        .idempotent(),
        Route::get(
            "/api/v1/datasets/{dataset}/listing",
            "getListing",
            "Tells how far the listings of a dataset are while plans and scans wait for them",
            listing,
        )
        .detail("Of the process that answers; none when nobody waits for one.")
        .answers::<ListingsUnderWay>(200)
        .problems(&[404]),
        Route::delete(
            "/api/v1/datasets/{dataset}",
            "deleteDataset",
            "Forgets a dataset; its files stay",
            delete,
        )
        .problems(&[404, 409])
        .guarded(),
    ]
}

/// Which datasets, in which order. Every filter narrows the list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Part of the name.
    search: Option<String>,
    /// A location's name or id.
    location: Option<String>,
    /// A storage class.
    storage_class: Option<String>,
    /// `stay`, `move` or `no_history`.
    recommendation: Option<String>,
    /// A label, `key` or `key=value`; a key alone fits any value.
    label: Option<String>,
    /// Order; `id` when left out.
    #[serde(default)]
    sort: DatasetSort,
    /// Reverses the order.
    #[serde(default)]
    descending: bool,
    /// Rows of a page, 1 to 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

async fn list(
    State(services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Page<DatasetSummary>>, ApiError> {
    let filter = DatasetFilter {
        search: asked.search,
        location: asked.location,
        storage_class: asked.storage_class,
        recommendation: asked.recommendation,
        label: asked.label,
        sort: asked.sort,
        descending: asked.descending,
    };
    let limit = asked.limit.unwrap_or(super::PAGE_ROWS);
    let page = services
        .catalog
        .list_datasets(&filter, asked.cursor.as_deref(), limit)
        .await?;
    Ok(axum::Json(page))
}

async fn create(State(services): State<Services>, Json(new): Json<NewDataset>) -> Result<Response, ApiError> {
    let dataset = services.catalog.create_dataset(new).await?;
    let address = format!("/api/v1/datasets/{}", dataset.id);
    Ok(created(&address, dataset.generation, &dataset))
}

async fn get(State(services): State<Services>, key: Key, headers: HeaderMap) -> Result<Response, ApiError> {
    let detail = services.catalog.get_dataset(&key.dataset()).await?;
    Ok(tagged(&headers, detail.summary.dataset.generation, &detail))
}

/// What is to change. A field that is left out stays as it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Never moved by advice while this reason stands; null takes the pin away.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pinned_reason: Option<Option<String>>,
    /// Largest first-byte latency that its readers accept, in milliseconds; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<i64>")]
    latency_limit_ms: Option<Option<i64>>,
}

/// How often a change without `If-Match` is tried when others change the dataset at the same time.
const TRIES: usize = 3;

async fn change(
    State(services): State<Services>,
    key: Key,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Result<Response, ApiError> {
    let (key, wanted) = (key.dataset(), expected(&headers)?);
    let mut tries = 0;
    loop {
        tries += 1;
        let now = services.catalog.find_dataset(&key).await?;
        let rules = OwnerRules {
            pinned_reason: change.pinned_reason.clone().unwrap_or(now.pinned_reason),
            latency_limit_ms: change.latency_limit_ms.unwrap_or(now.latency_limit_ms),
        };
        // What is left out was read above, so that the change holds only for what was read.
        let seen = Some(wanted.unwrap_or(now.generation));
        match services.catalog.set_rules(&key, rules, seen).await {
            Err(ServiceError::StaleGeneration { .. }) if wanted.is_none() && tries < TRIES => {}
            ended => {
                let dataset = ended?;
                return Ok(changed(dataset.generation, &dataset));
            }
        }
    }
}

async fn scan(State(services): State<Services>, key: Key) -> Result<axum::Json<ScanResult>, ApiError> {
    Ok(axum::Json(services.catalog.scan_dataset(&key.dataset()).await?))
}

async fn listing(
    State(services): State<Services>,
    key: Key,
) -> Result<axum::Json<ListingsUnderWay>, ApiError> {
    let under_way = services.catalog.listings_under_way(&key.dataset()).await?;
    Ok(axum::Json(under_way))
}

async fn delete(
    State(services): State<Services>,
    key: Key,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    services
        .catalog
        .delete_dataset(&key.dataset(), expected(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
