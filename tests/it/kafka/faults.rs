//! Rounds of faults while accesses come in over a broker: it is away, refuses requests, is slow, gives partitions to others; and the
//! processes that count are killed, also between the commit of what they counted and the broker's note of it. Nothing is lost and
//! nothing counted twice. `DIM_KAFKA_ROUNDS` says how many rounds (6), of [`EVENTS`] events each.

use super::away::mock;
use super::{PATIENCE, fresh, producer, send, until};
use crate::nodes::Node;
use crate::postgres;
use data_in_motion::adapters::sql::Store;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Fault};
use rustix::process::Signal;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const EVENTS: i64 = 1_000;
const PARTITIONS: i32 = 4;

/// The programs that count: the first is always there, the second comes and goes.
struct Scene<'a> {
    dir: &'a Path,
    database: String,
    brokers: String,
    prefix: String,
    nodes: [Option<Node>; 2],
    starts: usize,
}

impl Scene<'_> {
    fn start(&mut self, place: usize, inject: &[&str]) {
        self.nodes[place] = None;
        self.starts += 1;
        let group = self.prefix.trim_end_matches('.');
        let own = [
            "serve",
            "--roles",
            "web",
            "--database-url",
            &self.database,
            "--kafka-brokers",
            &self.brokers,
            "--kafka-topic-prefix",
            &self.prefix,
            "--kafka-group",
            group,
        ];
        let args = [&own[..], inject].concat();
        // Long enough for a broker that takes half a second for each answer.
        let env = [("DIM_KAFKA_SESSION_SECS", "3")];
        self.nodes[place] = Some(Node::start_with(self.dir, &format!("node-{place}"), &args, &env));
    }

    async fn end(&mut self, place: usize) {
        let Some(mut node) = self.nodes[place].take() else {
            return;
        };
        node.signal(Signal::TERM);
        until("the end of a node", async || node.has_ended().then_some(())).await;
    }
}

/// How many events are counted, how many different ones they are, and the sum of their sizes.
async fn counted(store: &Store) -> (i64, i64, i64) {
    let mut conn = store.reader().await.unwrap();
    sqlx::query_as(
        "SELECT COUNT(*), COUNT(DISTINCT size_bytes), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM access_events",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_between_broker_and_database_every_access_is_counted_once() {
    let rounds: i64 = std::env::var("DIM_KAFKA_ROUNDS").map_or(6, |n| n.parse().unwrap());
    let began = Instant::now();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().canonicalize().unwrap();
    std::fs::create_dir(dir.join("files")).unwrap();
    let database = tokio::task::spawn_blocking(postgres::shared)
        .await
        .unwrap()
        .database()
        .await;
    let prefix = fresh("faults");
    let cluster = mock(&prefix, PARTITIONS);
    let topic = format!("{prefix}access_events");
    let mut scene = Scene {
        dir: &dir,
        database: database.clone(),
        brokers: cluster.bootstrap_servers(),
        prefix,
        nodes: [None, None],
        starts: 0,
    };
    scene.start(0, &[]);
    let api = &scene.nodes[0].as_ref().unwrap().api;
    let uri = format!("file://{}/files", dir.display());
    let made = api
        .post("/api/v1/locations", json!({"name": "files", "uri": uri}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    for n in 1..=3 {
        let body = json!({"name": format!("set-{n}"), "path_uri": format!("{uri}/set-{n}"), "size_bytes": 1});
        assert_eq!(api.post("/api/v1/datasets", body).await.status, 201);
    }
    let store = Store::open_postgres(&database).await.unwrap();
    let producer = producer(&scene.brokers);
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = move |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let round_began = Instant::now();
        // No identity: only their places in the topic tell these events apart. The size names the event, for the test alone.
        let values: Vec<_> = (round * EVENTS + 1..=(round + 1) * EVENTS)
            .map(|n| {
                let value = json!({"dataset_id": 1 + n % 3, "op": "read", "size_bytes": n});
                (n.to_string(), value.to_string())
            })
            .collect();
        let (first, second) = values.split_at(values.len() / 2);
        let fault = round % 6;
        if fault == 5 {
            // Dies right after the commit of its first batches, before the broker hears of it.
            let kill = format!("kill-at=stream-counted:{}", 1 + roll(2));
            scene.end(1).await;
            scene.start(0, &["--inject", &kill]);
        }
        send(&producer, &topic, first).await;
        tokio::time::sleep(Duration::from_millis(roll(120))).await;
        match fault {
            0 => {
                cluster.broker_down(-1).unwrap();
                tokio::time::sleep(Duration::from_millis(200 + roll(600))).await;
                cluster.broker_up(-1).unwrap();
            }
            1 => {
                let errors = [
                    Fault::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                    Fault::RD_KAFKA_RESP_ERR__TRANSPORT,
                    Fault::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                ];
                for request in [Api::Fetch, Api::Produce] {
                    cluster.request_errors(request, &errors);
                }
                let errors = [
                    Fault::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                    Fault::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
                ];
                for request in [Api::Heartbeat, Api::OffsetCommit] {
                    cluster.request_errors(request, &errors);
                }
            }
            2 => {
                cluster
                    .broker_round_trip_time(-1, Duration::from_millis(500))
                    .unwrap();
            }
            3 => {
                if scene.nodes[1].is_some() {
                    scene.end(1).await;
                } else {
                    scene.start(1, &[]);
                }
            }
            4 => {
                // At any moment; the other one, if there is one, takes over meanwhile.
                scene.nodes[0].as_mut().unwrap().kill();
                scene.start(0, &[]);
            }
            _ => {
                // So that there is a second batch to die after.
                let half = round * EVENTS + EVENTS / 2;
                let node = scene.nodes[0].as_mut().unwrap();
                until("the first half", async || {
                    (node.has_ended() || counted(&store).await.0 >= half).then_some(())
                })
                .await;
            }
        }
        send(&producer, &topic, second).await;
        if fault == 5 {
            let node = scene.nodes[0].as_mut().unwrap();
            until("the death of the node", async || node.has_ended().then_some(())).await;
            scene.start(0, &[]);
        }
        let sent = (round + 1) * EVENTS;
        let found = until(&format!("the count of round {round}"), async || {
            let found = counted(&store).await;
            (found.0 >= sent).then_some(found)
        })
        .await;
        assert_eq!(found, (sent, sent, sent * (sent + 1) / 2), "round {round}");
        if fault == 2 {
            cluster.broker_round_trip_time(-1, Duration::ZERO).unwrap();
        }
        slowest = slowest.max(round_began.elapsed());
    }
    // What comes late would come now.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sent = rounds * EVENTS;
    assert_eq!(counted(&store).await, (sent, sent, sent * (sent + 1) / 2));
    assert!(slowest < PATIENCE);
    eprintln!(
        "{rounds} rounds, {sent} events, 0 lost, 0 counted twice, {} starts of a program, slowest round {slowest:?}, {:?} in all",
        scene.starts,
        began.elapsed()
    );
    store.close().await;
}
