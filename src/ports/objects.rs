//! What the catalog and the mover need of a place that holds objects: list, copy, read back, publish, remove.
//!
//! Invariant: every path is confined to the root it was given with, nothing that a link points at is ever touched, and an
//! operation that returned `Ok` is durable where its docs say so. Implemented by `adapters::objects` (local disks, and the fault
//! injector around any other); next: `services::mover`.

use super::several::{self, Answers};
use crate::domain::dataset::SkippedEntry;
use crate::domain::encryption::{Encryption, KeyId};
use crate::domain::location::{CredentialRef, StorageUri, UriError};
use crate::domain::migration::options::VerifyLevel;
use crate::domain::name::StorageClass;
use crate::domain::unit::Bytes;
use crate::ports::reads::ReadTally;
use crate::ports::walk::Walk;
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

/// Directories whose name begins like this belong to a running move and are no objects.
pub const STAGING_MARK: &str = ".dim-move-";

/// Objects up to this size are never written in parts, whatever the store.
pub const WHOLE_UP_TO: Bytes = Bytes(1 << 20);

/// Larger objects of S3 cannot be given another class where they stand: its copies take so much in one step, and a copy in parts could
/// replace what somebody else wrote meanwhile. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub const RECLASS_MAX_S3: Bytes = Bytes(5 << 30);

/// A directory or key prefix below the root of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The location's root.
    pub root: StorageUri,
    /// The path below it, without a leading or trailing slash; empty for the root itself.
    pub path: String,
    /// How every object there is, or will be, encrypted. Sizes, hashes and bytes are those of the objects as they were before:
    /// only [`Stored`] speaks of what the store holds.
    pub encryption: Option<Encryption>,
}

impl Prefix {
    /// The prefix that `uri` names below `root`; `None` when it lies outside.
    #[must_use]
    pub fn below(root: &StorageUri, uri: &StorageUri) -> Option<Self> {
        root.relative(uri).map(|path| Self {
            root: root.clone(),
            path: path.to_owned(),
            encryption: None,
        })
    }

    /// The same with what is known of its encryption.
    #[must_use]
    pub fn encrypted(self, encryption: Option<Encryption>) -> Self {
        Self { encryption, ..self }
    }

    /// Its address.
    ///
    /// # Errors
    /// When the path holds what an address must not, such as `..`.
    pub fn uri(&self) -> Result<StorageUri, UriError> {
        self.root.join(&self.path)
    }

    /// The path of the directory that holds it; `None` for the root itself.
    #[must_use]
    pub fn parent_path(&self) -> Option<&str> {
        if self.path.is_empty() {
            return None;
        }
        Some(self.path.rsplit_once('/').map_or("", |(up, _)| up))
    }

    fn child(&self, path: String) -> Self {
        Self {
            root: self.root.clone(),
            path,
            encryption: self.encryption.clone(),
        }
    }
}

/// Where one attempt of one job puts its bytes before the switch: a directory of its own beside the target. Stores that cannot
/// rename are written in place: below the target itself, where every object carries [`Self::mark`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    /// Where the data will stand after the switch.
    pub target: Prefix,
    /// Drawn at random for each job, so that no other catalog's job can have it.
    pub token: String,
    /// The attempt.
    pub attempt: i64,
    /// The storage class that objects are written with; the store's default when absent. Local disks have none.
    pub class: Option<StorageClass>,
    /// How the copies will be checked. [`VerifyLevel::Checksum`] wants the store to keep checksums that can be compared later: they
    /// are sent along, and told in [`Copied::checksum`]. An object that a store copies by itself is read, for its hash, only where
    /// the check cannot do without.
    pub verify: VerifyLevel,
    /// Whether copies may share blocks of a disk with their source until either is changed; not when they are to be second copies.
    pub may_share: bool,
}

impl Staging {
    /// Whether objects are written below the target itself, because the store cannot rename.
    #[must_use]
    pub fn in_place(&self) -> bool {
        !self.target.root.provider().can_rename()
    }

