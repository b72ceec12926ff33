//! Kafka, or a broker that speaks like it: the topics of other programs, and wake-ups between several processes.
//!
//! Invariant: all of librdkafka is in this folder. Nothing waits for the broker but what is for the broker: a nudge returns at once, and
//! a broker that is away is looked for in the background.
//! Knows no use case: `reader.rs` hands batches to an `Intake`, `wakeups.rs` nudges, `sender.rs` sends what it is given, `topics.rs`
//! makes topics and says how the broker is.

mod reader;
mod sender;
mod topics;
mod wakeups;

use super::inproc::bus::InprocBus;
use crate::ports::bus::{Bus, Topic, Wakeups};
use crate::ports::streams::{DeadLetter, Feed, Intake, Lag, Message, StreamError, StreamState, Streams};
use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What is used of a broker.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `HOST:PORT` of each.
    pub brokers: Vec<String>,
    /// What the names of topics begin with.
    pub topic_prefix: String,
    /// What the names of consumer groups begin with.
    pub group: String,
    /// Partitions of topics that are made.
    pub partitions: i32,
    /// Seconds after which a silent process's partitions are given to another one.
    pub session_secs: i32,
}

/// What a process hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ears {
    /// Counts accesses, and hears of every stage of a job.
    pub web: bool,
    /// Hears of jobs that wait.
    pub mover: bool,
}

/// The broker of this process. Cheap to clone.
#[derive(Clone)]
pub struct Kafka {
    inner: Arc<Inner>,
}

struct Inner {
    plan: Plan,
    name: String,
    local: InprocBus,
    sender: sender::Sender,
    seen: Arc<Seen>,
}

/// What was last seen of the broker.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Whether all topics are there; nothing is sent or read before.
    ready: watch::Sender<bool>,
    state: Mutex<SeenState>,
}

#[derive(Debug)]
struct SeenState {
    problem: Option<String>,
    /// The client library's own last words on a connection.
    last_words: Option<String>,
    stuck: BTreeMap<(String, i32), String>,
    lag: BTreeMap<(String, i32), i64>,
}

