//! Access history files: text to records to one daily read series per dataset.
//!
//! Invariant: a bad line is reported with its number and never guessed at; the order of lines does not matter. The text comes
//! in as lines: opening files and undoing gzip is done outside. The same parser serves the telemetry import.

use crate::domain::unit::Bytes;
use std::collections::HashMap;

const DAY_SECS: i64 = 86_400;

/// What an access did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Bytes were read.
    Get,
    /// The dataset was written: its size is set, or grows to this.
    Put,
}

/// One line of an events file (`unix_time,object_id,op,size_bytes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Seconds since 1970, UTC.
    pub unix_time: i64,
    /// The dataset.
    pub object_id: String,
    /// Read or write.
    pub op: Op,
    /// Bytes read, or the size that was written.
    pub size_bytes: u64,
}

/// One line of an objects file (`object_id,size_bytes,n_files,created_unix`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRecord {
    /// The dataset.
    pub object_id: String,
    /// Its size.
    pub size_bytes: u64,
    /// Files in it, at least 1.
    pub n_files: u64,
    /// When it came into being, seconds since 1970.
    pub created_unix: i64,
}

/// Why a line was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct LineError {
    /// Number of the line, the header being 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Columns by name, so that extra columns and another order are fine.
#[derive(Clone, Debug)]
pub struct Columns {
    positions: Vec<usize>,
    width: usize,
}

impl Columns {
    /// Finds `names` in a header line.
    ///
    /// # Errors
    /// A [`LineError`] that names the missing column.
    pub fn find(header: &str, names: &[&str]) -> Result<Self, LineError> {
        let fields = split(header.trim_start_matches('\u{feff}'));
        let position = |name: &&str| {
            let found = fields.iter().position(|f| f.trim() == *name);
            found.ok_or_else(|| LineError {
                line: 1,
                reason: format!("the header has no column {name}"),
            })
        };
        let positions = names.iter().map(position).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            positions,
            width: fields.len(),
        })
    }

    fn pick(&self, text: &str, line: u64) -> Result<Vec<String>, LineError> {
        let fields = split(text);
        if fields.len() < self.width {
            let reason = format!("{} fields where the header has {}", fields.len(), self.width);
            return Err(LineError { line, reason });
        }
        Ok(self
            .positions
            .iter()
            .map(|&p| fields[p].trim().to_owned())
            .collect())
    }

    /// Reads a line of an events file.
    ///
    /// # Errors
    /// A [`LineError`] when a field is missing or not of its kind.
    pub fn event(&self, text: &str, line: u64) -> Result<EventRecord, LineError> {
        let f = self.pick(text, line)?;
        let op = match f[2].as_str() {
            "GET" | "get" | "read" | "READ" => Op::Get,
            "PUT" | "put" | "write" | "WRITE" => Op::Put,
            other => {
                return Err(LineError {
                    line,
                    reason: format!("op {other:?} is neither GET nor PUT"),
                });
            }
        };
        let (unix_time, size_bytes) = (
            number(&f[0], "unix_time", line)?,
            number(&f[3], "size_bytes", line)?,
        );
        Ok(EventRecord {
            unix_time,
            object_id: named(&f[1], line)?,
            op,
            size_bytes,
        })
    }

    /// Reads a line of an objects file.
    ///
    /// # Errors
    /// A [`LineError`] when a field is missing or not of its kind.
    pub fn object(&self, text: &str, line: u64) -> Result<ObjectRecord, LineError> {
        let f = self.pick(text, line)?;
        Ok(ObjectRecord {
            object_id: named(&f[0], line)?,
            size_bytes: number(&f[1], "size_bytes", line)?,
            n_files: number::<u64>(&f[2], "n_files", line)?.max(1),
            created_unix: number(&f[3], "created_unix", line)?,
        })
    }
}

/// The header names of an events file, in the order [`Columns::event`] expects them.
pub const EVENT_COLUMNS: [&str; 4] = ["unix_time", "object_id", "op", "size_bytes"];
/// The header names of an objects file, in the order [`Columns::object`] expects them.
pub const OBJECT_COLUMNS: [&str; 4] = ["object_id", "size_bytes", "n_files", "created_unix"];

