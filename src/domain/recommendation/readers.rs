//! Where readers are, and how far that is from a place: who reads from elsewhere pays egress.
//!
//! Invariant: shares are at most 1 together. What no event places is taken to be read where the dataset first stood; a region that
//! no price book knows is outside every vendor's network, which is what reading over the internet costs.

use crate::domain::price::book::{PriceBook, PriceBooks};
use crate::domain::unit::Bytes;
use serde::{Deserialize, Serialize};

/// Where readers are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readers {
    /// The provider whose network they are in; empty for none that is known.
    pub provider: String,
    /// Its region.
    pub region: String,
    /// Their share of the bytes read, 0 to 1.
    pub share: f64,
}

/// From where a dataset was read, as its events state it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFrom {
    /// Bytes by the region that events state.
    pub stated: Vec<(String, Bytes)>,
    /// All bytes that were read in the same time.
    pub all: Bytes,
}

impl Readers {
    /// All of them near a place.
    #[must_use]
    pub fn all_at(book: &PriceBook) -> Vec<Self> {
        vec![Self {
            provider: book.provider.clone(),
            region: book.region.clone(),
            share: 1.0,
        }]
    }

    /// Those that the events place, and the rest at home.
    #[must_use]
    pub fn from_events(books: &PriceBooks, home: &PriceBook, from: &ReadFrom) -> Vec<Self> {
        let stated: u64 = from.stated.iter().map(|(_, bytes)| bytes.0).sum();
        // Late events may stand in one of the two sums only.
        let all = from.all.0.max(stated);
        if all == 0 {
            return Self::all_at(home);
        }
        let share = |bytes: u64| bytes as f64 / all as f64;
        let mut readers: Vec<Self> = from
            .stated
            .iter()
            .map(|(name, bytes)| {
                let (provider, region) = place(books, name);
                Self {
                    provider,
                    region,
                    share: share(bytes.0),
                }
            })
            .collect();
        if all > stated {
            readers.extend(Self::all_at(home).into_iter().map(|at_home| Self {
                share: share(all - stated),
                ..at_home
            }));
        }
        readers
    }
}

/// Provider and region of what an event calls a region: `aws/eu-central-1`, `aws:eu-central-1`, or the region alone where one
/// provider alone has it in the price books or names its regions so.
fn place(books: &PriceBooks, name: &str) -> (String, String) {
    if let Some((provider, region)) = name.split_once(['/', ':']) {
        let provider = match provider.trim().to_lowercase() {
            gcp if gcp == "gcp" => "gcs".to_owned(),
            other => other,
        };
        return (provider, region.trim().to_lowercase());
    }
    let region = name.trim().to_lowercase();
    let mut providers: Vec<&str> = books
        .all()
        .iter()
        .filter(|b| b.region == region)
        .map(|b| b.provider.as_str())
        .collect();
    providers.sort_unstable();
    providers.dedup();
    let provider = match providers[..] {
        [one] => one,
        [] => by_shape(&region),
        _ => "",
    };
    (provider.to_owned(), region)
}

/// The vendor that names its regions like this: `eu-central-1` is AWS', `europe-west1` Google's. Empty for any other name.
fn by_shape(region: &str) -> &'static str {
    let Some((area, place)) = region.split_once('-') else {
        return "";
    };
    let place_of = place.trim_end_matches(|c: char| c.is_ascii_digit());
    if place_of.len() == place.len() {
        return "";
    }
    match (area, place_of.ends_with('-')) {
        ("us" | "eu" | "ap" | "sa" | "ca" | "me" | "af" | "il" | "mx", true) => "aws",
        (
            "us" | "europe" | "asia" | "australia" | "northamerica" | "southamerica" | "africa" | "me",
            false,
        ) => "gcs",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::recommendation::tests::{book, class};

    fn books() -> PriceBooks {
        PriceBooks::new(["one", "two"].map(|provider| {
            let mut book = book(provider, vec![class("HOT", 0.02, 0.0)], 0.0);
            book.name = format!("{provider}/x");
            book.provider = provider.into();
            book.region = if provider == "one" { "north" } else { "south" }.into();
            book
        }))
    }

    #[test]
    fn a_region_is_known_by_its_provider_by_a_book_or_by_the_way_it_is_named() {
        for (name, provider, region) in [
            ("north", "one", "north"),
            ("two/Anywhere", "two", "anywhere"),
            ("gcp:europe-west1", "gcs", "europe-west1"),
            ("eu-central-1", "aws", "eu-central-1"),
            ("us-gov-west-1", "aws", "us-gov-west-1"),
            ("europe-west12", "gcs", "europe-west12"),
            ("rack-1", "", "rack-1"),
            ("office", "", "office"),
        ] {
            assert_eq!(place(&books(), name), (provider.into(), region.into()), "{name}");
        }
    }

    #[test]
    fn what_no_event_places_is_read_at_home() {
        let books = books();
        let home = &books.all()[0];
        let from = |stated: &[(&str, u64)], all| ReadFrom {
            stated: stated.iter().map(|(n, b)| ((*n).into(), Bytes(*b))).collect(),
            all: Bytes(all),
        };
        let shares = |from: &ReadFrom| -> Vec<(String, f64)> {
            let readers = Readers::from_events(&books, home, from);
            readers.into_iter().map(|r| (r.region, r.share)).collect()
        };
        assert_eq!(
            shares(&from(&[("south", 25)], 100)),
            [("south".into(), 0.25), ("north".into(), 0.75)]
        );
        assert_eq!(shares(&from(&[("south", 50)], 40)), [("south".into(), 1.0)]);
        assert_eq!(shares(&from(&[], 0)), [("north".into(), 1.0)]);
    }
}
