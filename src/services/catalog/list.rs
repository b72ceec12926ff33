//! Lists and details of datasets, as pages and programs read them.

use super::Catalog;
use crate::adapters::sql::dataset_list::{self as rows, ListRow, Position, SortValue};
use crate::adapters::sql::{datasets, rollups};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::{DatasetDetail, DatasetFilter, DatasetSort, DatasetSummary, Page};
use crate::domain::id::DatasetId;
use crate::domain::unit::{Bytes, Timestamp};
use crate::services::{ServiceError, ServiceResult};

/// Days of a sparkline and of "a month" in the list.
const DAYS: usize = 30;
/// Largest page: 200 rows with sparklines are about 100 kB of JSON.
pub const LIMIT_MAX: u32 = 200;
/// Days of history on the page of one dataset: three years and a bit, so that yearly rhythms show.
const HISTORY_DAYS: i64 = 1_200;

impl Catalog {
    /// A page of the list. `limit` is held between 1 and 200.
    ///
    /// # Errors
    /// `Invalid` for a cursor of another list.
    pub async fn list_datasets(
        &self,
        filter: &DatasetFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> ServiceResult<Page<DatasetSummary>> {
        let after = cursor.map(|text| read_cursor(text, filter.sort)).transpose()?;
        let limit = usize::try_from(limit.clamp(1, LIMIT_MAX)).unwrap_or(1);
        let commits = self.deps.store.commit_count();
        let mut conn = self.deps.store.reader().await?;
        let mut page = rows::page(
            &mut conn,
            filter,
            after.as_ref(),
            i64::try_from(limit).unwrap_or(0) + 1,
        )
        .await?;
        let more = page.len() > limit;
        page.truncate(limit);
        let next_cursor = page
            .last()
            .filter(|_| more)
            .map(|row| write_cursor(&row.position, filter.sort));
        // A first page that holds all was counted by reading it.
        let total = match i64::try_from(page.len()) {
            Ok(all) if cursor.is_none() && !more => all,
            _ => {
                let count = rows::total(&mut conn, filter);
                self.totals.get(commits, &narrowed(filter), count).await?
            }
        };
        let items = self.with_days(&mut conn, page).await?;
        Ok(Page {
            items,
            next_cursor,
            total,
        })
    }

    /// Everything about one dataset.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_dataset(&self, key: &DatasetKey) -> ServiceResult<DatasetDetail> {
        let mut conn = self.deps.store.reader().await?;
        let missing = || ServiceError::not_found("dataset", key);
        let dataset = datasets::find(&mut conn, key).await?.ok_or_else(missing)?;
        let row = rows::one(&mut conn, dataset.id).await?.ok_or_else(missing)?;
        let summary = self
            .with_days(&mut conn, vec![row])
            .await?
            .pop()
            .ok_or_else(missing)?;
        let since = self.deps.clock.now().plus_micros(-HISTORY_DAYS * Timestamp::DAY);
        Ok(DatasetDetail {
            summary,
            replicas: datasets::replicas(&mut conn, dataset.id).await?,
            history: rollups::history(&mut conn, dataset.id, since, true).await?,
        })
    }

    async fn with_days(
        &self,
        conn: &mut crate::adapters::sql::Conn,
        page: Vec<ListRow>,
    ) -> ServiceResult<Vec<DatasetSummary>> {
        let first_day = self.deps.clock.now().day() - (i64::try_from(DAYS).unwrap_or(0) - 1);
        let ids: Vec<DatasetId> = page.iter().map(|row| row.dataset.id).collect();
        let since = Timestamp(first_day * Timestamp::DAY);
        let mut days = rows::read_bytes_by_day(conn, &ids, since).await?;
        Ok(page
            .into_iter()
            .map(|row| {
                let mut by_day = vec![Bytes::ZERO; DAYS];
                for (day, bytes) in days.remove(&row.dataset.id).unwrap_or_default() {
                    if let Some(slot) = usize::try_from(day - first_day)
                        .ok()
                        .and_then(|i| by_day.get_mut(i))
                    {
                        *slot += bytes;
                    }
                }
                let read: Bytes = by_day.iter().copied().sum();
                DatasetSummary {
                    reads_per_month_permille: permille(read, row.dataset.size_bytes),
                    read_bytes_by_day: by_day,
                    last_access_at: row.last_access_at,
                    monthly_cost_nanousd: row.monthly_cost,
                    recommendation: row.recommendation,
                    active_job: row.active_job,
                    labels: row.labels,
                    dataset: row.dataset,
                }
            })
            .collect())
    }
}

/// What narrows a list, without its order.
fn narrowed(filter: &DatasetFilter) -> String {
    let DatasetFilter {
        search,
        location,
        storage_class,
        recommendation,
        label,
        ..
    } = filter;
    format!("{:?}", (search, location, storage_class, recommendation, label))
}

fn permille(read: Bytes, size: Bytes) -> i64 {
    if size == Bytes::ZERO {
        return 0;
    }
    i64::try_from(u128::from(read.0) * 1000 / u128::from(size.0)).unwrap_or(i64::MAX)
}

fn sort_letter(sort: DatasetSort) -> char {
    match sort {
        DatasetSort::Id => 'i',
        DatasetSort::Name => 'n',
        DatasetSort::Size => 's',
        DatasetSort::LastAccess => 'a',
        DatasetSort::Cost => 'c',
        DatasetSort::Saving => 'v',
    }
}

/// The order's letter, the row's id, its sort value; names in hex, so that any of them survives a URL.
fn write_cursor(position: &Position, sort: DatasetSort) -> String {
    let value = match &position.value {
        SortValue::Number(number) => number.to_string(),
        SortValue::Text(text) => text.bytes().map(|b| format!("{b:02x}")).collect(),
    };
    format!("{}{}.{value}", sort_letter(sort), position.id)
}

fn read_cursor(text: &str, sort: DatasetSort) -> ServiceResult<Position> {
    let refused = || {
        ServiceError::invalid(
            "bad_cursor",
            format!("{text:?} is no cursor of a list in this order"),
        )
    };
    let (id, value) = text
        .strip_prefix(sort_letter(sort))
        .and_then(|rest| rest.split_once('.'))
        .ok_or_else(refused)?;
    let id = id.parse().map_err(|_| refused())?;
    let value = if sort == DatasetSort::Name {
        SortValue::Text(from_hex(value).ok_or_else(refused)?)
    } else {
        SortValue::Number(value.parse().map_err(|_| refused())?)
    };
    Ok(Position { value, id })
}

fn from_hex(text: &str) -> Option<String> {
    let bytes = (0..text.len())
        .step_by(2)
        .map(|i| {
            text.get(i..i + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_only_by_its_own_order() {
        for (sort, value) in [
            (DatasetSort::Size, SortValue::Number(-1)),
            (DatasetSort::Name, SortValue::Text("häuser=1.2".into())),
        ] {
            let position = Position {
                value,
                id: DatasetId(7),
            };
            let text = write_cursor(&position, sort);
            assert_eq!(read_cursor(&text, sort).unwrap(), position);
            assert!(read_cursor(&text, DatasetSort::Id).is_err());
        }
        assert!(read_cursor("n1.zz", DatasetSort::Name).is_err());
        assert!(read_cursor("", DatasetSort::Id).is_err());
    }

    #[test]
    fn reads_a_month_are_held_in_range() {
        assert_eq!(permille(Bytes(500), Bytes(1000)), 500);
        assert_eq!(permille(Bytes(500), Bytes::ZERO), 0);
        assert_eq!(permille(Bytes(u64::MAX), Bytes(1)), i64::MAX);
    }
}
