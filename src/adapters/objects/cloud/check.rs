//! Copies in a bucket, compared with what they must be: by the store's own checksum, or by reading them back.
//!
//! Invariant: size, metadata and tags are compared as well, and all that is read is of one version of the object.

use super::asked::Asked;
use super::attributes::Carried;
use super::client::Bucket;
use super::failure::failure;
use super::heed::heed;
use super::path::of_key;
use super::read::count;
use super::{tags, told};
use crate::adapters::objects::Throttle;
use crate::adapters::objects::sums::Sum;
use crate::adapters::objects::tree;
use crate::ports::objects::{Expected, Meter, ObjectError, Prefix};
use blake3::hazmat::ChainingValue;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, GetResult};

/// Larger objects are read back in ranges of this size, a power of two, so that each is a whole subtree of the hash.
const RANGE: u64 = 32 << 20;
/// Ranges of one object that are read at once: a single answer of a store far away is slower than the line.
const RANGES_AT_ONCE: usize = 4;

fn mismatch(bucket: &Bucket, key: &str, what: &str) -> ObjectError {
    ObjectError::Mismatch(format!(
        "the object {key:?} read back from {} {what}",
        bucket.shown
    ))
}

/// What a store says of a copy.
struct Said {
    size: u64,
    /// Without its tags.
    carried: Carried,
    tag_count: u64,
}

impl Said {
    fn of(bucket: &Bucket, found: &GetResult) -> Self {
        Self {
            size: found.meta.size,
            carried: Carried::of(&found.attributes, bucket.provider),
            tag_count: tags::count(found),
        }
    }
}

/// Size, metadata and tags.
async fn as_expected(
    bucket: &Bucket,
    path: &Path,
    said: Said,
    expected: &Expected,
    meter: &Meter,
) -> Result<(), ObjectError> {
    let wanted = expected.size_bytes.0;
    if said.size != wanted {
        let what = format!("has {} bytes, not {wanted}", said.size);
        return Err(mismatch(bucket, &expected.key, &what));
    }
    if let Some(metadata) = &expected.metadata {
        let tags = heed(meter, tags::of(bucket, path, said.tag_count)).await?;
        if let Some(difference) = said.carried.tagged(tags).differs(metadata) {
            return Err(mismatch(bucket, &expected.key, &format!("has {difference}")));
        }
    }
    Ok(())
}

/// Compares what the store says of an object; `false` when it says no checksum of the kind that is wanted.
async fn by_checksum(
    bucket: &Bucket,
    path: &Path,
    expected: &Expected,
    wanted: &Sum,
    meter: &Meter,
) -> Result<bool, ObjectError> {
    let (found, sum) = heed(meter, told::look(bucket, path)).await?;
    let Some(sum) = sum.filter(|sum| sum.kind() == wanted.kind()) else {
        return Ok(false);
    };
    as_expected(bucket, path, Said::of(bucket, &found), expected, meter).await?;
    if sum == *wanted {
        return Ok(true);
    }
    Err(ObjectError::Mismatch(format!(
        "the object {:?} has the checksum {sum}, says {}; that of what was read at the source is {wanted}",
        expected.key, bucket.shown
    )))
}

/// Whether the store's own checksum says that an object is what it must be; `false` where none can be compared.
pub(super) async fn told_right(
    bucket: &Bucket,
    at: &Prefix,
    expected: &Expected,
    meter: &Meter,
) -> Result<bool, ObjectError> {
    let wanted = expected.checksum.as_deref();
    let Some(wanted) = wanted.and_then(|text| text.parse::<Sum>().ok()) else {
        return Ok(false);
    };
    by_checksum(bucket, &of_key(at, &expected.key)?, expected, &wanted, meter).await
}

