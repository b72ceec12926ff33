//! Reads accesses in a consumer group and hands them on in batches.
//!
//! Invariant: where a partition is read from is what the intake says, at every assignment; what the broker remembers of the group is for
//! people to look at. One batch is on its way at a time, and no message is taken from the library meanwhile, so at most a batch and
//! the library's own bounded queue are in memory; when that takes long, the partitions are paused and the group is kept alive.
//!
//! It runs on a thread of its own, since the library calls back in the middle of a poll.

use super::{Kafka, Seen, heard, said};
use crate::domain::unit::Timestamp;
use crate::ports::streams::{Arrived, Batch, Feed, Intake, Step, Taken};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, Statistics, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Messages of a batch.
const BATCH_MAX: usize = 2_000;
/// Their bytes.
const BATCH_MAX_BYTES: usize = 4_000_000;
/// How long the first message of a batch waits for others.
const GATHER: Duration = Duration::from_millis(50);
/// How long one look for a message takes, and so how soon a word to stop is heard.
const POLL: Duration = Duration::from_millis(100);
/// A batch that takes longer is waited for with the partitions paused.
const LONG: Duration = Duration::from_secs(2);
/// Between two attempts to begin.
const PAUSE: Duration = Duration::from_secs(1);

/// Where each partition of this process is, as the intake said or as was counted since.
#[derive(Default)]
struct Seats {
    next: BTreeMap<i32, i64>,
    /// Rises with every change of the assignment.
    assignment: u64,
    /// The intake could not say where to begin.
    lost: Option<String>,
}

struct Group {
    seen: Arc<Seen>,
    intake: Arc<dyn Intake>,
    runtime: Handle,
    reader: String,
    topic: String,
    seats: Mutex<Seats>,
}

impl Group {
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Partitions are given to this process: from where to read them.
    fn place(&self, partitions: &mut TopicPartitionList) -> Result<(), String> {
        let known = self
            .runtime
            .block_on(self.intake.positions(&self.reader, &self.topic))?;
        let given: Vec<i32> = partitions.elements().iter().map(|e| e.partition()).collect();
        let mut seats = self.seats();
        seats.next = given
            .into_iter()
            .map(|partition| (partition, known.get(&partition).copied().unwrap_or(0)))
            .collect();
        for (partition, next) in &seats.next {
            partitions
                .set_partition_offset(&self.topic, *partition, Offset::Offset(*next))
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn leave(&self) {
        let mut seats = self.seats();
        seats.assignment += 1;
        seats.next.clear();
        let mut state = self.seen.state();
        state.stuck.retain(|(topic, _), _| *topic != self.topic);
        // Shown as none, since another process shows what there is.
        for ((topic, _), messages) in &mut state.lag {
            if *topic == self.topic {
                *messages = 0;
            }
        }
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, place: &str, words: &str) {
        said(level, place, words);
    }

    fn error(&self, error: KafkaError, words: &str) {
        heard(&self.seen, &error, words);
    }

    fn stats(&self, statistics: Statistics) {
        let next = self.seats().next.clone();
        let Some(topic) = statistics.topics.get(&self.topic) else {
            return;
        };
        let mut state = self.seen.state();
        for (partition, next) in next {
            if let Some(figures) = topic.partitions.get(&partition)
                && figures.hi_offset >= 0
            {
                // Before the first message is read, what was deleted counts as none.
                let from = next.max(figures.lo_offset);
                let behind = (figures.hi_offset - from).max(0);
                state.lag.insert((self.topic.clone(), partition), behind);
            }
        }
    }
}

impl ConsumerContext for Group {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        self.leave();
        let assigned = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.place(partitions),
            _ => Err(String::new()),
        };
        let done = match assigned {
            Ok(()) => consumer.assign(partitions),
            Err(why) => {
                if !why.is_empty() {
                    self.seats().lost = Some(why);
                }
                consumer.unassign()
            }
        };
        if let Err(problem) = done {
            tracing::warn!(%problem, "the partitions of accesses cannot be taken or given back");
            self.seats().lost = Some(problem.to_string());
        }
    }
}

