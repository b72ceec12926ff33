//! Removing a copy whose deletion has begun: the source of a completed job, the target of an undone one.
//!
//! Invariant: only listed objects go, and only while they are what they were. Once begun, a removal goes on after any crash; but the
//! reason for it may be gone by then, so nothing goes while the place that readers are sent to is away, and a source's object goes
//! only after its copy was read back since the crash.

use super::clean;
use super::difference::{Broken, Comparison, Pages};
use super::failpoint::Point;
use super::held::{Halt, Held};
use super::retire::{AT_ONCE, good, serving_copy};
use crate::adapters::sql::jobs_change::{self, Also};
use crate::adapters::sql::jobs_pages::Side;
use crate::adapters::sql::{WriteTx, datasets, jobs_objects, jobs_switch, locations};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::SkippedEntry;
use crate::domain::id::JobId;
use crate::domain::migration::JobStatus;
use crate::ports::objects::{FoundObject, ObjectError, Prefix};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Objects removed between two looks at the fence: well within a lease on the slowest disk.
const BATCH: usize = 100;

/// The copy that serves, and the job whose manifest says what its objects must be.
struct Serving {
    at: Prefix,
    job: JobId,
}

/// Removes a source whose copy was read back just before.
pub(super) async fn checked(held: &mut Held) -> Result<(), Halt> {
    remove(held, None).await
}

/// Begins or goes on with what was announced earlier, maybe by a process that has died since.
pub(super) async fn resumed(held: &mut Held) -> Result<(), Halt> {
    let done = match look_before(held).await {
        Ok(serving) => remove(held, serving).await,
        Err(halt) => Err(halt),
    };
    match done {
        Err(Halt::Failed { code, reason }) => {
            let what = what_goes(held);
            say(held, format!("{what} is kept for now: {reason}")).await?;
            Err(Halt::Failed { code, reason })
        }
        other => other,
    }
}

fn is_undone(held: &Held) -> bool {
    held.row.state.status == JobStatus::Undone
}

fn what_goes(held: &Held) -> &'static str {
    if is_undone(held) {
        "the copy at the target"
    } else {
        "the source"
    }
}

/// Looks whether the place that readers are sent to is there at all. For a source, gives what its objects are compared with; after
/// an undo readers and writers are at the source again, which the undo has found whole, and may have changed it since.
async fn look_before(held: &Held) -> Result<Option<Serving>, Halt> {
    let (at, shown) = serving_place(held).await?;
    let away = |problem: ObjectError| {
        Halt::failed(
            problem.code(),
            format!("{shown}, where readers are sent, cannot be looked at: {problem}"),
        )
    };
    let walk = held.deps.objects.walk(&at).await.map_err(away)?;
    let id = held.row.job.id;
    let mut comparison = Comparison::new(&held.deps.store, id, Side::Source, walk);
    let mut missing = 0;
    loop {
        let difference = match comparison.next().await {
            Err(Broken::Place(problem)) => return Err(away(problem)),
            other => other?,
        };
        match difference {
            Some(difference) => missing += difference.gone.len(),
            None => break,
        }
    }
    let known = {
        let mut conn = held.deps.store.reader().await?;
        jobs_objects::count(&mut conn, id).await?
    };
    if i64::try_from(missing).unwrap_or(i64::MAX).saturating_mul(2) > known {
        return Err(Halt::failed(
            "serving_copy_shrunk",
            format!(
                "{missing} of {known} objects are not at {shown}, where readers are sent: is the disk mounted?"
            ),
        ));
    }
    if is_undone(held) {
        return Ok(None);
    }
    let copy = serving_copy(held).await?;
    Ok(Some(Serving {
        at: copy.at,
        job: copy.job,
    }))
}

async fn serving_place(held: &Held) -> Result<(Prefix, String), Halt> {
    let mut conn = held.deps.store.reader().await?;
    // A dataset that was forgotten took the rows of its copies along, and with them the wish to remove anything.
    let dataset = datasets::find(&mut conn, &DatasetKey::Id(held.row.job.dataset_id))
        .await?
        .ok_or(Halt::Lost)?;
    let location = locations::find(&mut conn, &dataset.location_id.to_string())
        .await?
        .ok_or(Halt::Lost)?
        .location;
    let encryption = datasets::serving_encryption(&mut conn, dataset.id).await?;
    let shown = dataset.path_uri.to_string();
    Prefix::below(&location.uri, &dataset.path_uri)
        .map(|at| (at.encrypted(encryption), shown.clone()))
        .ok_or_else(|| Halt::failed("unsafe_path", format!("{shown} lies outside its location")))
}

