//! Rules about where datasets may stand: kept, changed, and asked what they say of a dataset.
//!
//! Invariant: rules decide about *new* placements only; none of them moves or deletes anything by itself. What stands against one
//! already is said, in the verdict and in the recommendation.

use super::Catalog;
use super::locations::check_generation;
use crate::adapters::sql::{Conn, StoreError, datasets, locations, policies as rows};
use crate::domain::access::DatasetKey;
use crate::domain::dataset::Dataset;
use crate::domain::location::Location;
use crate::domain::name::StorageClass;
use crate::domain::policy::{NewPolicy, Place, Policy, PolicyReach, PolicySpec, Verdict};
use crate::domain::price::book::PriceBooks;
use crate::domain::replica::ReplicaRole;
use crate::ports::Topic;
use crate::services::{ServiceError, ServiceResult};
use std::collections::HashMap;

/// More rules than this nobody oversees, and each of them is asked about each dataset.
const POLICIES_MAX: usize = 200;
/// Datasets that are named beside a rule; the number says how many there are.
const NAMED_MAX: usize = 6;

impl Catalog {
    /// Every rule, in the order in which they are read.
    ///
    /// # Errors
    /// Database faults.
    pub async fn list_policies(&self) -> ServiceResult<Vec<Policy>> {
        let mut conn = self.deps.store.reader().await?;
        let mut all = rows::all(&mut conn).await?;
        all.sort_by(|a, b| (a.rules.position, &a.name).cmp(&(b.rules.position, &b.name)));
        Ok(all)
    }

    /// Every rule with the datasets it speaks of. Looks at the name of every dataset.
    ///
    /// # Errors
    /// Database faults.
    pub async fn policies_at_work(&self) -> ServiceResult<Vec<PolicyReach>> {
        let policies = self.list_policies().await?;
        if policies.is_empty() {
            return Ok(Vec::new());
        }
        let homes: HashMap<_, _> = self
            .locations()
            .await?
            .into_iter()
            .map(|location| (location.id, (region_of(&location, &self.deps.prices), location)))
            .collect();
        let mut conn = self.deps.store.reader().await?;
        let standing = rows::standing(&mut conn).await?;
        Ok(policies
            .into_iter()
            .map(|policy| {
                let (mut allowed, mut against) = (Vec::new(), Vec::new());
                let mut counts = (0, 0);
                for (id, name, location, class) in &standing {
                    if !policy.rules.speaks_of(name) {
                        continue;
                    }
                    counts.0 += 1;
                    let ok = homes.get(location).is_none_or(|(region, location)| {
                        policy.rules.allows(Place {
                            location: location.name.as_str(),
                            region,
                            class,
                        })
                    });
                    counts.1 += i64::from(!ok);
                    let shown = if ok { &mut allowed } else { &mut against };
                    if shown.len() < NAMED_MAX {
                        shown.push((*id, name.clone()));
                    }
                }
                against.append(&mut allowed);
                against.truncate(NAMED_MAX);
                PolicyReach {
                    policy,
                    speaks_of: counts.0,
                    against: counts.1,
                    some: against,
                }
            })
            .collect())
    }

    /// A rule by id or name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_policy(&self, key: &str) -> ServiceResult<Policy> {
        let mut conn = self.deps.store.reader().await?;
        find(&mut conn, key).await
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// `Invalid` for one that cannot be kept, `Conflict` for a name that is taken.
    pub async fn create_policy(&self, new: NewPolicy) -> ServiceResult<Policy> {
        check(&new.rules)?;
        let mut tx = self.deps.store.write().await?;
        let all = rows::all(&mut tx).await?;
        if all.len() >= POLICIES_MAX {
            return Err(ServiceError::conflict(
                "too_many_policies",
                format!("there are {POLICIES_MAX} policies already; remove one first. Nothing was added"),
            ));
        }
        if all.iter().any(|p| p.name == new.name) {
            return Err(ServiceError::conflict(
                "name_taken",
                format!(
                    "there is a policy {} already; change it, or give another name. Nothing was added",
                    new.name
                ),
            ));
        }
        rows::insert(&mut tx, &new, self.deps.clock.now()).await?;
        let policy = find(&mut tx, new.name.as_str()).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(policy)
    }

