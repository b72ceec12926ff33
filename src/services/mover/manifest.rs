//! The manifest: brought up to date with what the source holds, and compared with it later.
//!
//! Invariant: it is always made by comparing a fresh listing with the rows, whether there are none yet, some of them (a crash) or all
//! (another round). So no page mark is needed, and a restart never believes a listing of yesterday.

use super::failpoint::Point;
use super::held::{Halt, Held};
use crate::adapters::sql::jobs_objects::{self, ManifestRow, ObjectState};
use crate::adapters::sql::jobs_staging;
use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, Listing, ObjectError, Occupancy, Prefix, Staging};

/// Rows written in one transaction: a few milliseconds of the only writer.
const BATCH: usize = 200;

/// What differs between a listing and the manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// New objects and changed ones.
    pub(super) put: Vec<FoundObject>,
    /// Keys that are gone.
    pub(super) gone: Vec<String>,
    /// The first of them, in words.
    pub(super) first: Option<String>,
}

/// Lists the source and makes the manifest say the same. Copies of what is gone are removed first.
pub(super) async fn bring_up_to_date(held: &mut Held, staging: &Staging) -> Result<(), Halt> {
    let listing = list_source(held).await?;
    still_fit(held, &listing).await?;
    held.pass(Point::SourceListed).await;
    let rows = all(held).await?;
    let difference = compare(&rows, &listing);
    refuse_shrunk(held, rows.len(), difference.gone.len(), listing.objects.len())?;
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
    Ok(())
}

/// The plan found both places fit; a link or a mount can have changed that, and something can have come to the target.
async fn still_fit(held: &Held, listing: &Listing) -> Result<(), Halt> {
    let (source, target) = (held.source()?, held.target()?);
    let survey = held.deps.objects.survey(&source, &target, listing).await?;
    if let Some(overlap) = survey.overlap {
        return Err(Halt::failed("overlap", format!("{overlap} now")));
    }
    if let Occupancy::Occupied(what) = survey.occupancy {
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
    let staged = held.deps.objects.list(&data).await?;
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
    if held.deps.objects.identity(&data).await?.is_none() {
        return Err(Halt::Changed(
            "every object that was copied is gone from the source".into(),
        ));
    }
    Ok(())
}

/// Looks at the source once more; the first difference in words, if there is one.
pub(super) async fn changed_since(held: &Held) -> Result<Option<String>, Halt> {
    let listing = list_source(held).await?;
    Ok(compare(&all(held).await?, &listing).first)
}

/// Looks at what lies at the target: exactly the manifest's objects, none touched since it was copied.
pub(super) async fn check_target(held: &Held, at: &Prefix) -> Result<(), Halt> {
    let listing = match held.deps.objects.list(at).await {
        Err(ObjectError::NotFound(_)) => Listing::default(),
        other => other?,
    };
    let copies: Vec<_> = all(held).await?.iter().filter_map(ManifestRow::as_copy).collect();
    let difference = compare(&copies, &listing);
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

async fn all(held: &Held) -> Result<Vec<ManifestRow>, Halt> {
    let mut conn = held.deps.store.reader().await?;
    Ok(jobs_objects::all(&mut conn, held.row.job.id).await?)
}

/// Both are in key order.
pub(super) fn compare(rows: &[ManifestRow], listing: &Listing) -> Difference {
    use std::cmp::Ordering as O;
    let mut difference = Difference::default();
    let mut first: Option<(String, &str)> = None;
    let mut note = |key: &str, what| {
        if first.is_none() {
            first = Some((key.to_owned(), what));
        }
    };
    let (mut rows, mut found) = (rows.iter().peekable(), listing.objects.iter().peekable());
    loop {
        let order = match (rows.peek(), found.peek()) {
            (None, None) => break,
            (Some(_), None) => O::Less,
            (None, Some(_)) => O::Greater,
            (Some(row), Some(object)) => row.found.key.cmp(&object.key),
        };
        match order {
            O::Less => {
                if let Some(row) = rows.next() {
                    note(&row.found.key, "is gone");
                    difference.gone.push(row.found.key.clone());
                }
            }
            O::Greater => {
                if let Some(object) = found.next() {
                    note(&object.key, "is new");
                    difference.put.push(object.clone());
                }
            }
            O::Equal => {
                if let (Some(row), Some(object)) = (rows.next(), found.next())
                    && row.found != *object
                {
                    note(&object.key, "changed");
                    difference.put.push(object.clone());
                }
            }
        }
    }
    difference.first = first.map(|(key, what)| format!("the object {key:?} {what}"));
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, fingerprint: &str) -> FoundObject {
        FoundObject {
            key: key.into(),
            size_bytes: Bytes(1),
            fingerprint: fingerprint.into(),
        }
    }

    #[test]
    fn new_changed_and_gone_are_told_apart() {
        let rows: Vec<_> = [("a", "1"), ("b", "1"), ("d", "1")]
            .map(|(key, print)| ManifestRow {
                found: object(key, print),
                content_hash: None,
                metadata: None,
                target_fingerprint: None,
            })
            .into();
        let listing = |objects: Vec<FoundObject>| Listing {
            objects,
            ..Listing::default()
        };
        let same = listing(vec![object("a", "1"), object("b", "1"), object("d", "1")]);
        assert_eq!(compare(&rows, &same), Difference::default());
        let other = listing(vec![object("a", "1"), object("b", "2"), object("c", "1")]);
        let difference = compare(&rows, &other);
        assert_eq!(difference.put, [object("b", "2"), object("c", "1")]);
        assert_eq!(difference.gone, ["d"]);
        assert_eq!(difference.first.as_deref(), Some("the object \"b\" changed"));
        assert_eq!(compare(&[], &listing(vec![object("x", "1")])).put.len(), 1);
        assert_eq!(compare(&rows, &listing(Vec::new())).gone.len(), 3);
    }
}
