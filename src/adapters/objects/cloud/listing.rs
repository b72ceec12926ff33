//! Listing a prefix of a bucket.
//!
//! Invariant: as for directories, an empty prefix is not there: [`ObjectError::NotFound`]. A bucket that is away is another error.

use super::client::Bucket;
use super::failure::failure;
use super::path::{base, found, key_below};
use crate::domain::dataset::SkippedEntry;
use crate::ports::objects::{FoundObject, Listing, ObjectError, Prefix, STAGING_MARK};
use futures::StreamExt;
use object_store::path::Path;
use std::time::Duration;

const SKIPPED_SHOWN: usize = 100;
/// How long a store may take for the next page of a listing, its own tries included.
const PAGE_WAIT: Duration = Duration::from_secs(120);

fn whole() -> Path {
    Path::default()
}

/// How often a listing whose answer broke off is begun anew: the client library tries a page again only before its answer came.
const TRIES: u32 = 4;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// Lists `at`.
pub(super) async fn list(bucket: &Bucket, at: &Prefix) -> Result<Listing, ObjectError> {
    let mut tries = 1;
    loop {
        match list_once(bucket, at).await {
            Err(ObjectError::Busy(_)) if tries < TRIES => {}
            other => return other,
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(tries)).await;
        tries += 1;
    }
}

async fn list_once(bucket: &Bucket, at: &Prefix) -> Result<Listing, ObjectError> {
    let base = base(at)?;
    let shown = base.clone().unwrap_or_else(whole);
    let mut entries = bucket.store.list(base.as_ref());
    let mut listing = Listing::default();
    while let Some(entry) = next(bucket, &shown, &mut entries).await? {
        let Some(key) = key_below(base.as_ref(), &entry.location) else {
            continue;
        };
        if key.split('/').any(|name| name.starts_with(STAGING_MARK)) {
            skip(&mut listing, key, "belongs to a running move");
            continue;
        }
        let object = found(key, &entry)
            .map_err(|e| ObjectError::NotSupported(format!("list {}/{shown}: {e}", bucket.shown)))?;
        listing.objects.push(object);
    }
    listing.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    drop_directory_marks(&mut listing);
    if listing.objects.is_empty() && listing.skipped_count == 0 {
        return Err(ObjectError::NotFound(format!(
            "list {}/{shown}: there are no objects",
            bucket.shown
        )));
    }
    Ok(listing)
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

/// Some tools keep an empty object for each "directory". Next to objects below it, it holds nothing that a move would lose.
fn drop_directory_marks(listing: &mut Listing) {
    let objects = std::mem::take(&mut listing.objects);
    let is_mark = |object: &FoundObject| {
        if object.size_bytes.0 > 0 {
            return false;
        }
        let below = format!("{}/", object.key);
        let at = objects.partition_point(|o| o.key < below);
        objects.get(at).is_some_and(|o| o.key.starts_with(&below))
    };
    let marks: Vec<bool> = objects.iter().map(is_mark).collect();
    for (object, is_mark) in objects.into_iter().zip(marks) {
        if is_mark {
            skip(listing, object.key, "an empty object that stands for a directory");
        } else {
            listing.objects.push(object);
        }
    }
}

fn skip(listing: &mut Listing, path: String, reason: &str) {
    listing.skipped_count += 1;
    if listing.skipped.len() < SKIPPED_SHOWN {
        listing.skipped.push(SkippedEntry {
            path,
            reason: reason.to_owned(),
        });
    }
}

/// The first keys below a prefix, at most two; the bucket's own error when it cannot be listed.
pub(super) async fn first_keys(bucket: &Bucket, at: &Prefix) -> Result<Vec<String>, ObjectError> {
    match first_keys_once(bucket, at).await {
        Err(ObjectError::Busy(_)) => {
            tokio::time::sleep(PAUSE).await;
            first_keys_once(bucket, at).await
        }
        other => other,
    }
}

async fn first_keys_once(bucket: &Bucket, at: &Prefix) -> Result<Vec<String>, ObjectError> {
    let base = base(at)?;
    let shown = base.clone().unwrap_or_else(whole);
    let mut entries = bucket.store.list(base.as_ref());
    let mut keys = Vec::new();
    while keys.len() < 2
        && let Some(entry) = next(bucket, &shown, &mut entries).await?
    {
        keys.extend(key_below(base.as_ref(), &entry.location));
    }
    Ok(keys)
}
