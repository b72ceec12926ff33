//! One pass over the objects of a manifest: many at once, recorded in groups.
//!
//! Invariant: an object is recorded only after its work was done, in a transaction that the fence guards. The first object that
//! cannot be done ends the pass; those under way end at their next chunk, and what was done is recorded.

use super::failpoint::Point;
use super::held::{Halt, Held};
use crate::adapters::sql::jobs_lease;
use crate::adapters::sql::jobs_objects::{self, ManifestRow, ObjectState};
use crate::domain::unit::Bytes;
use crate::ports::objects::ObjectError;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// Objects of one job that are worked on at once: enough to hide an fsync behind others, few enough for a spinning disk.
const AT_ONCE: usize = 8;
/// A group is recorded when it has so many objects …
const GROUP: usize = 256;
/// … or when its first object has waited so long: what a crash costs at most.
const GROUP_WAIT: Duration = Duration::from_millis(200);
/// Manifest rows read at once.
const PAGE: i64 = 512;

/// What is done with each object, and how a group of them is recorded.
#[async_trait]
pub(super) trait Pass: Sync {
    /// What is known of an object once it is done.
    type Done: Send;

    /// The state of the objects that the pass is for.
    const FROM: ObjectState;

    /// Passed after each object.
    const AFTER_ONE: Point;

    /// Does one object.
    async fn one(&self, held: &Held, object: &ManifestRow) -> Result<Self::Done, ObjectError>;

    /// What must be durable before the rows are.
    async fn settle(&self, held: &Held, group: &[(ManifestRow, Self::Done)]) -> Result<(), Halt>;

    /// Writes the row of one object.
    async fn record(
        &self,
        tx: &mut crate::adapters::sql::Conn,
        held: &Held,
        object: &ManifestRow,
        done: &Self::Done,
    ) -> Result<(), Halt>;
}

/// Goes through all objects in the pass's state.
///
/// # Errors
/// The first reason to stop. A source object that changed is reported after all others were done.
pub(super) async fn run<P: Pass>(pass: &P, held: &Held) -> Result<(), Halt> {
    let mut working = FuturesUnordered::new();
    let done = go_through(pass, held, &mut working).await;
    if done.is_err() && !working.is_empty() {
        // An object's bytes move on a thread of their own, which a dropped future does not end: whoever takes the job next must not
        // meet them.
        held.meter.stop();
        while working.next().await.is_some() {}
    }
    done
}

/// What comes of one object.
type Worked<'a, D> = Pin<Box<dyn Future<Output = (ManifestRow, Result<D, ObjectError>)> + Send + 'a>>;

async fn go_through<'a, P: Pass>(
    pass: &'a P,
    held: &'a Held,
    working: &mut FuturesUnordered<Worked<'a, P::Done>>,
) -> Result<(), Halt> {
    let mut feed = Feed::default();
    let mut group: Vec<(ManifestRow, P::Done)> = Vec::new();
    let mut due = Instant::now();
    let mut halt: Option<Halt> = None;
    loop {
        while working.len() < AT_ONCE && !ends(halt.as_ref()) {
            let Some(object) = feed.next(held, P::FROM).await? else {
                break;
            };
            working.push(Box::pin(async move {
                let done = pass.one(held, &object).await;
                held.pass(P::AFTER_ONE).await;
                (object, done)
            }));
        }
        if working.is_empty() {
            break;
        }
        tokio::select! {
            Some((object, done)) = working.next() => match done {
                Ok(done) => {
                    if group.is_empty() {
                        due = Instant::now() + GROUP_WAIT;
                    }
                    group.push((object, done));
                }
                Err(error) => halt = Some(worse(held, halt, object, error).await?),
            },
            () = tokio::time::sleep_until(due), if !group.is_empty() => {}
        }
        if group.len() >= GROUP || (!group.is_empty() && Instant::now() >= due) {
            flush(pass, held, &mut group).await?;
        }
    }
    flush(pass, held, &mut group).await?;
    halt.map_or(Ok(()), Err)
}

/// Whether no further object is begun.
fn ends(halt: Option<&Halt>) -> bool {
    halt.is_some_and(|h| !matches!(h, Halt::Changed(_)))
}

/// The reason that counts when another object could not be done either. The first failure stops the others and is written to its
/// row; that others were stopped by it says nothing.
async fn worse(
    held: &Held,
    so_far: Option<Halt>,
    object: ManifestRow,
    error: ObjectError,
) -> Result<Halt, Halt> {
    let new = Halt::from(error.clone());
    match (so_far, new) {
        (Some(old @ Halt::Failed { .. }), _) => Ok(old),
        (_, Halt::Failed { code, reason }) => {
            held.meter.stop();
            let mut tx = held.write().await?;
            jobs_objects::set_failed(&mut tx, held.row.job.id, &object.found.key, &error.to_string()).await?;
            tx.commit().await?;
            Ok(Halt::Failed { code, reason })
        }
        (Some(old), Halt::Changed(_)) => Ok(old),
        (_, new) => Ok(new),
    }
}

async fn flush<P: Pass>(pass: &P, held: &Held, group: &mut Vec<(ManifestRow, P::Done)>) -> Result<(), Halt> {
    if group.is_empty() {
        return Ok(());
    }
    pass.settle(held, group).await?;
    let bytes: Bytes = group.iter().map(|(object, _)| object.found.size_bytes).sum();
    held.gauge
        .record(i64::try_from(group.len()).unwrap_or(i64::MAX), bytes);
    let (stage, progress) = held.gauge.look();
    let (id, fence) = (held.row.job.id, held.row.job.fence);
    let mut tx = held.deps.store.write().await?;
    if !jobs_lease::progress(&mut tx, id, fence, stage, &progress).await? {
        return Err(Halt::Lost);
    }
    for (object, done) in group.iter() {
        pass.record(&mut tx, held, object, done).await?;
    }
    tx.commit().await?;
    held.pass(Point::GroupRecorded).await;
    group.clear();
    Ok(())
}

/// Manifest rows in key order, read a page at a time.
#[derive(Default)]
struct Feed {
    rows: VecDeque<ManifestRow>,
    after: String,
    dry: bool,
}

impl Feed {
    async fn next(&mut self, held: &Held, state: ObjectState) -> Result<Option<ManifestRow>, Halt> {
        if self.rows.is_empty() && !self.dry {
            let mut conn = held.deps.store.reader().await?;
            self.rows = jobs_objects::page(&mut conn, held.row.job.id, state, &self.after, PAGE)
                .await?
                .into();
            self.dry = self.rows.is_empty();
            if let Some(last) = self.rows.back() {
                self.after.clone_from(&last.found.key);
            }
        }
        Ok(self.rows.pop_front())
    }
}