/// The objects of a batch that may go, and those that stay because their copy is not what it must be.
async fn sound(
    held: &Held,
    batch: Vec<FoundObject>,
    serving: &Serving,
) -> Result<(Vec<FoundObject>, Vec<SkippedEntry>), Halt> {
    let rows = {
        let keys = batch.iter().map(|object| object.key.as_str());
        let mut conn = held.deps.store.reader().await?;
        jobs_objects::of_keys(&mut conn, serving.job, keys).await?
    };
    let rows = &rows;
    let (mut sound, mut kept) = (Vec::new(), Vec::new());
    let mut batch = batch.into_iter();
    let mut reads = FuturesUnordered::new();
    loop {
        while reads.len() < AT_ONCE
            && let Some(object) = batch.next()
        {
            reads.push(async move {
                let read = match rows.get(&object.key) {
                    Some(row) => good(held, row, &serving.at).await,
                    // The dataset lost it before a later move: there is nothing to compare with.
                    None => Ok(()),
                };
                (object, read)
            });
        }
        match reads.next().await {
            None => return Ok((sound, kept)),
            Some((object, Ok(()))) => sound.push(object),
            Some((
                object,
                Err(e @ (ObjectError::Mismatch(_) | ObjectError::NotFound(_) | ObjectError::Unsafe(_))),
            )) => kept.push(SkippedEntry {
                path: object.key,
                reason: format!("its copy is not what was moved ({e})"),
            }),
            Some((_, Err(other))) => return Err(other.into()),
        }
    }
}

/// Objects that stay, counted, and the first of them with its reason.
#[derive(Default)]
struct Kept {
    count: usize,
    first: Option<SkippedEntry>,
}

impl Kept {
    fn add(&mut self, more: Vec<SkippedEntry>) {
        self.count += more.len();
        if self.first.is_none() {
            self.first = more.into_iter().next();
        }
    }
}

async fn remove_batch(
    held: &Held,
    at: &Prefix,
    batch: Vec<FoundObject>,
    serving: Option<&Serving>,
    kept: &mut Kept,
) -> Result<(), Halt> {
    let batch = match serving {
        Some(serving) => {
            let (sound, doubtful) = sound(held, batch, serving).await?;
            kept.add(doubtful);
            sound
        }
        None => batch,
    };
    drop(held.write().await?);
    kept.add(held.deps.objects.remove(at, batch).await?.kept);
    held.pass(Point::RemovedBatch).await;
    Ok(())
}

async fn remove(held: &mut Held, serving: Option<Serving>) -> Result<(), Halt> {
    let undone = is_undone(held);
    if undone {
        held.pass(Point::Undone).await;
    }
    let (at, replica) = if undone {
        (held.target()?, held.row.target_replica)
    } else {
        (held.source()?, held.row.source_replica)
    };
    let mut kept = Kept::default();
    let mut pages = Pages::new(held.row.job.id);
    while let Some(rows) = pages.next(&held.deps.store).await? {
        for batch in rows.chunks(BATCH) {
            let objects = batch.iter().filter_map(|row| {
                if undone {
                    row.at_target()
                } else {
                    Some(row.found.clone())
                }
            });
            remove_batch(held, &at, objects.collect(), serving.as_ref(), &mut kept).await?;
        }
    }
    // An empty copy still has its directory.
    held.deps.objects.remove(&at, Vec::new()).await?;
    if undone {
        let staging = held.staging(held.row.staging_no)?;
        let parents = held.row.parents.clone().unwrap_or_default();
        held.deps.objects.discard(&staging, Vec::new(), parents).await?;
        clean::cleaned(held, held.row.staging_no).await?;
    }
    held.pass(Point::Removed).await;
    let what = what_goes(held);
    let why = if undone && held.row.options.replicate {
        "readers stay where they are"
    } else if undone {
        "readers are sent to the source again"
    } else {
        "the grace period is over"
    };
    let mut reason = format!("{why}: {what} is removed");
    if let Some(first) = kept.first {
        reason = format!(
            "{reason} but for {} objects, among them {:?}: {}",
            kept.count, first.path, first.reason
        );
    }
    if held.deps.objects.identity(&at).await?.is_some() {
        reason = format!("{reason}; what the job did not move stays there");
    }
    if let Some(replica) = replica {
        let mut tx = held.write().await?;
        jobs_switch::retired(&mut tx, replica).await?;
        say_in(held, tx, reason).await
    } else {
        say(held, reason).await
    }
}

/// Tells people why the job is as it is, unless it says so already.
async fn say(held: &mut Held, reason: String) -> Result<(), Halt> {
    if held.row.job.reason.as_deref() == Some(&reason) {
        return Ok(());
    }
    let tx = held.write().await?;
    say_in(held, tx, reason).await
}

async fn say_in(held: &mut Held, mut tx: WriteTx, reason: String) -> Result<(), Halt> {
    let also = Also {
        reason: Some(reason),
        release: true,
        ..Also::default()
    };
    let (state, now) = (held.row.state, held.deps.clock.now());
    match jobs_change::change(&mut tx, &held.row, &state, &also, now).await? {
        Some(row) => held.row = row,
        None => return Err(Halt::Lost),
    }
    tx.commit().await?;
    held.announced();
    Ok(())
}
