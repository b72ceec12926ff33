//! Price books: what a vendor charges at one place, dated, each figure with its source and grade.
//!
//! Invariant: a figure cannot exist without source, date and grade; a charge that a vendor does not make is absent and costs
//! nothing. Money is per billing gigabyte, whose bytes the book states ([`BillingUnit`]). The reader of files is
//! `adapters::prices`; what the figures mean in money is [`super::rates`].

use crate::domain::location::Tier;
use crate::domain::name::StorageClass;
use crate::domain::price::line::Grade;
use crate::domain::unit::NanoUsd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days in a billing month. Everything that is forecast or replayed uses it.
pub const MONTH_DAYS: f64 = 30.0;

/// A figure and what supports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figure<T> {
    /// The value, in the unit of the field that holds it.
    pub value: T,
    /// Where it was read.
    pub source: String,
    /// When it was read or published, `YYYY-MM-DD`.
    pub date: String,
    /// How well it is supported.
    pub grade: Grade,
    /// What else a reader should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a vendor calls a gigabyte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BillingUnit {
    /// 10⁹ bytes.
    #[serde(rename = "GB")]
    Gb,
    /// 2³⁰ bytes.
    #[serde(rename = "GiB")]
    Gib,
}

impl BillingUnit {
    /// Bytes in one.
    #[must_use]
    pub fn bytes(self) -> f64 {
        match self {
            Self::Gb => 1e9,
            Self::Gib => 1_073_741_824.0,
        }
    }

    /// Its sign.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gb => "GB",
            Self::Gib => "GiB",
        }
    }
}

/// A price that holds up to a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Holds up to this many billing gigabytes; `None` for the rest.
    pub up_to_gb: Option<i64>,
    /// Nano-USD per billing gigabyte (and month, for storage).
    pub price: Figure<NanoUsd>,
}

/// A tier inside a class that the vendor manages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManagedTier {
    /// Days without a read after which it applies.
    pub from_idle_days: u32,
    /// Nano-USD per billing gigabyte and month.
    pub price: Figure<NanoUsd>,
}

/// A storage class and everything it charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassPrice {
    /// The vendor's name.
    pub name: StorageClass,
    /// For people.
    pub title: String,
    /// Where it stands on our ladder.
    pub tier: Tier,
    /// Kept in one zone only: never proposed by itself.
    pub single_zone: bool,
    /// Storage per billing gigabyte and month, by volume; ordered, the last without a bound. Never empty.
    pub storage: Vec<Step>,
    /// Colder tiers inside a managed class, ordered by idle days; empty for a plain class.
    pub managed: Vec<ManagedTier>,
    /// Nano-USD per billing gigabyte read.
    pub retrieval_per_gb: Option<Figure<NanoUsd>>,
    /// Nano-USD per 1,000 writes.
    pub class_a_per_1k: Option<Figure<NanoUsd>>,
    /// Nano-USD per 1,000 reads.
    pub class_b_per_1k: Option<Figure<NanoUsd>>,
    /// Nano-USD per 1,000 restore requests, which an archive class asks for before a read.
    pub restore_per_1k: Option<Figure<NanoUsd>>,
    /// Nano-USD per 1,000 objects moved into it by the vendor's own rules.
    pub transition_in_per_1k: Option<Figure<NanoUsd>>,
    /// Days for which storage is charged at least.
    pub min_days: Option<Figure<i64>>,
    /// Bytes billed at least for each object.
    pub min_object_bytes: Option<Figure<i64>>,
    /// Bytes billed on top of each object at this class's rate.
    pub overhead_bytes: Option<Figure<i64>>,
    /// Bytes billed on top of each object at the rate of the book's first class.
    pub overhead_hot_bytes: Option<Figure<i64>>,
    /// Nano-USD per 1,000 objects and month for managing them.
    pub monitoring_per_1k_objects: Option<Figure<NanoUsd>>,
    /// Objects below this size are not managed: they stay in the first tier and pay no fee.
    pub managed_min_object_bytes: Option<Figure<i64>>,
    /// Typical milliseconds to the first byte.
    pub first_byte_ms: Figure<i64>,
}

