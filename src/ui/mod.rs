//! The pages: rendered on the server, hydrated in the browser, useful without JavaScript.
//!
//! The ui knows domain types and `api` only: no service, no database, no protocol.

pub mod app;
