//! The file format of a price book, and its way into the domain.
//!
//! A figure is `{ usd = 0.023, source = "api" }` or `{ value = 30, source = "guide" }`; the source, defined once in `[sources]`,
//! gives text, date and grade, and the figure may state its own date or grade. Unknown keys are refused, since a misspelt price
//! would silently be free. What is wrong is told with its line, class and field.

use crate::domain::location::Tier;
use crate::domain::name::StorageClass;
use crate::domain::price::book::{BillingUnit, ClassPrice, Egress, Figure, ManagedTier, PriceBook, Step};
use crate::domain::price::line::Grade;
use crate::domain::unit::NanoUsd;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookFile {
    name: String,
    title: String,
    provider: String,
    region: String,
    date: Spanned<String>,
    version: i64,
    #[serde(default)]
    assumption: bool,
    unit: BillingUnit,
    sources: BTreeMap<String, Spanned<Source>>,
    #[serde(default)]
    egress: EgressFile,
    class: Vec<Spanned<ClassFile>>,
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
    internet: Vec<Spanned<Money>>,
    between_regions_per_gb: Option<Spanned<Money>>,
    free_gb_per_month: Option<Spanned<Number>>,
    free_times_stored: Option<Spanned<Number>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    name: StorageClass,
    title: String,
    tier: Tier,
    #[serde(default)]
    single_zone: bool,
    storage: Vec<Spanned<Money>>,
    #[serde(default)]
    managed: Vec<Spanned<Money>>,
    retrieval_per_gb: Option<Spanned<Money>>,
    class_a_per_1k: Option<Spanned<Money>>,
    class_b_per_1k: Option<Spanned<Money>>,
    restore_per_1k: Option<Spanned<Money>>,
    transition_in_per_1k: Option<Spanned<Money>>,
    min_days: Option<Spanned<Number>>,
    min_object_bytes: Option<Spanned<Number>>,
    overhead_bytes: Option<Spanned<Number>>,
    overhead_hot_bytes: Option<Spanned<Number>>,
    monitoring_per_1k_objects: Option<Spanned<Money>>,
    managed_min_object_bytes: Option<Spanned<Number>>,
    first_byte_ms: Spanned<Number>,
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

/// What is wrong with a file, and where in its text.
#[derive(Debug)]
pub(super) struct Fault {
    /// Bytes of the text that are to blame.
    pub(super) at: Range<usize>,
    /// What is wrong, with class and field.
    pub(super) what: String,
}

fn fault<T>(at: Range<usize>, what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault {
        at,
        what: what.into(),
    })
}

/// Names the field that a fault is in, or the class.
fn within<T>(place: &str, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|f| Fault {
        what: format!("{place}: {}", f.what),
        at: f.at,
    })
}

/// Turns figures of the file into the domain's, looking their sources up.
struct Reader {
    sources: BTreeMap<String, Spanned<Source>>,
}

impl Reader {
    fn figure<T>(
        &self,
        at: Range<usize>,
        value: T,
        source: &str,
        (date, grade, note): (Option<String>, Option<Grade>, Option<String>),
    ) -> Result<Figure<T>, Fault> {
        let Some(known) = self.sources.get(source) else {
            return fault(
                at,
                format!("it names the source {source:?}, which [sources] does not define"),
            );
        };
        let known = known.get_ref();
        let date = date.unwrap_or_else(|| known.date.clone());
        check_date(&date, at)?;
        Ok(Figure {
            value,
            source: known.text.clone(),
            date,
            grade: grade.unwrap_or(known.grade),
            note,
        })
    }

    fn money(&self, m: Spanned<Money>) -> Result<Figure<NanoUsd>, Fault> {
        let (at, m) = (m.span(), m.into_inner());
        if !m.usd.is_finite() || m.usd < 0.0 || m.usd > 1e6 {
            return fault(at, format!("{} is no price in USD (0 to 1,000,000)", m.usd));
        }
        self.figure(at, NanoUsd::from_usd(m.usd), &m.source, (m.date, m.grade, m.note))
    }

    fn some_money(&self, field: &str, m: Option<Spanned<Money>>) -> Result<Option<Figure<NanoUsd>>, Fault> {
        m.map(|m| within(field, self.money(m))).transpose()
    }

    fn number(&self, field: &str, n: Spanned<Number>) -> Result<Figure<i64>, Fault> {
        let (at, n) = (n.span(), n.into_inner());
        if n.value < 0 {
            return fault(at, format!("{field}: {} is negative", n.value));
        }
        within(
            field,
            self.figure(at, n.value, &n.source, (n.date, n.grade, n.note)),
        )
    }

    fn some_number(&self, field: &str, n: Option<Spanned<Number>>) -> Result<Option<Figure<i64>>, Fault> {
        n.map(|n| self.number(field, n)).transpose()
    }

