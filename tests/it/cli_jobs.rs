//! `dim watch job` and `dim jobs` against a server that answers by a script, so that breaks and gaps come where a test wants them.

use crate::cli::{Ran, dim};
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use data_in_motion::domain::event::JobStatusEvent;
use data_in_motion::domain::id::{DatasetId, JobId, LocationId};
use data_in_motion::domain::migration::{Job, JobDetail, JobEvent, JobStatus, Progress};
use data_in_motion::domain::unit::{Bytes, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

fn progress(done: i64) -> Progress {
    Progress {
        objects_done: done,
        objects_total: 4,
        bytes_done: Bytes(done as u64 * 100),
        bytes_total: Bytes(400),
        ..Progress::default()
    }
}

/// A job that went through these stages, numbered from 1.
fn detail(stages: &[JobStatus]) -> JobDetail {
    let at = Timestamp::from_unix_secs(1_700_000_000);
    let uri = |text: &str| text.parse().unwrap();
    let job = Job {
        id: JobId(9),
        dataset_id: DatasetId(1),
        dataset_name: "demo".into(),
        status: *stages.last().unwrap(),
        reason: (stages.last() == Some(&JobStatus::Failed)).then(|| "the copy of a.bin differs".into()),
        error_code: None,
        source_uri: uri("file:///a/demo"),
        source_location_id: LocationId(1),
        source_class: "HOT".parse().unwrap(),
        target_uri: uri("file:///b/demo"),
        target_location_id: LocationId(2),
        target_class: "COLD".parse().unwrap(),
        progress: progress(1),
        attempt: 1,
        fence: 1,
        wanted: None,
        owner: None,
        lease_until: None,
        forecast_saving_nanousd: None,
        created_at: at,
        updated_at: at,
        started_at: None,
        finished_at: None,
        undo_until: None,
        deletes_source: true,
        actions: vec!["cancel".into()],
    };
    let event = |(i, status): (usize, &JobStatus)| JobEvent {
        seq: i as i64 + 1,
        status: *status,
        reason: None,
        attempt: 1,
        at,
    };
    JobDetail {
        events: stages.iter().enumerate().map(event).collect(),
        objects: Vec::new(),
        verification: None,
        outcome: None,
        samples: Vec::new(),
        options: data_in_motion::domain::migration::options::MoveOptions::default(),
        limits: Vec::new(),
        has_receipt: false,
        plan: None,
        job,
    }
}

fn sse(seq: i64, status: JobStatus) -> String {
    let event = JobStatusEvent {
        seq,
        job_id: JobId(9),
        dataset_id: DatasetId(1),
        dataset_name: "demo".into(),
        status,
        progress: progress(4),
        reason: None,
        updated_at: 1_700_000_060,
    };
    let data = serde_json::to_string(&event).unwrap();
    format!("id: {seq}\nevent: job_status\ndata: {data}\n\n")
}

/// What the server says, look after look; the last answer is repeated. A stream ends, as a broken one does, after its text.
#[derive(Clone, Default)]
struct Script {
    looks: Arc<Mutex<Vec<JobDetail>>>,
    streams: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn serve(looks: &[&[JobStatus]], streams: &[String]) -> (String, Self) {
        let script = Self {
            looks: Arc::new(Mutex::new(looks.iter().map(|l| detail(l)).collect())),
            streams: Arc::new(Mutex::new(streams.to_vec())),
            asked: Arc::default(),
        };
        let router = axum::Router::new()
            .route("/events", get(events))
            .route("/api/v1/jobs/9", get(job))
            .route("/api/v1/jobs/9/{command}", any(command))
            .with_state(script.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, script)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn job(State(script): State<Script>) -> axum::Json<JobDetail> {
    let mut looks = script.looks.lock().unwrap();
    axum::Json(if looks.len() > 1 {
        looks.remove(0)
    } else {
        looks[0].clone()
    })
}

async fn events(State(script): State<Script>, Query(query): Query<HashMap<String, String>>) -> Response {
    script.asked.lock().unwrap().push(query["since"].clone());
    let mut streams = script.streams.lock().unwrap();
    if streams.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(header::CONTENT_TYPE, "text/event-stream")], streams.remove(0)).into_response()
}

async fn command(State(script): State<Script>, method: Method, uri: Uri) -> Response {
    script
        .asked
        .lock()
        .unwrap()
        .push(format!("{method} {}", uri.path()));
    if uri.path().ends_with("/undo") {
        let problem = r#"{"code":"undo_closed","detail":"the grace period of job 9 is over"}"#;
        return (StatusCode::CONFLICT, problem).into_response();
    }
    axum::Json(detail(&[JobStatus::Queued]).job).into_response()
}

fn stages(ran: &Ran) -> Vec<&str> {
    ran.out
        .lines()
        .filter_map(|l| l.split_whitespace().nth(1))
        .collect()
}

const Q: JobStatus = JobStatus::Queued;
const C: JobStatus = JobStatus::Copying;
const V: JobStatus = JobStatus::Verifying;
const S: JobStatus = JobStatus::Switching;
const DONE: JobStatus = JobStatus::Completed;

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_survives_a_broken_stream_and_shows_every_stage_once() {
    let first = format!("{}{}", sse(2, C), sse(3, V));
    let (url, script) = Script::serve(
        &[&[Q], &[Q, C, V, S]],
        &[first, format!(": hello\n\n{}{}", sse(4, S), sse(5, DONE))],
    )
    .await;
    let ran = dim(
        &url,
        &[
            "watch",
            "job",
            "--job-id",
            "9",
            "--source",
            "go",
            "--interval",
            "3600",
        ],
    )
    .await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(
        stages(&ran),
        ["queued", "copying", "verifying", "switching", "completed"],
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("4 of 4 objects, 400 B of 400 B (100 %)"),
        "{}",
        ran.out
    );
    assert_eq!(
        script.asked(),
        ["1", "4"],
        "the second stream is joined where the second look ended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_without_a_stream_asks_and_tells_a_failure_by_its_code() {
    let (url, _) = Script::serve(&[&[Q], &[Q, C], &[Q, C, JobStatus::Failed]], &[]).await;
    let ran = dim(&url, &["watch", "job", "9", "--interval", "1", "-o", "json"]).await;
    assert_eq!(ran.code, 6, "{}", ran.err);
    let seen: Vec<JobStatusEvent> = ran
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(
        seen.iter().map(|e| e.status).collect::<Vec<_>>(),
        [Q, C, JobStatus::Failed]
    );
    assert!(
        ran.err.contains("no live events") && ran.err.contains("job 9 is failed"),
        "{}",
        ran.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_7_when_the_time_is_over() {
    let (url, _) = Script::serve(&[&[Q, C]], &[]).await;
    let ran = dim(&url, &["watch", "job", "9", "--max-wait", "1"]).await;
    assert_eq!(
        (ran.code, stages(&ran)),
        (7, vec!["queued", "copying"]),
        "{}",
        ran.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_a_job_passes_on_what_the_server_says() {
    let (url, script) = Script::serve(&[&[Q]], &[]).await;
    let retried = dim(&url, &["jobs", "retry", "--job-id", "9", "--source", "python"]).await;
    assert_eq!(retried.code, 0, "{}", retried.err);
    assert!(retried.err.contains("job 9 is queued now"), "{}", retried.err);
    let undone = dim(&url, &["jobs", "undo", "9"]).await;
    assert_eq!((undone.code, undone.out.as_str()), (5, ""));
    assert!(
        undone.err.contains("the grace period of job 9 is over"),
        "{}",
        undone.err
    );
    assert_eq!(
        script.asked(),
        ["POST /api/v1/jobs/9/retry", "POST /api/v1/jobs/9/undo"]
    );
    let shown = dim(&url, &["jobs", "get", "9"]).await;
    assert!(
        shown.out.starts_with("queued\n") && shown.out.contains("STAGE"),
        "{}",
        shown.out
    );
}
