//! The file format of a price book, and its way into the domain.
//!
//! A figure is `{ usd = 0.023, source = "api" }` or `{ value = 30, source = "guide" }`; the source, defined once in `[sources]`,
//! gives text, date and grade, and the figure may state its own date or grade. Unknown keys are refused, since a misspelt price
//! would silently be free.

use crate::domain::location::Tier;
use crate::domain::name::StorageClass;
use crate::domain::price::book::{BillingUnit, ClassPrice, Egress, Figure, ManagedTier, PriceBook, Step};
use crate::domain::price::line::Grade;
use crate::domain::unit::NanoUsd;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookFile {
    name: String,
    title: String,
    provider: String,
    region: String,
    date: String,
    version: i64,
    #[serde(default)]
    assumption: bool,
    unit: BillingUnit,
    sources: BTreeMap<String, Source>,
    #[serde(default)]
    egress: EgressFile,
    class: Vec<ClassFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    text: String,
    date: String,
    grade: Grade,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EgressFile {
    #[serde(default)]
    internet: Vec<Money>,
    between_regions_per_gb: Option<Money>,
    free_gb_per_month: Option<Number>,
    free_times_stored: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    name: StorageClass,
    title: String,
    tier: Tier,
    #[serde(default)]
    single_zone: bool,
    storage: Vec<Money>,
    #[serde(default)]
    managed: Vec<Money>,
    retrieval_per_gb: Option<Money>,
    class_a_per_1k: Option<Money>,
    class_b_per_1k: Option<Money>,
    restore_per_1k: Option<Money>,
    transition_in_per_1k: Option<Money>,
    min_days: Option<Number>,
    min_object_bytes: Option<Number>,
    overhead_bytes: Option<Number>,
    overhead_hot_bytes: Option<Number>,
    monitoring_per_1k_objects: Option<Money>,
    managed_min_object_bytes: Option<Number>,
    first_byte_ms: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Money {
    usd: f64,
    up_to_gb: Option<i64>,
    from_idle_days: Option<u32>,
    source: String,
    date: Option<String>,
    grade: Option<Grade>,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    value: i64,
    source: String,
    date: Option<String>,
    grade: Option<Grade>,
    note: Option<String>,
}

/// Turns figures of the file into the domain's, looking their sources up.
struct Reader {
    sources: BTreeMap<String, Source>,
}

impl Reader {
    fn figure<T>(
        &self,
        value: T,
        source: &str,
        date: Option<String>,
        grade: Option<Grade>,
        note: Option<String>,
    ) -> Result<Figure<T>, String> {
        let known = self.sources.get(source).ok_or_else(|| {
            format!("a figure names the source {source:?}, which [sources] does not define")
        })?;
        let date = date.unwrap_or_else(|| known.date.clone());
        check_date(&date)?;
        if known.text.trim().is_empty() {
            return Err(format!("the source {source:?} has no text"));
        }
        Ok(Figure {
            value,
            source: known.text.clone(),
            date,
            grade: grade.unwrap_or(known.grade),
            note,
        })
    }

    fn money(&self, m: Money) -> Result<Figure<NanoUsd>, String> {
        if !m.usd.is_finite() || m.usd < 0.0 || m.usd > 1e6 {
            return Err(format!("{} is no price in USD", m.usd));
        }
        self.figure(NanoUsd::from_usd(m.usd), &m.source, m.date, m.grade, m.note)
    }

    fn some_money(&self, m: Option<Money>) -> Result<Option<Figure<NanoUsd>>, String> {
        m.map(|m| self.money(m)).transpose()
    }

    fn number(&self, n: Number) -> Result<Figure<i64>, String> {
        if n.value < 0 {
            return Err(format!("{} is negative", n.value));
        }
        self.figure(n.value, &n.source, n.date, n.grade, n.note)
    }

    fn some_number(&self, n: Option<Number>) -> Result<Option<Figure<i64>>, String> {
        n.map(|n| self.number(n)).transpose()
    }

    fn steps(&self, prices: Vec<Money>) -> Result<Vec<Step>, String> {
        let last = prices.len().saturating_sub(1);
        let mut below = 0;
        prices
            .into_iter()
            .enumerate()
            .map(|(i, m)| {
                let up_to_gb = m.up_to_gb;
                match up_to_gb {
                    Some(bound) if i < last && bound > below => below = bound,
                    None if i == last => {}
                    _ => return Err("volume steps must rise, and only the last has no up_to_gb".to_owned()),
                }
                Ok(Step {
                    up_to_gb,
                    price: self.money(m)?,
                })
            })
            .collect()
    }

    fn class(&self, c: ClassFile) -> Result<ClassPrice, String> {
        if c.storage.is_empty() {
            return Err("a class without a storage price".into());
        }
        let mut managed = Vec::new();
        for m in c.managed {
            let from_idle_days = m.from_idle_days.ok_or("a managed tier without from_idle_days")?;
            managed.push(ManagedTier {
                from_idle_days,
                price: self.money(m)?,
            });
        }
        if !managed.is_sorted_by(|a, b| 0 < a.from_idle_days && a.from_idle_days < b.from_idle_days) {
            return Err("managed tiers must rise in from_idle_days".into());
        }
        Ok(ClassPrice {
            name: c.name,
            title: c.title,
            tier: c.tier,
            single_zone: c.single_zone,
            storage: self.steps(c.storage)?,
            managed,
            retrieval_per_gb: self.some_money(c.retrieval_per_gb)?,
            class_a_per_1k: self.some_money(c.class_a_per_1k)?,
            class_b_per_1k: self.some_money(c.class_b_per_1k)?,
            restore_per_1k: self.some_money(c.restore_per_1k)?,
            transition_in_per_1k: self.some_money(c.transition_in_per_1k)?,
            min_days: self.some_number(c.min_days)?,
            min_object_bytes: self.some_number(c.min_object_bytes)?,
            overhead_bytes: self.some_number(c.overhead_bytes)?,
            overhead_hot_bytes: self.some_number(c.overhead_hot_bytes)?,
            monitoring_per_1k_objects: self.some_money(c.monitoring_per_1k_objects)?,
            managed_min_object_bytes: self.some_number(c.managed_min_object_bytes)?,
            first_byte_ms: self.number(c.first_byte_ms)?,
        })
    }
}

impl BookFile {
    /// The domain's book, or what is wrong with the file.
    pub(super) fn into_book(self, origin: &str) -> Result<PriceBook, String> {
        check_date(&self.date)?;
        let reader = Reader {
            sources: self.sources,
        };
        let mut classes: Vec<ClassPrice> = Vec::new();
        for class in self.class {
            let name = class.name.clone();
            if classes.iter().any(|c| c.name.matches(name.as_str())) {
                return Err(format!("the class {name} appears twice"));
            }
            classes.push(reader.class(class).map_err(|e| format!("class {name}: {e}"))?);
        }
        if classes.is_empty() {
            return Err("no [[class]]".into());
        }
        let egress = Egress {
            internet: reader.steps(self.egress.internet)?,
            between_regions_per_gb: reader.some_money(self.egress.between_regions_per_gb)?,
            free_gb_per_month: reader.some_number(self.egress.free_gb_per_month)?,
            free_times_stored: reader.some_number(self.egress.free_times_stored)?,
        };
        Ok(PriceBook {
            name: self.name,
            title: self.title,
            provider: self.provider,
            region: self.region,
            date: self.date,
            version: self.version,
            assumption: self.assumption,
            unit: self.unit,
            origin: origin.to_owned(),
            classes,
            egress,
        })
    }
}

fn check_date(date: &str) -> Result<(), String> {
    let ok = date.len() == 10 && chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok();
    if ok {
        Ok(())
    } else {
        Err(format!("{date:?} is no date as YYYY-MM-DD"))
    }
}
