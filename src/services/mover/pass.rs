//! One pass over the objects of a manifest: many at once, recorded in groups.
//!
//! Invariant: an object is recorded only after its work was done and is durable, in a transaction that the fence guards. What only
//! this object is to blame for is written to its row, and the others go on, until so many fail that going on is pointless; what
//! every object would meet ends the pass at once. Those under way end at their next chunk, and what was done is recorded. Whatever the
//! pass itself waits for, the objects go on meanwhile: they may hold the very connections to the database that it waits for.

use super::crowd::Crowd;
use super::failpoint::Point;
use super::held::{Halt, Held};
use super::tries::several;
use crate::adapters::sql::jobs_lease;
use crate::adapters::sql::jobs_objects::{self, ManifestRow, ObjectState};
use crate::adapters::sql::jobs_pages;
use crate::domain::location::Provider;
use crate::domain::unit::Bytes;
use crate::ports::objects::ObjectError;
use crate::ports::several::{self, Answers};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// Objects of one job that are worked on at once on disks: enough to hide an fsync behind others, few enough for a spinning disk …
const AT_ONCE_LOCAL: usize = 8;
/// … and where a network is in between.
const AT_ONCE_REMOTE: usize = 32;
/// A group is recorded when it has so many objects …
const GROUP: usize = 1024;
/// … and has more of them while others are being recorded: no device is asked to flush more often than it can, and none waits.
const GROUP_MOST: usize = 2048;
/// … or when its first object has waited so long: what a crash costs at most.
const GROUP_WAIT: Duration = Duration::from_millis(200);
/// Groups that are made durable and recorded at once: while the rows of one are written, the device takes the objects of the next.
const WRITINGS: usize = 2;
/// Manifest rows read at once.
const PAGE: i64 = 512;
/// Further tries of a pass, whatever its size, and one for each so many of its objects.
const TRIES_PASS: u64 = 100;
const TRIES_SHARE: u64 = 10;

/// What is done with each object, and how a group of them is recorded.
#[async_trait]
pub(super) trait Pass: Sync {
    /// What is known of an object once it is done.
    type Done: Send + Sync;

    /// The state of the objects that the pass is for.
    const FROM: ObjectState;

    /// Passed after each object.
    const AFTER_ONE: Point;

    /// Does one object.
    async fn one(&self, held: &Held, object: &ManifestRow) -> Result<Self::Done, ObjectError>;

    /// Does several small objects, or as many of the first as the store likes to.
    async fn several(&self, held: &Held, objects: &[ManifestRow]) -> Answers<Self::Done>;

    /// What must be durable before the rows are.
    async fn settle(&self, held: &Held, group: &[(ManifestRow, Self::Done)]) -> Result<(), Halt>;

    /// Writes the rows of a group, whose objects have so many bytes.
    async fn record(
        &self,
        tx: &mut crate::adapters::sql::Conn,
        held: &Held,
        group: &[(ManifestRow, Self::Done)],
        bytes: Bytes,
    ) -> Result<(), Halt>;
}

/// Goes through all objects in the pass's state.
///
/// # Errors
/// The first reason to stop. Objects that failed, and a source object that changed, are reported after all others were done.
pub(super) async fn run<P: Pass>(pass: &P, held: &Held) -> Result<(), Halt> {
    let objects = u64::try_from(held.gauge.look().1.objects_total).unwrap_or(0);
    let crowd = Crowd::new(at_once(held), TRIES_PASS + objects / TRIES_SHARE);
    let mut working = FuturesUnordered::new();
    let done = go_through(pass, held, &crowd, &mut working).await;
    if done.is_err() && !working.is_empty() {
        // An object's bytes move on a thread of their own, which a dropped future does not end: whoever takes the job next must not
        // meet them.
        held.meter.stop();
        while working.next().await.is_some() {}
    }
    done
}

fn at_once(held: &Held) -> usize {
    if is_local(held) {
        AT_ONCE_LOCAL
    } else {
        AT_ONCE_REMOTE
    }
}

fn is_local(held: &Held) -> bool {
    let job = &held.row.job;
    [&job.source_uri, &job.target_uri]
        .iter()
        .all(|uri| uri.provider() == Provider::Local)
}

