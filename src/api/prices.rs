//! Price books for the pages.

use super::ApiError;
use crate::domain::dataset::Page;
use crate::domain::price::book::PriceBook;
use crate::domain::price::listing::BookSummary;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// Every loaded price book, in short.
///
/// # Errors
/// Those of the price service.
#[server(prefix = "/api/fn", endpoint = "price-books", input = GetUrl)]
pub async fn list_books() -> Result<Page<BookSummary>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.prices.list().await?)
}

/// One price book with every figure and its source.
///
/// # Errors
/// `not_found`.
#[server(prefix = "/api/fn", endpoint = "price-book", input = GetUrl)]
pub async fn get_book(name: String) -> Result<PriceBook, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.prices.get(&name)?)
}
