//! Streams of messages that other programs read and write: the topics of a broker.
//!
//! Invariant: a broker carries news, it owns nothing. What was counted, who holds a job and what has happened stand in the database, so
//! a message that is lost or comes twice costs time and changes no result. Implemented by `adapters::kafka`; what is done with
//! messages is in `services::relay` and `services::telemetry`.

use crate::domain::unit::Timestamp;
use async_trait::async_trait;
use std::collections::BTreeMap;

/// What a stream is about. Each has a second one for messages that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feed {
    /// Accesses that other programs report.
    AccessEvents,
    /// Jobs that wait for a mover.
    MigrationJobs,
    /// Stages of jobs.
    MigrationStatus,
}

impl Feed {
    /// Every feed.
    pub const ALL: [Self; 3] = [Self::AccessEvents, Self::MigrationJobs, Self::MigrationStatus];

    /// The topic's name without a prefix.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessEvents => "access_events",
            Self::MigrationJobs => "migration_jobs",
            Self::MigrationStatus => "migration_status",
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub feed: Feed,
    /// Messages with the same key keep their order.
    pub key: String,
    /// Name and value, in order.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub value: Vec<u8>,
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Which partition.
    pub partition: i32,
    /// Its number there.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Name and value, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The content; empty when it had none.
    pub value: Vec<u8>,
    /// When it was sent, as the broker tells it.
    pub sent_at: Option<Timestamp>,
}

impl Arrived {
    /// The first header of a name, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// A message that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// As it came.
    pub message: Arrived,
    /// Stable code.
    pub code: String,
    /// In words.
    pub reason: String,
}

/// How far a batch leads one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which partition.
    pub partition: i32,
    /// The first offset that was not counted, as the reader knows it.
    pub from: i64,
    /// The same after the batch.
    pub to: i64,
}

/// Messages that are counted together, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The consumer group.
    pub reader: String,
    /// The topic.
    pub topic: String,
    /// In the order of their offsets.
    pub messages: Vec<Arrived>,
    /// One for each partition of them.
    pub steps: Vec<Step>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is committed, offsets and all.
    Counted,
    /// Somebody else counted part of it, so nothing of it was counted: read the positions again.
    Overtaken,
}

/// Counts messages and remembers how far it is, in one transaction.
#[async_trait]
pub trait Intake: Send + Sync + 'static {
    /// The first offset that was not counted, by partition; none counted where a partition is not named.
    ///
    /// # Errors
    /// A sentence, when the database cannot tell.
    async fn positions(&self, reader: &str, topic: &str) -> Result<BTreeMap<i32, i64>, String>;

    /// Counts a batch. Waits as long as the database or the broker is away; may be dropped at any time, and whether the batch was
    /// counted is then to be read from the positions.
    async fn take(&self, batch: Batch) -> Taken;
}

/// How far a reader is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Messages that were sent and not counted.
    pub messages: i64,
}

/// How the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// Why it cannot be used now; `None` when it can.
    pub problem: Option<String>,
    /// A partition that this process does not read on, and what would help.
    pub stuck: Option<String>,
    /// Of the partitions that this process reads.
    pub lag: Vec<Lag>,
}

/// Why messages were not sent. Some of them may have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StreamError(pub String);

/// The broker.
///
/// An implementation MUST keep the order of messages with the same key, and MUST NOT say that a message was sent before the broker has
/// it on as many machines as it keeps it on.
#[async_trait]
pub trait Streams: Send + Sync + 'static {
    /// For people: what it is and where.
    fn name(&self) -> &str;

    /// What names this set of topics beside others on the same broker.
    fn prefix(&self) -> &str;

    /// How it is, by the last look at it.
    fn state(&self) -> StreamState;

    /// Sends messages in order. Waits while the broker is away: the caller is what bounds how many wait.
    ///
    /// # Errors
    /// When the broker refuses them.
    async fn publish(&self, messages: Vec<Message>) -> Result<(), StreamError>;

    /// Puts messages that cannot be used where people find them, with the reason.
    ///
    /// # Errors
    /// As for [`Self::publish`].
    async fn bury(&self, feed: Feed, letters: Vec<DeadLetter>) -> Result<(), StreamError>;
}