    /// Replaces what a rule says.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `StaleGeneration`.
    pub async fn change_policy(
        &self,
        key: &str,
        rules: PolicySpec,
        if_match: Option<i64>,
    ) -> ServiceResult<Policy> {
        check(&rules)?;
        let mut tx = self.deps.store.write().await?;
        let policy = find(&mut tx, key).await?;
        check_generation("policy", policy.name.as_str(), if_match, policy.generation)?;
        rows::change(&mut tx, policy.id, &rules, self.deps.clock.now()).await?;
        let policy = find(&mut tx, policy.name.as_str()).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(policy)
    }

    /// Forgets a rule. Nothing moves because of it.
    ///
    /// # Errors
    /// `NotFound`, `StaleGeneration`.
    pub async fn delete_policy(&self, key: &str, if_match: Option<i64>) -> ServiceResult<()> {
        let mut tx = self.deps.store.write().await?;
        let policy = find(&mut tx, key).await?;
        check_generation("policy", policy.name.as_str(), if_match, policy.generation)?;
        rows::delete(&mut tx, policy.id).await?;
        tx.commit().await?;
        self.deps.bus.nudge(Topic::Recommendations);
        Ok(())
    }

    /// What the rules say of a dataset, and what is wrong with where it stands.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn verdict(&self, key: &DatasetKey) -> ServiceResult<Verdict> {
        let dataset = self.find_dataset(key).await?;
        let mut conn = self.deps.store.reader().await?;
        let mut verdict = Verdict::of(&dataset, &rows::all(&mut conn).await?);
        let home = locations::find(&mut conn, &dataset.location_id.to_string()).await?;
        if let Some(row) = home {
            let region = region_of(&row.location, &self.deps.prices);
            let place = place(&row.location, &region, &dataset.storage_class);
            verdict.broken.extend(
                verdict
                    .forbids(place)
                    .map(|rule| format!("it stands on {}, but {rule}", row.location.name)),
            );
        }
        let copies = datasets::replicas(&mut conn, dataset.id).await?;
        let kept = copies
            .iter()
            .filter(|c| matches!(c.role, ReplicaRole::Serving | ReplicaRole::Retained))
            .count();
        verdict
            .broken
            .extend(verdict.too_few(i64::try_from(kept).unwrap_or(i64::MAX)));
        Ok(verdict)
    }

    /// What forbids a dataset a place; `None` when every rule allows it.
    pub(in crate::services) async fn forbidden_by_policy(
        &self,
        dataset: &Dataset,
        location: &Location,
        class: &StorageClass,
    ) -> ServiceResult<Option<String>> {
        let mut conn = self.deps.store.reader().await?;
        let verdict = Verdict::of(dataset, &rows::all(&mut conn).await?);
        let region = region_of(location, &self.deps.prices);
        Ok(verdict.forbids(place(location, &region, class)))
    }
}

/// `provider/region`: the location's own region, else that of its prices.
pub(in crate::services) fn region_of(location: &Location, books: &PriceBooks) -> String {
    let book = books.find(&location.price_book);
    let provider = book.map_or("unknown", |b| b.provider.as_str());
    let region = location
        .region
        .as_ref()
        .map(|r| r.as_str())
        .or_else(|| book.map(|b| b.region.as_str()))
        .unwrap_or("unknown");
    format!("{provider}/{region}")
}

/// A placement as rules see it.
pub(in crate::services) fn place<'a>(
    location: &'a Location,
    region: &'a str,
    class: &'a StorageClass,
) -> Place<'a> {
    Place {
        location: location.name.as_str(),
        region,
        class: class.as_str(),
    }
}

fn check(rules: &PolicySpec) -> ServiceResult<()> {
    rules
        .check()
        .map_err(|problem| ServiceError::invalid("bad_policy", format!("{problem}. Nothing was changed")))
}

async fn find(conn: &mut Conn, key: &str) -> ServiceResult<Policy> {
    let found: Result<Option<Policy>, StoreError> = rows::find(conn, key).await;
    found?.ok_or_else(|| ServiceError::not_found("policy", key))
}
