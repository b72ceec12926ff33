//! The parts of large objects, remembered while they are written and given up when nobody will complete them.
//!
//! Invariant: every row is written under the fence, so that a mover that was overtaken adds no part to what its successor goes on with.

use super::held::{Halt, Held};
use crate::adapters::sql::jobs_parts;
use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, ObjectError, OpenUpload, Part, Parts, Staging, Upload};
use async_trait::async_trait;

/// The parts of one object of a job.
pub(super) struct JobParts<'a> {
    held: &'a Held,
    object: &'a FoundObject,
}

impl<'a> JobParts<'a> {
    pub(super) fn of(held: &'a Held, object: &'a FoundObject) -> Self {
        Self { held, object }
    }
}

/// A mover that lost its job stops like one that was told to; it finds out which when it reads the row.
fn told(halt: Halt) -> ObjectError {
    match halt {
        Halt::Lost | Halt::Wished => ObjectError::Stopped,
        Halt::Changed(what) | Halt::Hung(what) | Halt::Failed { reason: what, .. } => ObjectError::Io(what),
        Halt::Store(problem) => ObjectError::Io(format!("the parts cannot be remembered: {problem}")),
    }
}

#[async_trait]
impl Parts for JobParts<'_> {
    async fn begun(&self) -> Result<Option<Upload>, ObjectError> {
        let row = &self.held.row;
        let found = async {
            let mut conn = self.held.deps.store.reader().await?;
            jobs_parts::find(&mut conn, row.job.id, row.staging_no, self.object).await
        };
        found.await.map_err(|problem| told(problem.into()))
    }

    async fn begin(&self, id: &str, part_bytes: Bytes) -> Result<(), ObjectError> {
        let row = &self.held.row;
        let written = async {
            let mut tx = self.held.write().await?;
            jobs_parts::begin(&mut tx, row.job.id, row.staging_no, self.object, id, part_bytes).await?;
            Ok(tx.commit().await?)
        };
        written.await.map_err(told)
    }

    async fn done(&self, part: &Part) -> Result<(), ObjectError> {
        let written = async {
            let mut tx = self.held.write().await?;
            jobs_parts::done(&mut tx, self.held.row.job.id, &self.object.key, part).await?;
            Ok(tx.commit().await?)
        };
        written.await.map_err(told)
    }
}

/// Gives up what earlier attempts left unfinished, and what nobody remembers. What the attempt `goes_on` began is kept.
pub(super) async fn abandon(held: &Held, staging: &Staging, goes_on: Option<i64>) -> Result<(), Halt> {
    let id = held.row.job.id;
    let open = {
        let mut conn = held.deps.store.reader().await?;
        jobs_parts::open(&mut conn, id).await?
    };
    let (keep, give_up): (Vec<_>, Vec<_>) = open
        .into_iter()
        .partition(|(attempt, _)| Some(*attempt) == goes_on);
    let uploads =
        |list: Vec<(i64, OpenUpload)>| list.into_iter().map(|(_, upload)| upload).collect::<Vec<_>>();
    let attempts: std::collections::BTreeSet<i64> = give_up.iter().map(|(attempt, _)| *attempt).collect();
    let (keep, give_up) = (uploads(keep), uploads(give_up));
    let count = held
        .deps
        .objects
        .abandon_uploads(staging, &give_up, &keep)
        .await?;
    if count > 0 {
        tracing::info!(job = %id, count, "unfinished uploads are given up");
    }
    if attempts.is_empty() {
        return Ok(());
    }
    let mut tx = held.write().await?;
    for attempt in attempts {
        jobs_parts::forget(&mut tx, id, attempt).await?;
    }
    Ok(tx.commit().await?)
}
