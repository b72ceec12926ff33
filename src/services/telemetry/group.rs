//! Several batches written in one transaction: datasets looked up, identities compared, rows and sums added, the log told.

use super::queue::Batch;
use crate::adapters::sql::telemetry::{self as rows, EventRow, KnownDatasets, Sums};
use crate::adapters::sql::{Conn, StoreError, events, readers};
use crate::domain::access::{
    AccessEvent, AccessOp, DatasetKey, IngestReport, Refusal, Run, add_to_runs, runs_hold,
};
use crate::domain::event::{AccessLogged, DomainEvent};
use crate::domain::id::DatasetId;
use crate::domain::unit::{Bytes, Timestamp};
use crate::services::Deps;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Datasets that are named one by one in the event log. More of them in one transaction are an import or a busy collector, whose
/// thousand lines nobody reads: they are merged.
const NAMED_DATASETS: usize = 20;
/// Numbers of a producer that are looked up together: a larger gap between two of them starts another look-up, so that a look-up
/// never reads many more runs than there are numbers.
const GAP_MAX: i64 = 64;

/// Counts the batches and commits. A report for each, in their order.
pub(super) async fn write(deps: &Deps, batches: Vec<Batch>) -> Result<Vec<IngestReport>, StoreError> {
    let mut tx = deps.store.write().await?;
    let known = look_up(&mut tx, batches.iter().flat_map(|b| &b.events)).await?;
    let (reports, changed) = apply(&mut tx, &known, batches, deps.clock.now()).await?;
    if changed {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(reports)
}

/// Counts the batches in a transaction whose datasets were looked up. A report for each, and whether there is anything to commit.
pub(super) async fn apply(
    tx: &mut Conn,
    known: &KnownDatasets,
    batches: Vec<Batch>,
    now: Timestamp,
) -> Result<(Vec<IngestReport>, bool), StoreError> {
    let mut identities = Identities::load(tx, &batches).await?;
    let mut tally = Tally::default();
    let mut reports = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut report = batch.report;
        for (line, event) in batch.events {
            let Some(dataset) = resolve(known, &event.dataset_id) else {
                report.refuse(line, Refusal::unknown_dataset(&event.dataset_id));
                continue;
            };
            if identities.is_new(&event) {
                report.accepted += 1;
                tally.add(dataset, event, now, batch.past);
            } else {
                report.duplicates += 1;
            }
        }
        reports.push(report);
    }
    if tally.rows.is_empty() {
        return Ok((reports, false));
    }
    identities.store(tx).await?;
    tally.store(tx, known, now).await?;
    Ok((reports, true))
}

/// The datasets that events name.
pub(super) async fn look_up<'a>(
    conn: &mut Conn,
    events: impl Iterator<Item = &'a (i64, AccessEvent)>,
) -> Result<KnownDatasets, StoreError> {
    let (mut ids, mut names) = (HashSet::new(), HashSet::new());
    for (_, event) in events {
        match &event.dataset_id {
            DatasetKey::Id(id) => {
                ids.insert(*id);
            }
            DatasetKey::Name(name) => {
                if let DatasetKey::Id(id) = DatasetKey::parse(name) {
                    ids.insert(id);
                } else {
                    names.insert(name.trim());
                }
            }
        }
    }
    let (ids, names): (Vec<_>, Vec<_>) = (ids.into_iter().collect(), names.into_iter().collect());
    rows::known_datasets(conn, &ids, &names).await
}

/// The dataset of a key, where there is one.
pub(super) fn resolve(known: &KnownDatasets, key: &DatasetKey) -> Option<DatasetId> {
    match key {
        DatasetKey::Id(id) => Some(*id).filter(|id| known.has(*id)),
        DatasetKey::Name(name) => known.id(name.trim()).or_else(|| match DatasetKey::parse(name) {
            DatasetKey::Id(id) => Some(id).filter(|id| known.has(*id)),
            DatasetKey::Name(_) => None,
        }),
    }
}

/// What was counted before, and what this group adds to it.
#[derive(Default)]
struct Identities {
    producers: HashMap<String, Numbers>,
    counted_ids: HashSet<String>,
    new_ids: HashSet<String>,
}

#[derive(Default)]
struct Numbers {
    known: Vec<Run>,
    new: BTreeSet<i64>,
}

impl Identities {
    async fn load(conn: &mut Conn, batches: &[Batch]) -> Result<Self, StoreError> {
        let (mut ids, mut numbers): (HashSet<&str>, HashMap<&str, Vec<i64>>) = Default::default();
        for (_, event) in batches.iter().flat_map(|batch| &batch.events) {
            ids.extend(event.event_id.as_deref());
            if let (Some(producer), Some(sequence)) = (event.producer.as_deref(), event.sequence) {
                numbers.entry(producer).or_default().push(sequence);
            }
        }
        let mut ids: Vec<&str> = ids.into_iter().collect();
        // In order: ids that begin with the time then lie side by side in the index.
        ids.sort_unstable();
        let mut identities = Self {
            counted_ids: rows::counted_ids(conn, &ids).await?,
            ..Self::default()
        };
        for (producer, mut numbers) in numbers {
            numbers.sort_unstable();
            let mut known: BTreeMap<i64, Run> = BTreeMap::new();
            for near in numbers.chunk_by(|a, b| b - a <= GAP_MAX) {
                if let [from, .., to] | [from @ to] = near {
                    let runs = rows::runs(conn, producer, *from, *to).await?;
                    known.extend(runs.into_iter().map(|run| (run.first, run)));
                }
            }
            let known = Numbers {
                known: known.into_values().collect(),
                new: BTreeSet::new(),
            };
            identities.producers.insert(producer.to_owned(), known);
        }
        Ok(identities)
    }

