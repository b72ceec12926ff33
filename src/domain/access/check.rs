//! Whether an event can be counted: sizes, times, latencies and texts that no client can mean are refused with the reason.

use super::{AccessEvent, DatasetKey};
use crate::domain::name::NAME_MAX_CHARS;
use crate::domain::unit::{Bytes, Timestamp};

/// More than any single access reads: a hundred times the largest datasets that are known, and small enough for nine thousand of
/// them to fit an hour's sum.
const SIZE_MAX: Bytes = Bytes(1_000_000_000_000_000);
/// Clocks of clients go wrong by minutes; what lies further ahead is a mistake of units.
const AHEAD_MAX: i64 = 10 * 60 * Timestamp::SECOND;
/// A first byte that took longer than a day was not waited for.
const LATENCY_MAX_MS: f64 = 86_400_000.0;
/// Ids are keys of an index; a UUID has 36 characters.
const ID_MAX_BYTES: usize = 200;
/// The longest names of regions have some thirty characters.
const REGION_MAX_BYTES: usize = 64;

/// Which kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The line is no event.
    Unreadable,
    /// A value that cannot be meant.
    Invalid,
    /// The dataset is not in the catalog.
    UnknownDataset,
}

impl RefusalKind {
    /// The stable code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Invalid => "invalid_event",
            Self::UnknownDataset => "unknown_dataset",
        }
    }
}

/// Why an event is not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its kind.
    pub kind: RefusalKind,
    /// In words.
    pub reason: String,
}

impl Refusal {
    /// A line that is no event. The reason may quote it, so it is cut to a readable length.
    #[must_use]
    pub fn unreadable(reason: &str) -> Self {
        let mut short: String = reason.chars().take(300).collect();
        if short.len() < reason.len() {
            short.push('…');
        }
        Self {
            kind: RefusalKind::Unreadable,
            reason: short,
        }
    }

    /// A dataset that is not in the catalog.
    #[must_use]
    pub fn unknown_dataset(key: &DatasetKey) -> Self {
        let shown: String = key.to_string().chars().take(NAME_MAX_CHARS).collect();
        Self {
            kind: RefusalKind::UnknownDataset,
            reason: format!("there is no dataset {shown:?}"),
        }
    }

    fn invalid(reason: String) -> Self {
        Self {
            kind: RefusalKind::Invalid,
            reason,
        }
    }
}

impl AccessEvent {
    /// Whether the event can be counted by a server whose clock says `now`.
    ///
    /// # Errors
    /// The first value that cannot be meant.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.size_bytes > SIZE_MAX {
            return Err(Refusal::invalid(format!(
                "size_bytes is {}: one access of more than {SIZE_MAX} cannot be meant",
                self.size_bytes.0
            )));
        }
        if let Some(at) = self.occurred_at {
            if at.0 < 0 || at.to_utc().is_none() {
                return Err(Refusal::invalid(format!("occurred_at ({at}) lies before 1970")));
            }
            if at.since(now) > AHEAD_MAX {
                return Err(Refusal::invalid(format!(
                    "occurred_at ({at}) lies in the future; the server's clock says {now}"
                )));
            }
        }
        if let Some(ms) = self.client_lat_ms
            && !(0.0..=LATENCY_MAX_MS).contains(&ms)
        {
            return Err(Refusal::invalid(format!(
                "client_lat_ms is {ms}; 0 to {LATENCY_MAX_MS} milliseconds can be meant"
            )));
        }
        text("event_id", self.event_id.as_deref(), ID_MAX_BYTES)?;
        text("producer", self.producer.as_deref(), ID_MAX_BYTES)?;
        text("client_region", self.client_region.as_deref(), REGION_MAX_BYTES)?;
        match (&self.producer, self.sequence) {
            (None, None) => Ok(()),
            // The largest number is kept free, so that the number after any is one.
            (Some(_), Some(n)) if (0..i64::MAX).contains(&n) => Ok(()),
            (Some(_), Some(sequence)) => Err(Refusal::invalid(format!(
                "sequence is {sequence}; a producer counts from 0 to {}",
                i64::MAX - 1
            ))),
            (Some(_), None) => Err(Refusal::invalid(
                "producer is given without sequence; only both together name an event".into(),
            )),
            (None, Some(_)) => Err(Refusal::invalid(
                "sequence is given without producer; only both together name an event".into(),
            )),
        }
    }
}

