//! `/api/v1/policies`: named, so that a program hears that they are not there yet rather than that the address is wrong.

use super::problem::ApiError;
use super::table::Route;
use crate::services::ServiceError;

/// Its part of the table.
pub fn table() -> Vec<Route> {
    let not_yet = |route: Route| route.problems(&[501]);
    vec![
        not_yet(Route::get(
            "/api/v1/policies",
            "listPolicies",
            "Lists rules about placement (not supported yet)",
            refuse,
        )),
        not_yet(Route::post(
            "/api/v1/policies",
            "createPolicy",
            "Adds a rule about placement (not supported yet)",
            refuse,
        )),
    ]
}

async fn refuse() -> ApiError {
    ServiceError::not_supported(
        "policies; a dataset's own latency_limit_ms is the only rule that recommendations follow",
    )
    .into()
}
