//! What an address in a bucket is: reachable or not, and whether something stands there.

use super::client::Bucket;
use super::listing::first_keys;
use crate::domain::location::StorageUri;
use crate::ports::objects::{ObjectError, Prefix};
use crate::ports::places::{Sighting, Standing};
use std::time::Duration;

/// A look answers within this time, whatever the store does.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks at an address. A prefix needs no making, so a bucket that can be listed holds every prefix.
pub(super) async fn look(bucket: Result<Bucket, ObjectError>, uri: &StorageUri) -> Sighting {
    let seen = async {
        let bucket = bucket?;
        let at = Prefix {
            root: uri.clone(),
            path: String::new(),
            encryption: None,
        };
        match tokio::time::timeout(PATIENCE, first_keys(&bucket, &at, 1)).await {
            Ok(keys) => keys.map(|_| ()),
            Err(_) => Err(ObjectError::Io(format!(
                "{uri}: no answer within {} s",
                PATIENCE.as_secs()
            ))),
        }
    };
    let problem: Option<ObjectError> = seen.await.err();
    Sighting {
        real: uri.clone(),
        standing: match &problem {
            None => Standing::Directory,
            Some(_) => Standing::Absent,
        },
        problem: problem.map(|e| e.to_string()),
        free_bytes: None,
        total_bytes: None,
    }
}
