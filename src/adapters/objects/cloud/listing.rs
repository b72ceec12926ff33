//! Listing a prefix of a bucket.
//!
//! Invariant: as for directories, an empty prefix is not there: [`ObjectError::NotFound`]. A bucket that is away is another error.

use super::client::Bucket;
use super::failure::failure;
use super::path::{base, found, key_below};
use crate::adapters::objects::sorted;
use crate::domain::location::Provider;
use crate::ports::objects::{FoundObject, ObjectError, Prefix, STAGING_MARK};
use crate::ports::walk::Walk;
use futures::StreamExt;
use object_store::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a store may take for the next page of a listing, its own tries included.
const PAGE_WAIT: Duration = Duration::from_secs(120);

fn whole() -> Path {
    Path::default()
}

/// How often a page whose answer broke off is asked for: the client library tries again only before an answer came.
const TRIES: u32 = 4;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// Entries that go to the sorter at once.
const BATCH: usize = 1000;

/// Lists `at`. Stores list in an order of their own, and some in none.
pub(super) fn walk(bucket: &Bucket, at: &Prefix) -> Result<Walk, ObjectError> {
    let (bucket, base) = (bucket.clone(), base(at)?);
    let runtime = tokio::runtime::Handle::current();
    Ok(sorted::walk(true, move |found| {
        let (batches, mut taken) = mpsc::channel(2);
        let shown = base.clone().unwrap_or_else(whole);
        let of = bucket.shown.clone();
        // Ends when its batches are not wanted any more, or with the listing.
        runtime.spawn(async move {
            let done = read(&bucket, base.as_ref(), &batches).await;
            if let Err(problem) = done {
                drop(batches.send(Err(problem)).await);
            }
        });
        while let Some(batch) = taken.blocking_recv() {
            for entry in batch? {
                match entry {
                    Entry::Object(object) => found.add(object)?,
                    Entry::Ours(key) => found.skip(key, "belongs to a running move"),
                }
            }
        }
        if found.seen_any() {
            return Ok(());
        }
        Err(ObjectError::NotFound(format!(
            "list {of}/{shown}: there are no objects"
        )))
    }))
}

/// What a listing has.
enum Entry {
    Object(FoundObject),
    /// Of a running move.
    Ours(String),
}

type Batches = mpsc::Sender<Result<Vec<Entry>, ObjectError>>;

/// Reads the listing to its end. When an answer breaks off it goes on after the last entry, or begins anew.
async fn read(bucket: &Bucket, base: Option<&Path>, batches: &Batches) -> Result<(), ObjectError> {
    let mut tries = 1;
    let mut after: Option<Path> = None;
    loop {
        let before = after.clone();
        match read_once(bucket, base, &mut after, batches).await {
            Err(ObjectError::Busy(_)) if tries < TRIES || after != before => {
                tries = if after == before { tries + 1 } else { 1 };
            }
            other => return other,
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(tries)).await;
    }
}

async fn read_once(
    bucket: &Bucket,
    base: Option<&Path>,
    after: &mut Option<Path>,
    batches: &Batches,
) -> Result<(), ObjectError> {
    let shown = base.cloned().unwrap_or_else(whole);
    // Others need not list in the order in which keys compare; from the beginning, what is found twice is one object.
    let mut entries = match &after {
        Some(after) if bucket.provider == Provider::S3 => bucket.store.list_with_offset(base, after),
        _ => bucket.store.list(base),
    };
    let mut batch = Vec::new();
    let mut last = None;
    loop {
        let entry = next(bucket, &shown, &mut entries).await;
        let ended = !matches!(entry, Ok(Some(_)));
        if let Ok(Some(entry)) = &entry {
            last = Some(entry.location.clone());
            batch.extend(of_entry(bucket, base, &shown, entry)?);
        }
        let full = batch.len() >= BATCH || (ended && !batch.is_empty());
        if full && batches.send(Ok(std::mem::take(&mut batch))).await.is_err() {
            return Ok(());
        }
        if ended {
            *after = last.or(after.take());
            return entry.map(drop);
        }
    }
}

fn of_entry(
    bucket: &Bucket,
    base: Option<&Path>,
    shown: &Path,
    entry: &object_store::ObjectMeta,
) -> Result<Option<Entry>, ObjectError> {
    let Some(key) = key_below(base, &entry.location) else {
        return Ok(None);
    };
    if key.split('/').any(|name| name.starts_with(STAGING_MARK)) {
        return Ok(Some(Entry::Ours(key)));
    }
    found(key, entry)
        .map(|object| Some(Entry::Object(object)))
        .map_err(|e| ObjectError::NotSupported(format!("list {}/{shown}: {e}", bucket.shown)))
}

type Entries = futures::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>>;

async fn next(
    bucket: &Bucket,
    shown: &Path,
    entries: &mut Entries,
) -> Result<Option<object_store::ObjectMeta>, ObjectError> {
    match tokio::time::timeout(PAGE_WAIT, entries.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(entry))) => Ok(Some(entry)),
        Ok(Some(Err(e))) => Err(failure(&e, "list", bucket, shown)),
        Err(_) => Err(ObjectError::Io(format!(
            "list {}/{shown}: no answer within {} s",
            bucket.shown,
            PAGE_WAIT.as_secs()
        ))),
    }
}

/// The first keys below a prefix, at most so many; the bucket's own error when it cannot be listed.
pub(super) async fn first_keys(
    bucket: &Bucket,
    at: &Prefix,
    most: usize,
) -> Result<Vec<String>, ObjectError> {
    match first_keys_once(bucket, at, most).await {
        Err(ObjectError::Busy(_)) => {
            tokio::time::sleep(PAUSE).await;
            first_keys_once(bucket, at, most).await
        }
        other => other,
    }
}

async fn first_keys_once(bucket: &Bucket, at: &Prefix, most: usize) -> Result<Vec<String>, ObjectError> {
    let base = base(at)?;
    let shown = base.clone().unwrap_or_else(whole);
    let mut entries = bucket.store.list(base.as_ref());
    let mut keys = Vec::new();
    while keys.len() < most
        && let Some(entry) = next(bucket, &shown, &mut entries).await?
    {
        keys.extend(key_below(base.as_ref(), &entry.location));
    }
    Ok(keys)
}