fn named(id: &str, line: u64) -> Result<String, LineError> {
    if id.is_empty() {
        return Err(LineError {
            line,
            reason: "object_id is empty".into(),
        });
    }
    Ok(id.to_owned())
}

/// Whole numbers; a decimal text such as `1.5e9` or `1618963200.0` is rounded down.
fn number<T: TryFrom<i64>>(text: &str, name: &str, line: u64) -> Result<T, LineError> {
    let bad = || LineError {
        line,
        reason: format!("{name} {text:?} is not a whole number that fits"),
    };
    let value = match text.parse::<i64>() {
        Ok(v) => v,
        Err(_) => {
            let v: f64 = text.parse().map_err(|_| bad())?;
            if !(v.is_finite() && v.abs() < 9.0e18) {
                return Err(bad());
            }
            v.floor() as i64
        }
    };
    T::try_from(value).map_err(|_| bad())
}

/// Splits a CSV line; a field in double quotes may hold commas, and `""` inside it stands for one quote.
fn split(line: &str) -> Vec<String> {
    let line = line.trim_end_matches(['\r', '\n']);
    if !line.contains('"') {
        return line.split(',').map(str::to_owned).collect();
    }
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(c),
        }
    }
    fields.push(field);
    fields
}

/// One dataset's life, by day.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetHistory {
    /// The dataset's name in the files.
    pub id: String,
    /// Its size: what the objects file says, else the largest size written.
    pub size: Bytes,
    /// Files in it, at least 1.
    pub n_files: u64,
    /// Days since 1970 of its first day: the earlier of creation and first event, but not before the history begins.
    pub first_day: i64,
    /// (days after the first, bytes read that day ÷ size), ordered, at most one entry a day.
    pub reads: Vec<(u32, f64)>,
}

impl DatasetHistory {
    /// Reads per day from the first day up to but without `end_day`.
    #[must_use]
    pub fn daily(&self, end_day: i64) -> Vec<f64> {
        let days = usize::try_from(end_day - self.first_day).unwrap_or(0);
        let mut out = vec![0.0; days];
        for &(day, share) in &self.reads {
            if let Some(slot) = out.get_mut(day as usize) {
                *slot += share;
            }
        }
        out
    }
}

/// A fleet's history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Ordered by id.
    pub datasets: Vec<DatasetHistory>,
    /// Event lines taken.
    pub events: u64,
    /// Day (since 1970) of the first event.
    pub first_day: i64,
    /// The day after the last event: every dataset is billed up to here.
    pub end_day: i64,
}

impl History {
    /// Days from the first event to the last, both counted.
    #[must_use]
    pub fn span_days(&self) -> i64 {
        self.end_day - self.first_day
    }
}

#[derive(Debug, Default)]
struct Draft {
    object: Option<ObjectRecord>,
    largest_put: u64,
    first_event: Option<i64>,
    reads: HashMap<i64, u64>,
}

/// Collects records into a [`History`].
#[derive(Debug, Default)]
pub struct HistoryBuilder {
    drafts: HashMap<String, Draft>,
    events: u64,
    days: Option<(i64, i64)>,
}

impl HistoryBuilder {
    /// Takes one event.
    pub fn event(&mut self, record: &EventRecord) {
        let day = record.unix_time.div_euclid(DAY_SECS);
        self.events += 1;
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((first.min(day), last.max(day)));
        let draft = match self.drafts.get_mut(&record.object_id) {
            Some(d) => d,
            None => self.drafts.entry(record.object_id.clone()).or_default(),
        };
        draft.first_event = Some(draft.first_event.map_or(day, |d| d.min(day)));
        match record.op {
            Op::Get => {
                let bytes = draft.reads.entry(day).or_default();
                *bytes = bytes.saturating_add(record.size_bytes);
            }
            Op::Put => draft.largest_put = draft.largest_put.max(record.size_bytes),
        }
    }

    /// Takes one line of the objects file.
    pub fn object(&mut self, record: ObjectRecord) {
        let draft = self.drafts.entry(record.object_id.clone()).or_default();
        draft.object = Some(record);
    }