fn text(field: &str, value: Option<&str>, max: usize) -> Result<(), Refusal> {
    match value {
        None => Ok(()),
        Some("") => Err(Refusal::invalid(format!(
            "{field} is empty; leave it out instead"
        ))),
        Some(value) if value.len() > max => Err(Refusal::invalid(format!(
            "{field} has {} bytes; at most {max} are allowed",
            value.len()
        ))),
        Some(value) if value.chars().any(char::is_control) => {
            Err(Refusal::invalid(format!("{field} holds a control character")))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::AccessOp;
    use crate::domain::id::DatasetId;

    const NOW: Timestamp = Timestamp(1_800_000_000 * Timestamp::SECOND);

    fn event() -> AccessEvent {
        AccessEvent {
            event_id: None,
            producer: None,
            sequence: None,
            dataset_id: DatasetKey::Id(DatasetId(1)),
            op: AccessOp::Read,
            size_bytes: Bytes(8192),
            client_lat_ms: Some(11.4),
            client_region: None,
            occurred_at: None,
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let at = |micros: i64| Some(NOW.plus_micros(micros));
        let named = |producer: Option<&str>, sequence| AccessEvent {
            producer: producer.map(str::to_owned),
            sequence,
            ..event()
        };
        let cases: [(AccessEvent, Option<&str>); 17] = [
            (event(), None),
            (
                AccessEvent {
                    size_bytes: SIZE_MAX,
                    ..event()
                },
                None,
            ),
            (
                AccessEvent {
                    size_bytes: Bytes(SIZE_MAX.0 + 1),
                    ..event()
                },
                Some("size_bytes"),
            ),
            (
                AccessEvent {
                    occurred_at: at(AHEAD_MAX),
                    ..event()
                },
                None,
            ),
            (
                AccessEvent {
                    occurred_at: at(AHEAD_MAX + 1),
                    ..event()
                },
                Some("future"),
            ),
            (
                AccessEvent {
                    occurred_at: Some(Timestamp(-1)),
                    ..event()
                },
                Some("before 1970"),
            ),
            (
                AccessEvent {
                    client_lat_ms: Some(f64::NAN),
                    ..event()
                },
                Some("client_lat_ms"),
            ),
            (
                AccessEvent {
                    client_lat_ms: Some(f64::INFINITY),
                    ..event()
                },
                Some("client_lat_ms"),
            ),
            (
                AccessEvent {
                    client_lat_ms: Some(-0.1),
                    ..event()
                },
                Some("client_lat_ms"),
            ),
            (
                AccessEvent {
                    event_id: Some("x".repeat(201)),
                    ..event()
                },
                Some("event_id"),
            ),
            (
                AccessEvent {
                    event_id: Some(String::new()),
                    ..event()
                },
                Some("empty"),
            ),
            (
                AccessEvent {
                    client_region: Some("a\nb".into()),
                    ..event()
                },
                Some("control"),
            ),
            (named(Some("p"), Some(0)), None),
            (named(Some("p"), Some(-1)), Some("sequence is -1")),
            (named(Some("p"), Some(i64::MAX)), Some("sequence is")),
            (named(Some("p"), None), Some("without sequence")),
            (named(None, Some(3)), Some("without producer")),
        ];
        for (event, refused) in cases {
            let answer = event.check(NOW);
            match refused {
                None => assert_eq!(answer, Ok(()), "{event:?}"),
                Some(words) => {
                    let reason = answer.expect_err(words).reason;
                    assert!(reason.contains(words), "{reason}");
                }
            }
        }
    }

    #[test]
    fn a_dataset_is_named_by_number_or_text() {
        let key = |json: &str| serde_json::from_str::<DatasetKey>(json);
        assert_eq!(key("7").expect("a number"), DatasetKey::Id(DatasetId(7)));
        assert_eq!(key("\"a\"").expect("a text"), DatasetKey::Name("a".into()));
        for bad in ["null", "1.5", "[1]", "18446744073709551615"] {
            let error = key(bad).expect_err(bad).to_string();
            assert!(error.contains("a dataset's id or name"), "{error}");
        }
    }
}
