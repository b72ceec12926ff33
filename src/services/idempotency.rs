//! Requests that carry a key are carried out once: who may begin, and what was answered.
//!
//! Invariant: of requests with one key, at most one is being carried out in this process, and a kept answer is given for a day. If
//! the process dies between the work and the keeping of its answer, a second request is carried out again; what it would do twice is
//! then refused by the use case itself (one live job a dataset, unique names). Knows no protocol.

use super::{Deps, ServiceError, ServiceResult};
use crate::adapters::sql::StoreError;
use crate::adapters::sql::idempotency::{self as rows, KeptAnswer};
use crate::domain::unit::Timestamp;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How long an answer is kept: longer than any client goes on trying.
const KEEP: i64 = Timestamp::DAY;

type Running = Arc<Mutex<HashSet<(String, String)>>>;

/// The book of keys. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    deps: Deps,
    running: Running,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status in the protocol.
    pub status: u16,
    /// Headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// What a request with a key is to do.
pub enum Begun {
    /// Give this answer again.
    Kept(Answer),
    /// Refuse: the key belongs to another request.
    OtherRequest,
    /// Refuse for now: the same key is being worked on.
    Running,
    /// Carry it out.
    Go(Turn),
}

/// The right to carry a request out. Ends when dropped.
pub struct Turn {
    book: Idempotency,
    scope: String,
    key: String,
    hash: String,
}

impl Idempotency {
    /// Over these parts.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        Self {
            deps: deps.clone(),
            running: Running::default(),
        }
    }

    /// Asks what to do with a request. `scope` is where keys are told apart, `hash` tells requests apart.
    ///
    /// # Errors
    /// Database faults.
    pub async fn begin(&self, scope: &str, key: &str, hash: &str) -> ServiceResult<Begun> {
        let entry = (scope.to_owned(), key.to_owned());
        if !self.running().insert(entry) {
            return Ok(Begun::Running);
        }
        // From here on a dropped turn takes the entry out again.
        let turn = Turn {
            book: self.clone(),
            scope: scope.to_owned(),
            key: key.to_owned(),
            hash: hash.to_owned(),
        };
        let forgotten = self.deps.clock.now().plus_micros(-KEEP);
        let mut conn = self.deps.store.reader().await?;
        match rows::find(&mut conn, scope, key, forgotten).await? {
            Some(kept) if kept.request_hash == hash => Ok(Begun::Kept(Answer {
                status: u16::try_from(kept.status).map_err(ServiceError::internal)?,
                headers: serde_json::from_str(&kept.headers).map_err(ServiceError::internal)?,
                body: kept.body,
            })),
            Some(_) => Ok(Begun::OtherRequest),
            None => Ok(Begun::Go(turn)),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashSet<(String, String)>> {
        // A set is valid between any two statements, so a panic elsewhere does not spoil it.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Keeps the answer for whoever asks again.
    ///
    /// # Errors
    /// Database faults. The work itself is done.
    pub async fn keep(self, answer: Answer) -> ServiceResult<()> {
        let deps = &self.book.deps;
        let kept = KeptAnswer {
            request_hash: self.hash.clone(),
            status: i64::from(answer.status),
            headers: serde_json::to_string(&answer.headers).map_err(ServiceError::internal)?,
            body: answer.body,
        };
        let now = deps.clock.now();
        let mut tx = deps.store.write().await?;
        match rows::keep(
            &mut tx,
            &self.scope,
            &self.key,
            &kept,
            now,
            now.plus_micros(-KEEP),
        )
        .await
        {
            // Another process answered a request with this key at the same time; its answer stands.
            Err(StoreError::Unique(_)) => Ok(()),
            other => {
                other?;
                Ok(tx.commit().await?)
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let entry = (std::mem::take(&mut self.scope), std::mem::take(&mut self.key));
        self.book.running().remove(&entry);
    }
}
