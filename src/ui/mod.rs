//! The pages: rendered on the server, hydrated in the browser, useful without JavaScript.
//!
//! The ui knows domain types and `api`. It knows no service, no database and no protocol.

pub mod app;
