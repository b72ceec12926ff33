//! The checks of a plan: each says what was found, also when it allows the move.
//!
//! A check that is `ok` may carry a warning; one that is not forbids the move, and its text says what to do.

use super::census::{Census, FOLDED_LOOKED};
use super::figures::Figures;
use crate::domain::dataset::{Dataset, JobBrief};
use crate::domain::location::Provider;
use crate::domain::migration::PlanCheck;
use crate::domain::migration::options::{MoveOptions, VerifyLevel};
use crate::domain::price::book::PriceBooks;
use crate::domain::unit::{Bytes, group_thousands};
use crate::ports::objects::{LEFT_OUT_SHOWN, ObjectError, Occupancy, Prefix, Space, Survey};
use crate::services::catalog::Target;

/// Space is given to files in blocks of this size by every common file system.
pub(super) const BLOCK: u64 = 4096;
/// What goes to Azure in one request, of which it then keeps a checksum; the adapter writes so.
pub(super) const AZURE_ONE_REQUEST: Bytes = Bytes(8 << 20);
/// Share of the target's whole space that a move leaves free, in thousandths: other writers and the file system itself need some.
const RESERVE_PERMILLE: u64 = 10;
/// The reserve is never more than this: on large stores a share would hold back terabytes for nothing.
const RESERVE_MAX: u64 = 10_000_000_000;

/// The check that a live job fails.
pub(super) const NO_OTHER_JOB: &str = "no_other_job";

pub(super) fn check(name: &str, ok: bool, detail: impl Into<String>) -> PlanCheck {
    PlanCheck {
        name: name.to_owned(),
        ok,
        detail: detail.into(),
    }
}

/// Ok unless something was found; `fine` is the text then.
pub(super) fn unless(name: &str, found: Option<String>, fine: impl Into<String>) -> PlanCheck {
    match found {
        Some(problem) => check(name, false, problem),
        None => check(name, true, fine),
    }
}

/// What was listed at the source, compared with what the catalog knows.
pub(super) fn of_objects(dataset: &Dataset, census: &Census) -> Vec<PlanCheck> {
    let (n, left_out) = (census.objects, &census.left_out);
    let known = dataset.object_count;
    let found = format!("{} objects, {}", group_thousands(n), census.size);
    let objects = if n == 0 {
        let expected = if known > 0 || dataset.size_bytes > Bytes::ZERO {
            format!(
                ", although the catalog knows {known} of {}: is the disk mounted?",
                dataset.size_bytes
            )
        } else {
            String::new()
        };
        check(
            "objects",
            false,
            format!(
                "there are no objects at {}{expected}; there is nothing to move",
                dataset.path_uri
            ),
        )
    } else if dataset.scanned_at.is_some() && !dataset.stand_in && known != census.count() {
        check(
            "objects",
            true,
            format!(
                "{found}; the last scan found {}",
                group_thousands(known.unsigned_abs())
            ),
        )
    } else {
        check("objects", true, found)
    };
    let unnameable = left_out.unnameable.first().map(|first| {
        let at_least = if left_out.unnameable.len() < LEFT_OUT_SHOWN { "" } else { "at least " };
        format!(
            "{at_least}{} files cannot be moved because their names are no UTF-8 text, the first is {:?}; rename them first",
            left_out.unnameable.len(),
            first.path
        )
    });
    let mut checks = vec![
        objects,
        unless("object_names", unnameable, "every name can be kept"),
    ];
    if left_out.skipped_count > 0 {
        let first = left_out.skipped.first().map_or_else(String::new, |s| {
            format!(", the first is {:?} ({})", s.path, s.reason)
        });
        checks.push(check(
            "left_out",
            true,
            format!(
                "{} entries are no objects and stay at the source{first}; readers will not find them at the target",
                left_out.skipped_count
            ),
        ));
    }
    checks
}

