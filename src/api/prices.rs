//! Price books for the pages.

use super::ApiError;
use crate::domain::price::book::PriceBook;
use crate::domain::price::line::Grade;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

/// A price book in the list of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookBrief {
    /// Its name, which locations refer to.
    pub name: String,
    /// For people.
    pub title: String,
    /// The date its prices hold for, `YYYY-MM-DD`.
    pub date: String,
    /// The prices are the owner's assumption rather than a vendor's list.
    pub assumption: bool,
    /// Names of its classes.
    pub classes: Vec<String>,
    /// Figures by grade: A, B, C.
    pub grades: [usize; 3],
}

impl BookBrief {
    /// The brief of a book.
    #[must_use]
    pub fn of(book: &PriceBook) -> Self {
        let figures = book.figures();
        let of = |grade| figures.iter().filter(|f| f.grade == grade).count();
        Self {
            name: book.name.clone(),
            title: book.title.clone(),
            date: book.date.clone(),
            assumption: book.assumption,
            classes: book.classes.iter().map(|c| c.name.to_string()).collect(),
            grades: [of(Grade::A), of(Grade::B), of(Grade::C)],
        }
    }
}

/// Every loaded price book, in short.
///
/// # Errors
/// None.
#[server(prefix = "/api/fn", endpoint = "price-books", input = GetUrl)]
pub async fn list_books() -> Result<Vec<BookBrief>, ApiError> {
    let prices = expect_context::<crate::services::Services>().prices;
    Ok(prices.all().iter().map(BookBrief::of).collect())
}

/// One price book with every figure and its source.
///
/// # Errors
/// `not_found`.
#[server(prefix = "/api/fn", endpoint = "price-book", input = GetUrl)]
pub async fn get_book(name: String) -> Result<PriceBook, ApiError> {
    let prices = expect_context::<crate::services::Services>().prices;
    prices
        .find(&name)
        .cloned()
        .ok_or_else(|| ApiError::not_found("price book", &name))
}
