//! Reports for the pages.

use super::ApiError;
use crate::domain::report::Report;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

/// A report, with as many rows as are printed.
///
/// # Errors
/// `not_found` for a name that is none, and those of the reports.
#[server(prefix = "/api/fn", endpoint = "report", input = GetUrl)]
pub async fn get_report(name: String, #[server(default)] days: Option<String>) -> Result<Report, ApiError> {
    use crate::services::reports::{Asked, PATIENCE_OF_PAGE, ROWS_OF_PAGE};
    let services = expect_context::<crate::services::Services>();
    let asked = Asked {
        name: name
            .parse()
            .map_err(|_| crate::services::ServiceError::not_found("report", &name))?,
        days: super::form::optional(days.as_deref().unwrap_or_default())?,
        rows: ROWS_OF_PAGE,
        patience: PATIENCE_OF_PAGE,
    };
    Ok(services.reports.report(asked).await?)
}
