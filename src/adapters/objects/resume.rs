//! A large object to a disk, part by part: what an earlier copy has left is gone on with.
//!
//! Invariant: a part is remembered after it is durable; a file whose source changed is removed, any other failure leaves it for the
//! next try.

use super::local::{LocalObjects, large};
use super::tree;
use crate::domain::unit::Bytes;
use crate::ports::objects::{FoundObject, Meter, ObjectError, Part, Parts, Staging};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// Writes the parts that are missing, each by `part` from the file's name, offset and length; the file's name and the BLAKE3 of all.
pub(super) async fn in_parts<F>(
    staging: &Staging,
    object: &FoundObject,
    parts: &dyn Parts,
    meter: &Arc<Meter>,
    part: impl Fn(String, (u64, u64)) -> F,
) -> Result<(String, String), ObjectError>
where
    F: Future<Output = Result<String, ObjectError>>,
{
    let name = large::file_name(object);
    let written = write(staging, object, parts, meter, part, &name).await;
    let leave = match &written {
        Ok(_) => true,
        Err(ObjectError::Changed(_)) => false,
        Err(_) => parts.remembers(),
    };
    if !leave {
        let (staging, name) = (staging.clone(), name.clone());
        LocalObjects::blocking(move || large::remove(&staging, &name)).await?;
    }
    written.map(|hash| (name, hash))
}

/// The BLAKE3 of the whole once every part is there.
async fn write<F>(
    staging: &Staging,
    object: &FoundObject,
    parts: &dyn Parts,
    meter: &Arc<Meter>,
    part: impl Fn(String, (u64, u64)) -> F,
    name: &str,
) -> Result<String, ObjectError>
where
    F: Future<Output = Result<String, ObjectError>>,
{
    let (part_bytes, mut chains) = begin(staging, object, parts, meter, name).await?;
    let size = object.size_bytes.0;
    for number in 0..size.div_ceil(part_bytes) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if chains.contains_key(&number) {
            continue;
        }
        let offset = u64::from(number) * part_bytes;
        let span = (offset, part_bytes.min(size - offset));
        let chain = part(name.to_owned(), span).await?;
        let done = Part {
            number,
            id: String::new(),
            chain: chain.clone(),
            checksum: None,
            stored: None,
        };
        parts.done(&done).await?;
        chains.insert(number, chain);
    }
    let chains: Vec<_> = chains
        .values()
        .filter_map(|chain| tree::from_hex(chain))
        .collect();
    tree::root(&chains).ok_or_else(|| {
        ObjectError::Io(format!(
            "the parts of {:?} that were remembered are broken",
            object.key
        ))
    })
}

/// The size of parts, and the chaining values of those that are there.
async fn begin(
    staging: &Staging,
    object: &FoundObject,
    parts: &dyn Parts,
    meter: &Arc<Meter>,
    name: &str,
) -> Result<(u64, BTreeMap<u32, String>), ObjectError> {
    let begun = parts.begun().await?.filter(|upload| {
        let size = upload.part_bytes.0;
        upload.id == name && size.is_power_of_two() && size >= tree::PART_MIN
    });
    if let Some(upload) = begun {
        let part_bytes = upload.part_bytes.0;
        let (of, to, by) = (object.clone(), staging.clone(), meter.clone());
        let good = LocalObjects::blocking(move || large::still_good(&to, &of, &upload, &by)).await?;
        if let Some(good) = good {
            let chains = good.into_iter().map(|part| (part.number, part.chain));
            return Ok((part_bytes, chains.collect()));
        }
    }
    let (to, file) = (staging.clone(), name.to_owned());
    LocalObjects::blocking(move || large::begin(&to, &file)).await?;
    let part_bytes = large::part_bytes(object.size_bytes.0);
    parts.begin(name, Bytes(part_bytes)).await?;
    Ok((part_bytes, BTreeMap::new()))
}
