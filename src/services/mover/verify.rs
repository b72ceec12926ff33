//! Stage two: everything is read back, and source and target are looked at once more.
//!
//! Invariant: the stage ends only when every object of the manifest was read back and is what was read from the source, the target
//! holds exactly those objects, and the source still is what the manifest says.

use super::failpoint::Point;
use super::held::{Halt, Held};
use super::{manifest, pass};
use crate::adapters::sql::Conn;
use crate::adapters::sql::jobs_objects::{self, ManifestRow, ObjectState};
use crate::domain::migration::JobStatus;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Expected, ObjectError, Prefix};
use crate::ports::several::Answers;
use async_trait::async_trait;

/// From "copied" to "found good".
pub(super) async fn verify(held: &mut Held) -> Result<(), Halt> {
    held.reads_back();
    let done = verified(held).await?;
    held.gauge
        .begin(JobStatus::Verifying, done, manifest::total(held).await?);
    let at = held.staging(held.row.staging_no)?.data();
    match held.row.options.verify {
        level @ (VerifyLevel::Full | VerifyLevel::Checksum) => {
            let verifying = Verifying {
                at: at.clone(),
                by_checksum: level == VerifyLevel::Checksum,
            };
            pass::run(&verifying, held).await?;
        }
        // The listing below compares names, sizes and times, and that nothing was touched since it was copied.
        VerifyLevel::Size => take_as_verified(held).await?,
    }
    all_verified(held).await?;
    // Two places, neither of which waits for the other.
    let (target, source) = tokio::join!(
        Box::pin(manifest::check_target(held, &at)),
        Box::pin(manifest::changed_since(held))
    );
    target?;
    if let Some(what) = source? {
        return Err(Halt::Changed(what));
    }
    held.pass(Point::VerifyFinished).await;
    Ok(())
}

/// Nothing is read back: what was copied counts as verified as far as the chosen check goes.
async fn take_as_verified(held: &Held) -> Result<(), Halt> {
    let mut tx = held.write().await?;
    jobs_objects::set_all_verified(&mut tx, held.row.job.id).await?;
    tx.commit().await?;
    let total = manifest::total(held).await?;
    held.gauge.begin(JobStatus::Verifying, total, total);
    Ok(())
}

async fn verified(held: &Held) -> Result<(i64, Bytes), Halt> {
    let mut conn = held.deps.store.reader().await?;
    Ok(jobs_objects::sums(&mut conn, held.row.job.id, &[ObjectState::Verified]).await?)
}

/// A crash can leave the mark of an object that failed, or that is to be copied again.
pub(super) async fn all_verified(held: &Held) -> Result<(), Halt> {
    if verified(held).await? == manifest::total(held).await? {
        return Ok(());
    }
    let mut conn = held.deps.store.reader().await?;
    match jobs_objects::first_failed(&mut conn, held.row.job.id).await? {
        Some(error) => Err(Halt::failed("verify_mismatch", error)),
        None => Err(Halt::Changed("some objects are not copied yet".into())),
    }
}

struct Verifying {
    at: Prefix,
    /// Whether the store's own checksum is enough where it keeps one.
    by_checksum: bool,
}

impl Verifying {
    fn expected(&self, object: &ManifestRow) -> Result<Expected, ObjectError> {
        let mut expected = object.expected().ok_or_else(|| {
            ObjectError::Mismatch(format!(
                "the object {:?} has no hash to compare with",
                object.found.key
            ))
        })?;
        if self.by_checksum {
            expected.checksum.clone_from(&object.checksum);
        }
        Ok(expected)
    }
}

fn noted(held: &Held, found: Result<(), ObjectError>) -> Result<(), ObjectError> {
    if matches!(found, Err(ObjectError::Mismatch(_))) {
        held.deps.meter.verify_failed();
    }
    found
}

#[async_trait]
impl pass::Pass for Verifying {
    type Done = ();
    const FROM: ObjectState = ObjectState::Copied;
    const AFTER_ONE: Point = Point::ObjectVerified;

    async fn one(&self, held: &Held, object: &ManifestRow) -> Result<(), ObjectError> {
        let expected = self.expected(object)?;
        let found = held.deps.objects.verify(&self.at, &expected, &held.meter).await;
        noted(held, found)
    }

    async fn several(&self, held: &Held, objects: &[ManifestRow]) -> Answers<()> {
        let mut expected = Vec::with_capacity(objects.len());
        for object in objects {
            match self.expected(object) {
                Ok(wanted) => expected.push(wanted),
                // It is found out alone, after those before it.
                Err(error) if expected.is_empty() => return vec![Err(error)],
                Err(_) => break,
            }
        }
        let answers = held
            .deps
            .objects
            .verify_several(&self.at, &expected, &held.meter)
            .await;
        answers.into_iter().map(|found| noted(held, found)).collect()
    }

    async fn settle(&self, _held: &Held, _group: &[(ManifestRow, ())]) -> Result<(), Halt> {
        Ok(())
    }

    async fn record(
        &self,
        tx: &mut Conn,
        held: &Held,
        group: &[(ManifestRow, ())],
        _bytes: Bytes,
    ) -> Result<(), Halt> {
        let keys: Vec<_> = group
            .iter()
            .map(|(object, ())| object.found.key.as_str())
            .collect();
        Ok(jobs_objects::set_verified(tx, held.row.job.id, &keys).await?)
    }
}