    /// What tells an object of this attempt from anybody else's, where objects are written in place.
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}-{}", self.token, self.attempt)
    }

    /// The directory of the attempt.
    #[must_use]
    pub fn home(&self) -> Prefix {
        let name = format!("{STAGING_MARK}{}-{}", self.token, self.attempt);
        match self.target.parent_path() {
            Some("") | None => self.target.child(name),
            Some(up) => self.target.child(format!("{up}/{name}")),
        }
    }

    /// Below it, the finished objects under their keys; the target itself where that is written in place.
    #[must_use]
    pub fn data(&self) -> Prefix {
        if self.in_place() {
            return self.target.clone();
        }
        let home = self.home();
        let path = format!("{}/data", home.path);
        home.child(path)
    }

    /// Below it, the objects that are being written.
    #[must_use]
    pub fn partial(&self) -> Prefix {
        let home = self.home();
        let path = format!("{}/partial", home.path);
        home.child(path)
    }
}

/// An object as a listing sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundObject {
    /// Its key below the prefix.
    pub key: String,
    /// Its size.
    pub size_bytes: Bytes,
    /// Opaque; two equal ones mean that the object was not changed in between. Local disks: device, inode, size, modification
    /// and change time in nanoseconds.
    pub fingerprint: String,
}

/// Entries that are left out are named up to this number, and counted beyond it.
pub const LEFT_OUT_SHOWN: usize = 100;

/// What a listing found, or a page of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects in key order.
    pub objects: Vec<FoundObject>,
    /// Entries that are no objects (links, pipes, devices), with the reason; at most 100.
    pub skipped: Vec<SkippedEntry>,
    /// How many there were in all.
    pub skipped_count: i64,
    /// Files that cannot be objects because their name is no text; a move of them would lose them. At most 100.
    pub unnameable: Vec<SkippedEntry>,
}

impl Listing {
    /// The sum of the sizes.
    #[must_use]
    pub fn size_bytes(&self) -> Bytes {
        self.objects.iter().map(|o| o.size_bytes).sum()
    }

    /// Takes over what another page left out.
    pub fn add_left_out(
        &mut self,
        skipped: Vec<SkippedEntry>,
        skipped_count: i64,
        unnameable: Vec<SkippedEntry>,
    ) {
        self.skipped_count += skipped_count;
        self.skipped.extend(skipped);
        self.skipped.truncate(LEFT_OUT_SHOWN);
        self.unnameable.extend(unnameable);
        self.unnameable.truncate(LEFT_OUT_SHOWN);
    }
}

/// What was found out about objects of the source besides what the [`Survey`] says of the places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The first one that cannot be read, with the reason.
    pub not_readable: Option<String>,
    /// The first key that the target cannot have, with the reason.
    pub not_placeable: Option<String>,
}

/// What stands at a place where a move would put data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occupancy {
    /// Nothing.
    Absent,
    /// An empty directory.
    Empty,
    /// Something; the text names it.
    Occupied(String),
}

/// What source and target *are*, whatever their paths say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Why source and target are the same place or inside each other, when they are.
    pub overlap: Option<String>,
    /// An object of the target that is another name of a source object.
    pub hard_linked: Option<String>,
    /// What stands at the target.
    pub occupancy: Occupancy,
    /// Why the target cannot be written, when that is known beforehand.
    pub not_writable: Option<String>,
    /// The first source object that cannot be read, with the reason.
    pub not_readable: Option<String>,
    /// Free space for the target.
    pub free_bytes: Option<Bytes>,
    /// The first key that the target cannot have, with the reason.
    pub not_placeable: Option<String>,
    /// What the stores at hand cannot do or keep, in sentences for people.
    pub limits: Vec<String>,
    /// Whether source and target are one store, which can be asked to copy by itself.
    pub one_store: bool,
}

