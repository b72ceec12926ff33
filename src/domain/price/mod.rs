//! What holding, reading, moving and leaving early costs: dated price books and itemised costs.
//!
//! Read `book` first (what a vendor charges, each figure with its source), then `cost` (what a placement costs, line by line).
//! Money becomes an integer once a line; a total is the sum of its lines, exactly.
//!
//! Prices know no file format, no catalog and no clock: books come from an adapter, instants and sizes as arguments.

pub mod book;

pub mod line;

pub mod rates;

pub mod transfer;

pub mod cost;

pub mod dense;

pub mod score;

pub mod listing;
