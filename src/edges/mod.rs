//! Protocols: each handler reads its protocol, makes one service call, and answers in its protocol.
//!
//! Edges know services and domain types: no database, no adapter, no page.

pub mod cli;
pub mod http;