/// Free and total space of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What can still be written.
    pub free_bytes: Bytes,
    /// The size of the store.
    pub total_bytes: Bytes,
}

/// An object that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// BLAKE3 of the bytes as they were read from the source, in hex; absent where a store copied by itself and nothing was read.
    pub content_hash: Option<String>,
    /// The target's metadata as it was set (mode and modification time); compared when verifying.
    pub metadata: String,
    /// The target object's fingerprint.
    pub fingerprint: String,
    /// What the store must say is the object's checksum, as `KIND=BASE64`; where it was wanted and the store keeps one.
    pub checksum: Option<String>,
    /// What the store holds, where that is not the object's own bytes.
    pub stored: Option<Stored>,
}

/// An encrypted object as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its size.
    pub size_bytes: Bytes,
    /// BLAKE3 of the BLAKE3 hashes of its segments, in hex: compared where the key is not at hand.
    pub hash: String,
}

/// A part of a large object that is durable at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 0.
    pub number: u32,
    /// The store's own name for it.
    pub id: String,
    /// The chaining value of its subtree of the object's BLAKE3, in hex, so that a resumed copy need not read it again.
    pub chain: String,
    /// Its checksum, where the store's own is wanted.
    pub checksum: Option<String>,
    /// The hashes of its segments in hex, one after the other, where it is encrypted.
    pub stored: Option<String>,
}

/// A large object that is being written in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The store's own name for it.
    pub id: String,
    /// The size of every part but the last.
    pub part_bytes: Bytes,
    /// The parts that are durable, in any order.
    pub parts: Vec<Part>,
}

/// An upload in parts that was neither completed nor given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// Its object's key below the target.
    pub key: String,
    /// The store's own name for it.
    pub id: String,
}

/// What is remembered of one large object while its parts are written. Each call is durable when it returns.
#[async_trait]
pub trait Parts: Send + Sync {
    /// What an earlier copy of the same object in the same staging area left unfinished.
    async fn begun(&self) -> Result<Option<Upload>, ObjectError>;

    /// An upload was begun; it replaces what was remembered.
    async fn begin(&self, id: &str, part_bytes: Bytes) -> Result<(), ObjectError>;

    /// A part is durable at the target.
    async fn done(&self, part: &Part) -> Result<(), ObjectError>;

    /// Whether a later copy will be told of the parts; what nobody will go on with is not left behind.
    fn remembers(&self) -> bool {
        true
    }
}

/// Remembers nothing: for copies that nobody will resume.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

#[async_trait]
impl Parts for Forgetful {
    async fn begun(&self) -> Result<Option<Upload>, ObjectError> {
        Ok(None)
    }
    async fn begin(&self, _id: &str, _part_bytes: Bytes) -> Result<(), ObjectError> {
        Ok(())
    }
    async fn done(&self, _part: &Part) -> Result<(), ObjectError> {
        Ok(())
    }
    fn remembers(&self) -> bool {
        false
    }
}

/// What an object must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its key.
    pub key: String,
    /// Its size.
    pub size_bytes: Bytes,
    /// BLAKE3 in hex; `None` where it was never computed, so that only [`Self::checksum`] can be compared.
    pub content_hash: Option<String>,
    /// Metadata as [`Copied::metadata`]; `None` compares the content only.
    pub metadata: Option<String>,
    /// [`Copied::checksum`], to be compared with what the store says instead of reading the object back. Where it says nothing, and
    /// with `None`, the object is read back.
    pub checksum: Option<String>,
    /// [`Stored::hash`]; compared as well where it is known, and alone where the key is not at hand.
    pub stored_hash: Option<String>,
}

/// What a removal did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Objects that are gone.
    pub removed: i64,
    /// Objects that stay because they are not what they were, with the reason; at most 100.
    pub kept: Vec<SkippedEntry>,
}

