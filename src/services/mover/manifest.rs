//! The manifest: brought up to date with what the source holds, and compared with it later.
//!
//! Invariant: it is always made by comparing a fresh listing with the rows, whether there are none yet, some of them (a crash) or all
//! (another round). So no page mark is needed, and a restart never believes a listing of yesterday.

use super::difference::{Difference, Side, compare};
use super::failpoint::Point;
use super::held::{Halt, Held};
use crate::adapters::sql::jobs;
use crate::adapters::sql::jobs_objects::{self, ObjectState};
use crate::adapters::sql::jobs_staging;
use crate::domain::unit::{Bytes, NanoUsd};
use crate::ports::objects::{Listing, ObjectError, Occupancy, Prefix, Staging};

/// Rows written in one transaction: a few milliseconds of the only writer, and one flush of the disk.
const BATCH: usize = 1024;

/// Lists the source and makes the manifest say the same. Copies of what is gone are removed first.
pub(super) async fn bring_up_to_date(held: &mut Held, staging: &Staging, fresh: bool) -> Result<(), Halt> {
    let listing = list_source(held).await?;
    still_fit(held, &listing, fresh || !staging.in_place()).await?;
    held.pass(Point::SourceListed).await;
    let difference = differs(held, Side::Source, &listing).await?;
    let known = usize::try_from(total(held).await?.0).unwrap_or(0);
    refuse_shrunk(held, known, difference.gone.len(), listing.objects.len())?;
    if !difference.gone.is_empty() {
        remove_gone(held, staging, &difference.gone).await?;
    }
    let id = held.row.job.id;
    for keys in difference.gone.chunks(BATCH) {
        let mut tx = held.write().await?;
        jobs_objects::drop_keys(&mut tx, id, keys).await?;
        tx.commit().await?;
    }
    for objects in difference.put.chunks(BATCH) {
        let mut tx = held.write().await?;
        jobs_objects::put(&mut tx, id, objects).await?;
        tx.commit().await?;
        held.pass(Point::ManifestBatch).await;
    }
    let now = held.deps.clock.now();
    let mut tx = held.write().await?;
    jobs_staging::set_manifest_whole(&mut tx, id, now).await?;
    tx.commit().await?;
    held.pass(Point::ManifestWhole).await;
    within_budget(held).await
}

/// The plan kept to what the move may cost; a source that grew, or that is copied again and again, may not exceed it either.
async fn within_budget(held: &Held) -> Result<(), Halt> {
    let options = &held.row.options;
    let (_, size) = total(held).await?;
    if let Some(most) = options.max_bytes {
        let (pending, sent) = {
            let mut conn = held.deps.store.reader().await?;
            let (_, pending) =
                jobs_objects::sums(&mut conn, held.row.job.id, &[ObjectState::Pending]).await?;
            (pending, jobs::bytes_sent(&mut conn, held.row.job.id).await?)
        };
        if sent + pending > most {
            return Err(Halt::failed(
                "budget_exceeded",
                format!(
                    "{sent} were copied and {pending} are left to copy, more than the {most} that this move may copy"
                ),
            ));
        }
    }
    let Some(most) = options.max_cost_nanousd else {
        return Ok(());
    };
    let plan = {
        let mut conn = held.deps.store.reader().await?;
        jobs::plan(&mut conn, held.row.job.id).await?
    };
    let cost = plan.map_or(0, |plan| {
        let (now, then) = (i128::from(size.0), i128::from(plan.size_bytes.0.max(1)));
        i128::from(plan.one_time_nanousd.0) * now.max(then) / then
    });
    if cost > i128::from(most.0) {
        let cost = NanoUsd(i64::try_from(cost).unwrap_or(i64::MAX));
        return Err(Halt::failed(
            "budget_exceeded",
            format!(
                "the source holds {size} now, which cost about {cost} to move, more than the {most} that this move may cost"
            ),
        ));
    }
    Ok(())
}

/// The plan found both places fit; a link or a mount can have changed that, and something can have come to the target.
/// Where objects are written in place, what is there after the first look is ours, or is found when the target is compared.
async fn still_fit(held: &Held, listing: &Listing, must_be_empty: bool) -> Result<(), Halt> {
    let (source, target) = (held.source()?, held.target()?);
    let survey = held.deps.objects.survey(&source, &target, listing).await?;
    if let Some(overlap) = survey.overlap {
        return Err(Halt::failed("overlap", format!("{overlap} now")));
    }
    if let Occupancy::Occupied(what) = survey.occupancy
        && must_be_empty
    {
        return Err(Halt::failed(
            "target_not_empty",
            format!("{what}; it was empty when the move was planned"),
        ));
    }
    Ok(())
}