/// Keys that one directory would take for the same name, where its file system folds case or Unicode forms.
pub(super) fn of_folding(census: &Census, target: &Target) -> Option<PlanCheck> {
    if target.location.provider != Provider::Local {
        return None;
    }
    let (count, first) = &census.folded;
    let (one, other) = first.as_ref()?;
    let among = if census.objects > FOLDED_LOOKED {
        format!(" of the first {}", group_thousands(FOLDED_LOOKED))
    } else {
        String::new()
    };
    Some(check(
        "folded_names",
        true,
        format!(
            "{} objects{among} differ from another only in case or Unicode form, such as {one:?} and {other:?}; a disk that folds them \
             (vfat, NTFS, some shares) would keep one of each pair: the check at the end finds that, and nothing is switched",
            group_thousands(*count)
        ),
    ))
}

/// A rule that forbids the target.
pub(super) fn of_policy(rule: String) -> PlanCheck {
    check(
        "policy",
        false,
        format!("{rule}; choose another place, or change the policy (dim policies list)"),
    )
}

/// What source and target are.
pub(super) fn of_places(
    source: Provider,
    survey: &Survey,
    space: Option<Space>,
    target: &Target,
    census: &Census,
) -> Vec<PlanCheck> {
    let occupied = match &survey.occupancy {
        Occupancy::Occupied(what) => Some(format!(
            "{what}; name an address that does not exist yet or is an empty directory"
        )),
        Occupancy::Absent | Occupancy::Empty => None,
    };
    let fine = match &survey.occupancy {
        Occupancy::Empty => format!("{} is an empty directory", target.uri),
        _ => format!("there is nothing at {} yet", target.uri),
    };
    let linked = survey.hard_linked.as_ref().map(|key| {
        format!("the object {key:?} at the target is another name of a source object; deleting one would not free its space, and writing one would change both")
    });
    let mut checks = vec![
        unless(
            "source_readable",
            survey.not_readable.clone(),
            "every object can be read",
        ),
        unless(
            "overlap",
            survey.overlap.clone(),
            "source and target are different directories",
        ),
        unless("hard_links", linked, "source and target share no object"),
        unless("target_empty", occupied, fine),
        unless(
            "permissions",
            survey.not_writable.clone(),
            if target.location.provider == Provider::Local {
                "the target can be written"
            } else {
                "whether the target can be written shows with the first object"
            },
        ),
        free_space(survey.free_bytes, space.map(|s| s.total_bytes), census.on_disk),
    ];
    if target.location.provider != source || source != Provider::Local {
        let kept = "the target can have every key";
        checks.push(unless("keys_at_target", survey.not_placeable.clone(), kept));
        checks.push(readable_back(target));
    }
    if !survey.limits.is_empty() {
        checks.push(check("store_limits", true, survey.limits.join("; ")));
    }
    checks
}

/// Whether the copies can be read back.
pub(super) fn readable_back(target: &Target) -> PlanCheck {
    let archive = target.location.provider != Provider::Local && is_offline(target.class.as_str());
    unless(
        "readable_back",
        archive.then(|| {
            format!(
                "objects of the class {} cannot be read at once, so they could not be verified: not supported yet; name another class and \
                 let the store's own rules move them on",
                target.class
            )
        }),
        "every object can be read back to be verified",
    )
}

/// Classes whose objects must be restored for hours before they can be read.
fn is_offline(class: &str) -> bool {
    ["GLACIER", "DEEP_ARCHIVE"].contains(&class) || class == "Archive"
}

/// The target could not be looked at.
pub(super) fn unreachable(error: &ObjectError, target: &Target) -> PlanCheck {
    let advice = match error {
        ObjectError::NotFound(_) => "mount it, or name another target",
        ObjectError::Unsafe(_) => "name the address without the link",
        ObjectError::Denied(_) => "give the user that runs this server the right to look at it",
        _ => "try again",
    };
    check(
        "target_reachable",
        false,
        format!(
            "{} on {} cannot be looked at: {error}; {advice}",
            target.uri, target.location.name
        ),
    )
}

