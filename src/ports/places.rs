//! What a storage address is in the real world: needed to keep locations apart and datasets inside them.

use crate::domain::location::{StorageUri, StoreAccess};
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
    /// Looks at an address. `access` says how its store is reached.
    async fn look(&self, uri: &StorageUri, access: &StoreAccess) -> Sighting;
}

/// Who knows how the store of a location is reached.
#[async_trait]
pub trait Accesses: Send + Sync + 'static {
    /// How the store of the location with this root is reached.
    ///
    /// # Errors
    /// In words, when it is not known.
    async fn access(&self, root: &StorageUri) -> Result<StoreAccess, String>;
}