    /// Whether no identity of the event was counted; they are from now on.
    fn is_new(&mut self, event: &AccessEvent) -> bool {
        let id = event.event_id.as_deref();
        if id.is_some_and(|id| self.counted_ids.contains(id) || self.new_ids.contains(id)) {
            return false;
        }
        if let (Some(producer), Some(sequence)) = (event.producer.as_deref(), event.sequence) {
            let Some(numbers) = self.producers.get_mut(producer) else {
                return false;
            };
            if runs_hold(&numbers.known, sequence) || !numbers.new.insert(sequence) {
                return false;
            }
        }
        self.new_ids.extend(id.map(str::to_owned));
        true
    }

    async fn store(self, conn: &mut Conn) -> Result<(), StoreError> {
        let mut ids: Vec<&str> = self.new_ids.iter().map(String::as_str).collect();
        ids.sort_unstable();
        rows::insert_ids(conn, &ids).await?;
        for (producer, numbers) in &self.producers {
            let new: Vec<i64> = numbers.new.iter().copied().collect();
            rows::change_runs(conn, producer, &add_to_runs(&numbers.known, &new)).await?;
        }
        Ok(())
    }
}

/// The counted events of a group and their sums.
#[derive(Default)]
struct Tally {
    rows: Vec<EventRow>,
    sums: HashMap<(DatasetId, Timestamp), Sums>,
    readers: readers::Sums,
    last: HashMap<DatasetId, Timestamp>,
    /// By dataset (none for a history) and whether it was written.
    told: BTreeMap<(Option<DatasetId>, bool), Told>,
}

/// What the event log says of a dataset's reads, or of its writes.
#[derive(Clone, Copy, Default)]
struct Told {
    count: i64,
    bytes: i64,
    latency_sum: i64,
    latency_count: i64,
    latest: Timestamp,
}

impl Tally {
    fn add(&mut self, dataset: DatasetId, event: AccessEvent, now: Timestamp, past: bool) {
        let at = event.occurred_at.unwrap_or(now);
        let size = event.size_bytes.to_i64();
        #[expect(clippy::cast_possible_truncation, reason = "a day at most, as the check saw")]
        let latency_us = event.client_lat_ms.map(|ms| (ms * 1000.0).round() as i64);
        let is_write = event.op == AccessOp::Write;
        let sums = self.sums.entry((dataset, at.hour_start())).or_default();
        if is_write {
            sums.writes += 1;
            sums.write_bytes = sums.write_bytes.saturating_add(size);
        } else {
            sums.reads += 1;
            sums.read_bytes = sums.read_bytes.saturating_add(size);
            if let Some(region) = &event.client_region {
                let key = (dataset, readers::period(at), region.clone());
                let bytes = self.readers.entry(key).or_default();
                *bytes = bytes.saturating_add(size);
            }
        }
        let told = self
            .told
            .entry(((!past).then_some(dataset), is_write))
            .or_default();
        if let Some(us) = latency_us {
            sums.latency_sum += us;
            sums.latency_count += 1;
            told.latency_sum += us;
            told.latency_count += 1;
        }
        told.count += 1;
        told.bytes = told.bytes.saturating_add(size);
        told.latest = told.latest.max(at);
        let last = self.last.entry(dataset).or_insert(at);
        *last = at.max(*last);
        self.rows.push(EventRow {
            dataset,
            op: event.op,
            size_bytes: size,
            latency_us,
            client_region: event.client_region,
            occurred_at: at,
        });
    }

    async fn store(self, conn: &mut Conn, known: &KnownDatasets, now: Timestamp) -> Result<(), StoreError> {
        rows::insert_events(conn, &self.rows, now).await?;
        let mut sums: Vec<_> = self.sums.into_iter().collect();
        sums.sort_unstable_by_key(|(key, _)| *key);
        rows::add_sums(conn, &sums).await?;
        readers::add(conn, &self.readers).await?;
        let mut last: Vec<_> = self.last.iter().map(|(id, at)| (*id, *at)).collect();
        last.sort_unstable();
        rows::touch(conn, &last).await?;
        rows::add_total(conn, i64::try_from(self.rows.len()).unwrap_or(i64::MAX)).await?;
        events::append(conn, logged(self.told, known)).await?;
        Ok(())
    }
}

/// One event for each dataset and op, or for each op alone when there are many datasets.
fn logged(told: BTreeMap<(Option<DatasetId>, bool), Told>, known: &KnownDatasets) -> Vec<DomainEvent> {
    let datasets: HashSet<_> = told.keys().filter_map(|(dataset, _)| *dataset).collect();
    let named = datasets.len() <= NAMED_DATASETS;
    let mut merged: BTreeMap<_, Told> = BTreeMap::new();
    for ((dataset, is_write), told) in told {
        let key = (dataset.filter(|_| named), is_write);
        merged.entry(key).or_default().merge(&told);
    }
    merged
        .into_iter()
        .map(|((dataset, is_write), told)| told.event(dataset, is_write, known))
        .collect()
}

impl Told {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.latency_sum += other.latency_sum;
        self.latency_count += other.latency_count;
        self.latest = self.latest.max(other.latest);
    }

    fn event(&self, dataset: Option<DatasetId>, is_write: bool, known: &KnownDatasets) -> DomainEvent {
        DomainEvent::AccessEvent(AccessLogged {
            seq: 0,
            dataset_id: dataset,
            dataset_name: dataset.and_then(|id| known.name(id)).map(str::to_owned),
            op: if is_write { AccessOp::Write } else { AccessOp::Read },
            count: self.count,
            size_bytes: Bytes::from_i64(self.bytes),
            client_lat_us: (self.latency_count > 0).then(|| self.latency_sum / self.latency_count.max(1)),
            updated_at: self.latest.unix_secs(),
        })
    }
}
