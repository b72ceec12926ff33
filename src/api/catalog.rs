//! Datasets and locations for the pages.
//!
//! Invariant: forms arrive as text; it becomes a domain type here or is refused with that type's own sentence.

use super::{ApiError, query::DatasetQuery};
use crate::domain::dataset::{DatasetDetail, DatasetSummary, Page};
use crate::domain::location::{Location, LocationSummary};
use crate::domain::unit::Timestamp;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

/// Rows on one page of datasets: about two screens, so that paging is rare and the page stays light.
pub const DATASETS_PER_PAGE: u32 = 50;

/// A page of the dataset list.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "datasets", input = GetUrl)]
pub async fn list_datasets(#[server(default)] query: DatasetQuery) -> Result<Page<DatasetSummary>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let cursor = query.cursor.as_deref();
    Ok(services
        .catalog
        .list_datasets(&query.filter(), cursor, DATASETS_PER_PAGE)
        .await?)
}

/// Datasets whose name has a word in it, by id and name: a handful, for the palette.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "find", input = GetUrl)]
pub async fn find_datasets(word: String) -> Result<Vec<(i64, String)>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let filter = crate::domain::dataset::DatasetFilter {
        search: Some(word),
        ..Default::default()
    };
    let page = services.catalog.list_datasets(&filter, None, 6).await?;
    Ok(page
        .items
        .into_iter()
        .map(|s| (s.dataset.id.0, s.dataset.name.to_string()))
        .collect())
}

/// What a dataset's page draws, and the moment it was read: charts end there on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetPage {
    /// The server's clock.
    pub now: Timestamp,
    /// The dataset with its replicas and history.
    pub detail: DatasetDetail,
}

/// One dataset with its replicas and history.
///
/// # Errors
/// `not_found`, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "dataset", input = GetUrl)]
pub async fn get_dataset(key: String) -> Result<DatasetPage, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&key);
    let detail = services.catalog.get_dataset(&key).await?;
    Ok(DatasetPage {
        now: super::form::now(),
        detail,
    })
}

/// Every location: places to choose from.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "places", input = GetUrl)]
pub async fn list_places() -> Result<Vec<Location>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.catalog.locations().await?)
}

/// Every location with what stands on it.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "locations", input = GetUrl)]
pub async fn list_locations() -> Result<Vec<LocationSummary>, ApiError> {
    let services = expect_context::<crate::services::Services>();
    Ok(services.catalog.list_locations().await?.items)
}

/// Registers a dataset and opens its page.
///
/// # Errors
/// A field that cannot be read, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "create-dataset")]
pub async fn create_dataset(
    name: String,
    path_uri: String,
    #[server(default)] size_bytes: String,
    #[server(default)] storage_class: String,
) -> Result<(), ApiError> {
    let size: Option<u64> = super::form::optional(&size_bytes)?;
    let new = crate::domain::dataset::NewDataset {
        name: name.parse().map_err(ApiError::invalid)?,
        path_uri: path_uri.parse().map_err(ApiError::invalid)?,
        size_bytes: size.map(crate::domain::unit::Bytes),
        storage_class: super::form::optional(&storage_class)?,
        latency_limit_ms: None,
    };
    let services = expect_context::<crate::services::Services>();
    let dataset = services.catalog.create_dataset(new).await?;
    leptos_axum::redirect(&format!("/datasets/{}", dataset.id));
    Ok(())
}

/// Lists a dataset's real objects.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "scan-dataset")]
pub async fn scan_dataset(dataset_id: String) -> Result<String, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset_id);
    let scan = services.catalog.scan_dataset(&key).await?;
    let sentence = format!(
        "Listed {} objects, {}, in {} ms; {} entries are no objects and were left out.",
        scan.dataset.object_count, scan.dataset.size_bytes, scan.elapsed_ms, scan.skipped_count
    );
    Ok(super::form::done("scan", sentence))
}

/// Replaces the owner's rules of a dataset: an empty reason takes a pin away, an empty limit means none.
///
/// # Errors
/// A field that cannot be read, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "rules")]
pub async fn set_rules(
    dataset_id: String,
    #[server(default)] pinned_reason: String,
    #[server(default)] latency_limit_ms: String,
) -> Result<String, ApiError> {
    let rules = crate::domain::dataset::OwnerRules {
        pinned_reason: super::form::optional(&pinned_reason)?,
        latency_limit_ms: super::form::optional(&latency_limit_ms)?,
    };
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset_id);
    let changed = services.catalog.set_rules(&key, rules, None).await?;
    let sentence = format!("The rules of {} are kept.", changed.name);
    Ok(super::form::done("dataset", sentence))
}

/// Changes a dataset's labels: `team=climate -old` puts the first on and takes the second away.
///
/// # Errors
/// A label that cannot be kept, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "label")]
pub async fn label_dataset(
    dataset_id: String,
    #[server(default)] labels: String,
) -> Result<String, ApiError> {
    let change = crate::domain::label::LabelChange::read(&labels).map_err(ApiError::invalid)?;
    let services = expect_context::<crate::services::Services>();
    let key = crate::domain::access::DatasetKey::parse(&dataset_id);
    services.catalog.change_labels(&key, &change).await?;
    Ok(super::form::done("label", "The labels are changed.".into()))
}

