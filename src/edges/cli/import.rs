//! `dim access import`: a history file to access events, a thousand at a time.
//!
//! Invariant: a line's identity is the file's content and the line's number, so that the same file imported twice, or again after
//! it broke off, counts every line once. A bad line is named with its number and never guessed at.

use super::access::{PATH, columns, report_facts, report_of};
use super::client::{Client, Reply};
use super::exit::CliError;
use super::node::Node;
use super::output::{Out, note};
use super::style;
use crate::domain::access::{AccessEvent, AccessOp, DatasetKey, IngestError, IngestReport, Refusal};
use crate::domain::placement::history::{Columns, EVENT_COLUMNS, Op};
use crate::domain::unit::{Bytes, Timestamp};
use clap::{Args, ValueEnum};
use reqwest::Method;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// Events of one request.
const BATCH: usize = 1_000;
/// A longer line is no event, and reading it whole could fill the memory.
const LINE_BYTES: u64 = 1 << 20;

/// Arguments of `dim access import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The history; may be gzipped
    file: PathBuf,
    /// Its format [default: by its name]
    #[arg(long)]
    format: Option<FileFormat>,
}

/// Formats of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Header unix_time,object_id,op,size_bytes; op is GET or PUT
    Csv,
    /// One access event a line, as the API takes it
    Ndjson,
}

impl FileFormat {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// Imports a file and prints what became of its lines.
///
/// # Errors
/// A file that cannot be read or is of another format; no server, or its refusal; a file of which not one line was taken.
pub async fn run(import: Import, client: &Client, out: Out) -> Result<(), CliError> {
    let path = &import.file;
    let format = import.format.or_else(|| FileFormat::of(path)).ok_or_else(|| {
        CliError::usage(format!(
            "the format of {} is not known by its name",
            path.display()
        ))
        .hint("name it with --format csv or --format ndjson")
    })?;
    let fail = |e: std::io::Error| CliError::failure(format!("cannot read {}: {e}", path.display()));
    let (lines, producer) = open(path).map_err(fail)?;
    let mut reader = Reader {
        lines,
        columns: None,
        format,
        producer,
        line: 0,
    };
    let mut total = IngestReport::default();
    loop {
        let (batch, end) = reader.batch(&mut total).map_err(|e| match e {
            Stop::Io(e) => fail(e),
            Stop::Header(reason) => CliError::usage(format!("{}: {reason}", path.display())),
        })?;
        if !batch.is_empty() {
            post(client, &batch, &mut total)
                .await
                .map_err(|error| so_far(error, &total))?;
        }
        if end {
            break;
        }
    }
    finish(&total, out)
}

fn finish(total: &IngestReport, out: Out) -> Result<(), CliError> {
    for error in &total.errors {
        note(&format!("line {}: {}", error.line, style::clean(&error.reason)));
    }
    let unnamed = total.rejected - i64::try_from(total.errors.len()).unwrap_or(0);
    if unnamed > 0 {
        note(&format!("and {unnamed} more lines were skipped"));
    }
    let node = serde_json::to_string(total)
        .and_then(|text| serde_json::from_str::<Node>(&text))
        .unwrap_or(Node::Null);
    out.one(&Reply::from_node(node), &columns(), total, |style| {
        report_facts(total, style)
    })?;
    if total.rejected > 0 && total.rejected == total.received {
        return Err(CliError::failure("not one line was taken"));
    }
    Ok(())
}

/// The same error, with what stands already: a person should know that trying again is safe.
fn so_far(error: CliError, total: &IngestReport) -> CliError {
    if total.accepted + total.duplicates == 0 {
        return error;
    }
    let hint = format!(
        "{} lines were taken before; run the same command again, nothing is counted twice",
        total.accepted
    );
    CliError {
        hint: Some(hint),
        ..error
    }
}

async fn post(
    client: &Client,
    batch: &[(i64, AccessEvent)],
    total: &mut IngestReport,
) -> Result<(), CliError> {
    let mut body = String::new();
    for (line, event) in batch {
        let text = serde_json::to_string(event)
            .map_err(|e| CliError::failure(format!("line {line} cannot be written as JSON: {e}")))?;
        body.push_str(&text);
        body.push('\n');
    }
    let request = client
        .request(Method::POST, PATH)
        .header("content-type", "application/x-ndjson")
        .body(body);
    let report = report_of(client, request).await?;
    total.accepted += report.accepted;
    total.duplicates += report.duplicates;
    total.rejected += report.rejected;
    for error in report.errors {
        let at = usize::try_from(error.line - 1).ok().and_then(|i| batch.get(i));
        let line = at.map_or(error.line, |(line, _)| *line);
        if total.errors.len() < IngestReport::LISTED {
            total.errors.push(IngestError { line, ..error });
        }
    }
    Ok(())
}

type Lines = Box<dyn BufRead + Send>;

/// The file's text, and the name under which its lines are counted: a hash of its content as it lies on disk.
fn open(path: &Path) -> std::io::Result<(Lines, String)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file)?;
    let producer = format!("import:{}", &hasher.finalize().to_hex()[..32]);
    file.rewind()?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let gzipped = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let lines: Lines = if gzipped {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    Ok((lines, producer))
}

