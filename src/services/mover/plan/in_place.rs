//! A plan whose data stays where it is and gets another storage class there.
//!
//! Invariant: what cannot be done in place in one step for each object is refused here, with what can be done instead.

use super::census::Census;
use super::checks::{check, readable_back, unless};
use crate::domain::dataset::Dataset;
use crate::domain::location::Provider;
use crate::domain::migration::PlanCheck;
use crate::domain::migration::options::{MoveOptions, VerifyLevel};
use crate::ports::objects::{Prefix, RECLASS_MAX_S3, Survey};
use crate::services::catalog::Target;
use crate::services::{ServiceError, ServiceResult};

/// What such a plan deletes.
pub(super) const DELETES: &str = "Nothing: every object stays at its address and is given the class there. There is no undo; the way back is \
                                  another change, at its own price.";

/// Whether only the class would change.
pub(in crate::services::mover) fn is(dataset: &Dataset, target: &Target) -> bool {
    target.location.id == dataset.location_id && target.uri == dataset.path_uri
}

/// A move needs another place or another class, and on disks a class is only a word.
pub(super) fn refuse(dataset: &Dataset, target: &Target, options: &MoveOptions) -> ServiceResult<()> {
    if !is(dataset, target) {
        return Ok(());
    }
    let Dataset { name, path_uri, .. } = dataset;
    if target.class == dataset.storage_class {
        return Err(ServiceError::conflict(
            "already_there",
            format!(
                "{name} is already there: {path_uri} on {} as {}; nothing was changed. Name another location or address",
                target.location.name, target.class
            ),
        ));
    }
    if target.location.provider == Provider::Local {
        return Err(ServiceError::not_supported(format!(
            "changing the storage class of {name} in place ({} to {} at {path_uri}): on local disks a class says what the disk costs \
             and no byte would have to move; to move the bytes, give an address on other disks. Nothing was changed",
            dataset.storage_class, target.class
        )));
    }
    if options.replicate || options.keep_source {
        return Err(ServiceError::invalid(
            "options",
            format!(
                "a change of the storage class of {name} where it stands makes no second copy; leave the wish for one out, or name \
                 another address"
            ),
        ));
    }
    Ok(())
}

/// Whether the store can do it, and how it will.
pub(super) fn checks(
    survey: &Survey,
    from: &Prefix,
    target: &Target,
    census: &Census,
    options: &MoveOptions,
) -> Vec<PlanCheck> {
    let elsewhere = "give another address to move the bytes";
    let encrypted = from.encryption.is_some() || target.prefix.encryption.is_some();
    let against = if encrypted {
        Some(format!(
            "the class of encrypted objects in place: not supported yet; {elsewhere}"
        ))
    } else if !survey.one_store {
        Some(format!(
            "the store is reached without credentials of its location, or knows no copies of its own; {elsewhere}"
        ))
    } else if target.location.provider == Provider::S3 && census.over_reclass_s3 > 0 {
        Some(format!(
            "{} objects have more than {RECLASS_MAX_S3}, which S3 copies in one step at most, and in several what somebody else writes \
             meanwhile could be lost: not supported; {elsewhere}",
            census.over_reclass_s3
        ))
    } else {
        None
    };
    let mut checks = vec![
        unless(
            "source_readable",
            survey.not_readable.clone(),
            "every object can be read",
        ),
        readable_back(target),
        unless("class_in_place", against, how(target.location.provider)),
    ];
    let read = match options.verify {
        VerifyLevel::Full => {
            "to prove it each object is read here before and after, which is paid where the class has a price for reading; --verify \
             checksum compares the store's own checksums instead, and --verify size reads nothing"
        }
        VerifyLevel::Checksum => {
            "the checksum that the store keeps is compared before and after; only objects of which it keeps none are read here"
        }
        VerifyLevel::Size => "no content is read",
    };
    checks.push(check("reads", true, read));
    checks
}

/// What the vendor does.
fn how(provider: Provider) -> String {
    let how = match provider {
        Provider::S3 => {
            "S3 copies each object onto itself, on the condition that nobody has written it since. A bucket that keeps versions keeps the \
             old one, and its bill, until its own rules remove it; access lists of objects become the bucket's own. S3 adds the price for \
             reading the old class, where that has one"
        }
        Provider::Gcs => {
            "Google Cloud Storage rewrites each object onto itself, on the condition that nobody has written it since; access lists of \
             objects become the bucket's own"
        }
        Provider::Azure => {
            "Azure sets the tier of each blob; content, ETag, metadata and tags stay as they are"
        }
        Provider::Local => "",
    };
    format!(
        "{how}. Each object is replaced in one step, so that readers never miss one; there is no second copy meanwhile, and no undo. A \
         cancel leaves those that were changed as they are"
    )
}