/// Plans the advised moves of several datasets (`plan`), pins them (`pin`, with a reason), takes their pins away (`unpin`) or changes
/// their labels (`label`).
///
/// # Errors
/// A word that is none of these, and a choice of none or too many.
#[server(prefix = "/api/fn", endpoint = "chosen")]
pub async fn apply_to_chosen(
    #[server(default)] ids: Vec<String>,
    deed: String,
    #[server(default)] reason: String,
    #[server(default)] labels: String,
) -> Result<String, ApiError> {
    use crate::services::chosen::Deed;
    let deed = match deed.as_str() {
        "plan" => Deed::Plan,
        "pin" => Deed::Pin(reason),
        "unpin" => Deed::Unpin,
        "label" => Deed::Label(crate::domain::label::LabelChange::read(&labels).map_err(ApiError::invalid)?),
        other => {
            return Err(ApiError::invalid(format!(
                "{other:?} cannot be done to several datasets"
            )));
        }
    };
    let services = expect_context::<crate::services::Services>();
    let keys: Vec<_> = ids
        .iter()
        .map(|id| crate::domain::access::DatasetKey::parse(id))
        .collect();
    let done = services.chosen.apply(&keys, &deed).await?;
    Ok(super::form::done("chosen", done.sentence(&deed)))
}

/// Registers a location.
///
/// # Errors
/// A field that cannot be read, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "add-location")]
pub async fn add_location(
    name: String,
    uri: String,
    #[server(default)] storage_classes: String,
    #[server(default)] price_book: String,
    #[server(default)] credential_ref: String,
    #[server(default)] endpoint: String,
    #[server(default)] region: String,
) -> Result<String, ApiError> {
    let classes = storage_classes
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(ApiError::invalid))
        .collect::<Result<_, _>>()?;
    let new = crate::domain::location::NewLocation {
        name: name.parse().map_err(ApiError::invalid)?,
        uri: uri.parse().map_err(ApiError::invalid)?,
        storage_classes: classes,
        price_book: super::form::optional(&price_book)?,
        credential_ref: super::form::optional(&credential_ref)?,
        endpoint: super::form::optional(&endpoint)?,
        region: super::form::optional(&region)?,
        encryption_key_ref: None,
    };
    let services = expect_context::<crate::services::Services>();
    let location = services.catalog.create_location(new).await?;
    let sentence = format!("Location {} is registered.", location.name);
    Ok(super::form::done("location", sentence))
}

/// Sets with which key copies are encrypted that are written to a location from now on; an empty reference: they are not.
///
/// # Errors
/// A reference that cannot be read, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "encrypt-location")]
pub async fn encrypt_location(
    key: String,
    #[server(default)] encryption_key_ref: String,
) -> Result<String, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let key_ref = super::form::optional(&encryption_key_ref)?;
    let location = services.catalog.set_encryption(&key, key_ref, None).await?;
    let sentence = match &location.encryption {
        Some(encryption) => format!(
            "Copies at {} are encrypted from now on with {encryption}.",
            location.name
        ),
        None => format!("Copies at {} are not encrypted from now on.", location.name),
    };
    Ok(super::form::done("encrypted", sentence))
}

/// Looks at the real store behind a location.
///
/// # Errors
/// Those of the catalog.
#[server(prefix = "/api/fn", endpoint = "check-location")]
pub async fn check_location(key: String) -> Result<String, ApiError> {
    let services = expect_context::<crate::services::Services>();
    let check = services.catalog.check_location(&key).await?;
    let sentence = match check.problem {
        Some(problem) => format!("Location {key} does not answer: {problem}"),
        None => format!("Location {key} answered in {} µs.", check.latency_us),
    };
    Ok(super::form::done("check", sentence))
}

/// Takes a location out of the catalog; its files stay.
///
/// # Errors
/// A conflict while datasets stand on it, and those of the catalog.
#[server(prefix = "/api/fn", endpoint = "remove-location")]
pub async fn remove_location(key: String) -> Result<String, ApiError> {
    let services = expect_context::<crate::services::Services>();
    services.catalog.remove_location(&key).await?;
    let sentence = format!("Location {key} is removed from the catalog. Its files were not touched.");
    Ok(super::form::done("removed", sentence))
}

/// Records one access that a person typed in.
///
/// # Errors
/// A field that cannot be read, and the telemetry's own reason for refusing the event.
#[server(prefix = "/api/fn", endpoint = "record-access")]
pub async fn record_access(
    dataset_id: String,
    op: String,
    size_bytes: u64,
    #[server(default)] client_lat_ms: String,
) -> Result<String, ApiError> {
    let event = crate::domain::access::AccessEvent {
        event_id: None,
        producer: None,
        sequence: None,
        dataset_id: crate::domain::access::DatasetKey::parse(&dataset_id),
        op: match op.as_str() {
            "write" => crate::domain::access::AccessOp::Write,
            _ => crate::domain::access::AccessOp::Read,
        },
        size_bytes: crate::domain::unit::Bytes(size_bytes),
        client_lat_ms: super::form::optional(&client_lat_ms)?,
        client_region: None,
        occurred_at: None,
    };
    let services = expect_context::<crate::services::Services>();
    let report = services.telemetry.ingest(vec![(1, Ok(event))]).await?;
    match report.errors.first() {
        Some(error) => Err(ApiError::invalid(&error.reason)),
        None => {
            let sentence = format!("Counted one {op} of {}.", crate::domain::unit::Bytes(size_bytes));
            Ok(super::form::done("access", sentence))
        }
    }
}