/// Whether another copy in the catalog claims the place.
pub(super) fn of_holder(holder: Option<String>, target: &Target) -> PlanCheck {
    let place = match &target.draft {
        None => format!("{} is free on {}", target.uri, target.location.name),
        Some(draft) => format!(
            "{} lies in no known location but under an allowed root; {} will be registered as the location {} (a dry run does \
             not, so its id is 0 here)",
            target.uri, draft.uri, draft.name
        ),
    };
    unless("place_free", holder, place)
}

/// One job at a time moves a dataset.
pub(super) fn of_jobs(live: Option<&JobBrief>) -> PlanCheck {
    let held = live.map(|job| {
        format!(
            "the job {} on it is {}; cancel it or let it end first",
            job.job_id, job.status
        )
    });
    unless(NO_OTHER_JOB, held, "no other job is at work on it")
}

/// How source and target are encrypted. Whether the keys are there is found by looking at the places.
pub(super) fn of_encryption(from: &Prefix, target: &Target, census: &Census) -> Option<PlanCheck> {
    let (source, to) = (from.encryption.as_ref(), target.prefix.encryption.as_ref());
    let detail = match (source, to) {
        (None, None) => return None,
        (Some(source), None) => {
            format!(
                "the copy will not be encrypted; the source, encrypted with {source}, is opened on the way"
            )
        }
        (source, Some(to)) => {
            let (more, was) = (
                census.written.saturating_sub(census.size),
                source.map_or("is not encrypted", |source| {
                    if source.key_id == to.key_id {
                        "is encrypted with the same key, opened on the way and encrypted afresh"
                    } else {
                        "is encrypted with another key, and opened on the way"
                    }
                }),
            );
            format!(
                "the copy will be encrypted with {to}: {} will be written, {more} more than the objects have; the source {was}. Keep \
                 the key as long as the copy: without it nobody can read it",
                census.written
            )
        }
    };
    Some(check("encryption", true, detail))
}

/// What was asked for: the check at the end, and what the move may cost.
pub(super) fn of_options(
    options: &MoveOptions,
    one_store: bool,
    figures: &Figures,
    census: &Census,
    target: &Target,
) -> Vec<PlanCheck> {
    let mut checks = vec![of_verify(options.verify, target, census)];
    if one_store {
        checks.push(of_one_store(options.verify, target));
    }
    if options.keep_source || options.replicate {
        checks.push(check(
            "second_copy",
            true,
            "both copies are kept and paid for; the saving above counts one of them",
        ));
    }
    if let Some(most) = options.max_bytes {
        let size = census.size;
        let over =
            (size > most).then(|| format!("{size} would be copied, more than the {most} that are allowed"));
        checks.push(unless(
            "max_bytes",
            over,
            format!("{size} of at most {most}; what is copied again counts, and the job stops there"),
        ));
    }
    if let Some(most) = options.max_cost_nanousd {
        let cost = figures.one_time;
        let over = if figures.lines.is_empty() && figures.note.as_ref().is_some_and(|n| n.name == "prices") {
            Some(format!(
                "no price is known, so it cannot be told whether it costs more than {most}"
            ))
        } else {
            (cost > most).then(|| format!("it costs {cost} once, more than the {most} that are allowed"))
        };
        let fine =
            format!("{cost} of at most {most}; the job stops when the source grows so that it costs more");
        checks.push(unless("max_cost", over, fine));
    }
    checks
}

/// Source and target are in one store: who copies, and what passes through here all the same.
fn of_one_store(level: VerifyLevel, target: &Target) -> PlanCheck {
    let reads = match level {
        VerifyLevel::Full => {
            "to prove the copy each object is read here once at either side, as in any move; --verify checksum compares the store's \
             own checksums instead and reads only what has none"
        }
        VerifyLevel::Checksum => {
            "the checksums that it keeps of both sides are compared; only objects of which it keeps none are read here"
        }
        VerifyLevel::Size => "no content is read",
    };
    let late = match target.location.provider {
        Provider::S3 => {
            "; where it does not know the condition on the target in copies, that nothing stands there is only looked at beforehand"
        }
        _ => "",
    };
    check(
        "copies_inside",
        true,
        format!(
            "source and target are one store, which is asked to copy by itself: requests are paid, and nothing is sent from here; \
             {reads}{late}; if it turns out not to know such copies, the bytes pass through this machine"
        ),
    )
}

