//! The bus: a wake-up without data.
//!
//! Invariant: a message says only "look again". What there is to see stands in the database, so a lost wake-up costs time until the
//! next tick and nothing else. Implemented by `adapters::inproc` for one process and by `adapters::kafka` for several.

use async_trait::async_trait;

/// What somebody should look at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The event log has grown.
    Events,
    /// A job was queued, or something is wanted of one.
    Jobs,
    /// Accesses or prices changed what a recommendation rests on.
    Recommendations,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 3] = [Self::Events, Self::Jobs, Self::Recommendations];
}

/// Carries wake-ups between the parts of the product.
///
/// An implementation MUST:
/// - return from `nudge` at once, whether or not anybody listens;
/// - wake every listener of the topic in this process at least once after a nudge that came after its `listen`, even when it was not
///   waiting then;
/// - where it joins several processes, wake the listeners of the others once the event log holds what was nudged about;
/// - carry no data, and be free to merge nudges and to lose those that cross a process boundary.
pub trait Bus: Send + Sync + 'static {
    /// Says "look again" to all listeners of a topic. Call it after the commit.
    fn nudge(&self, topic: Topic);

    /// Starts to listen. Nudges from now on are not missed.
    fn listen(&self, topic: Topic) -> Box<dyn Wakeups>;
}

/// One listener's end.
#[async_trait]
pub trait Wakeups: Send {
    /// Returns after the next nudge; at once when one came since the last return. May be dropped and called again without losing
    /// one. Never returns once the bus is gone.
    async fn woken(&mut self);
}
