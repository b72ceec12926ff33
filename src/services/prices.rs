//! Price books: which there are, what is in one, and which locations are priced by it.

use super::{Deps, ServiceError, ServiceResult};
use crate::adapters::sql::locations as rows;
use crate::domain::dataset::Page;
use crate::domain::price::book::PriceBook;
use crate::domain::price::listing::{BookSummary, FigureDifference, differences};

/// Use cases on price books. Cheap to clone.
#[derive(Clone)]
pub struct Prices {
    deps: Deps,
}

impl Prices {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self { deps: deps.clone() }
    }

    /// Every book that is loaded, by name.
    ///
    /// # Errors
    /// Database faults.
    pub async fn list(&self) -> ServiceResult<Page<BookSummary>> {
        let mut conn = self.deps.store.reader().await?;
        let locations = rows::list(&mut conn).await?;
        let users = |book: &str| {
            locations
                .iter()
                .filter(|row| row.location.price_book == book)
                .map(|row| row.location.name.to_string())
                .collect()
        };
        let items: Vec<_> = self
            .deps
            .prices
            .all()
            .iter()
            .map(|book| BookSummary::of(book, users(&book.name)))
            .collect();
        Ok(Page {
            total: i64::try_from(items.len()).unwrap_or(i64::MAX),
            items,
            next_cursor: None,
        })
    }

    /// One book with every figure, its source, date and grade.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get(&self, name: &str) -> ServiceResult<PriceBook> {
        self.deps
            .prices
            .find(name)
            .cloned()
            .ok_or_else(|| ServiceError::not_found("price book", name))
    }

    /// The file of a book as it was read: TOML to be copied, edited and loaded with `--prices-dir`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn text(&self, name: &str) -> ServiceResult<String> {
        self.deps
            .prices
            .text(name)
            .map(str::to_owned)
            .ok_or_else(|| ServiceError::not_found("price book", name))
    }

    /// What differs between two books, figure by figure.
    ///
    /// # Errors
    /// `NotFound` for either.
    pub fn diff(&self, left: &str, right: &str) -> ServiceResult<Page<FigureDifference>> {
        let items = differences(&self.get(left)?.figures(), &self.get(right)?.figures());
        Ok(Page {
            total: i64::try_from(items.len()).unwrap_or(i64::MAX),
            items,
            next_cursor: None,
        })
    }
}