    fn steps(&self, field: &str, prices: Vec<Spanned<Money>>) -> Result<Vec<Step>, Fault> {
        let last = prices.len().saturating_sub(1);
        let mut below = 0;
        prices
            .into_iter()
            .enumerate()
            .map(|(i, m)| {
                let up_to_gb = m.get_ref().up_to_gb;
                match up_to_gb {
                    Some(bound) if i < last && bound > below => below = bound,
                    None if i == last => {}
                    _ => {
                        return fault(
                            m.span(),
                            format!("{field}: volume steps must rise, and only the last has no up_to_gb"),
                        );
                    }
                }
                Ok(Step {
                    up_to_gb,
                    price: within(field, self.money(m))?,
                })
            })
            .collect()
    }

    fn managed(&self, tiers: Vec<Spanned<Money>>) -> Result<Vec<ManagedTier>, Fault> {
        let mut managed: Vec<ManagedTier> = Vec::new();
        for m in tiers {
            let at = m.span();
            let Some(from_idle_days) = m.get_ref().from_idle_days else {
                return fault(at, "managed: a tier without from_idle_days");
            };
            if from_idle_days <= managed.last().map_or(0, |m| m.from_idle_days) {
                return fault(at, "managed: tiers must rise in from_idle_days");
            }
            managed.push(ManagedTier {
                from_idle_days,
                price: within("managed", self.money(m))?,
            });
        }
        Ok(managed)
    }

    fn class(&self, at: Range<usize>, c: ClassFile) -> Result<ClassPrice, Fault> {
        if c.storage.is_empty() {
            return fault(at, "storage: a class needs a storage price");
        }
        Ok(ClassPrice {
            name: c.name,
            title: c.title,
            tier: c.tier,
            single_zone: c.single_zone,
            storage: self.steps("storage", c.storage)?,
            managed: self.managed(c.managed)?,
            retrieval_per_gb: self.some_money("retrieval_per_gb", c.retrieval_per_gb)?,
            class_a_per_1k: self.some_money("class_a_per_1k", c.class_a_per_1k)?,
            class_b_per_1k: self.some_money("class_b_per_1k", c.class_b_per_1k)?,
            restore_per_1k: self.some_money("restore_per_1k", c.restore_per_1k)?,
            transition_in_per_1k: self.some_money("transition_in_per_1k", c.transition_in_per_1k)?,
            min_days: self.some_number("min_days", c.min_days)?,
            min_object_bytes: self.some_number("min_object_bytes", c.min_object_bytes)?,
            overhead_bytes: self.some_number("overhead_bytes", c.overhead_bytes)?,
            overhead_hot_bytes: self.some_number("overhead_hot_bytes", c.overhead_hot_bytes)?,
            monitoring_per_1k_objects: self
                .some_money("monitoring_per_1k_objects", c.monitoring_per_1k_objects)?,
            managed_min_object_bytes: self
                .some_number("managed_min_object_bytes", c.managed_min_object_bytes)?,
            first_byte_ms: self.number("first_byte_ms", c.first_byte_ms)?,
        })
    }
}

impl BookFile {
    /// The domain's book, or what is wrong with the file.
    pub(super) fn into_book(self, origin: &str) -> Result<PriceBook, Fault> {
        let date = within("date", check_date(self.date.get_ref(), self.date.span()))
            .map(|()| self.date.into_inner())?;
        for (name, source) in &self.sources {
            let (at, place) = (source.span(), format!("sources.{name}"));
            within(&place, check_date(&source.get_ref().date, at.clone()))?;
            if source.get_ref().text.trim().is_empty() {
                return fault(
                    at,
                    format!("{place}: the text is empty; say where the figures were read"),
                );
            }
        }
        let reader = Reader {
            sources: self.sources,
        };
        let mut classes: Vec<ClassPrice> = Vec::new();
        for class in self.class {
            let (at, class) = (class.span(), class.into_inner());
            let place = format!("class {}", class.name);
            if classes.iter().any(|c| c.name.matches(class.name.as_str())) {
                return fault(at, format!("{place}: it appears twice"));
            }
            classes.push(within(&place, reader.class(at, class))?);
        }
        if classes.is_empty() {
            return fault(0..0, "no [[class]]");
        }
        let e = self.egress;
        let egress = Egress {
            internet: within("egress", reader.steps("internet", e.internet))?,
            between_regions_per_gb: within(
                "egress",
                reader.some_money("between_regions_per_gb", e.between_regions_per_gb),
            )?,
            free_gb_per_month: within(
                "egress",
                reader.some_number("free_gb_per_month", e.free_gb_per_month),
            )?,
            free_times_stored: within(
                "egress",
                reader.some_number("free_times_stored", e.free_times_stored),
            )?,
        };
        Ok(PriceBook {
            name: self.name,
            title: self.title,
            provider: self.provider,
            region: self.region,
            date,
            version: self.version,
            assumption: self.assumption,
            unit: self.unit,
            origin: origin.to_owned(),
            classes,
            egress,
        })
    }
}

fn check_date(date: &str, at: Range<usize>) -> Result<(), Fault> {
    let ok = date.len() == 10 && chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok();
    if ok {
        Ok(())
    } else {
        fault(at, format!("{date:?} is no date as YYYY-MM-DD"))
    }
}