/// What comes of one object, and of those that are done in one call with it; with those that were not begun.
type Worked<'a, D> = Pin<Box<dyn Future<Output = (Vec<Ended<D>>, Vec<ManifestRow>)> + Send + 'a>>;
pub(super) type Ended<D> = (ManifestRow, Result<D, ObjectError>);
/// A group that is being made durable and recorded.
type Writing<'a> = Pin<Box<dyn Future<Output = Result<(), Halt>> + Send + 'a>>;

/// What went wrong so far.
#[derive(Default)]
struct Trouble {
    /// Ends the pass, once what is under way has ended.
    halt: Option<Halt>,
    /// The first object that failed by itself, and how many did.
    failed: Option<(String, String)>,
    failures: u64,
    /// A source object that changed.
    changed: Option<Halt>,
    tried: u64,
}

impl Trouble {
    fn ends(&self) -> bool {
        self.halt.is_some()
    }

    /// What the pass comes to.
    fn verdict(self) -> Result<(), Halt> {
        if let Some(halt) = self.halt {
            return Err(halt);
        }
        if let Some((code, reason)) = self.failed {
            let others = match self.failures {
                1 => String::new(),
                2 => "; another object failed as well".into(),
                n => format!("; {} other objects failed as well", n - 1),
            };
            return Err(Halt::Failed {
                code,
                reason: format!("{reason}{others}"),
            });
        }
        self.changed.map_or(Ok(()), Err)
    }
}

async fn go_through<'a, P: Pass>(
    pass: &'a P,
    held: &'a Held,
    crowd: &'a Crowd,
    working: &mut FuturesUnordered<Worked<'a, P::Done>>,
) -> Result<(), Halt> {
    let mut feed = Feed::default();
    let mut group: Vec<(ManifestRow, P::Done)> = Vec::new();
    let mut writing: FuturesUnordered<Writing<'a>> = FuturesUnordered::new();
    let mut due = Instant::now();
    let mut trouble = Trouble::default();
    let mut ended: VecDeque<Ended<P::Done>> = VecDeque::new();
    let mut spare: VecDeque<ManifestRow> = VecDeque::new();
    // Waits for something while everything under way goes on.
    macro_rules! meanwhile {
        ($work:expr) => {{
            let mut work = std::pin::pin!($work);
            loop {
                tokio::select! {
                    biased;
                    done = &mut work => break done,
                    Some((some, rest)) = working.next() => {
                        ended.extend(some);
                        spare.extend(rest);
                    }
                    Some(written) = writing.next() => written?,
                }
            }
        }};
    }
    let mut dry = false;
    loop {
        // While groups are being recorded the next one grows, but not without bound.
        while working.len() < crowd.width() && !trouble.ends() && group.len() < GROUP_MOST {
            let first = match spare.pop_front() {
                Some(object) => object,
                None => match meanwhile!(feed.next(held, P::FROM))? {
                    Some(object) => object,
                    None => {
                        dry = true;
                        break;
                    }
                },
            };
            let batch = batch(first, together(held), &mut spare, &mut feed);
            working.push(Box::pin(async move {
                let (done, rest) = several(pass, held, crowd, batch).await;
                for _ in &done {
                    held.pass(P::AFTER_ONE).await;
                }
                (done, rest)
            }));
        }
        while let Some((object, done)) = ended.pop_front() {
            trouble.tried += 1;
            match done {
                Ok(done) => {
                    if group.is_empty() {
                        due = Instant::now() + GROUP_WAIT;
                    }
                    group.push((object, done));
                }
                Err(error) => meanwhile!(note(held, &mut trouble, &object, &error))?,
            }
        }
        let ripe = group.len() >= GROUP || working.is_empty() || Instant::now() >= due;
        if writing.len() < WRITINGS && !group.is_empty() && ripe {
            writing.push(Box::pin(write(pass, held, std::mem::take(&mut group))));
        }
        if working.is_empty() && writing.is_empty() && ended.is_empty() {
            if (dry && spare.is_empty()) || trouble.ends() {
                break;
            }
            // All of them ended while a failure was being noted: there is more to begin.
            continue;
        }
        tokio::select! {
            Some((some, rest)) = working.next() => {
                ended.extend(some);
                spare.extend(rest);
            }
            Some(written) = writing.next() => written?,
            () = tokio::time::sleep_until(due), if !group.is_empty() && writing.len() < WRITINGS => {}
        }
    }
    trouble.verdict()
}

