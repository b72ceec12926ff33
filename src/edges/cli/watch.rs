//! `dim watch job`: the stages of a job as they happen, until its end.
//!
//! Invariant: the stream only speeds things up. The job itself is read before the stream is joined, after every break and after
//! every `resync`, so that no end is missed; the stream is joined at the number that the job's last stage has.

use super::Client;
use super::client::Reply;
use super::events::{EventParser, ServerEvent};
use super::exit::{CliError, Exit};
use super::jobs::{Asked, path, progress, tint};
use super::node::Node;
use super::options::Format;
use super::output::{Out, note};
use super::style;
use super::table::{self, Column};
use crate::domain::event::JobStatusEvent;
use crate::domain::migration::{JobDetail, JobStatus};
use crate::domain::unit::Timestamp;
use clap::{Args, Subcommand};
use reqwest::{Method, Response};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The server comments every 15 s: a stream that is silent for longer is broken.
const SILENT: Duration = Duration::from_secs(40);
/// How long a server that went away is waited for.
const AWAY: Duration = Duration::from_secs(60);
/// Between two tries to reach it.
const RETRY: Duration = Duration::from_secs(1);

/// What to watch.
#[derive(Debug, Subcommand)]
pub enum Watch {
    /// Follow a job until its end; exit 0 completed, 6 ended otherwise, 7 not ended in time
    Job(JobArgs),
}

/// Arguments of `dim watch job`.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// Its id
    #[arg(value_name = "JOB", required_unless_present = "job_id")]
    job: Option<String>,
    /// The same as the argument
    #[arg(long, value_name = "ID", conflicts_with = "job")]
    job_id: Option<String>,
    /// Seconds between two lines of progress; changes of stage are printed at once
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    interval: u64,
    /// Stop watching after this many seconds [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    max_wait: Option<u64>,
    #[command(flatten)]
    asked: Asked,
}

/// Follows a job.
///
/// # Errors
/// No server, its refusal, a job that ended badly, or time that ran out.
pub async fn run(command: Watch, client: &Client, out: Out) -> Result<(), CliError> {
    let Watch::Job(args) = command;
    let client = &args.asked.of(client).await?;
    let key = args.job.or(args.job_id).unwrap_or_default();
    let interval = Duration::from_secs(args.interval);
    let mut watcher = Watcher {
        client,
        out,
        path: path(&key, ""),
        interval,
        last: None,
        printed_at: None,
        header: false,
    };
    let ended = match args.max_wait {
        None => watcher.follow().await?,
        Some(secs) => timeout(Duration::from_secs(secs), watcher.follow())
            .await
            .map_err(|_| CliError::new(Exit::TimeOut, format!("job {key} has not ended in {secs} s")))??,
    };
    match ended {
        JobStatus::Completed => Ok(()),
        status => Err(CliError::new(
            Exit::JobEndedBadly,
            format!("job {key} is {status}"),
        )),
    }
}

struct Watcher<'a> {
    client: &'a Client,
    out: Out,
    path: String,
    interval: Duration,
    last: Option<(i64, JobStatus)>,
    printed_at: Option<Instant>,
    header: bool,
}

/// Why a stream was left.
enum Left {
    Ended(JobStatus),
    /// The job must be read again, and the stream joined again.
    Again,
    /// The server has no stream.
    NoStream,
}

