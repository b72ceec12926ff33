//! Data in Motion: intelligent data placement.
//!
//! Read the house in this order: [`domain`] says what things are and what they cost, with no I/O at all; `ports` names what the
//! domain's users need from the world; `services` are the use cases; `adapters` are the technologies; `edges` are the protocols;
//! `api` is the hall between browser and server; `ui` draws the pages. `server` alone joins ports to adapters.
//!
//! A feature gates a module, never a line: without features only [`domain`] exists.

pub mod domain;

#[cfg(feature = "ssr")]
pub mod ports;

#[cfg(feature = "ssr")]
pub mod services;

#[cfg(feature = "ssr")]
pub mod adapters;

#[cfg(feature = "ssr")]
pub mod edges;

#[cfg(feature = "web")]
pub mod api;

#[cfg(feature = "web")]
pub mod ui;

#[cfg(feature = "ssr")]
pub mod config;

#[cfg(feature = "ssr")]
pub mod logging;

#[cfg(feature = "ssr")]
pub mod server;

#[cfg(all(feature = "hydrate", not(feature = "split")))]
pub mod browser;

#[cfg(feature = "split")]
#[path = "browser_apart.rs"]
pub mod browser;
