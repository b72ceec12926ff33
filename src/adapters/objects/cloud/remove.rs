//! Removing objects by list, what an attempt wrote, and uploads that nobody will complete.
//!
//! Invariant: an object goes only while it is what the list says, or carries the attempt's mark; looked at just before.

use super::client::Bucket;
use super::failure::{failure, is_gone};
use super::listing;
use super::path::{base, fingerprint, of_key};
use super::write::look;
use crate::domain::dataset::SkippedEntry;
use crate::domain::location::Provider;
use crate::ports::objects::{FoundObject, ObjectError, OpenUpload, Prefix, Removed, Staging};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};

/// Objects looked at and removed at once.
const AT_ONCE: usize = 16;
const KEPT_SHOWN: usize = 100;

fn keep(removed: &mut Removed, path: String, reason: &str) {
    if removed.kept.len() < KEPT_SHOWN {
        removed.kept.push(SkippedEntry {
            path,
            reason: reason.to_owned(),
        });
    }
}

async fn delete(bucket: &Bucket, path: &Path) -> Result<(), ObjectError> {
    match bucket.store.delete(path).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
        Err(e) => Err(failure(&e, "remove", bucket, path)),
    }
}

/// Removes the listed objects that still are what they were.
pub(super) async fn remove(
    bucket: &Bucket,
    at: &Prefix,
    objects: &[FoundObject],
) -> Result<Removed, ObjectError> {
    let mut removed = Removed::default();
    // A list with a key that leads elsewhere is not ours: none of it is begun.
    let paths: Vec<_> = objects
        .iter()
        .map(|o| of_key(at, &o.key).map(|path| (o.clone(), path)))
        .collect::<Result<_, _>>()?;
    // A bucket that is away is no proof that its objects are gone.
    listing::first_keys(bucket, at, 1).await?;
    let mut work = futures::stream::iter(paths.into_iter().map(|(object, path)| async move {
        let Some(seen) = look(bucket, &path).await? else {
            return Ok((object.key, true));
        };
        if fingerprint(seen.tag.as_deref(), seen.size).as_ref() != Ok(&object.fingerprint) {
            return Ok((object.key, false));
        }
        delete(bucket, &path).await?;
        Ok::<_, ObjectError>((object.key, true))
    }))
    .buffer_unordered(AT_ONCE);
    while let Some((key, gone)) = work.try_next().await? {
        if gone {
            removed.removed += 1;
        } else {
            keep(&mut removed, key, "it was changed since it was listed");
        }
    }
    Ok(removed)
}

/// Removes what this attempt wrote at its target, among these keys. Names what else lies there.
pub(super) async fn discard(
    bucket: &Bucket,
    staging: &Staging,
    keys: &[String],
) -> Result<Removed, ObjectError> {
    let mut removed = Removed::default();
    let at = &staging.target;
    let paths: Vec<_> = keys.iter().map(|key| of_key(at, key)).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Ok(removed);
    }
    let mark = staging.mark();
    let mark = &mark;
    let mut work = futures::stream::iter(paths.into_iter().map(|path| async move {
        let ours = match look(bucket, &path).await? {
            Some(seen) => seen.mark.as_ref() == Some(mark),
            None => return Ok(None),
        };
        if ours {
            delete(bucket, &path).await?;
        }
        Ok::<_, ObjectError>(Some(ours))
    }))
    .buffer_unordered(AT_ONCE);
    while let Some(done) = work.try_next().await? {
        removed.removed += i64::from(done != Some(false));
    }
    drop(work);
    for key in listing::first_keys(bucket, at, KEPT_SHOWN).await? {
        keep(&mut removed, key, "this job did not make it");
    }
    Ok(removed)
}

/// Gives up the uploads in parts below the target, but for those to keep. Azure has none that could be given up: parts that were
/// never completed are no objects there, and vanish by themselves.
pub(super) async fn abandon_uploads(
    bucket: &Bucket,
    staging: &Staging,
    give_up: &[OpenUpload],
    keep: &[OpenUpload],
) -> Result<u64, ObjectError> {
    let mut given_up = 0;
    if bucket.provider == Provider::Azure {
        return Ok(given_up);
    }
    for upload in give_up {
        given_up += abort(bucket, &of_key(&staging.target, &upload.key)?, &upload.id).await?;
    }
    let Some(raw) = &bucket.raw else {
        return Ok(given_up);
    };
    let below = base(&staging.target)?.map_or_else(String::new, |path| format!("{path}/"));
    let open = match raw.open_uploads(&below).await {
        Ok(open) => open,
        Err(problem) => {
            tracing::warn!(
                %problem, target = %bucket.shown, prefix = below,
                "it cannot be told whether uploads are left unfinished; those that are remembered are given up by name"
            );
            return Ok(given_up);
        }
    };
    for upload in open {
        let ours = upload.key.starts_with(&below) && !keep.iter().any(|k| k.id == upload.id);
        if ours && let Ok(path) = Path::parse(&upload.key) {
            given_up += abort(bucket, &path, &upload.id).await?;
        }
    }
    Ok(given_up)
}

/// 1 when there was something to give up.
async fn abort(bucket: &Bucket, path: &Path, id: &str) -> Result<u64, ObjectError> {
    match bucket.multipart.abort_multipart(path, &id.to_owned()).await {
        Ok(()) => Ok(1),
        Err(e) if is_gone(&e) => Ok(0),
        Err(e) => Err(failure(&e, "give up the unfinished upload of", bucket, path)),
    }
}