fn of_verify(level: VerifyLevel, target: &Target, census: &Census) -> PlanCheck {
    let by_checksum = level == VerifyLevel::Checksum;
    let refused = (by_checksum && target.location.provider == Provider::Local).then(|| {
        "a directory keeps no checksums of its own; choose full (reads everything back) or size".to_owned()
    });
    let read_back = match (by_checksum, target.location.provider) {
        (true, Provider::Azure) => match census.over_one_request {
            0 => String::new(),
            n => format!("; here {n}: Azure keeps none of objects over {AZURE_ONE_REQUEST}"),
        },
        _ => String::new(),
    };
    unless(
        "verify",
        refused,
        format!("{level}: {}{read_back}", level.proves()),
    )
}

/// Warnings that leave the decision to the person who asked for the move.
pub(super) fn notes(dataset: &Dataset, target: &Target, prices: &PriceBooks) -> Vec<PlanCheck> {
    let mut notes = Vec::new();
    if let Some(reason) = &dataset.pinned_reason {
        notes.push(check(
            "pinned",
            true,
            format!("the owner pinned it ({reason}); no recommendation moves it, a person may"),
        ));
    }
    if dataset.stand_in {
        notes.push(check(
            "stand_in",
            true,
            format!(
                "these files stand for {} objects of {}; what is moved are the files, what is priced is that",
                group_thousands(dataset.object_count.unsigned_abs()),
                dataset.size_bytes
            ),
        ));
    }
    let class = prices
        .find(&target.location.price_book)
        .and_then(|book| book.class(target.class.as_str()));
    if let (Some(limit), Some(class)) = (dataset.latency_limit_ms, class) {
        let first_byte = class.first_byte_ms.value;
        notes.push(check(
            "latency",
            true,
            if first_byte > limit {
                format!(
                    "the first byte comes after about {first_byte} ms there, later than the {limit} ms that its readers accept"
                )
            } else {
                format!("the first byte comes after about {first_byte} ms there; {limit} ms are accepted")
            },
        ));
    }
    notes
}

fn free_space(free: Option<Bytes>, total: Option<Bytes>, needed: Bytes) -> PlanCheck {
    let Some(free) = free else {
        return check(
            "free_space",
            true,
            format!("{needed} needed; the store does not tell how much is free"),
        );
    };
    let share = total.map_or(0, |t| t.0 / 1000 * RESERVE_PERMILLE);
    let reserve = Bytes(share.min(RESERVE_MAX));
    let ok = needed + reserve <= free;
    let advice = if ok {
        String::new()
    } else {
        format!(
            "; free at least {} there, or name another target",
            (needed + reserve).saturating_sub(free)
        )
    };
    check(
        "free_space",
        ok,
        format!("{needed} needed in whole blocks, {reserve} kept as a reserve, {free} free{advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_counted_in_blocks_with_a_reserve() {
        let two = Bytes(3 * 4096);
        // 1 % of a megabyte is kept.
        let total = Some(Bytes(1_000_000));
        for (free, ok) in [(12_288 + 10_000, true), (12_288 + 9_999, false)] {
            let check = free_space(Some(Bytes(free)), total, two);
            assert_eq!(check.ok, ok, "{}", check.detail);
        }
        assert!(free_space(None, None, two).ok);
        // The reserve is bounded: a store of a petabyte does not keep 10 TB.
        let vast = free_space(Some(Bytes(11_000_000_000)), Some(Bytes(1 << 50)), two);
        assert!(vast.ok, "{}", vast.detail);
    }
}
