//! The manifest: brought up to date with what the source holds, and compared with it later.
//!
//! Invariant: it is always made by comparing a fresh listing with the rows, whether there are none yet, some of them (a crash) or all
//! (another round). So no page mark is needed, and a restart never believes a listing of yesterday.

use super::difference::{Broken, Comparison};
use super::failpoint::Point;
use super::held::{Halt, Held};
use crate::adapters::sql::jobs;
use crate::adapters::sql::jobs_objects::{self, ObjectState};
use crate::adapters::sql::jobs_pages::Side;
use crate::adapters::sql::jobs_staging;
use crate::domain::dataset::SkippedEntry;
use crate::domain::unit::{Bytes, NanoUsd};
use crate::ports::objects::{FoundObject, Listing, ObjectError, Occupancy, Prefix, Staging};
use crate::ports::walk::Walk;

/// Keys that are gone and are dealt with in one listing; more take further listings.
const GONE_AT_ONCE: usize = 10_000;

/// Lists the source and makes the manifest say the same. Copies of what is gone are removed first.
pub(super) async fn bring_up_to_date(held: &mut Held, staging: &Staging, fresh: bool) -> Result<(), Halt> {
    still_fit(held, fresh || !staging.in_place()).await?;
    while !compare_once(held, Some(staging)).await? {}
    is_whole(held).await
}

/// The same where the objects of the manifest stay where they are: there are no copies to remove.
pub(super) async fn bring_up_to_date_in_place(held: &mut Held) -> Result<(), Halt> {
    while !compare_once(held, None).await? {}
    is_whole(held).await
}

async fn is_whole(held: &mut Held) -> Result<(), Halt> {
    let now = held.deps.clock.now();
    let id = held.row.job.id;
    let mut tx = held.write().await?;
    jobs_staging::set_manifest_whole(&mut tx, id, now).await?;
    tx.commit().await?;
    held.pass(Point::ManifestWhole).await;
    within_budget(held).await
}

/// Lists the source once, puts into the manifest what is new or changed and takes out what is gone; whether that was all.
async fn compare_once(held: &Held, staging: Option<&Staging>) -> Result<bool, Halt> {
    let id = held.row.job.id;
    let known = total(held).await?.0;
    let walk = held.deps.objects.walk(&held.source()?).await?;
    held.pass(Point::SourceListed).await;
    let mut comparison = Comparison::new(&held.deps.store, id, Side::Source, walk);
    let (mut gone, mut gone_count) = (Vec::new(), 0_u64);
    let mut found = Vec::new();
    loop {
        // While what was found is written, what follows is listed and compared: the manifest is read from there on alone.
        let (written, difference) = tokio::join!(put(held, &found), comparison.next());
        written?;
        let Some(difference) = difference? else { break };
        refuse_unnameable(comparison.unnameable.as_ref())?;
        gone_count += difference.gone.len() as u64;
        gone.extend(difference.gone);
        gone.truncate(GONE_AT_ONCE);
        found = difference.put;
    }
    refuse_unnameable(comparison.unnameable.as_ref())?;
    let known = u64::try_from(known).unwrap_or(0);
    refuse_shrunk(held, known, gone_count, comparison.listed).await?;
    if gone.is_empty() {
        return Ok(true);
    }
    if let Some(staging) = staging {
        remove_gone(held, staging, &gone).await?;
    }
    for keys in gone.chunks(1000) {
        let mut tx = held.write().await?;
        jobs_objects::drop_keys(&mut tx, id, keys).await?;
        tx.commit().await?;
    }
    Ok(gone_count == gone.len() as u64)
}

