//! Where datasets may stand: every storage class of every location with its prices, and the rules that forbid some.
//!
//! Invariant: the digest changes whenever anything in here does that could change an answer, so that a stored recommendation can
//! tell whether it was made from the same choice.

use crate::adapters::sql::locations::{self, LocationRow};
use crate::adapters::sql::{Conn, StoreError, policies, policy};
use crate::domain::dataset::Dataset;
use crate::domain::id::LocationId;
use crate::domain::location::{Location, Provider, Tier};
use crate::domain::name::StorageClass;
use crate::domain::policy::{Policy, Verdict};
use crate::domain::price::book::PriceBooks;
use crate::domain::price::transfer::Priced;
use crate::domain::recommendation::PlacementRef;
use crate::domain::recommendation::problem::Candidate;
use crate::domain::recommendation::readers::{ReadFrom, Readers};
use crate::domain::unit::Bytes;
use crate::services::catalog::{place, region_of};
use std::sync::Arc;

/// Rises when the rules by which answers are made change, so that stored ones are made again.
const RULES: u32 = 3;

/// The places to choose from, as they stand.
pub(super) struct Choice {
    locations: Vec<LocationRow>,
    prices: Arc<PriceBooks>,
    /// People's rules about where datasets may stand.
    policies: Vec<Policy>,
    digest: String,
    /// The digest without the policy's word.
    places: String,
}

impl Choice {
    pub(super) async fn load(conn: &mut Conn, prices: &Arc<PriceBooks>) -> Result<Self, StoreError> {
        let locations = locations::list(conn).await?;
        let mut hash = blake3::Hasher::new();
        hash.update(&RULES.to_le_bytes());
        for row in &locations {
            let location = &row.location;
            let book = prices.find(&location.price_book);
            let free = row.check.as_ref().and_then(|c| c.free_bytes).map(roughly);
            let part = serde_json::to_vec(&(location, away(row), free, book))
                .map_err(|e| StoreError::corrupt("choice", e))?;
            hash.update(&part);
        }
        let policies = policies::all(conn).await?;
        for policy in &policies {
            let part = serde_json::to_vec(policy).map_err(|e| StoreError::corrupt("choice", e))?;
            hash.update(&part);
        }
        let places = hash.finalize().to_hex().to_string();
        for version in policy::versions(conn).await? {
            hash.update(format!("{version:?}").as_bytes());
        }
        Ok(Self {
            places,
            digest: hash.finalize().to_hex().to_string(),
            locations,
            prices: prices.clone(),
            policies,
        })
    }

    /// Tells the places and their prices apart, whatever the policy says.
    pub(super) fn places(&self) -> &str {
        &self.places
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// What people's rules say of a dataset.
    pub(super) fn verdict(&self, dataset: &Dataset) -> Verdict {
        Verdict::of(dataset, &self.policies)
    }

    /// The rule that forbids a dataset the place where it stands.
    pub(super) fn broken(&self, dataset: &Dataset, verdict: &Verdict) -> Option<String> {
        let location = self.location(dataset.location_id)?;
        let region = region_of(location, &self.prices);
        verdict.forbids(place(location, &region, &dataset.storage_class))
    }

    /// Every location and class, with what forbids it for this dataset.
    pub(super) fn candidates(&self, dataset: &Dataset, verdict: &Verdict) -> Vec<Candidate<'_>> {
        let mut all = Vec::new();
        for row in &self.locations {
            let region = region_of(&row.location, &self.prices);
            for class in &row.location.storage_classes {
                let mut candidate = self.candidate(&row.location, class);
                candidate.forbidden = verdict
                    .forbids(place(&row.location, &region, class))
                    .or_else(|| forbidden(row, dataset, candidate.at));
                all.push(candidate);
            }
        }
        all
    }

    /// A class of a location, also one that the location does not offer any more.
    pub(super) fn candidate<'a>(&'a self, location: &'a Location, class: &StorageClass) -> Candidate<'a> {
        let book = self.prices.find(&location.price_book);
        let at = book.and_then(|book| Priced::find(book, class.as_str()));
        Candidate {
            placement: PlacementRef {
                location_id: location.id,
                location_name: location.name.clone(),
                storage_class: class.clone(),
                tier: at.map_or(Tier::Hot, |at| at.class.tier),
                managed: at.is_some_and(|at| at.class.is_managed()),
            },
            at,
            price_book: &location.price_book,
            // A directory has no lifecycle rules: every move there copies and leaves a source.
            has_transitions: location.provider != Provider::Local,
            forbidden: None,
        }
    }

    /// Where a dataset stands.
    pub(super) fn current(&self, dataset: &Dataset) -> Option<Candidate<'_>> {
        let location = self.location(dataset.location_id)?;
        Some(self.candidate(location, &dataset.storage_class))
    }

    pub(super) fn location(&self, id: LocationId) -> Option<&Location> {
        self.locations
            .iter()
            .map(|row| &row.location)
            .find(|l| l.id == id)
    }

    /// Where a dataset's readers are: as its events say, and for the rest near the location where it first stood.
    pub(super) fn readers(&self, home: LocationId, from: Option<&ReadFrom>) -> Vec<Readers> {
        let home = self
            .location(home)
            .and_then(|location| self.prices.find(&location.price_book));
        match (home, from) {
            (None, _) => Vec::new(),
            (Some(home), None) => Readers::all_at(home),
            (Some(home), Some(from)) => Readers::from_events(&self.prices, home, from),
        }
    }
}

/// Two significant digits: free space changes all the time, and only its size matters.
fn roughly(bytes: Bytes) -> u64 {
    let mut unit = 1;
    while bytes.0 / unit >= 100 {
        unit *= 10;
    }
    bytes.0 / unit * unit
}

fn away(row: &LocationRow) -> Option<String> {
    let check = row.check.as_ref().filter(|check| !check.reachable)?;
    Some(
        check
            .problem
            .clone()
            .unwrap_or_else(|| "it cannot be used".into()),
    )
}

fn forbidden(row: &LocationRow, dataset: &Dataset, at: Option<Priced<'_>>) -> Option<String> {
    if at.is_some_and(|at| at.class.single_zone) {
        return Some("it is kept in one zone only, which is never proposed by itself".into());
    }
    if let Some(problem) = away(row) {
        return Some(format!("the location was away at its last check: {problem}"));
    }
    let free = row
        .check
        .as_ref()
        .and_then(|check| check.free_bytes)
        .map(|b| Bytes(roughly(b)))?;
    // The files of a stand-in are smaller than its stated size.
    let needs_space = dataset.location_id != row.location.id && !dataset.stand_in;
    (needs_space && free < dataset.size_bytes).then(|| {
        format!(
            "about {free} were free there at its last check, and it needs {}",
            dataset.size_bytes
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_told_apart_by_its_size_only() {
        for (bytes, about) in [(0, 0), (99, 99), (12_345, 12_000), (999_999, 990_000)] {
            assert_eq!(roughly(Bytes(bytes)), about);
        }
    }
}