/// A limit on bytes: told of what was moved, it says from when on more may be.
pub trait Gate: Send + Sync + std::fmt::Debug {
    /// Books bytes that were moved. Nothing more may be moved before the answer; none when there is no limit.
    fn book(&self, bytes: u64) -> Option<Instant>;

    /// The present limit, in bytes a second.
    fn bytes_per_sec(&self) -> Option<u64>;
}

/// Counts the bytes of a job and carries the word to stop, and limits, to whoever moves them.
#[derive(Debug, Default)]
pub struct Meter {
    bytes: AtomicU64,
    signs: AtomicU64,
    stop: AtomicBool,
    gates: RwLock<Vec<Arc<dyn Gate>>>,
    whole: Option<Arc<Meter>>,
    held_until: RwLock<Option<Instant>>,
    reads: Option<Arc<ReadTally>>,
}

impl Meter {
    /// One for a part of what `whole` counts: it counts there as well, and stops when that one is stopped.
    #[must_use]
    pub fn part_of(whole: &Arc<Self>) -> Self {
        Self {
            whole: Some(whole.clone()),
            ..Self::default()
        }
    }

    /// The same for what reads at one place, which is told there.
    #[must_use]
    pub fn reading(whole: &Arc<Self>, reads: Arc<ReadTally>) -> Self {
        Self {
            reads: Some(reads),
            ..Self::part_of(whole)
        }
    }

    /// Where it is told how fast the reads are that this counts; nowhere when they are not measured.
    #[must_use]
    pub fn reads(&self) -> Option<&Arc<ReadTally>> {
        let whole = || self.whole.as_ref().and_then(|whole| whole.reads());
        self.reads.as_ref().or_else(whole)
    }

    /// Whatever is moved from here on passes these limits.
    pub fn set_gates(&self, gates: Vec<Arc<dyn Gate>>) {
        *self.gates.write().unwrap_or_else(PoisonError::into_inner) = gates;
    }

    /// Adds bytes that were moved. Whoever moves them MUST wait until the instant of the answer before it moves more, and look at
    /// [`Self::is_stopped`] meanwhile.
    pub fn add(&self, bytes: u64) -> Option<Instant> {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let gates = self.gates.read().unwrap_or_else(PoisonError::into_inner);
        let own = gates.iter().filter_map(|gate| gate.book(bytes)).max();
        let until = own.max(self.whole.as_ref().and_then(|whole| whole.add(bytes)));
        if until.is_some() {
            *self.held_until.write().unwrap_or_else(PoisonError::into_inner) = until;
        }
        until
    }

    /// Whether a limit holds the bytes back now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let until = *self.held_until.read().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }

    /// Whether a limit has counted any of the bytes, and may have held them back.
    #[must_use]
    pub fn was_held(&self) -> bool {
        let until = self.held_until.read().unwrap_or_else(PoisonError::into_inner);
        until.is_some()
    }

    /// How many bytes should be moved before the next [`Self::add`], at most `most`, so that the pace is even.
    #[must_use]
    pub fn chunk(&self, most: usize) -> usize {
        let gates = self.gates.read().unwrap_or_else(PoisonError::into_inner);
        let slowest = gates.iter().filter_map(|gate| gate.bytes_per_sec()).min();
        let own = slowest.map_or(most, |rate| {
            usize::try_from(rate / 100)
                .unwrap_or(most)
                .clamp(512.min(most), most)
        });
        self.whole.as_ref().map_or(own, |whole| whole.chunk(own))
    }

    /// Bytes moved so far, those of broken objects included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Something went on that moved no byte through this machine.
    pub fn sign_of_life(&self) {
        self.signs.fetch_add(1, Ordering::Relaxed);
    }

    /// Rises with every byte and every other sign of life.
    #[must_use]
    pub fn life(&self) -> u64 {
        self.bytes().wrapping_add(self.signs.load(Ordering::Relaxed))
    }

    /// From here on every operation returns [`ObjectError::Stopped`] at its next chunk.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire) || self.whole.as_ref().is_some_and(|whole| whole.is_stopped())
    }
}

