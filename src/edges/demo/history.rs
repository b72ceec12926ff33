//! A real history instead of the generated one: its datasets, tiny files that stand for them, and its events up to now.
//!
//! Invariant: sizes, counts and times are the history's own. Its times are shifted by whole days, all by the same number, so that
//! its last event was today or yesterday and weekdays' hours stay; nothing else is changed, and the note says so.

use super::scene::{Past, Place, Scene, Set, storage_class};
use super::{DemoError, service};
use crate::domain::access::AccessOp;
use crate::domain::name::{NAME_MAX_CHARS, Name};
use crate::domain::placement::history::{DatasetHistory, Op};
use crate::domain::unit::{Bytes, Timestamp, group_thousands};
use crate::edges::cli::backtest::open;
use crate::edges::cli::output::note;
use crate::services::backtest::{ReadHistory, read_history_with};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A larger history wants a server of its own and `dim access import`; here every dataset gets real files before the first page.
const DATASETS_MOST: usize = 20_000;
/// The same: all events are held in memory while they are loaded.
const EVENTS_MOST: usize = 2_000_000;
/// All files of a scene together, about: written in a second, enough to watch a copy.
const ON_DISK: u64 = 100_000_000;
/// Files of all datasets together: each costs a system call or three.
const FILES_MOST: usize = 10_000;
/// Files of one dataset.
const FILES_EACH: usize = 12;

/// Everything that the two files say, shifted to end at `now`.
///
/// # Errors
/// A file that cannot be read or holds no dataset, a history that is too large for a demo.
pub(super) fn read(events: &Path, objects: &Path, seed: u64, now: Timestamp) -> Result<Scene, DemoError> {
    let failed = "read the history";
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut taken = Vec::new();
    let read = read_history_with(
        open(events).map_err(service(failed))?,
        open(objects).map_err(service(failed))?,
        |record| {
            if taken.len() > EVENTS_MOST {
                return;
            }
            let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            let id = match ids.get(&record.object_id) {
                Some(id) => *id,
                None => *ids.entry(record.object_id.clone()).or_insert(next),
            };
            let op = match record.op {
                Op::Get => AccessOp::Read,
                Op::Put => AccessOp::Write,
            };
            taken.push((record.unix_time, id, op, record.size_bytes));
        },
    )
    .map_err(service(failed))?;
    let (datasets, count) = (read.history.datasets.len(), taken.len());
    if datasets > DATASETS_MOST || count > EVENTS_MOST {
        return Err(DemoError::Unfit(format!(
            "the history has {datasets} datasets and {} events; a demo takes up to {} and {}. Start a server (dim serve), create \
             the datasets and load it with dim access import",
            read.history.events,
            group_thousands(DATASETS_MOST as u64),
            group_thousands(EVENTS_MOST as u64)
        )));
    }
    for reason in &read.reasons {
        note(&format!("dim: skipped {reason}"));
    }
    Ok(scene(read, &ids, taken, (events, seed, now)))
}

fn scene(
    read: ReadHistory,
    ids: &HashMap<String, u32>,
    taken: Vec<(i64, u32, AccessOp, u64)>,
    (events, seed, now): (&Path, u64, Timestamp),
) -> Scene {
    let last = taken.iter().map(|(at, ..)| *at).max().unwrap_or(0);
    let shift_days = (now.unix_secs() - last).div_euclid(86_400);
    let shift = shift_days * Timestamp::DAY;

    // Positions of the datasets by the ids of the events.
    let mut position = vec![None; ids.len()];
    for (i, d) in read.history.datasets.iter().enumerate() {
        if let Some(id) = ids.get(&d.id) {
            position[*id as usize] = u32::try_from(i).ok();
        }
    }
    let mut past: Vec<Past> = taken
        .into_iter()
        .filter_map(|(at, id, op, size)| {
            Some(Past {
                set: position[id as usize]?,
                at: Timestamp::from_unix_secs(at).plus_micros(shift),
                op,
                size: Bytes(size),
            })
        })
        .collect();
    past.sort_by_key(|p| (p.at, p.set));

    let total: u128 = read.history.datasets.iter().map(|d| u128::from(d.size.0)).sum();
    let scale = factor(total);
    let each = FILES_MOST / read.history.datasets.len().max(1);
    let files_each = u64::try_from(each.clamp(1, FILES_EACH)).unwrap_or(1);
    let mut names = Names::default();
    let mut sets: Vec<Set> = read
        .history
        .datasets
        .iter()
        .map(|d| set(d, names.pick(&d.id), shift, scale, files_each))
        .collect();
    let recent = past
        .last()
        .map_or(Timestamp(0), |p| p.at)
        .plus_micros(-30 * Timestamp::DAY);
    for read in past.iter().rev().take_while(|p| p.at >= recent) {
        if read.op == AccessOp::Read
            && let Some(set) = sets.get_mut(read.set as usize)
        {
            set.live_weight += 1;
        }
    }
    let file = events
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Scene {
        seed,
        scale,
        source: source(&read, &file, past.len(), shift_days),
        producer: format!("demo:history:{file}"),
        sets,
        past,
    }
}

