//! What things are, what they cost and which change is allowed. Pure: data in, data out.
//!
//! The domain knows no clock, no randomness, no file, no network, no database and no feature flag; time and random draws come in
//! as arguments. It compiles for the browser too, which proves it.

pub mod placement;
pub mod unit;

pub mod id;

pub mod name;

pub mod encryption;

pub mod location;

pub mod read_times;

pub mod dataset;

pub mod replica;

pub mod access;

pub mod price;

pub mod recommendation;

pub mod migration;

pub mod event;

pub mod policy;

pub mod label;

pub mod view;

pub mod overview;

pub mod report;

pub mod workload;

pub mod trace;
