//! Protocols: each handler reads its protocol, makes one service call, and answers in its protocol.
//!
//! Edges know services and domain types. They know no database, no adapter and no page.

pub mod cli;
pub mod demo;
pub mod host;
pub mod http;
pub mod ingest;
pub mod origin;
pub mod report_html;
pub mod sse;
pub mod ws;
