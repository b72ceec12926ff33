//! What a storage address is in the real world: needed to keep locations apart and datasets inside them.

use crate::domain::location::StorageUri;
use crate::domain::unit::Bytes;
use async_trait::async_trait;

/// What stands at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    Absent,
    /// A directory or a bucket prefix.
    Directory,
    /// Something that cannot hold objects, in words.
    Other(String),
}

/// A look at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The address with every link resolved; of an absent one, that of its nearest existing ancestor with the rest appended.
    pub real: StorageUri,
    /// What stands there.
    pub standing: Standing,
    /// Why data cannot be read and written there now.
    pub problem: Option<String>,
    /// Free space, where the store tells it.
    pub free_bytes: Option<Bytes>,
    /// Total space, where the store tells it.
    pub total_bytes: Option<Bytes>,
}

/// The world of addresses.
///
/// An implementation MUST change nothing, MUST resolve every link on the way, and MUST answer in bounded time; a place that is away
/// is an answer with a `problem`, not an error.
#[async_trait]
pub trait Places: Send + Sync + 'static {
    /// Looks at an address.
    async fn look(&self, uri: &StorageUri) -> Sighting;
}