/// A source that lost more than half of its objects since it was planned or listed is not followed: that is what a disk looks like
/// that is not mounted, and a move of the rest would make the loss the catalog's truth.
fn refuse_shrunk(held: &Held, known: usize, gone: usize, found: usize) -> Result<(), Halt> {
    let planned = usize::try_from(held.row.job.progress.objects_total).unwrap_or(0);
    let (known, gone) = if held.row.manifest_at.is_some() {
        (known, gone)
    } else {
        (planned.max(known), planned.max(known).saturating_sub(found))
    };
    if gone * 2 <= known {
        return Ok(());
    }
    Err(Halt::failed(
        "source_shrunk",
        format!(
            "{gone} of {known} objects are not at {} any more: is the disk mounted? Retry once they are back; if they were \
             deleted on purpose, plan a new move",
            held.row.job.source_uri
        ),
    ))
}

/// What the source holds now, refused when something of it could not be moved.
async fn list_source(held: &Held) -> Result<Listing, Halt> {
    let listing = held.deps.objects.list(&held.source()?).await?;
    if let Some(entry) = listing.unnameable.first() {
        return Err(Halt::failed(
            "unsafe_path",
            format!(
                "{:?} cannot be moved ({}) and would be lost",
                entry.path, entry.reason
            ),
        ));
    }
    Ok(listing)
}

/// Removes copies of objects that the source has not any more: by what really lies in the staging area, which is ours alone.
async fn remove_gone(held: &Held, staging: &Staging, gone: &[String]) -> Result<(), Halt> {
    let data = staging.data();
    let staged = match held.deps.objects.list(&data).await {
        Err(ObjectError::NotFound(_)) if staging.in_place() => return Ok(()),
        other => other?,
    };
    let objects: Vec<_> = staged
        .objects
        .into_iter()
        .filter(|o| gone.binary_search(&o.key).is_ok())
        .collect();
    if objects.is_empty() {
        return Ok(());
    }
    held.deps.objects.remove(&data, objects).await?;
    // When nothing was left the directory went with it; the next look makes a new one and starts afresh.
    if !staging.in_place() && held.deps.objects.identity(&data).await?.is_none() {
        return Err(Halt::Changed(
            "every object that was copied is gone from the source".into(),
        ));
    }
    Ok(())
}

/// Looks at the source once more; the first difference in words, if there is one.
pub(super) async fn changed_since(held: &Held) -> Result<Option<String>, Halt> {
    let listing = list_source(held).await?;
    Ok(differs(held, Side::Source, &listing).await?.first)
}

/// Looks at what lies at the target: exactly the manifest's objects, none touched since it was copied.
pub(super) async fn check_target(held: &Held, at: &Prefix) -> Result<(), Halt> {
    let listing = match held.deps.objects.list(at).await {
        Err(ObjectError::NotFound(_)) => Listing::default(),
        other => other?,
    };
    let difference = differs(held, Side::Copy, &listing).await?;
    let Some(first) = difference.first else {
        return Ok(());
    };
    let mut tx = held.write().await?;
    let touched = difference.put.iter().map(|o| &o.key).chain(&difference.gone);
    for key in touched {
        jobs_objects::set_failed(
            &mut tx,
            held.row.job.id,
            key,
            "the copy was touched after it was made",
        )
        .await?;
    }
    tx.commit().await?;
    Err(Halt::failed(
        "verify_mismatch",
        format!("the copy at the target is not what was copied: {first} there"),
    ))
}

/// Objects and bytes of the manifest.
pub(super) async fn total(held: &Held) -> Result<(i64, Bytes), Halt> {
    use ObjectState as S;
    let mut conn = held.deps.store.reader().await?;
    let states = [S::Pending, S::Copied, S::Verified, S::Failed];
    Ok(jobs_objects::sums(&mut conn, held.row.job.id, &states).await?)
}

async fn differs(held: &Held, side: Side, listing: &Listing) -> Result<Difference, Halt> {
    Ok(compare(&held.deps.store, held.row.job.id, side, listing).await?)
}
