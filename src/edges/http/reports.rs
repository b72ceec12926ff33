//! `/api/v1/reports`: the printable reports as JSON, CSV and a page of their own.
//!
//! Invariant: the ending of the address chooses the form alone; the numbers are one use case's.

use super::extract::{Key, Query};
use super::problem::ApiError;
use super::table::Route;
use crate::domain::dataset::Page;
use crate::domain::report::{Report, ReportName};
use crate::edges::report_html;
use crate::services::reports::{Asked, PATIENCE, ROWS};
use crate::services::{ServiceError, Services};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Its part of the table.
pub fn table() -> Vec<Route> {
    vec![
        Route::get("/api/v1/reports", "listReports", "Lists the reports there are", list)
            .answers::<Page<Offered>>(200),
        Route::get(
            "/api/v1/reports/{report}",
            "getReport",
            "Makes a report: savings, placement, moves or advice",
            get,
        )
        .detail(
            "A report is figures and tables; a cell is a bare value and its column says the unit. `savings.csv` answers with the \
             main table as CSV (`table` names another), `savings.html` with a page that prints, `savings.json` is the same as \
             `savings`.",
        )
        .query::<Which>()
        .answers::<Report>(200)
        .problems(&[404, 422]),
    ]
}

/// A report that can be asked for.
#[derive(Debug, Serialize, JsonSchema)]
struct Offered {
    /// Its name in addresses.
    name: ReportName,
    /// Its title.
    title: &'static str,
    /// What it answers.
    lead: &'static str,
    /// Whether `days` narrows it.
    has_span: bool,
}

async fn list() -> Json<Page<Offered>> {
    let items: Vec<_> = ReportName::ALL
        .into_iter()
        .map(|name| Offered {
            name,
            title: name.title(),
            lead: name.lead(),
            has_span: name.has_span(),
        })
        .collect();
    Json(Page {
        total: items.len() as i64,
        items,
        next_cursor: None,
    })
}

/// What of a report.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Days back from now, for savings and moves; all there are when left out.
    days: Option<i64>,
    /// Rows of a table at most, 1 to 20,000; 1,000 when left out. Sums are over all.
    limit: Option<u32>,
    /// The table that CSV holds, by its key.
    table: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Html,
}

async fn get(
    State(services): State<Services>,
    Key(key): Key,
    Query(which): Query<Which>,
) -> Result<Response, ApiError> {
    let (word, form) = match key.rsplit_once('.') {
        None | Some((_, "json")) => (key.trim_end_matches(".json"), Form::Json),
        Some((word, "csv")) => (word, Form::Csv),
        Some((word, "html")) => (word, Form::Html),
        Some(_) => (key.as_str(), Form::Json),
    };
    let name: ReportName = word
        .parse()
        .map_err(|_| ServiceError::not_found("report", word))?;
    let asked = Asked {
        name,
        days: which.days,
        rows: which.limit.unwrap_or(ROWS),
        patience: PATIENCE,
    };
    let report = services.reports.report(asked).await?;
    Ok(match form {
        Form::Json => Json(report).into_response(),
        Form::Html => (
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, report_html::POLICY),
            ],
            report_html::page(&report),
        )
            .into_response(),
        Form::Csv => {
            let Some(table) = report.table(which.table.as_deref()) else {
                let keys: Vec<_> = report.tables.iter().map(|t| t.key.as_str()).collect();
                let wanted = which.table.unwrap_or_default();
                return Err(ServiceError::invalid(
                    "bad_table",
                    format!(
                        "the report {name} has no table {wanted:?}; it has {}",
                        keys.join(", ")
                    ),
                )
                .into());
            };
            let file = format!("attachment; filename=\"dim-{name}-{}.csv\"", table.key);
            (
                [
                    (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                    (header::CONTENT_DISPOSITION, file),
                ],
                table.csv(),
            )
                .into_response()
        }
    })
}
