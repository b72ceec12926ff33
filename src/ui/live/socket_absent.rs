//! The names of `socket.rs` where there is no browser: a page drawn on the server has no connection.

use super::{Batch, Link, Live, Place};

/// Effects do not run on the server, so this is never called; it names what the browser's half calls.
pub(super) fn start(live: Live, _place: Place) {
    live.set_link(Link::Connecting);
    live.apply(Batch::default());
}

/// Nothing to hold.
pub(super) fn pause() {}

/// Nothing to let go.
pub(super) fn resume() {}