/// Why an operation on objects failed. Every message names the object or directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// It is not there.
    #[error("{0}")]
    NotFound(String),
    /// A source object is not what the manifest says.
    #[error("the object {0:?} changed while it was copied")]
    Changed(String),
    /// The meter said stop.
    #[error("stopped")]
    Stopped,
    /// No space, no quota or too large for the file system.
    #[error("{0}")]
    Full(String),
    /// Not allowed by the file system.
    #[error("{0}")]
    Denied(String),
    /// What was read back is not what was written.
    #[error("{0}")]
    Mismatch(String),
    /// Something else stands where the data must go.
    #[error("{0}")]
    Occupied(String),
    /// A link or a name on the path that leads elsewhere.
    #[error("{0}")]
    Unsafe(String),
    /// The device or the network failed.
    #[error("{0}")]
    Io(String),
    /// The store is there and asks for less (429, 503), or a connection broke: worth another try.
    #[error("{0}")]
    Busy(String),
    /// The key of an encrypted copy is not there, or is another one.
    #[error("{0}")]
    Key(String),
    /// The store has given no sign of life for too long; what was asked may still happen.
    #[error("{0}")]
    Hung(String),
    /// A store that is not built yet.
    #[error("not supported yet: {0}")]
    NotSupported(String),
}

impl ObjectError {
    /// The stable code of a failure.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "object_missing",
            Self::Changed(_) => "source_changed",
            Self::Stopped => "stopped",
            Self::Full(_) => "target_full",
            Self::Denied(_) => "permission_denied",
            Self::Mismatch(_) => "verify_mismatch",
            Self::Occupied(_) => "target_not_empty",
            Self::Unsafe(_) => "unsafe_path",
            Self::Io(_) => "io_error",
            Self::Busy(_) => "store_busy",
            Self::Key(_) => "encryption_key",
            Self::Hung(_) => "store_hung",
            Self::NotSupported(_) => "not_supported",
        }
    }
}