impl ClassPrice {
    /// Whether the vendor moves data between tiers of it by itself.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        !self.managed.is_empty()
    }

    /// Minimum duration in days; 0 when there is none.
    #[must_use]
    pub fn min_days(&self) -> i64 {
        self.min_days.as_ref().map_or(0, |f| f.value)
    }

    /// Every figure of it with its name: for lists, differences and the test that each has its source.
    #[must_use]
    pub fn figures(&self) -> Vec<FigureRow> {
        let mut rows = Vec::new();
        for (i, step) in self.storage.iter().enumerate() {
            let name = match (i, step.up_to_gb) {
                (0, None) => "storage_per_gb_month".to_owned(),
                (_, Some(bound)) => format!("storage_per_gb_month up to {bound} GB"),
                (_, None) => "storage_per_gb_month above".to_owned(),
            };
            rows.push(FigureRow::money(name, &step.price));
        }
        for tier in &self.managed {
            let name = format!("storage_per_gb_month after {} idle days", tier.from_idle_days);
            rows.push(FigureRow::money(name, &tier.price));
        }
        for (name, figure) in [
            ("retrieval_per_gb", &self.retrieval_per_gb),
            ("class_a_per_1k", &self.class_a_per_1k),
            ("class_b_per_1k", &self.class_b_per_1k),
            ("restore_per_1k", &self.restore_per_1k),
            ("transition_in_per_1k", &self.transition_in_per_1k),
            ("monitoring_per_1k_objects_month", &self.monitoring_per_1k_objects),
        ] {
            rows.extend(figure.iter().map(|f| FigureRow::money(name.to_owned(), f)));
        }
        for (name, figure) in [
            ("min_days", self.min_days.as_ref()),
            ("min_object_bytes", self.min_object_bytes.as_ref()),
            ("overhead_bytes", self.overhead_bytes.as_ref()),
            ("overhead_hot_bytes", self.overhead_hot_bytes.as_ref()),
            ("managed_min_object_bytes", self.managed_min_object_bytes.as_ref()),
            ("first_byte_ms", Some(&self.first_byte_ms)),
        ] {
            rows.extend(figure.iter().map(|f| FigureRow::number(name.to_owned(), f)));
        }
        rows
    }
}

/// What bytes cost that leave the place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Egress {
    /// To the internet or another provider, per billing gigabyte, by volume. Empty when unknown.
    pub internet: Vec<Step>,
    /// To another region of the same provider, per billing gigabyte.
    pub between_regions_per_gb: Option<Figure<NanoUsd>>,
    /// An account's free billing gigabytes a month. Shown, not applied to single datasets.
    pub free_gb_per_month: Option<Figure<i64>>,
    /// Free each month up to this many times the stored bytes.
    pub free_times_stored: Option<Figure<i64>>,
}

/// All prices of one place, at one date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceBook {
    /// Its name, which locations refer to: `aws/us-east-1`.
    pub name: String,
    /// For people.
    pub title: String,
    /// The vendor's short name.
    pub provider: String,
    /// The region.
    pub region: String,
    /// The date these prices hold for, `YYYY-MM-DD`.
    pub date: String,
    /// Rises when a figure changes.
    pub version: i64,
    /// The prices are the owner's assumption rather than a vendor's list.
    pub assumption: bool,
    /// What a gigabyte is here.
    pub unit: BillingUnit,
    /// Where the book was read: `built in`, or the file that replaced it.
    pub origin: String,
    /// Classes in the order of the vendor's own transitions. Never empty; names are unique.
    pub classes: Vec<ClassPrice>,
    /// What leaving bytes cost.
    pub egress: Egress,
}

impl PriceBook {
    /// Whether it was read from a file of the owner's instead of being shipped with the program.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.origin != BUILT_IN_ORIGIN
    }

    /// The class of that name, in any case.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&ClassPrice> {
        self.classes.iter().find(|c| c.name.matches(name))
    }

    /// The position of a class in the vendor's order of transitions.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|c| c.name.matches(name))
    }

    /// Every figure of it with its name.
    #[must_use]
    pub fn figures(&self) -> Vec<FigureRow> {
        let mut rows: Vec<FigureRow> = self
            .classes
            .iter()
            .flat_map(|c| {
                c.figures().into_iter().map(|row| FigureRow {
                    class: Some(c.name.to_string()),
                    ..row
                })
            })
            .collect();
        for step in &self.egress.internet {
            let name = step.up_to_gb.map_or("egress_internet_per_gb".to_owned(), |b| {
                format!("egress_internet_per_gb up to {b} GB")
            });
            rows.push(FigureRow::money(name, &step.price));
        }
        if let Some(f) = &self.egress.between_regions_per_gb {
            rows.push(FigureRow::money("egress_between_regions_per_gb".into(), f));
        }
        if let Some(f) = &self.egress.free_gb_per_month {
            rows.push(FigureRow::number("egress_free_gb_per_month".into(), f));
        }
        if let Some(f) = &self.egress.free_times_stored {
            rows.push(FigureRow::number("egress_free_times_stored".into(), f));
        }
        rows
    }
}

