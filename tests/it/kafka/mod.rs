//! Stories over a real broker: that of `KAFKA_BROKERS` (`DIM_TEST_KAFKA_BROKERS` where `scripts/test.sh` runs it), else one that `scripts/kafka.sh` runs in a temporary directory and that is gone
//! with this process, however it ends. Each test has topics and groups of its own.

mod accesses;
mod away;
mod bus;
mod faults;
mod relay;

use crate::app::TestApp;
use crate::script::Script;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A broker that a test starts, and stops by dropping it.
pub struct Broker {
    /// `HOST:PORT`.
    pub address: String,
    /// Nothing for a broker of somebody else.
    _script: Option<Script>,
}

impl Broker {
    /// Starts one; with `args` as `scripts/kafka.sh` takes them.
    pub fn start(args: &[&str]) -> Self {
        let (script, address) = Script::start("kafka.sh", args, |said| said.contains(':'));
        Self {
            address,
            _script: Some(script),
        }
    }
}

/// The broker that the tests of this process share.
pub async fn shared() -> &'static str {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    let broker = tokio::task::spawn_blocking(|| {
        BROKER.get_or_init(|| {
            let named = |name: &str| std::env::var(name).ok().filter(|address| !address.is_empty());
            match named("DIM_TEST_KAFKA_BROKERS").or_else(|| named("KAFKA_BROKERS")) {
                Some(address) => Broker {
                    address,
                    _script: None,
                },
                None => Broker::start(&[]),
            }
        })
    });
    &broker.await.unwrap().address
}

/// A name that no other test has.
pub fn fresh(word: &str) -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{word}-{:016x}.", RandomState::new().hash_one(word))
}

/// A server in this process that uses a broker.
pub async fn app(brokers: &str, prefix: &str, more: &[(&'static str, &str)]) -> TestApp {
    let own = [
        ("kafka_brokers", brokers),
        ("kafka_topic_prefix", prefix),
        ("kafka_group", prefix.trim_end_matches('.')),
    ];
    let all: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
    TestApp::open_with(&all).await
}

/// Waits until `look` finds something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

pub fn producer(brokers: &str) -> FutureProducer {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .create()
        .unwrap()
}

/// Sends values and waits until the broker has them.
pub async fn send(producer: &FutureProducer, topic: &str, values: &[(String, String)]) {
    let sent = values.iter().map(|(key, value)| {
        let record = FutureRecord::to(topic).key(key).payload(value);
        producer.send_result(record).map_err(|(error, _)| error).unwrap()
    });
    for delivery in sent.collect::<Vec<_>>() {
        delivery.await.unwrap().map_err(|(error, _)| error).unwrap();
    }
}

/// A message as somebody else reads it.
#[derive(Clone, Debug)]
pub struct Read {
    pub key: String,
    pub value: String,
    pub headers: BTreeMap<String, String>,
}

/// Reads a topic from its beginning until `count` messages are there, and what comes in half a second after that.
pub async fn read(brokers: &str, topic: &str, count: usize) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", fresh("reader"))
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        let mut until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else {
                continue;
            };
            let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            let headers = message.headers().map(|headers| {
                headers
                    .iter()
                    .map(|header| (header.key.to_owned(), text(header.value)))
                    .collect()
            });
            found.push(Read {
                key: text(message.key()),
                value: text(message.payload()),
                headers: headers.unwrap_or_default(),
            });
            if found.len() == count {
                until = Instant::now() + Duration::from_millis(500);
            }
        }
        found
    })
    .await
    .unwrap()
}