enum Stop {
    Io(std::io::Error),
    Header(String),
}

struct Reader {
    lines: Lines,
    columns: Option<Columns>,
    format: FileFormat,
    producer: String,
    line: i64,
}

impl Reader {
    /// Up to [`BATCH`] events with their line numbers, and whether the file ended. Bad lines go into the report.
    fn batch(&mut self, total: &mut IngestReport) -> Result<(Vec<(i64, AccessEvent)>, bool), Stop> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let Some(text) = self.next_line()? else {
                return Ok((batch, true));
            };
            if self.format == FileFormat::Csv && self.columns.is_none() {
                let columns = Columns::find(&text, &EVENT_COLUMNS).map_err(|e| Stop::Header(e.reason))?;
                self.columns = Some(columns);
                continue;
            }
            if text.trim().is_empty() {
                continue;
            }
            total.received += 1;
            match self.event(&text) {
                Ok(event) => batch.push((self.line, event)),
                Err(reason) => total.refuse(self.line, Refusal::unreadable(&reason)),
            }
        }
        Ok((batch, false))
    }

    fn next_line(&mut self) -> Result<Option<String>, Stop> {
        let mut bytes = Vec::new();
        let read = (&mut self.lines)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut bytes)
            .map_err(Stop::Io)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if read as u64 == LINE_BYTES && !bytes.ends_with(b"\n") {
            return Err(Stop::Header(format!(
                "line {} is longer than {LINE_BYTES} bytes",
                self.line
            )));
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn event(&self, text: &str) -> Result<AccessEvent, String> {
        let mut event = match &self.columns {
            Some(columns) => {
                let line = u64::try_from(self.line).unwrap_or(0);
                let record = columns.event(text, line).map_err(|e| e.reason)?;
                AccessEvent {
                    event_id: None,
                    producer: None,
                    sequence: None,
                    dataset_id: DatasetKey::Name(record.object_id),
                    op: match record.op {
                        Op::Get => AccessOp::Read,
                        Op::Put => AccessOp::Write,
                    },
                    size_bytes: Bytes(record.size_bytes),
                    client_lat_ms: None,
                    client_region: None,
                    occurred_at: Some(instant(record.unix_time)?),
                }
            }
            None => serde_json::from_str(text).map_err(|e| e.to_string())?,
        };
        if event.event_id.is_none() && event.producer.is_none() {
            event.producer = Some(self.producer.clone());
            event.sequence = Some(self.line);
        }
        Ok(event)
    }
}

fn instant(unix_time: i64) -> Result<Timestamp, String> {
    unix_time
        .checked_mul(Timestamp::SECOND)
        .map(Timestamp)
        .filter(|at| at.to_utc().is_some())
        .ok_or_else(|| format!("unix_time {unix_time} is no instant"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(format: FileFormat, text: &str) -> (Vec<(i64, AccessEvent)>, IngestReport) {
        let mut reader = Reader {
            lines: Box::new(Cursor::new(text.as_bytes().to_vec())),
            columns: None,
            format,
            producer: "import:x".into(),
            line: 0,
        };
        let mut total = IngestReport::default();
        let Ok((batch, true)) = reader.batch(&mut total) else {
            panic!("one batch holds it");
        };
        (batch, total)
    }

    #[test]
    fn a_history_becomes_events_that_name_their_line() {
        let (batch, total) = read(
            FileFormat::Csv,
            "unix_time,object_id,op,size_bytes\n0,a,GET,5\n\nx,a,GET,5\n60,b,PUT,7\n",
        );
        let events: Vec<_> = batch
            .iter()
            .map(|(l, e)| (*l, e.op, e.size_bytes.0, e.sequence))
            .collect();
        assert_eq!(
            events,
            [(2, AccessOp::Read, 5, Some(2)), (5, AccessOp::Write, 7, Some(5))]
        );
        assert_eq!((total.received, total.rejected, total.errors[0].line), (3, 1, 4));
        assert!(total.errors[0].reason.contains("unix_time"), "{:?}", total.errors);
        assert_eq!(batch[1].1.occurred_at, Some(Timestamp::from_unix_secs(60)));
    }

    #[test]
    fn an_event_with_an_identity_of_its_own_keeps_it() {
        let (batch, total) = read(
            FileFormat::Ndjson,
            "{\"event_id\":\"e\",\"dataset_id\":1,\"op\":\"read\",\"size_bytes\":1}\n{\"dataset_id\":\"d\",\"op\":\"GET\",\"size_bytes\":1}\n{}\n",
        );
        let ids: Vec<_> = batch
            .iter()
            .map(|(_, e)| (e.event_id.is_some(), e.sequence))
            .collect();
        assert_eq!(ids, [(true, None), (false, Some(2))]);
        assert_eq!((total.received, total.rejected), (3, 1));
    }

    #[test]
    fn the_format_is_known_by_the_name() {
        for (name, format) in [
            ("a.csv", Some(FileFormat::Csv)),
            ("a.CSV.gz", Some(FileFormat::Csv)),
            ("a.jsonl", Some(FileFormat::Ndjson)),
            ("a.gz", None),
            ("a", None),
        ] {
            assert_eq!(FileFormat::of(Path::new(name)), format, "{name}");
        }
    }
}