fn set(d: &DatasetHistory, name: Name, shift: i64, scale: u64, files_each: u64) -> Set {
    Set {
        name,
        place: Place::Lake,
        class: storage_class("STANDARD"),
        size: d.size,
        object_count: i64::try_from(d.n_files).unwrap_or(i64::MAX),
        created_at: Timestamp(d.first_day * Timestamp::DAY).plus_micros(shift),
        latency_limit_ms: None,
        // Even the smallest has a byte to move.
        on_disk: Bytes((d.size.0 / scale).max(1)),
        files: u32::try_from(d.n_files.clamp(1, files_each)).unwrap_or(1),
        live_weight: 0,
    }
}

/// The smallest of 1, 2, 5, 10, 20, … that brings a fleet down to [`ON_DISK`].
fn factor(total: u128) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            let factor = power.saturating_mul(step);
            if total / u128::from(factor) <= u128::from(ON_DISK) || factor == u64::MAX {
                return factor;
            }
        }
        power = power.saturating_mul(10);
    }
}

fn source(read: &ReadHistory, file: &str, events: usize, shift_days: i64) -> String {
    let direction = if shift_days < 0 { "back" } else { "forward" };
    let skipped = match read.skipped {
        0 => String::new(),
        n => format!(" {} lines were skipped as unreadable.", group_thousands(n)),
    };
    let left_out = match read.history.events.saturating_sub(events as u64) {
        0 => String::new(),
        n => format!(
            " {} accesses name a dataset of unknown size and were left out.",
            group_thousands(n)
        ),
    };
    format!(
        "Loaded from {file}: {} datasets and {} accesses over {} days, all shifted {direction} by {} days so that the last is \
         recent. Sizes, object counts and accesses are the file's own; that all begin in lake's first class is assumed.{skipped}{left_out}",
        group_thousands(read.history.datasets.len() as u64),
        group_thousands(events as u64),
        group_thousands(read.history.span_days().unsigned_abs()),
        group_thousands(shift_days.unsigned_abs()),
    )
}

/// Unique names of the catalog for the ids of a history.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The id itself where it is a name that is free, else the closest one.
    fn pick(&mut self, id: &str) -> Name {
        let mut text: String = id
            .trim()
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || "._-+@:=".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .take(NAME_MAX_CHARS - 12)
            .collect();
        if text.parse::<Name>().is_err() {
            text.insert_str(0, "set-");
        }
        let mut free = text.clone();
        let mut number = 2;
        while self.taken.contains(&free) {
            free = format!("{text}-{number}");
            number += 1;
        }
        self.taken.insert(free.clone());
        free.parse()
            .expect("made of a name's characters, not all digits, short enough")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const NOW: Timestamp = Timestamp(1_795_492_621_000_000);

    fn file(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
        let path = dir.join(name);
        std::fs::File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        path
    }

    #[test]
    fn a_history_ends_now_and_keeps_its_hours_sizes_and_counts() {
        let dir = tempfile::tempdir().unwrap();
        let events = file(
            dir.path(),
            "e.csv",
            "unix_time,object_id,op,size_bytes\n86400,a/b,PUT,5000\n90000,a/b,GET,700\n864000,7,GET,9\n864001,ghost,GET,0\nx,7,GET,9\n",
        );
        let objects = file(
            dir.path(),
            "o.csv",
            "object_id,size_bytes,n_files,created_unix\na/b,3000000000000000,40,86400\n7,1000,1,86400\n",
        );
        let scene = read(&events, &objects, 7, NOW).unwrap();
        let facts: Vec<_> = scene
            .sets
            .iter()
            .map(|s| {
                (
                    s.name.as_str(),
                    s.size.0,
                    s.object_count,
                    s.on_disk.0,
                    s.files,
                    s.live_weight,
                )
            })
            .collect();
        assert_eq!(scene.scale, 50_000_000, "3 PB on 60 MB");
        assert_eq!(
            facts,
            [
                ("set-7", 1000, 1, 1, 1, 1),
                ("a_b", 3_000_000_000_000_000, 40, 60_000_000, 12, 1)
            ]
        );
        // The last event, of the dataset that is left out for want of a size, decides the shift.
        let last = scene.past.last().unwrap();
        assert!(last.at <= NOW && NOW.since(last.at) < Timestamp::DAY + Timestamp::SECOND);
        assert_eq!(scene.past.len(), 3);
        for (past, at) in scene.past.iter().zip([86_400, 90_000, 864_000]) {
            assert_eq!(past.at.since(Timestamp::from_unix_secs(at)) % Timestamp::DAY, 0);
        }
        for part in [
            "e.csv",
            "2 datasets and 3 accesses",
            "shifted forward",
            "1 lines were skipped",
            "1 accesses name",
        ] {
            assert!(scene.source.contains(part), "{}", scene.source);
        }
    }

    #[test]
    fn ids_become_names_that_are_free() {
        let mut names = Names::default();
        let long = "x".repeat(300);
        let picked: Vec<_> = ["a", "a", "12", ".x", "a b", "a_b", &long, &long, ""]
            .into_iter()
            .map(|id| names.pick(id).as_str().to_owned())
            .collect();
        assert_eq!(picked[..6], ["a", "a-2", "set-12", "set-.x", "a_b", "a_b-2"]);
        assert_eq!(picked.iter().collect::<HashSet<_>>().len(), picked.len());
    }

    #[test]
    fn the_factor_is_round_and_small() {
        for (total, want) in [
            (0, 1),
            (100_000_000, 1),
            (100_000_001, 2),
            (33_000_000_000_000, 500_000),
        ] {
            assert_eq!(factor(total), want, "{total}");
        }
        assert!(factor(u128::MAX) > 1);
    }
}
