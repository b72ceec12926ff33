//! What a vendor charges for carrying a dataset from one placement to another, before rounding.
//!
//! Invariant: down inside one location is the vendor's own transition and reads nothing out; everything else is a copy that pays
//! requests, retrieval and egress of its source. Leaving early and keeping the source are not in it: they depend on time, and
//! [`super::cost`] adds them.

use super::book::{ClassPrice, PriceBook};
use super::rates::{Holding, Rates, Usd, distance, egress, rates};

/// A class at a place with known prices.
#[derive(Clone, Copy, Debug)]
pub struct Priced<'a> {
    /// The place's prices.
    pub book: &'a PriceBook,
    /// The class.
    pub class: &'a ClassPrice,
}

impl<'a> Priced<'a> {
    /// The class of that name in a book.
    #[must_use]
    pub fn find(book: &'a PriceBook, class: &str) -> Option<Self> {
        book.class(class).map(|class| Self { book, class })
    }

    /// Its rates for a dataset.
    #[must_use]
    pub fn rates(&self, held: Holding) -> Rates {
        rates(self.book, self.class, held)
    }
}

/// Whether the vendor moves the data by itself, without reading it out.
#[must_use]
pub fn is_transition(from: Priced<'_>, to: Priced<'_>, same_location: bool) -> bool {
    let position = |p: &Priced<'_>| p.book.position(p.class.name.as_str());
    same_location && from.book.name == to.book.name && position(&to) > position(&from)
}

/// The parts of a move's charge, in USD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charges {
    /// Requests that put the objects into the target.
    pub write: Usd,
    /// Requests that read them from the source.
    pub read: Usd,
    /// The source's charge for reading its bytes.
    pub retrieval: Usd,
    /// Bytes that leave the source's location.
    pub egress: Usd,
    /// Whether the bytes are copied, so that a source is left to keep or delete.
    pub copied: bool,
}

impl Charges {
    /// Their sum in USD.
    #[must_use]
    pub fn usd(&self) -> f64 {
        self.write.usd + self.read.usd + self.retrieval.usd + self.egress.usd
    }
}

/// Charges of a move between two placements whose rates are known.
#[must_use]
pub fn charges(
    from: (Priced<'_>, &Rates),
    to: (Priced<'_>, &Rates),
    held: Holding,
    same_location: bool,
) -> Charges {
    let objects = held.object_count as f64;
    if is_transition(from.0, to.0, same_location) {
        return Charges {
            write: to.1.transition_in,
            read: Usd::ZERO,
            retrieval: Usd::ZERO,
            egress: Usd::ZERO,
            copied: false,
        };
    }
    let out = if same_location {
        Usd::ZERO
    } else {
        egress(
            &from.0.book.egress,
            from.0.book.unit,
            distance(from.0.book, to.0.book),
            held.size_bytes.0 as f64,
            held.size_bytes,
            1.0,
        )
    };
    Charges {
        write: to.1.put.times(objects),
        read: from.1.get.times(objects),
        retrieval: from.1.retrieval,
        egress: out,
        copied: true,
    }
}