/// One figure, ready for a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FigureRow {
    /// The class; `None` for what holds for the whole place.
    pub class: Option<String>,
    /// Its name with its unit.
    pub name: String,
    /// The amount, for money.
    pub amount_nanousd: Option<NanoUsd>,
    /// The number, for days, bytes and milliseconds.
    pub number: Option<i64>,
    /// Where it was read.
    pub source: String,
    /// When.
    pub date: String,
    /// How well it is supported.
    pub grade: Grade,
    /// What else a reader should know.
    pub note: Option<String>,
}

impl FigureRow {
    fn money(name: String, figure: &Figure<NanoUsd>) -> Self {
        Self {
            amount_nanousd: Some(figure.value),
            number: None,
            ..Self::support(name, figure)
        }
    }

    fn number(name: String, figure: &Figure<i64>) -> Self {
        Self {
            amount_nanousd: None,
            number: Some(figure.value),
            ..Self::support(name, figure)
        }
    }

    fn support<T>(name: String, figure: &Figure<T>) -> Self {
        Self {
            class: None,
            name,
            amount_nanousd: None,
            number: None,
            source: figure.source.clone(),
            date: figure.date.clone(),
            grade: figure.grade,
            note: figure.note.clone(),
        }
    }

    /// The value as text; prices keep all their digits, since $0.00036 matters.
    #[must_use]
    pub fn value_text(&self) -> String {
        match (self.amount_nanousd, self.number) {
            (Some(money), _) => exact_usd(money),
            (None, Some(number)) => number.to_string(),
            (None, None) => "unknown".into(),
        }
    }
}

/// A price with all its digits: `$0.00036`.
#[must_use]
pub fn exact_usd(price: NanoUsd) -> String {
    let nano = price.0.unsigned_abs();
    let sign = if price.0 < 0 { "-" } else { "" };
    let digits = format!("{:09}", nano % 1_000_000_000);
    let kept = digits.trim_end_matches('0');
    format!("{sign}${}.{kept:0<2}", nano / 1_000_000_000)
}

/// The origin of a book that is shipped with the program.
pub const BUILT_IN_ORIGIN: &str = "built in";

/// All books that are loaded, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceBooks {
    books: Vec<PriceBook>,
    /// By name: the file as it was read, to be copied and edited.
    texts: std::collections::BTreeMap<String, String>,
}

impl PriceBooks {
    /// From books; a later one of the same name replaces an earlier one.
    #[must_use]
    pub fn new(books: impl IntoIterator<Item = PriceBook>) -> Self {
        let by_name: std::collections::BTreeMap<String, PriceBook> =
            books.into_iter().map(|b| (b.name.clone(), b)).collect();
        Self {
            books: by_name.into_values().collect(),
            texts: std::collections::BTreeMap::new(),
        }
    }

    /// The same from books with the text of their files.
    #[must_use]
    pub fn with_texts(books: impl IntoIterator<Item = (PriceBook, String)>) -> Self {
        let (books, texts): (Vec<_>, Vec<_>) = books
            .into_iter()
            .map(|(book, text)| (book.clone(), (book.name, text)))
            .unzip();
        Self {
            texts: texts.into_iter().collect(),
            ..Self::new(books)
        }
    }

    /// The file that a book was read from, as it is.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Every book.
    #[must_use]
    pub fn all(&self) -> &[PriceBook] {
        &self.books
    }

    /// The book of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&PriceBook> {
        self.books.iter().find(|b| b.name == name)
    }

    /// The book's classes by name; empty for an unknown book.
    #[must_use]
    pub fn class_names(&self, book: &str) -> Vec<StorageClass> {
        self.find(book)
            .map_or(Vec::new(), |b| b.classes.iter().map(|c| c.name.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_keep_all_their_digits() {
        for (nano, text) in [
            (360_000, "$0.00036"),
            (20_000_000, "$0.02"),
            (5_000_000_000, "$5.00"),
        ] {
            assert_eq!(exact_usd(NanoUsd(nano)), text);
        }
    }
}
