//! The hall between browser and server: server functions of three lines, the error both sides understand, and the queries in URLs.
//!
//! Invariant: a server function takes the services from context, calls one use case and passes its error on. Each is a public
//! endpoint under `/api/fn`; whether a caller may is the use case's question.
//!
//! The hall knows no SQL, no file and no stage of a move: those are behind the services.

pub mod error;

pub mod query;

pub mod catalog;

pub mod moves;

pub mod advice;

pub mod status;

pub mod prices;

pub mod reports;

pub mod policies;

pub mod views;

#[cfg(feature = "ssr")]
mod form;

pub use error::ApiError;

/// Where server functions answer.
pub const PREFIX: &str = "/api/fn";
