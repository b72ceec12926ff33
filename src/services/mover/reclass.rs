//! Stage one where the data stays and only its storage class changes: the store gives each object the class by itself.
//!
//! Invariant: readers are never without an object: each is replaced by its store in one step, and only as the version that the
//! manifest names. Nothing is staged, and nothing is ever removed: not by a cancel, not by a failure. A row says `copied` once its object
//! has the class, and names it as it is from then on, so that a look at the place finds exactly the writes of others.

use super::failpoint::Point;
use super::held::{Halt, Held};
use super::{copy, manifest, pass};
use crate::adapters::sql::jobs_objects::{self, ManifestRow, ObjectState};
use crate::adapters::sql::{Conn, jobs};
use crate::domain::name::StorageClass;
use crate::domain::unit::Bytes;
use crate::ports::objects::{Copied, FoundObject, ObjectError, Prefix};
use crate::ports::several::Answers;
use async_trait::async_trait;

/// From wherever a crash left it to "every object of the manifest has the class".
pub(super) async fn reclass(held: &mut Held) -> Result<(), Halt> {
    manifest::bring_up_to_date_in_place(held).await?;
    again(held).await?;
    copy::begin(held).await?;
    let pass = Reclassing {
        at: held.source()?,
        class: held.row.job.target_class.clone(),
    };
    pass::run(&pass, held).await?;
    held.pass(Point::CopyFinished).await;
    Ok(())
}

/// What failed is tried again.
async fn again(held: &Held) -> Result<(), Halt> {
    let mut tx = held.write().await?;
    jobs_objects::reset_failed(&mut tx, held.row.job.id).await?;
    Ok(tx.commit().await?)
}

struct Reclassing {
    at: Prefix,
    class: StorageClass,
}

#[async_trait]
impl pass::Pass for Reclassing {
    type Done = Copied;
    const FROM: ObjectState = ObjectState::Pending;
    const AFTER_ONE: Point = Point::ObjectCopied;

    async fn one(&self, held: &Held, object: &ManifestRow) -> Result<Copied, ObjectError> {
        let verify = held.row.options.verify;
        held.deps
            .objects
            .reclass(&self.at, &object.found, &self.class, verify, &held.meter)
            .await
    }

    async fn several(&self, held: &Held, objects: &[ManifestRow]) -> Answers<Copied> {
        match objects.first() {
            Some(first) => vec![self.one(held, first).await],
            None => Vec::new(),
        }
    }

    async fn settle(&self, held: &Held, _group: &[(ManifestRow, Copied)]) -> Result<(), Halt> {
        // The store's answer says that the object is durable.
        held.pass(Point::GroupSynced).await;
        Ok(())
    }

    async fn record(
        &self,
        tx: &mut Conn,
        held: &Held,
        group: &[(ManifestRow, Copied)],
        bytes: Bytes,
    ) -> Result<(), Halt> {
        let id = held.row.job.id;
        let now: Vec<FoundObject> = group
            .iter()
            .map(|(object, done)| FoundObject {
                fingerprint: done.fingerprint.clone(),
                ..object.found.clone()
            })
            .collect();
        let rows: Vec<_> = now.iter().zip(group.iter().map(|(_, done)| done)).collect();
        jobs_objects::set_copied(tx, id, &rows).await?;
        Ok(jobs::add_bytes_sent(tx, id, bytes).await?)
    }
}
