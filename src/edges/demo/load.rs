//! From a scene to a server: locations, files, datasets, the past, and what is recommended after it.
//!
//! Invariant: a step that was refused ends the load with the reason; nothing is shown of a demo that does not stand whole.

use super::scene::{Past, Place, Scene};
use super::stage::Stage;
use super::{DemoError, service};
use crate::domain::access::{AccessEvent, DatasetKey};
use crate::domain::dataset::NewDataset;
use crate::domain::id::DatasetId;
use crate::domain::location::NewLocation;
use crate::services::Services;
use crate::services::catalog::{KnownDataset, KnownLocation};
use std::sync::Arc;
use std::time::Instant;

/// What the catalog made of a scene.
pub(super) struct Loaded {
    /// The ids of the scene's datasets, in its order.
    pub(super) ids: Vec<DatasetId>,
}

/// Carries the load out.
pub(super) async fn load(
    scene: &Arc<Scene>,
    stage: &Arc<Stage>,
    services: &Services,
) -> Result<Loaded, DemoError> {
    // Files and rows do not wait for each other.
    let files = {
        let (scene, stage) = (scene.clone(), stage.clone());
        tokio::task::spawn_blocking(move || stage.write(&scene))
    };
    let began = Instant::now();
    let rows = rows(scene, stage, services).await;
    let counted = began.elapsed();
    if rows.is_err() {
        stage.cancel();
    }
    // Waited for in any case: the directory must not be removed under a thread that writes into it.
    let files = files
        .await
        .unwrap_or_else(|e| Err(DemoError::Unfit(format!("the files could not be written: {e}"))));
    let loaded = rows?;
    files?;
    stage.check()?;
    let written = began.elapsed();
    // So that the first page has them; the role `recommender` keeps them up to date from here on.
    let looked = services.recommender.refresh().await;
    looked.map_err(service("compute the recommendations"))?;
    tracing::info!(
        catalog_and_past = ?counted, with_files = ?written, with_recommendations = ?began.elapsed(),
        "the demo stands: {} datasets, {} accesses",
        scene.sets.len(),
        scene.past.len()
    );
    stage.check()?;
    Ok(loaded)
}

async fn rows(scene: &Scene, stage: &Stage, services: &Services) -> Result<Loaded, DemoError> {
    let catalog = &services.catalog;
    let locations = Place::ALL
        .into_iter()
        .map(|place| known_location(place, stage))
        .collect::<Result<_, _>>()?;
    catalog
        .ensure_locations(locations)
        .await
        .map_err(service("register the demo's locations"))?;
    let sets = (0..scene.sets.len())
        .map(|i| known_dataset(scene, i, stage))
        .collect::<Result<_, _>>()?;
    let ids = catalog
        .create_datasets(sets)
        .await
        .map_err(service("register the demo's datasets"))?;
    past(scene, &ids, stage, services).await?;
    Ok(Loaded { ids })
}

fn known_location(place: Place, stage: &Stage) -> Result<KnownLocation, DemoError> {
    let name = place
        .name()
        .parse()
        .map_err(|e| DemoError::Unfit(format!("{e}")))?;
    Ok(NewLocation {
        name,
        uri: stage.uri(place)?,
        storage_classes: place
            .classes()
            .iter()
            .map(|class| super::scene::storage_class(class))
            .collect(),
        price_book: Some(place.price_book().to_owned()),
        credential_ref: None,
        endpoint: None,
        region: None,
        encryption_key_ref: None,
    })
}

fn known_dataset(scene: &Scene, index: usize, stage: &Stage) -> Result<KnownDataset, DemoError> {
    let set = &scene.sets[index];
    let path = format!("{}/{}", set.place.home(), set.name);
    let path_uri = stage
        .uri(set.place)?
        .join(&path)
        .map_err(|e| DemoError::Unfit(format!("{} has no address: {e}", set.name)))?;
    Ok(KnownDataset {
        new: NewDataset {
            name: set.name.clone(),
            path_uri,
            size_bytes: Some(set.size),
            storage_class: Some(set.class.clone()),
            latency_limit_ms: set.latency_limit_ms,
        },
        object_count: set.object_count,
        created_at: set.created_at,
        stand_in: true,
    })
}

/// Counts the past as any other events are counted, under a producer that says where they come from.
async fn past(scene: &Scene, ids: &[DatasetId], stage: &Stage, services: &Services) -> Result<(), DemoError> {
    let event = |(line, past): (i64, &Past)| AccessEvent {
        event_id: None,
        producer: Some(scene.producer.clone()),
        sequence: Some(line),
        dataset_id: DatasetKey::Id(ids[past.set as usize]),
        op: past.op,
        size_bytes: past.size,
        client_lat_ms: None,
        client_region: None,
        occurred_at: Some(past.at),
    };
    // A stop is heard between two transactions.
    let going_on = || stage.check().is_ok();
    let events = (1..).zip(&scene.past).map(event).take_while(|_| going_on());
    let report = services
        .telemetry
        .load(events)
        .await
        .map_err(service("count the accesses of the past"))?;
    if let Some(first) = report.errors.first() {
        tracing::warn!(
            refused = report.rejected,
            "the demo's access {} was not counted: {}",
            first.line,
            first.reason
        );
    }
    stage.check()
}
