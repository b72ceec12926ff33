//! `/api/v1/locations`.

use super::etag::{changed, created, expected, tagged};
use super::extract::{Json, Key, Query, given};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::dataset::Page;
use crate::domain::location::{CredentialRef, Location, LocationCheck, LocationSummary, NewLocation};
use crate::domain::migration::evacuation::{Evacuation, EvacuationRequest};
use crate::services::Services;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/locations",
            "listLocations",
            "Lists the locations, in the order of creation",
            list,
        )
        .query::<Asked>()
        .answers::<Page<LocationSummary>>(200)
        .problems(&[422]),
        Route::post(
            "/api/v1/locations",
            "createLocation",
            "Registers a location",
            create,
        )
        .detail(
            "The directory or bucket must exist and answer. Locations must not contain each other. Nothing is written there. A secret \
             is never sent: credential_ref names the variable or file of the server that holds it.",
        )
        .body::<NewLocation>()
        .answers::<Location>(201)
        .problems(&[409])
        .tagged()
        .idempotent(),
        Route::get(
            "/api/v1/locations/{location}",
            "getLocation",
            "Shows a location and what stands on it",
            get,
        )
        .answers::<LocationSummary>(200)
        .problems(&[404])
        .tagged(),
        Route::patch(
            "/api/v1/locations/{location}",
            "changeLocation",
            "Changes with which key copies are encrypted that are written to a location from now on",
            change,
        )
        .detail(
            "What stands there stays as it is, and is read with the key that it was written with; a job keeps what its plan said. The \
             key itself is never sent: encryption_key_ref names the variable or file of the server that holds it.",
        )
        .body::<Change>()
        .answers::<Location>(200)
        .problems(&[404])
        .tagged()
        .guarded(),
        Route::post(
            "/api/v1/locations/{location}/check",
            "checkLocation",
            "Looks at the real store: reachable, writable, free space",
            check,
        )
        .detail("A store that is away is an answer, not an error. Where it has a dataset of few objects, one object of at most 1 MiB is read, so that its first-byte time is measured.")
        .answers::<LocationCheck>(200)
        .problems(&[404]),
        Route::post(
            "/api/v1/locations/{location}/evacuate",
            "evacuateLocation",
            "Plans a move of every dataset away from a location, and queues them unless it is a dry run",
            evacuate,
        )
        .detail("What cannot be moved is named with the reason and stays. Copies that are kept after earlier moves stay as well.")
        .body::<EvacuationRequest>()
        .answers::<Evacuation>(200)
        .problems(&[404])
        .idempotent(),
        Route::delete(
            "/api/v1/locations/{location}",
            "removeLocation",
            "Forgets a location that no dataset uses; its files stay",
            remove,
        )
        .problems(&[404, 409])
        .guarded(),
    ]
}

/// Paging.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Rows of a page, 1 to 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What is to change. A field that is left out stays as it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The key by reference, `env:NAME` or `file:PATH`: 32 bytes in base64 or as 64 hexadecimal digits; null: copies are not encrypted.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    encryption_key_ref: Option<Option<CredentialRef>>,
}

async fn change(
    State(services): State<Services>,
    key: Key,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Result<Response, ApiError> {
    let seen = expected(&headers)?;
    let location = match change.encryption_key_ref {
        Some(key_ref) => services.catalog.set_encryption(&key.0, key_ref, seen).await?,
        None => services.catalog.get_location(&key.0).await?.location,
    };
    Ok(changed(location.generation, &location))
}

async fn evacuate(
    State(services): State<Services>,
    key: Key,
    Json(request): Json<EvacuationRequest>,
) -> Result<axum::Json<Evacuation>, ApiError> {
    Ok(axum::Json(services.mover.evacuate(&key.0, &request).await?))
}

async fn list(
    State(services): State<Services>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Page<LocationSummary>>, ApiError> {
    let limit = asked.limit.unwrap_or(super::PAGE_ROWS);
    let page = services
        .catalog
        .page_locations(asked.cursor.as_deref(), limit)
        .await?;
    Ok(axum::Json(page))
}

async fn create(
    State(services): State<Services>,
    Json(new): Json<NewLocation>,
) -> Result<Response, ApiError> {
    let location = services.catalog.create_location(new).await?;
    let address = format!("/api/v1/locations/{}", location.id);
    Ok(created(&address, location.generation, &location))
}

async fn get(State(services): State<Services>, key: Key, headers: HeaderMap) -> Result<Response, ApiError> {
    let summary = services.catalog.get_location(&key.0).await?;
    Ok(tagged(&headers, summary.location.generation, &summary))
}

async fn check(State(services): State<Services>, key: Key) -> Result<axum::Json<LocationCheck>, ApiError> {
    Ok(axum::Json(services.catalog.check_location(&key.0).await?))
}

async fn remove(
    State(services): State<Services>,
    key: Key,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    services
        .catalog
        .remove_location_if(&key.0, expected(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
