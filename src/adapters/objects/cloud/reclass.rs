//! Giving an object another storage class where it stands: the store does it by itself, in one step for each object.
//!
//! Invariant: only the version that was looked at is ever put in its own place, by a condition of the store's, so that a write of
//! somebody else's is never lost; and what stands there afterwards was looked at (size, class, everything it carries). No hash is told
//! that was not computed of what was read *before*.

use super::CloudObjects;
use super::attributes::{Carried, known_class, usual_class};
use super::client::Bucket;
use super::copier::{Order, Refusal};
use super::heed::heed;
use super::path::{condition, fingerprint_of};
use super::read::{CloudSource, Looked};
use super::{tags, told};
use crate::adapters::objects::sums::{Kind, Sum};
use crate::domain::location::Provider;
use crate::domain::migration::options::VerifyLevel;
use crate::domain::name::StorageClass;
use crate::ports::objects::{Copied, FoundObject, Meter, ObjectError, Prefix, RECLASS_MAX_S3};
use object_store::Attribute;

impl CloudObjects {
    pub(in crate::adapters::objects) async fn reclass(
        &self,
        at: &Prefix,
        object: &FoundObject,
        class: &StorageClass,
        verify: VerifyLevel,
        meter: &Meter,
    ) -> Result<Copied, ObjectError> {
        let from = self.source(at, object, meter).await?;
        let wanted = may_have(&from.bucket, object, class)?;
        let looked = heed(meter, from.look()).await?;
        let (hash, sum) = proof(&from, verify).await?;
        let has = looked.class.as_deref().or(usual_class(from.bucket.provider));
        if !has.is_some_and(|has| has.eq_ignore_ascii_case(wanted)) {
            ask(&from, at, &looked, wanted, verify).await?;
        }
        let fingerprint = look_back(&from, &looked.carried, wanted).await?;
        Ok(Copied {
            content_hash: hash,
            metadata: looked.carried.text(),
            fingerprint,
            checksum: sum.map(|sum| sum.to_string()),
            stored: None,
        })
    }
}

/// The class by its vendor's name, where the object can be given it.
fn may_have(
    bucket: &Bucket,
    object: &FoundObject,
    class: &StorageClass,
) -> Result<&'static str, ObjectError> {
    if bucket.provider == Provider::S3 && object.size_bytes > RECLASS_MAX_S3 {
        return Err(ObjectError::NotSupported(format!(
            "the class of {:?} in place: it has {}, and S3 copies at most {RECLASS_MAX_S3} in one step",
            object.key, object.size_bytes
        )));
    }
    known_class(bucket.provider, class).ok_or_else(|| {
        ObjectError::NotSupported(format!(
            "{class} in place: {} knows no class of that name",
            bucket.shown
        ))
    })
}

/// What the object will be compared with: its hash as it is read now, or the checksum that the store keeps of it.
async fn proof(
    from: &CloudSource<'_>,
    verify: VerifyLevel,
) -> Result<(Option<String>, Option<Sum>), ObjectError> {
    match verify {
        VerifyLevel::Size => Ok((None, None)),
        VerifyLevel::Full => Ok((Some(from.hash(None).await?.0), None)),
        VerifyLevel::Checksum => {
            let (found, told) = heed(from.meter, told::look(&from.bucket, &from.path)).await?;
            if fingerprint_of(&found.meta).as_ref() != Ok(&from.object.fingerprint) {
                return Err(ObjectError::Changed(from.object.key.clone()));
            }
            if told.is_some() {
                return Ok((None, told));
            }
            let (hash, sum) = from.hash(Kind::of(from.bucket.provider)).await?;
            Ok((Some(hash), sum))
        }
    }
}

/// Asks the store for the class.
async fn ask(
    from: &CloudSource<'_>,
    at: &Prefix,
    looked: &Looked,
    wanted: &'static str,
    verify: VerifyLevel,
) -> Result<(), ObjectError> {
    let bucket = &from.bucket;
    let failed = |why: String| format!("the class of {}/{}: {why}", bucket.shown, from.path);
    let (Some(copier), Some(tag)) = (&bucket.copier, condition(from.object)) else {
        return Err(ObjectError::NotSupported(failed(
            "the store is reached without credentials of a location".into(),
        )));
    };
    let mut headers = looked.carried.unmarked(bucket.provider);
    headers.attributes.insert(Attribute::StorageClass, wanted.into());
    let order = Order {
        from_bucket: at.root.bucket().unwrap_or_default(),
        from: &from.path,
        from_tag: &tag,
        from_version: looked.version.as_deref(),
        onto_itself: true,
        bytes: from.object.size_bytes.0,
        to: &from.path,
        headers: &headers,
        sums: verify == VerifyLevel::Checksum,
    };
    let asked = async { Ok(copier.reclass(&order, wanted, from.meter).await) };
    match heed(from.meter, asked).await? {
        Ok(()) => Ok(()),
        Err(Refusal::Condition) => Err(ObjectError::Changed(from.object.key.clone())),
        Err(Refusal::Unknown(why) | Refusal::Unable(why)) => Err(ObjectError::NotSupported(failed(why))),
        Err(Refusal::Busy(why)) => Err(ObjectError::Busy(failed(why))),
        Err(Refusal::Failed(why)) => Err(ObjectError::Io(failed(why))),
    }
}

/// Looks at what stands there now; its fingerprint.
async fn look_back(
    from: &CloudSource<'_>,
    carried: &Carried,
    wanted: &'static str,
) -> Result<String, ObjectError> {
    let (bucket, key) = (&from.bucket, &from.object.key);
    let (found, _) = heed(from.meter, told::look(bucket, &from.path)).await?;
    if found.meta.size != from.object.size_bytes.0 {
        return Err(ObjectError::Changed(key.clone()));
    }
    let has = told::class(&found).or(usual_class(bucket.provider));
    if !has.is_some_and(|has| has.eq_ignore_ascii_case(wanted)) {
        return Err(ObjectError::NotSupported(format!(
            "the class {wanted}: {} took the request, but says that {key:?} has the class {}",
            bucket.shown,
            has.unwrap_or("(none)")
        )));
    }
    let seen = Carried::of(&found.attributes, bucket.provider);
    let tags = heed(from.meter, tags::of(bucket, &from.path, tags::count(&found))).await?;
    if let Some(difference) = seen.tagged(tags).differs(&carried.text()) {
        return Err(ObjectError::Mismatch(format!(
            "the object {key:?} was given the class {wanted} by {} and has {difference} since",
            bucket.shown
        )));
    }
    fingerprint_of(&found.meta).map_err(|e| ObjectError::NotSupported(format!("{}: {e}", bucket.shown)))
}