impl Seen {
    fn new() -> Self {
        Self {
            ready: watch::Sender::new(false),
            state: Mutex::new(SeenState {
                problem: Some("it was not reached yet".to_owned()),
                last_words: None,
                stuck: BTreeMap::new(),
                lag: BTreeMap::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, SeenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) {
        if self.state().problem.take().is_some() {
            tracing::info!("the broker answers");
        }
    }

    fn down(&self, why: &str) {
        let mut state = self.state();
        let words = state.last_words.clone();
        let why = words.map_or_else(|| why.to_owned(), |words| format!("{why} ({words})"));
        if state.problem.is_none() {
            tracing::warn!("the broker is away: {why}; looking for it again every second");
        }
        state.problem = Some(why);
    }
}

/// Hears what the library says: its log is for whoever debugs, errors of connections are remembered.
pub(crate) struct Ear(Arc<Seen>);

impl ClientContext for Ear {
    fn log(&self, level: RDKafkaLogLevel, place: &str, words: &str) {
        said(level, place, words);
    }

    fn error(&self, error: KafkaError, words: &str) {
        heard(&self.0, &error, words);
    }
}

fn said(level: RDKafkaLogLevel, place: &str, words: &str) {
    tracing::debug!(?level, place, "{words}");
}

fn heard(seen: &Seen, error: &KafkaError, words: &str) {
    tracing::debug!(%error, "{words}");
    let cut: String = words.chars().take(200).collect();
    seen.state().last_words = Some(cut);
}

impl Plan {
    fn topic(&self, feed: Feed) -> String {
        format!("{}{}", self.topic_prefix, feed.as_str())
    }

    fn dead_topic(&self, feed: Feed) -> String {
        format!("{}.dlq", self.topic(feed))
    }

    /// What every client has.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", "dim")
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true")
            .set("log.connection.close", "false");
        config
    }

    /// What every member of a group has.
    fn member(&self, group: &str) -> ClientConfig {
        let session = self.session_secs * 1000;
        let mut config = self.client();
        config
            .set("group.id", format!("{}.{group}", self.group))
            .set("session.timeout.ms", session.to_string())
            .set("heartbeat.interval.ms", (session / 4).to_string())
            .set("allow.auto.create.topics", "false");
        config
    }
}

impl Kafka {
    /// Prepares to use a broker. Nothing is asked of it before [`Kafka::run`].
    ///
    /// # Errors
    /// When the library refuses the settings.
    pub fn new(plan: Plan) -> Result<Self, StreamError> {
        let seen = Arc::new(Seen::new());
        Ok(Self {
            inner: Arc::new(Inner {
                name: format!("Kafka at {}", plan.brokers.join(",")),
                sender: sender::Sender::new(&plan, seen.clone())?,
                local: InprocBus::default(),
                seen,
                plan,
            }),
        })
    }

    /// Reads and wakes until `stop` resolves.
    pub async fn run(self, ears: Ears, intake: Arc<dyn Intake>, stop: impl Future<Output = ()>) {
        let stopping = watch::Sender::new(false);
        let mut tasks = tokio::task::JoinSet::new();
        let watch = self.clone();
        let told = stopping.subscribe();
        tasks.spawn(async move { topics::watch(&watch.inner, told).await });
        if ears.web {
            let group = format!("web.{:016x}", rand::random::<u64>());
            tasks.spawn(wakeups::hear(
                self.clone(),
                Feed::MigrationStatus,
                group,
                Topic::Events,
            ));
            tasks.spawn(reader::run(self.clone(), intake, stopping.subscribe()));
        }
        if ears.mover {
            let group = "movers".to_owned();
            tasks.spawn(wakeups::hear(
                self.clone(),
                Feed::MigrationJobs,
                group,
                Topic::Jobs,
            ));
        }
        stop.await;
        stopping.send_replace(true);
        // The reader leaves its group in order; the others hold nothing.
        let patience = std::time::Duration::from_secs(3);
        let left = tokio::time::timeout(patience, async {
            while !tasks.is_empty() && stopping.receiver_count() > 0 {
                tasks.join_next().await;
            }
        });
        if left.await.is_err() {
            tracing::debug!("the broker was not told in time that this process leaves");
        }
    }

    /// Waits until the broker has the topics.
    async fn ready(&self) {
        // An error says that this value is gone, which it is not.
        drop(self.inner.seen.ready.subscribe().wait_for(|ready| *ready).await);
    }
}

impl Bus for Kafka {
    fn nudge(&self, topic: Topic) {
        // Other processes hear of it when the log was told: the message carries no more than this would.
        self.inner.local.nudge(topic);
    }

    fn listen(&self, topic: Topic) -> Box<dyn Wakeups> {
        self.inner.local.listen(topic)
    }
}

#[async_trait]
impl Streams for Kafka {
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn prefix(&self) -> &str {
        &self.inner.plan.topic_prefix
    }

    fn state(&self) -> StreamState {
        let state = self.inner.seen.state();
        StreamState {
            problem: state.problem.clone(),
            stuck: state.stuck.values().next().cloned(),
            lag: state
                .lag
                .iter()
                .map(|((topic, partition), messages)| Lag {
                    topic: topic.clone(),
                    partition: *partition,
                    messages: *messages,
                })
                .collect(),
        }
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), StreamError> {
        self.ready().await;
        let plan = &self.inner.plan;
        let records = messages
            .into_iter()
            .map(|message| sender::Record::of(plan, message))
            .collect();
        self.inner.sender.send(records).await
    }

    async fn bury(&self, feed: Feed, letters: Vec<DeadLetter>) -> Result<(), StreamError> {
        self.ready().await;
        let plan = &self.inner.plan;
        let records = letters
            .into_iter()
            .map(|letter| sender::Record::dead(plan, feed, letter))
            .collect();
        self.inner.sender.send(records).await
    }
}
