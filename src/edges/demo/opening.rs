//! The opening: a few moves that the recommender proposed, so that the first page is alive.
//!
//! Invariant: they are ordinary jobs of the ordinary mover on real files. The failure comes from the fault injector, which says so
//! in the job's reason; nothing here touches a job's state but through the use cases.

use super::load::Loaded;
use super::scene::Scene;
use crate::domain::access::DatasetKey;
use crate::domain::event::Stream;
use crate::domain::id::JobId;
use crate::domain::migration::PlanRequest;
use crate::domain::name::StorageClass;
use crate::domain::recommendation::{Action, Recommendation, RecommendationFilter};
use crate::domain::unit::Bytes;
use crate::services::live::{Outgoing, Resume};
use crate::services::{ServiceResult, Services};
use std::time::Duration;
use tokio::sync::watch;

/// Proposals that the moves are chosen from: those with the largest savings.
const PROPOSALS: u32 = 100;
/// The two small moves are over in seconds; when they are not, the rest does not wait for them.
const PATIENCE: Duration = Duration::from_secs(60);
/// Moves to watch.
const WATCHED: usize = 2;

/// A proposed move and the bytes that it would really carry.
struct Proposal {
    dataset: DatasetKey,
    location: String,
    class: StorageClass,
    on_disk: Bytes,
}

/// Plans the moves one after the other, until `stop` turns true.
pub(super) async fn run(
    scene: &Scene,
    loaded: &Loaded,
    services: &Services,
    mut stop: watch::Receiver<bool>,
) {
    let moves = moves(scene, loaded, services);
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        ended = moves => if let Err(error) = ended {
            tracing::warn!(%error, "the demo's first moves were not all begun");
        },
    }
}

async fn moves(scene: &Scene, loaded: &Loaded, services: &Services) -> ServiceResult<()> {
    let mut proposals = proposals(scene, loaded, services).await?;
    // The largest saving waits for a person: that is the one to talk about.
    if !proposals.is_empty() {
        queue(services, proposals.remove(0), true).await?;
    }
    proposals.sort_by_key(|p| p.on_disk);
    // The first small move meets the injected fault, the second one none: one after the other, so that it is so.
    for _ in 0..2 {
        if proposals.is_empty() {
            break;
        }
        let job = queue(services, proposals.remove(0), false).await?;
        if let Some(job) = job
            && tokio::time::timeout(PATIENCE, ended(services, job))
                .await
                .is_err()
        {
            tracing::info!(%job, "a small move takes longer than expected; the others begin");
        }
    }
    for proposal in proposals.into_iter().rev().take(WATCHED) {
        queue(services, proposal, false).await?;
    }
    Ok(())
}

/// What is proposed, the largest saving first.
async fn proposals(scene: &Scene, loaded: &Loaded, services: &Services) -> ServiceResult<Vec<Proposal>> {
    let filter = RecommendationFilter {
        action: Some(Action::Move.as_str().to_owned()),
        ..RecommendationFilter::default()
    };
    let page = services.recommender.list(&filter, None, PROPOSALS).await?;
    Ok(page
        .items
        .into_iter()
        .filter_map(|recommendation| proposal(recommendation, scene, loaded))
        .collect())
}

fn proposal(r: Recommendation, scene: &Scene, loaded: &Loaded) -> Option<Proposal> {
    let to = r.proposed?;
    let set = loaded.ids.iter().position(|id| *id == r.dataset_id)?;
    Some(Proposal {
        dataset: DatasetKey::Id(r.dataset_id),
        location: to.location_name.as_str().to_owned(),
        class: to.storage_class,
        on_disk: scene.sets.get(set)?.on_disk,
    })
}

async fn queue(
    services: &Services,
    proposal: Proposal,
    require_approval: bool,
) -> ServiceResult<Option<JobId>> {
    let request = PlanRequest {
        dataset_id: proposal.dataset,
        target_location: proposal.location,
        storage_class: Some(proposal.class),
        dry_run: false,
        require_approval,
        options: crate::domain::migration::options::MoveOptions::default(),
    };
    Ok(services.mover.plan(request).await?.job.map(|job| job.id))
}

/// Waits until a job has reached an end, woken by the live channel.
async fn ended(services: &Services, job: JobId) -> ServiceResult<()> {
    let mut subscriber = services.live.subscriber(Resume::Snapshot);
    subscriber.subscribe(Stream::Jobs, None, None);
    loop {
        if services.mover.get_job(job).await?.job.status.is_end() {
            return Ok(());
        }
        if let Outgoing::Closed = subscriber.next().await? {
            return Ok(());
        }
    }
}