impl Watcher<'_> {
    async fn follow(&mut self) -> Result<JobStatus, CliError> {
        let mut streams = true;
        let mut away: Option<Instant> = None;
        loop {
            let detail = match self
                .client
                .get(&self.path)
                .await
                .and_then(|reply| reply.typed::<JobDetail>())
            {
                Ok(detail) => detail,
                // A first look that fails is the answer; later the server may be starting again.
                Err(error) if self.last.is_none() || error.exit != Exit::Failure => return Err(error),
                Err(error) => {
                    let since = *away.get_or_insert_with(Instant::now);
                    if since.elapsed() > AWAY {
                        return Err(error);
                    }
                    sleep(RETRY).await;
                    continue;
                }
            };
            away = None;
            self.show_job(&detail)?;
            if detail.job.status.is_end() {
                return Ok(detail.job.status);
            }
            if !streams {
                sleep(self.interval).await;
                continue;
            }
            match self.stream(&detail).await? {
                Left::Ended(status) => return Ok(status),
                Left::Again => sleep(RETRY).await,
                Left::NoStream => {
                    note(&format!(
                        "this server has no live events; asking every {}",
                        style::span(i64::try_from(self.interval.as_secs()).unwrap_or(0))
                    ));
                    streams = false;
                }
            }
        }
    }

    async fn stream(&mut self, detail: &JobDetail) -> Result<Left, CliError> {
        let since = self.last.map_or(0, |(seq, _)| seq);
        let request = self
            .client
            .request(Method::GET, &format!("/events?since={since}"))
            .header("accept", "text/event-stream");
        let Ok(Ok(mut response)) = timeout(SILENT, request.send()).await else {
            return Ok(Left::Again);
        };
        if !is_stream(&response) {
            return Ok(Left::NoStream);
        }
        let mut parser = EventParser::default();
        loop {
            let Ok(Ok(Some(piece))) = timeout(SILENT, response.chunk()).await else {
                return Ok(Left::Again);
            };
            for event in parser.feed(&piece) {
                match self.take(&event, detail)? {
                    Some(left) => return Ok(left),
                    None => continue,
                }
            }
        }
    }

    fn take(&mut self, event: &ServerEvent, detail: &JobDetail) -> Result<Option<Left>, CliError> {
        if event.name == "resync" {
            return Ok(Some(Left::Again));
        }
        if event.name != "job_status" {
            return Ok(None);
        }
        let Ok(status) = serde_json::from_str::<JobStatusEvent>(&event.data) else {
            return Ok(None);
        };
        if status.job_id != detail.job.id {
            return Ok(None);
        }
        self.show(&status)?;
        Ok(status.status.is_end().then_some(Left::Ended(status.status)))
    }

    /// The stages that were not shown yet, then the present progress.
    fn show_job(&mut self, detail: &JobDetail) -> Result<(), CliError> {
        let job = &detail.job;
        let line = |seq, status, reason: Option<String>, at: Timestamp| JobStatusEvent {
            seq,
            job_id: job.id,
            dataset_id: job.dataset_id,
            dataset_name: job.dataset_name.clone(),
            status,
            progress: if status == job.status {
                job.progress
            } else {
                Default::default()
            },
            reason,
            updated_at: at.unix_secs(),
        };
        let shown = self.last.map_or(i64::MIN, |(seq, _)| seq);
        for event in detail.events.iter().filter(|event| event.seq > shown) {
            self.show(&line(event.seq, event.status, event.reason.clone(), event.at))?;
        }
        let seq = self.last.map_or(0, |(seq, _)| seq);
        self.show(&line(seq, job.status, job.reason.clone(), job.updated_at))
    }

    fn show(&mut self, event: &JobStatusEvent) -> Result<(), CliError> {
        let now = Instant::now();
        if let Some((seq, status)) = self.last {
            let due = self.printed_at.is_none_or(|at| now >= at + self.interval);
            // A number that was shown already is a replay; the same number in the same stage is progress.
            let stale = event.seq < seq || (event.seq == seq && event.status != status && event.seq != 0);
            let progress = event.seq == seq && event.status == status;
            if stale || (progress && (!due || event.status.is_end())) {
                return Ok(());
            }
        }
        self.last = Some((event.seq, event.status));
        self.printed_at = Some(now);
        self.print(event)
    }

    fn print(&mut self, event: &JobStatusEvent) -> Result<(), CliError> {
        let json = serde_json::to_string(event).unwrap_or_default();
        match self.out.format {
            Format::Json => self.out.text(&json),
            Format::Yaml => {
                let node: Node = serde_json::from_str(&json).unwrap_or(Node::Null);
                self.out
                    .text(&format!("---\n{}", Reply::from_node(node).node.to_yaml()))
            }
            Format::Csv => {
                let text = table::csv(&columns(), std::slice::from_ref(event))
                    .map_err(|e| CliError::failure(format!("cannot write CSV: {e}")))?;
                let body = text.split_once('\n').map_or("", |(_, body)| body);
                let shown = if self.header { body } else { &text };
                self.header = true;
                self.out.text(shown)
            }
            Format::Table => self.out.text(&self.line(event)),
        }
    }

    fn line(&self, event: &JobStatusEvent) -> String {
        let at = Timestamp::from_unix_secs(event.updated_at);
        let clock = at
            .to_utc()
            .map_or_else(String::new, |t| t.format("%H:%M:%S").to_string());
        let status = self
            .out
            .style
            .tint(tint(event.status), &format!("{:<9}", event.status.as_str()));
        let tail = match &event.reason {
            Some(reason) => style::clean(reason),
            None => progress(&event.progress),
        };
        format!("{clock}  {status}  {tail}").trim_end().to_owned()
    }
}

fn is_stream(response: &Response) -> bool {
    let kind = response
        .headers()
        .get("content-type")
        .and_then(|v| v.to_str().ok());
    response.status().is_success() && kind.is_some_and(|k| k.starts_with("text/event-stream"))
}

fn columns() -> Vec<Column<JobStatusEvent>> {
    vec![
        Column::text("SEQ", "seq", |r: &JobStatusEvent| r.seq.to_string()),
        Column::text("JOB", "job_id", |r: &JobStatusEvent| r.job_id.to_string()),
        Column::text("STATUS", "status", |r: &JobStatusEvent| r.status.to_string()),
        Column::text("OBJECTS", "objects_done", |r: &JobStatusEvent| {
            r.progress.objects_done.to_string()
        }),
        Column::text("OF", "objects_total", |r: &JobStatusEvent| {
            r.progress.objects_total.to_string()
        }),
        Column::text("BYTES", "bytes_done", |r: &JobStatusEvent| {
            r.progress.bytes_done.0.to_string()
        }),
        Column::text("OF", "bytes_total", |r: &JobStatusEvent| {
            r.progress.bytes_total.0.to_string()
        }),
        Column::text("REASON", "reason", |r: &JobStatusEvent| {
            r.reason.clone().unwrap_or_default()
        }),
        Column::text("AT", "updated_at", |r: &JobStatusEvent| r.updated_at.to_string()),
    ]
}