    /// The history. A dataset of no known size (or of size 0) is as large as its largest day of reads; one that has neither
    /// is left out, and so is one that comes into being after the last event.
    #[must_use]
    pub fn finish(self) -> History {
        let Some((first_day, last_day)) = self.days else {
            return History::default();
        };
        let end_day = last_day + 1;
        let build = |(id, draft): (String, Draft)| draft.build(id, first_day, end_day);
        let mut datasets: Vec<DatasetHistory> = self.drafts.into_iter().filter_map(build).collect();
        datasets.sort_by(|a, b| a.id.cmp(&b.id));
        History {
            datasets,
            events: self.events,
            first_day,
            end_day,
        }
    }
}

impl Draft {
    fn build(self, id: String, first_day: i64, end_day: i64) -> Option<DatasetHistory> {
        let stated = self.object.as_ref().map_or(0, |o| o.size_bytes);
        let largest_read = self.reads.values().copied().max().unwrap_or(0);
        let size = [stated, self.largest_put, largest_read]
            .into_iter()
            .find(|&s| s > 0)?;
        let created = self.object.as_ref().map(|o| o.created_unix.div_euclid(DAY_SECS));
        let begin = [created, self.first_event]
            .into_iter()
            .flatten()
            .min()?
            .max(first_day);
        if begin >= end_day {
            return None;
        }
        let share = |(day, bytes): (i64, u64)| {
            let after = u32::try_from(day - begin).ok()?;
            Some((after, bytes as f64 / size as f64))
        };
        let mut reads: Vec<(u32, f64)> = self
            .reads
            .into_iter()
            .filter(|(_, b)| *b > 0)
            .filter_map(share)
            .collect();
        reads.sort_by_key(|(day, _)| *day);
        let n_files = self.object.map_or(1, |o| o.n_files);
        Some(DatasetHistory {
            id,
            size: Bytes(size),
            n_files,
            first_day: begin,
            reads,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns::find("unix_time,object_id,op,size_bytes", &EVENT_COLUMNS).expect("a good header")
    }

    #[test]
    fn lines_become_daily_shares_whatever_their_order() {
        let c = columns();
        let mut b = HistoryBuilder::default();
        for (i, text) in [
            "172800,a,GET,50",
            "0,a,PUT,100",
            "172801,a,GET,25",
            "86400,\"b,1\",GET,10",
        ]
        .iter()
        .enumerate()
        {
            b.event(&c.event(text, i as u64 + 2).expect("a good line"));
        }
        let h = b.finish();
        assert_eq!((h.events, h.first_day, h.end_day, h.span_days()), (4, 0, 3, 3));
        assert_eq!(h.datasets[0].reads, vec![(2, 0.75)]);
        assert_eq!(
            (h.datasets[0].size, h.datasets[0].daily(3)),
            (Bytes(100), vec![0.0, 0.0, 0.75])
        );
        assert_eq!(
            (
                h.datasets[1].id.as_str(),
                h.datasets[1].first_day,
                h.datasets[1].size
            ),
            ("b,1", 1, Bytes(10))
        );
    }

    #[test]
    fn the_objects_file_sets_size_files_and_birth() {
        let mut b = HistoryBuilder::default();
        let o = Columns::find("n_files,object_id,size_bytes,created_unix", &OBJECT_COLUMNS)
            .expect("a good header");
        b.object(o.object("7,a,1000,86400", 2).expect("a good line"));
        b.event(&columns().event("259200,a,GET,500", 2).expect("a good line"));
        b.event(&columns().event("0,z,PUT,1", 3).expect("a good line"));
        let a = &b.finish().datasets[0];
        assert_eq!(
            (a.size, a.n_files, a.first_day, a.reads.as_slice()),
            (Bytes(1000), 7, 1, &[(2, 0.5)][..])
        );
    }

    #[test]
    fn bad_lines_say_what_is_wrong_and_where() {
        let c = columns();
        assert_eq!(
            c.event("1,a,DELETE,5", 9).expect_err("bad op").to_string(),
            "line 9: op \"DELETE\" is neither GET nor PUT"
        );
        for bad in ["x,a,GET,5", "1,a,GET,-5", "1,a,GET", "1,,GET,5", "1,a,GET,1e40"] {
            assert!(c.event(bad, 3).is_err(), "{bad}");
        }
        assert!(Columns::find("time,object_id", &EVENT_COLUMNS).is_err());
    }
}