/// A store of objects.
///
/// Implementations MUST confine every path to its root, MUST NOT follow links below it, MUST copy bytes (never link them), MUST
/// look at the [`Meter`] at least every 100 ms while bytes move, and MUST leave nothing running when a call returns.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// Lists the objects below a prefix, a page at a time. [`ObjectError::NotFound`], here or from the first page, when there is no
    /// such directory.
    async fn walk(&self, at: &Prefix) -> Result<Walk, ObjectError>;

    /// The same all at once: for places that are known to be small.
    async fn list(&self, at: &Prefix) -> Result<Listing, ObjectError> {
        self.walk(at).await?.collect().await
    }

    /// Free space where `at` is or would be.
    async fn space(&self, at: &Prefix) -> Result<Space, ObjectError>;

    /// Looks at what source and target are; `listing` is the first page of the source.
    async fn survey(
        &self,
        source: &Prefix,
        target: &Prefix,
        listing: &Listing,
    ) -> Result<Survey, ObjectError>;

    /// Looks at the objects of a further page of the source: whether each can be read, and its key be had by the target.
    async fn inspect(
        &self,
        source: &Prefix,
        target: &Prefix,
        page: &Listing,
    ) -> Result<Inspection, ObjectError>;

    /// The directories above `target` that do not exist yet, outermost first, as paths below its root.
    async fn missing_parents(&self, target: &Prefix) -> Result<Vec<String>, ObjectError>;

    /// Makes the staging directories, durably, and removes what a dead writer left in the partial one. Idempotent.
    async fn prepare(&self, staging: &Staging) -> Result<(), ObjectError>;

    /// Streams one object into the staging area, hashing what is read; where source and target are one store, that may copy it by
    /// itself. Its bytes and its name are durable after
    /// [`Self::sync`]. [`ObjectError::Changed`] when the source is not `object` before or after. A large object may go in parts,
    /// which are remembered in `parts`; a copy that finds some there sends only the others.
    async fn copy(
        &self,
        source: &Prefix,
        staging: &Staging,
        object: &FoundObject,
        parts: &dyn Parts,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError>;

    /// Copies objects of at most [`several::SMALL`] as [`Self::copy`] does, as many of the first as it likes to in one call.
    async fn copy_several(
        &self,
        source: &Prefix,
        staging: &Staging,
        objects: &[FoundObject],
        meter: &Arc<Meter>,
    ) -> Answers<Copied> {
        several::copy_first(self, source, staging, objects, meter).await
    }

    /// Gives up uploads in parts below the target: those in `give_up`, and whatever else the store can list there but for those in
    /// `keep`; how many. Idempotent, and only for a target that no reader has been sent to.
    async fn abandon_uploads(
        &self,
        staging: &Staging,
        give_up: &[OpenUpload],
        keep: &[OpenUpload],
    ) -> Result<u64, ObjectError>;

    /// Makes staged objects durable, bytes and names.
    async fn sync(&self, staging: &Staging, keys: Vec<String>) -> Result<(), ObjectError>;

    /// Reads an object from the device and compares it, or the checksum that its store keeps where that is enough.
    /// [`ObjectError::Mismatch`] says what differs.
    async fn verify(&self, at: &Prefix, expected: &Expected, meter: &Arc<Meter>) -> Result<(), ObjectError>;

    /// Verifies objects of at most [`several::SMALL`] as [`Self::verify`] does, as many of the first as it likes to in one call.
    async fn verify_several(&self, at: &Prefix, expected: &[Expected], meter: &Arc<Meter>) -> Answers<()> {
        several::verify_first(self, at, expected, meter).await
    }

    /// Reads an object of a source and tells its BLAKE3 in hex. [`ObjectError::Changed`] when it is not `object` before or after.
    async fn hash(
        &self,
        at: &Prefix,
        object: &FoundObject,
        meter: &Arc<Meter>,
    ) -> Result<String, ObjectError>;

    /// Gives an object of a bucket another storage class where it stands; the store does it by itself. What is told is what a copy
    /// would be: with `verify`, what it will be compared with. One that has the class is only looked at, so that it may be repeated.
    /// [`ObjectError::Changed`] when it is not `object` any more: then it was left alone.
    async fn reclass(
        &self,
        at: &Prefix,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
        meter: &Arc<Meter>,
    ) -> Result<Copied, ObjectError>;

    /// What tells the encryption key that a reference leads to from others. [`ObjectError::Key`] when there is none.
    async fn key_id(&self, reference: &CredentialRef) -> Result<KeyId, ObjectError>;

    /// What identifies the directory itself, whatever its path, and is never another one's; `None` when it is not there. Where
    /// prefixes are no things of their own, it identifies the store, and a prefix is there while something lies below it.
    async fn identity(&self, at: &Prefix) -> Result<Option<String>, ObjectError>;

    /// Moves a directory to a place that is absent or empty, durably, without moving bytes. Never called where objects are written
    /// in place.
    async fn rename(&self, from: &Prefix, to: &Prefix) -> Result<(), ObjectError>;

    /// Removes a job's staging area: the listed objects, everything partial, then its directories, and those of `parents` that
    /// are empty. Idempotent. What is not listed stays, and is named in the answer. A location that is away is an error, not an
    /// area that is gone.
    async fn discard(
        &self,
        staging: &Staging,
        keys: Vec<String>,
        parents: Vec<String>,
    ) -> Result<Removed, ObjectError>;

    /// Removes the listed objects whose fingerprint is still the same, then directories that became empty, the prefix included.
    /// Idempotent: what is gone counts as removed. A location that is away is an error, and a list with a key that leads elsewhere
    /// is not begun.
    async fn remove(&self, at: &Prefix, objects: Vec<FoundObject>) -> Result<Removed, ObjectError>;
}