async fn put(held: &Held, found: &[FoundObject]) -> Result<(), Halt> {
    if found.is_empty() {
        return Ok(());
    }
    let mut tx = held.write().await?;
    jobs_objects::put(&mut tx, held.row.job.id, found).await?;
    tx.commit().await?;
    held.pass(Point::ManifestBatch).await;
    Ok(())
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
async fn still_fit(held: &Held, must_be_empty: bool) -> Result<(), Halt> {
    let (source, target) = (held.source()?, held.target()?);
    let nothing = Listing::default();
    let survey = held.deps.objects.survey(&source, &target, &nothing).await?;
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
async fn refuse_shrunk(held: &Held, known: u64, gone: u64, found: u64) -> Result<(), Halt> {
    let (known, gone) = if held.row.manifest_at.is_some() {
        (known, gone)
    } else {
        let plan = {
            let mut conn = held.deps.store.reader().await?;
            jobs::plan(&mut conn, held.row.job.id).await?
        };
        let planned = plan.map_or(0, |plan| u64::try_from(plan.object_count).unwrap_or(0));
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

/// A source with something that could not be moved is refused.
fn refuse_unnameable(entry: Option<&SkippedEntry>) -> Result<(), Halt> {
    match entry {
        None => Ok(()),
        Some(entry) => Err(Halt::failed(
            "unsafe_path",
            format!(
                "{:?} cannot be moved ({}) and would be lost",
                entry.path, entry.reason
            ),
        )),
    }
}

/// Removes copies of objects that the source has not any more: by what really lies in the staging area, which is ours alone.
async fn remove_gone(held: &Held, staging: &Staging, gone: &[String]) -> Result<(), Halt> {
    let data = staging.data();
    let absent = |e: &ObjectError| staging.in_place() && matches!(e, ObjectError::NotFound(_));
    let mut staged = match held.deps.objects.walk(&data).await {
        Err(e) if absent(&e) => return Ok(()),
        other => other?,
    };
    let mut removed = false;
    loop {
        let page = match staged.next().await {
            Err(e) if absent(&e) => return Ok(()),
            other => other?,
        };
        let Some(page) = page else { break };
        let objects: Vec<_> = page
            .objects
            .into_iter()
            .filter(|o| gone.binary_search(&o.key).is_ok())
            .collect();
        if !objects.is_empty() {
            held.deps.objects.remove(&data, objects).await?;
            removed = true;
        }
    }
    // When nothing was left the directory went with it; the next look makes a new one and starts afresh.
    if removed && !staging.in_place() && held.deps.objects.identity(&data).await?.is_none() {
        return Err(Halt::Changed(
            "every object that was copied is gone from the source".into(),
        ));
    }
    Ok(())
}

/// Looks at the source once more; the first difference in words, if there is one.
pub(super) async fn changed_since(held: &Held) -> Result<Option<String>, Halt> {
    let walk = held.deps.objects.walk(&held.source()?).await?;
    let mut comparison = Comparison::new(&held.deps.store, held.row.job.id, Side::Source, walk);
    let differs = comparison.next().await?.is_some();
    refuse_unnameable(comparison.unnameable.as_ref())?;
    Ok(comparison.first.filter(|_| differs))
}

/// Looks at what lies at the target: exactly the manifest's objects, none touched since it was copied.
pub(super) async fn check_target(held: &Held, at: &Prefix) -> Result<(), Halt> {
    let id = held.row.job.id;
    let walk = held.deps.objects.walk(at).await;
    let walk = match walk {
        Err(ObjectError::NotFound(_)) => Walk::of(Listing::default()),
        other => other?,
    };
    let mut comparison = Comparison::new(&held.deps.store, id, Side::Copy, walk);
    loop {
        let difference = match comparison.next().await {
            // A bucket without any object: every one is gone.
            Err(Broken::Place(ObjectError::NotFound(_))) => {
                let nothing = Walk::of(Listing::default());
                comparison = Comparison::new(&held.deps.store, id, Side::Copy, nothing);
                continue;
            }
            other => other?,
        };
        let Some(difference) = difference else { break };
        let mut tx = held.write().await?;
        let touched = difference.put.iter().map(|o| &o.key).chain(&difference.gone);
        for key in touched {
            jobs_objects::set_failed(&mut tx, id, key, "the copy was touched after it was made").await?;
        }
        tx.commit().await?;
    }
    match comparison.first {
        None => Ok(()),
        Some(first) => Err(Halt::failed(
            "verify_mismatch",
            format!("the copy at the target is not what was copied: {first} there"),
        )),
    }
}

/// Objects and bytes of the manifest.
pub(super) async fn total(held: &Held) -> Result<(i64, Bytes), Halt> {
    use ObjectState as S;
    let mut conn = held.deps.store.reader().await?;
    let states = [S::Pending, S::Copied, S::Verified, S::Failed];
    Ok(jobs_objects::sums(&mut conn, held.row.job.id, &states).await?)
}