/// Told to stop, or left alone by a process that ends.
fn is_over(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Until `stop` is told.
pub(super) async fn run(kafka: Kafka, intake: Arc<dyn Intake>, stop: watch::Receiver<bool>) {
    let mut told = stop.clone();
    tokio::select! {
        _ = told.wait_for(|stop| *stop) => return,
        () = kafka.ready() => {}
    }
    let (done, ended) = tokio::sync::oneshot::channel();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new()
        .name("accesses".into())
        .spawn(move || {
            while !is_over(&stop) {
                if let Err(problem) = session(&kafka, &intake, &runtime, &stop) {
                    tracing::warn!(problem, "accesses of the broker are not read; trying again");
                    std::thread::sleep(PAUSE);
                }
            }
            let _gone = done.send(());
        });
    match thread {
        Ok(_) => drop(ended.await),
        Err(problem) => tracing::error!(%problem, "accesses of the broker are not read: no thread"),
    }
}

/// One membership, until `stop` is told or it has to begin anew.
fn session(
    kafka: &Kafka,
    intake: &Arc<dyn Intake>,
    runtime: &Handle,
    stop: &watch::Receiver<bool>,
) -> Result<(), String> {
    let plan = &kafka.inner.plan;
    let topic = plan.topic(Feed::AccessEvents);
    let group = Group {
        seen: kafka.inner.seen.clone(),
        intake: intake.clone(),
        runtime: runtime.clone(),
        reader: format!("{}.telemetry", plan.group),
        topic: topic.clone(),
        seats: Mutex::default(),
    };
    let words = |error: KafkaError| error.to_string();
    let consumer: BaseConsumer<Group> = plan
        .member("telemetry")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("partition.assignment.strategy", "range")
        .set("queued.max.messages.kbytes", "16384")
        .set("queued.min.messages", "10000")
        .set("statistics.interval.ms", "2000")
        .create_with_context(group)
        .map_err(words)?;
    consumer.subscribe(&[&topic]).map_err(words)?;
    let mut reading = Reading {
        consumer: &consumer,
        stop,
        gathered: Vec::new(),
        bytes: 0,
        since: Instant::now(),
        assignment: 0,
    };
    while !is_over(stop) {
        if let Some(why) = consumer.context().seats().lost.take() {
            return Err(why);
        }
        reading.look()?;
    }
    Ok(())
}

struct Reading<'a> {
    consumer: &'a BaseConsumer<Group>,
    stop: &'a watch::Receiver<bool>,
    gathered: Vec<Arrived>,
    bytes: usize,
    since: Instant,
    /// The assignment under which they were gathered.
    assignment: u64,
}

