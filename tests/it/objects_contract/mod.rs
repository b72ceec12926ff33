//! The contract of the port `Objects`, kept by every adapter: each clause runs against each of them.

mod copying;
mod denied;
mod durable;
mod keys;
mod listing;
mod removing;
mod several;
mod sharing;
mod staging;
mod verifying;

use crate::encrypted::TestKey;
use crate::meddler::Meddler;
use data_in_motion::adapters::inproc::accesses::OneAccess;
use data_in_motion::adapters::objects::{CloudObjects, Faults, Faulty, LocalObjects, Stores};
use data_in_motion::domain::encryption::Encryption;
use data_in_motion::domain::location::StoreAccess;
use data_in_motion::domain::migration::options::VerifyLevel;
use data_in_motion::ports::Objects;
use data_in_motion::ports::objects::{Copied, Expected, Forgetful, FoundObject, Meter, Prefix, Staging};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// One adapter under test, the directory `root` of a location, and a directory `outside` that nothing may touch.
pub struct Ground {
    store: Arc<dyn Objects>,
    dir: TempDir,
    meter: Arc<Meter>,
    /// Of every place but the source.
    encryption: Option<Encryption>,
}

impl Ground {
    fn new(store: Arc<dyn Objects>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/set")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/precious"), "precious").unwrap();
        Self {
            store,
            dir,
            meter: Arc::default(),
            encryption: None,
        }
    }

    /// One where copies are encrypted.
    fn encrypted() -> Self {
        let cloud = CloudObjects::new(Arc::new(OneAccess(StoreAccess::default())), None);
        let ground = Self::new(Arc::new(Stores::new(LocalObjects::new(), cloud)));
        let encryption = TestKey::new(1).encryption(ground.dir.path(), "key");
        Self {
            encryption: Some(encryption),
            ..ground
        }
    }

    /// A path below the location's root.
    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("root").join(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn prefix(&self, path: &str) -> Prefix {
        Prefix {
            root: format!("file://{}/root", self.dir.path().display())
                .parse()
                .unwrap(),
            path: path.into(),
            encryption: self.encryption.clone().filter(|_| path != "set"),
        }
    }

    fn source(&self) -> Prefix {
        self.prefix("set")
    }

    fn staging(&self, target: &str) -> Staging {
        Staging {
            target: self.prefix(target),
            token: "token".into(),
            attempt: 1,
            class: None,
            verify: VerifyLevel::Full,
            may_share: true,
        }
    }

    async fn objects(&self) -> Vec<FoundObject> {
        self.store.list(&self.source()).await.unwrap().objects
    }

    async fn object(&self, key: &str) -> FoundObject {
        let found = self.objects().await.into_iter().find(|o| o.key == key);
        found.unwrap_or_else(|| panic!("{key:?} is not listed"))
    }

    /// Copies everything; what each object must be from here on.
    async fn copy_all(&self, staging: &Staging) -> Vec<Expected> {
        self.store.prepare(staging).await.unwrap();
        let mut expected = Vec::new();
        for object in self.objects().await {
            let copied = self
                .store
                .copy(&self.source(), staging, &object, &Forgetful, &self.meter)
                .await;
            expected.push(expect(&object, copied.unwrap()));
        }
        let keys = expected.iter().map(|e| e.key.clone()).collect();
        self.store.sync(staging, keys).await.unwrap();
        expected
    }
}

fn expect(object: &FoundObject, copied: Copied) -> Expected {
    Expected {
        key: object.key.clone(),
        size_bytes: object.size_bytes,
        content_hash: copied.content_hash,
        metadata: Some(copied.metadata),
        checksum: None,
        stored_hash: None,
    }
}

/// Every path below a directory, sorted; directories end in a slash.
fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(here) = todo.pop() {
        for entry in fs::read_dir(&here).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
            if path.symlink_metadata().unwrap().is_dir() {
                found.push(format!("{name}/"));
                todo.push(path);
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// Runs each clause against each adapter.
macro_rules! contract {
    ($($module:ident: $($clause:ident),+;)+) => {
        contract!(@adapter local, LocalObjects::new(), $($module: $($clause),+;)+);
        // Fast enough not to slow the tests down, slow enough that every chunk is booked.
        contract!(@adapter throttled, LocalObjects::with_throttle(400_000_000), $($module: $($clause),+;)+);
        contract!(@adapter faulty_without_faults, Faulty::new(Arc::new(LocalObjects::new()), Faults::default()), $($module: $($clause),+;)+);
        contract!(@adapter meddler, Meddler::idle(), $($module: $($clause),+;)+);
    };
    (@adapter $adapter:ident, $make:expr, $($module:ident: $($clause:ident),+;)+) => {
        contract!(@ground $adapter, Ground::new(Arc::new($make)), $($module: $($clause),+;)+);
    };
    (@ground $adapter:ident, $ground:expr, $($module:ident: $($clause:ident),+;)+) => {
        mod $adapter {
            use super::*;
            $(mod $module {
                use super::*;
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $clause() {
                    super::super::$module::$clause($ground).await;
                })+
            })+
        }
    };
}

contract! {
    listing: objects_come_in_key_order_with_any_name, what_is_no_object_is_named_with_its_reason,
        an_absent_prefix_is_not_found, a_fingerprint_changes_with_the_object, links_are_not_walked;
    copying: a_copy_is_no_link_and_keeps_mode_and_time, a_changed_source_is_not_copied,
        a_source_that_changes_under_the_copy_is_found, a_stop_is_heard_soon, copying_twice_replaces,
        directories_stay_as_closed_as_they_were;
    several: several_are_copied_as_one_is, of_several_only_those_that_changed_fail,
        of_several_the_damaged_one_is_named, a_stop_leaves_several_undone;
    verifying: a_damaged_object_is_found, metadata_is_compared_when_asked;
    staging: a_copy_stays_in_its_staging_area, a_dead_writers_parts_are_removed, a_discarded_area_leaves_no_trace,
        a_staging_area_that_became_a_link_is_refused, a_rename_replaces_nothing_but_emptiness,
        an_identity_survives_a_rename, an_identity_is_never_given_twice, both_places_are_surveyed;
    removing: only_what_is_unchanged_goes, a_link_in_the_way_is_not_followed, a_list_with_a_hostile_key_removes_nothing,
        a_location_that_is_away_is_not_taken_for_removed;
    keys: hostile_keys_are_refused_everywhere;
}

// The clauses that do not read the bytes of a copy from the disk.
contract! {
    @ground encrypted, Ground::encrypted(),
    copying: a_changed_source_is_not_copied, a_source_that_changes_under_the_copy_is_found, a_stop_is_heard_soon,
        directories_stay_as_closed_as_they_were;
    verifying: a_damaged_object_is_found, metadata_is_compared_when_asked;
    staging: a_copy_stays_in_its_staging_area, a_dead_writers_parts_are_removed, a_discarded_area_leaves_no_trace,
        a_staging_area_that_became_a_link_is_refused, a_rename_replaces_nothing_but_emptiness,
        an_identity_survives_a_rename, both_places_are_surveyed;
    removing: only_what_is_unchanged_goes, a_link_in_the_way_is_not_followed, a_list_with_a_hostile_key_removes_nothing,
        a_location_that_is_away_is_not_taken_for_removed;
    keys: hostile_keys_are_refused_everywhere;
}
