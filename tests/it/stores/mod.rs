//! Buckets of every vendor, as servers of this test run, and what holds of all of them.

pub mod azure;
pub mod gcs;
pub mod raw;
pub mod s3;
pub mod weed;

/// Runs each clause against each vendor's server; the module says what its `Ground` is.
macro_rules! on_every_store {
    ($($clause:ident),+ $(,)?) => {
        on_every_store!(@vendor on_s3, s3::bucket(), $($clause),+);
        on_every_store!(@vendor on_seaweedfs, weed::bucket(), $($clause),+);
        on_every_store!(@vendor on_gcs, gcs::bucket(), $($clause),+);
        on_every_store!(@vendor on_azure, azure::bucket(), $($clause),+);
    };
    (@vendor $vendor:ident, $make:expr, $($clause:ident),+) => {
        mod $vendor {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                super::$clause(Ground::new($make.await)).await;
            })+
        }
    };
}

mod contract;
mod crash;
mod crash_in_place;
mod inside;
mod large;
mod matrix;
mod measured;
pub mod memory;
mod parts;
mod reclass;
mod tags;
mod world;

use data_in_motion::adapters::inproc::accesses::OneAccess;
use data_in_motion::adapters::objects::{CloudObjects, LocalObjects, Stores};
use data_in_motion::domain::location::StoreAccess;
use raw::Raw;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// A bucket that a test has for itself.
pub struct Bucket {
    /// As in `s3://bucket`.
    pub uri: String,
    /// How it is reached; the credentials are in a file of [`Self::dir`].
    pub access: StoreAccess,
    /// A way to it that shares no code with the product but the signing of requests.
    pub raw: Raw,
    /// Whatever the server says of what it was asked.
    pub seen: Arc<Seen>,
    /// Goes with the bucket.
    pub dir: TempDir,
}

/// What a server was asked, where it is one of ours.
#[derive(Debug, Default)]
pub struct Seen {
    /// Bytes of objects and parts that were sent to it.
    pub bytes_in: std::sync::atomic::AtomicU64,
    /// Uploads in parts that are open, by their id.
    pub uploads: std::sync::Mutex<std::collections::BTreeMap<String, String>>,
    /// Parts that began to come.
    pub parts_begun: std::sync::atomic::AtomicU64,
    /// Parts that were taken.
    pub parts: std::sync::atomic::AtomicU64,
    /// When set, the parts that come after so many are never answered.
    pub parts_max: std::sync::Mutex<Option<u64>>,
    /// Objects and parts that it was asked to copy by itself, and did.
    pub copies: std::sync::atomic::AtomicU64,
    /// When set, an object that is written with these bytes just before the next copy is made.
    pub before_copy: std::sync::Mutex<Option<(String, Vec<u8>)>>,
    /// When set, it knows no such copies.
    pub refuses_copies: std::sync::atomic::AtomicBool,
}

impl Seen {
    pub fn bytes(&self) -> u64 {
        self.bytes_in.load(std::sync::atomic::Ordering::SeqCst)
    }

    pub fn open_uploads(&self) -> Vec<String> {
        self.uploads.lock().unwrap().values().cloned().collect()
    }
}

/// A server program that ends with this process, however that ends: it reads nothing, but the pipe of the shell around it closes then.
pub fn tied(program: &Path, in_dir: &TempDir) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "\"$@\" & child=$!; cat >/dev/null; kill -9 $child", "sh"])
        .arg(program)
        .current_dir(in_dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A program that `scripts/setup.sh test` puts into `.tools`, unless the variable names another.
pub fn installed(variable: &str, below_tools: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".tools")
        .join(below_tools);
    let program = std::env::var_os(variable).map_or(tools, PathBuf::from);
    assert!(
        program.exists(),
        "{} is not there: run scripts/setup.sh test, or name the program with {variable}",
        program.display()
    );
    program
}

/// Puts a credential where a reference can lead to.
pub fn credential(dir: &TempDir, text: &str) -> String {
    let path: PathBuf = dir.path().join("credential");
    std::fs::write(&path, text).unwrap();
    format!("file:{}", path.display())
}

impl Bucket {
    /// Whether it is of the S3 server that runs as a process of its own.
    pub fn is_seaweedfs(&self) -> bool {
        self.uri.starts_with("s3://weed")
    }

    /// The same bucket once more.
    pub fn again(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            uri: self.uri.clone(),
            access: self.access.clone(),
            raw: self.raw.clone(),
            seen: self.seen.clone(),
            dir,
        }
    }

    /// The product's stores, with this bucket among them.
    pub fn stores(&self) -> Stores {
        let cloud = CloudObjects::new(Arc::new(OneAccess(self.access.clone())), None);
        Stores::new(LocalObjects::new(), cloud)
    }
}