impl Reading<'_> {
    /// Takes a message, or hands on what was gathered.
    fn look(&mut self) -> Result<(), String> {
        let wait = if self.gathered.is_empty() {
            POLL
        } else {
            GATHER.saturating_sub(self.since.elapsed())
        };
        match self.consumer.poll(wait) {
            Some(Ok(message)) => self.gather(&message),
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => {
                self.find_again()?
            }
            Some(Err(problem)) => tracing::debug!(%problem, "the broker does not answer"),
            None => {}
        }
        let full = self.gathered.len() >= BATCH_MAX || self.bytes >= BATCH_MAX_BYTES;
        if full || (!self.gathered.is_empty() && self.since.elapsed() >= GATHER) {
            self.hand_on()?;
        }
        Ok(())
    }

    fn gather(&mut self, message: &BorrowedMessage<'_>) {
        let seats = self.consumer.context().seats();
        if seats.assignment != self.assignment {
            // Gathered under another assignment: whoever has the partitions now begins before them.
            self.gathered.clear();
            self.bytes = 0;
            self.assignment = seats.assignment;
        }
        // Before the seat: counted already. Without a seat: not ours any more.
        if seats
            .next
            .get(&message.partition())
            .is_none_or(|next| message.offset() < *next)
        {
            return;
        }
        drop(seats);
        if self.gathered.is_empty() {
            self.since = Instant::now();
        }
        let arrived = arrived(message);
        self.bytes += arrived.value.len();
        self.gathered.push(arrived);
    }

    fn hand_on(&mut self) -> Result<(), String> {
        let messages = std::mem::take(&mut self.gathered);
        self.bytes = 0;
        let group = self.consumer.context();
        let mut last = BTreeMap::new();
        for message in &messages {
            last.insert(message.partition, message.offset + 1);
        }
        let steps: Vec<_> = {
            let seats = group.seats();
            if seats.assignment != self.assignment {
                return Ok(());
            }
            let step = |(partition, to): (&i32, &i64)| {
                Some(Step {
                    partition: *partition,
                    from: *seats.next.get(partition)?,
                    to: *to,
                })
            };
            last.iter().filter_map(step).collect()
        };
        let batch = Batch {
            reader: group.reader.clone(),
            topic: group.topic.clone(),
            messages,
            steps: steps.clone(),
        };
        match self.wait_for(batch) {
            Some(Taken::Counted) => {
                let mut told = TopicPartitionList::new();
                {
                    let mut seats = group.seats();
                    if seats.assignment != self.assignment {
                        return Ok(());
                    }
                    for step in &steps {
                        seats.next.insert(step.partition, step.to);
                        // Only a name that holds a zero byte is refused.
                        let _ =
                            told.add_partition_offset(&group.topic, step.partition, Offset::Offset(step.to));
                    }
                }
                if let Err(problem) = self.consumer.commit(&told, CommitMode::Async) {
                    tracing::debug!(%problem, "the broker does not take note of what was counted; the database has it");
                }
                Ok(())
            }
            Some(Taken::Overtaken) => Err("another process counts the same partitions".to_owned()),
            // The assignment changed or the process stops.
            None => Ok(()),
        }
    }

    /// Waits for the intake, and keeps the group alive when that takes long. `None` when it was given up.
    fn wait_for(&self, batch: Batch) -> Option<Taken> {
        let group = self.consumer.context();
        let intake = group.intake.clone();
        let mut taking = group.runtime.spawn(async move { intake.take(batch).await });
        let soon = group
            .runtime
            .block_on(async { tokio::time::timeout(LONG, &mut taking).await });
        if let Ok(taken) = soon {
            return taken.ok();
        }
        let assigned = self.consumer.assignment().unwrap_or_default();
        self.pause(&assigned);
        loop {
            // Paused, so this only serves the group. A message that slipped through is read again after the assignment that follows.
            if let Some(Ok(_)) = self.consumer.poll(Duration::ZERO) {
                group.seats().lost = Some("a message came out of turn".to_owned());
            }
            let taken = group
                .runtime
                .block_on(async { tokio::time::timeout(POLL, &mut taking).await });
            if let Ok(taken) = taken {
                if let Err(problem) = self.consumer.resume(&assigned) {
                    group.seats().lost = Some(problem.to_string());
                }
                return taken.ok();
            }
            if is_over(self.stop) || group.seats().assignment != self.assignment {
                // Whether it was counted is seen at the next assignment.
                taking.abort();
                return None;
            }
        }
    }

    fn pause(&self, assigned: &TopicPartitionList) {
        if let Err(problem) = self.consumer.pause(assigned) {
            tracing::debug!(%problem, "partitions are not paused");
        }
    }

    /// A partition does not have the offset that comes next.
    fn find_again(&mut self) -> Result<(), String> {
        let group = self.consumer.context();
        let next = group.seats().next.clone();
        for (partition, next) in next {
            let (low, high) = self
                .consumer
                .fetch_watermarks(&group.topic, partition, Duration::from_secs(3))
                .map_err(|error| error.to_string())?;
            if next < low {
                tracing::warn!(
                    partition,
                    "{} messages of {} were deleted by the broker before they were counted",
                    low - next,
                    group.topic
                );
                let target = Offset::Offset(low);
                self.consumer
                    .seek(&group.topic, partition, target, Duration::from_secs(3))
                    .map_err(|error| error.to_string())?;
            } else if next > high {
                // Reading it from the beginning could count again what was counted.
                let why = format!(
                    "partition {partition} of {} ends at {high}, before the {next} messages that were counted: the topic was made anew, or \
                     lost its end. It is not read; to take it from its beginning name another --kafka-group (DIM_KAFKA_GROUP)",
                    group.topic
                );
                tracing::error!("{why}");
                group
                    .seen
                    .state()
                    .stuck
                    .insert((group.topic.clone(), partition), why);
            }
        }
        Ok(())
    }
}

fn arrived(message: &BorrowedMessage<'_>) -> Arrived {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
            .collect()
    });
    Arrived {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        headers,
        value: message.payload().unwrap_or_default().to_vec(),
        sent_at: message
            .timestamp()
            .to_millis()
            .map(|ms| Timestamp(ms.saturating_mul(1000))),
    }
}
