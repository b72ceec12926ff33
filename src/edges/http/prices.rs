//! `/api/v1/prices`.

use super::extract::{Key, Keys};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::dataset::Page;
use crate::domain::price::book::PriceBook;
use crate::domain::price::listing::{BookSummary, FigureDifference};
use crate::services::Services;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};

const TOML: &str = "application/toml; charset=utf-8";

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/prices",
            "listPrices",
            "Lists the price books and the locations that use them",
            list,
        )
        .answers::<Page<BookSummary>>(200),
        Route::get(
            "/api/v1/prices/{book}",
            "getPrices",
            "Shows every figure of a price book with its source, date and grade",
            get,
        )
        .detail("The slash in a book's name is written %2F: aws%2Fus-east-1. Money is in nano-USD.")
        .answers::<PriceBook>(200)
        .problems(&[404]),
        Route::get(
            "/api/v1/prices/{book}/file",
            "getPriceFile",
            "Gives a price book's file, to be copied, edited and loaded",
            file,
        )
        .detail("TOML. A server started with --prices-dir loads every *.toml there; a book of the same name wins over the built-in one.")
        .answers_text(TOML)
        .problems(&[404]),
        Route::get(
            "/api/v1/prices/{book}/differences/{other}",
            "comparePrices",
            "Lists the figures that two price books do not agree on",
            compare,
        )
        .answers::<Page<FigureDifference>>(200)
        .problems(&[404]),
    ]
}

async fn list(State(services): State<Services>) -> Result<Json<Page<BookSummary>>, ApiError> {
    Ok(Json(services.prices.list().await?))
}

async fn get(State(services): State<Services>, key: Key) -> Result<Json<PriceBook>, ApiError> {
    Ok(Json(services.prices.get(&key.0)?))
}

async fn file(
    State(services): State<Services>,
    key: Key,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    Ok(([(header::CONTENT_TYPE, TOML)], services.prices.text(&key.0)?))
}

async fn compare(
    State(services): State<Services>,
    Keys(book, other): Keys,
) -> Result<Json<Page<FigureDifference>>, ApiError> {
    Ok(Json(services.prices.diff(&book, &other)?))
}