/// Reads an object and compares it with what it must be.
pub(super) async fn verify(
    bucket: &Bucket,
    at: &Prefix,
    expected: &Expected,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<(), ObjectError> {
    let key = &expected.key;
    if told_right(bucket, at, expected, meter).await? {
        return Ok(());
    }
    let Some(hash) = &expected.content_hash else {
        return Err(mismatch(
            bucket,
            key,
            "has no checksum that could be compared, and no hash of it was computed when the store copied it",
        ));
    };
    let found = if expected.size_bytes.0 > RANGE {
        hash_of_ranges(bucket, &of_key(at, key)?, expected, throttle, meter).await?
    } else {
        let mut hasher = blake3::Hasher::new();
        let sink = |piece: &[u8]| {
            hasher.update(piece);
            Ok(())
        };
        let length = read_through(bucket, at, expected, throttle, meter, sink).await?;
        (length == expected.size_bytes.0).then(|| hasher.finalize().to_hex().to_string())
    };
    if found.as_ref() != Some(hash) {
        return Err(mismatch(bucket, key, "differs from what was read at the source"));
    }
    Ok(())
}

/// The BLAKE3 of a large object of the expected size, from ranges that are read beside each other; `None` when one was not as long as
/// it had to be.
async fn hash_of_ranges(
    bucket: &Bucket,
    path: &Path,
    expected: &Expected,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<Option<String>, ObjectError> {
    let looked = async {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let found = bucket.store.get_opts(path, options).await;
        let found = found.map_err(|e| failure(&e, "read back", bucket, path))?;
        Ok((Said::of(bucket, &found), found.meta.e_tag))
    };
    let (said, tag) = heed(meter, looked).await?;
    as_expected(bucket, path, said, expected, meter).await?;
    let size = expected.size_bytes.0;
    let ranges = (0..size.div_ceil(RANGE)).map(|n| {
        let span = (n * RANGE)..size.min((n + 1) * RANGE);
        chain_of_range(bucket, path, expected, tag.as_deref(), span, throttle, meter)
    });
    let chains = futures::stream::iter(ranges).buffered(RANGES_AT_ONCE);
    let chains: Vec<Option<ChainingValue>> = chains.try_collect().await?;
    let chains: Option<Vec<_>> = chains.into_iter().collect();
    Ok(chains.and_then(|chains| tree::root(&chains)))
}

/// The chaining value of a range of one version of an object; `None` when the answer is not as long as that.
async fn chain_of_range(
    bucket: &Bucket,
    path: &Path,
    expected: &Expected,
    tag: Option<&str>,
    span: std::ops::Range<u64>,
    throttle: Option<&Throttle>,
    meter: &Meter,
) -> Result<Option<ChainingValue>, ObjectError> {
    let replaced = || mismatch(bucket, &expected.key, "was replaced while it was read");
    let options = GetOptions {
        if_match: tag.map(str::to_owned),
        range: Some(GetRange::Bounded(span.clone())),
        ..GetOptions::default()
    };
    let asked = async {
        bucket.store.get_opts(path, options).await.map_err(|e| match e {
            Error::Precondition { .. } | Error::NotModified { .. } => replaced(),
            e => failure(&e, "read back", bucket, path),
        })
    };
    let since = Asked::now(meter);
    let found = heed(meter, asked).await?;
    // Some stores ignore the condition.
    if found.meta.e_tag.as_deref() != tag {
        return Err(replaced());
    }
    if found.range != span {
        return Ok(None);
    }
    let mut hasher = tree::begin(span.start);
    let mut stream = since.timed(found.into_stream());
    let mut length = 0_u64;
    while let Some(piece) = heed(meter, async { Ok(stream.next().await) }).await? {
        let piece = piece.map_err(|e| failure(&e, "read back", bucket, path))?;
        hasher.update(&piece);
        length += piece.len() as u64;
        count(piece.len() as u64, throttle, meter).await?;
    }
    Ok((length == span.end - span.start).then(|| tree::end(&hasher)))
}

/// Reads an object whose size and metadata are as expected, piece by piece; its length.
pub(super) async fn read_through(
    bucket: &Bucket,
    at: &Prefix,
    expected: &Expected,
    throttle: Option<&Throttle>,
    meter: &Meter,
    mut sink: impl FnMut(&[u8]) -> Result<(), ObjectError> + Send,
) -> Result<u64, ObjectError> {
    let path = of_key(at, &expected.key)?;
    let options = GetOptions::default();
    let asked = async {
        bucket
            .store
            .get_opts(&path, options)
            .await
            .map_err(|e| failure(&e, "read back", bucket, &path))
    };
    let since = Asked::now(meter);
    let found = heed(meter, asked).await?;
    as_expected(bucket, &path, Said::of(bucket, &found), expected, meter).await?;
    let mut stream = since.timed(found.into_stream());
    let mut length = 0_u64;
    while let Some(piece) = heed(meter, async { Ok(stream.next().await) }).await? {
        let piece = piece.map_err(|e| failure(&e, "read back", bucket, &path))?;
        sink(&piece)?;
        length += piece.len() as u64;
        count(piece.len() as u64, throttle, meter).await?;
    }
    Ok(length)
}