/// How many small objects go in one call: one where a network is in between, where requests are counted, and of so few that there
/// would be nothing to do beside the call.
fn together(held: &Held) -> usize {
    let counted = held.request_paces.iter().any(|pace| pace.counts_requests());
    if !is_local(held) || counted {
        return 1;
    }
    let objects = usize::try_from(held.gauge.look().1.objects_total).unwrap_or(0);
    (objects / (2 * AT_ONCE_LOCAL)).clamp(1, several::MOST)
}

/// An object, and those after it that may go in the same call.
fn batch(
    first: ManifestRow,
    most: usize,
    spare: &mut VecDeque<ManifestRow>,
    feed: &mut Feed,
) -> Vec<ManifestRow> {
    let small = |row: &ManifestRow| row.found.size_bytes <= several::SMALL;
    let mut batch = vec![first];
    while batch.len() < most && small(&batch[0]) {
        let queue = if spare.is_empty() {
            &mut feed.rows
        } else {
            &mut *spare
        };
        match queue.pop_front_if(|row| small(row)) {
            Some(row) => batch.push(row),
            None => break,
        }
    }
    batch
}

/// Takes note of an object that could not be done. That others were stopped because of it says nothing.
async fn note(
    held: &Held,
    trouble: &mut Trouble,
    object: &ManifestRow,
    error: &ObjectError,
) -> Result<(), Halt> {
    let (code, reason) = match Halt::from(error.clone()) {
        Halt::Failed { code, reason } => (code, reason),
        changed @ Halt::Changed(_) => {
            trouble.changed.get_or_insert(changed);
            return Ok(());
        }
        other => {
            held.meter.stop();
            trouble.halt.get_or_insert(other);
            return Ok(());
        }
    };
    let mut tx = held.write().await?;
    jobs_objects::set_failed(&mut tx, held.row.job.id, &object.found.key, &error.to_string()).await?;
    tx.commit().await?;
    tracing::warn!(job = %held.row.job.id, object = object.found.key, %error, "an object failed; the others go on");
    trouble.failures += 1;
    trouble
        .failed
        .get_or_insert_with(|| (code.clone(), reason.clone()));
    let breaker = held.row.options.breaker.unwrap_or_default();
    if ends_all(error) {
        held.meter.stop();
        trouble.halt.get_or_insert(Halt::Failed { code, reason });
    } else if breaker.trips(trouble.failures, trouble.tried) {
        held.meter.stop();
        trouble.halt.get_or_insert(Halt::Failed {
            code,
            reason: format!(
                "{} of {} objects failed, which is at least {} % of at least {}, so the others were not tried; the last: {reason}",
                trouble.failures, trouble.tried, breaker.percent, breaker.of_at_least
            ),
        });
    }
    Ok(())
}

/// What every other object would meet as well.
fn ends_all(error: &ObjectError) -> bool {
    matches!(
        error,
        ObjectError::Full(_) | ObjectError::NotSupported(_) | ObjectError::Key(_)
    )
}

async fn write<P: Pass>(pass: &P, held: &Held, group: Vec<(ManifestRow, P::Done)>) -> Result<(), Halt> {
    pass.settle(held, &group).await?;
    let bytes: Bytes = group.iter().map(|(object, _)| object.found.size_bytes).sum();
    let (id, fence) = (held.row.job.id, held.row.job.fence);
    let mut tx = held.deps.store.write().await?;
    // Counted once nobody else can write: another group must not store that these are done before their rows say so, or the count
    // would go back after a crash between the two.
    held.gauge
        .record(i64::try_from(group.len()).unwrap_or(i64::MAX), bytes);
    let (stage, progress) = held.gauge.look();
    if !jobs_lease::progress(&mut tx, id, fence, stage, &progress).await? {
        return Err(Halt::Lost);
    }
    pass.record(&mut tx, held, &group, bytes).await?;
    tx.commit().await?;
    held.pass(Point::GroupRecorded).await;
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
            self.rows = jobs_pages::page(&mut conn, held.row.job.id, state, &self.after, PAGE)
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
