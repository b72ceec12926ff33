//! What a move would do, found out before anything is touched: the dry run, the page and the real run share it.
//!
//! Invariant: planning only looks. A location is registered and a job queued after every check allowed the move, and never by a
//! dry run.

mod census;
mod checks;
mod figures;
pub(super) mod in_place;

use self::census::Census;
use super::{Mover, window};
use crate::adapters::sql::{datasets, jobs};
use crate::domain::dataset::Dataset;
use crate::domain::location::{Location, Provider};
use crate::domain::migration::options::MoveOptions;
use crate::domain::migration::{Plan, PlanCheck, PlanRequest, Planned};
use crate::domain::unit::group_thousands;
use crate::ports::objects::{ObjectError, Prefix, Survey};
use crate::services::catalog::{Catalog, Target};
use crate::services::{ServiceError, ServiceResult};

impl Mover {
    /// Plans a move and, unless it is a dry run or a check forbids it, queues it as a job.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a target that cannot be, `NotAllowed` for one outside every location and allowed root, `Conflict`
    /// when the data is there already, a live job holds the dataset or a check forbids the move.
    pub async fn plan(&self, request: PlanRequest) -> ServiceResult<Planned> {
        request
            .options
            .check()
            .map_err(|problem| ServiceError::invalid("options", problem))?;
        if let Some(window) = &request.options.window {
            window::check(window, self.deps.clock.now())
                .map_err(|problem| ServiceError::invalid("window", problem))?;
        }
        let catalog = Catalog::new(&self.deps);
        let dataset = catalog.find_dataset(&request.dataset_id).await?;
        let source = catalog.home_of(&dataset).await?;
        let target = catalog
            .find_target(&request.target_location, &dataset, request.storage_class)
            .await?;
        in_place::refuse(&dataset, &target, &request.options)?;
        let mut plan = self
            .look(&catalog, &dataset, &source, &target, &request.options)
            .await?;
        if request.dry_run {
            return Ok(Planned { plan, job: None });
        }
        if !plan.applicable {
            return Err(forbidden(&plan));
        }
        plan.target_location_id = catalog.ensure_target(target).await?.location.id;
        let job = self.queue(plan.clone(), request.require_approval).await?;
        Ok(Planned { plan, job: Some(job) })
    }

    async fn look(
        &self,
        catalog: &Catalog,
        dataset: &Dataset,
        source: &Location,
        target: &Target,
        options: &MoveOptions,
    ) -> ServiceResult<Plan> {
        let from = Prefix::below(&source.uri, &dataset.path_uri).ok_or_else(|| {
            ServiceError::invalid(
                "outside_location",
                format!("{} lies outside the location {}", dataset.path_uri, source.name),
            )
        })?;
        let encryption = {
            let mut conn = self.deps.store.reader().await?;
            datasets::serving_encryption(&mut conn, dataset.id).await?
        };
        let from = from.encrypted(encryption);
        let (census, survey) = self.count(catalog, dataset, source, &from, target).await?;
        let space = match &survey {
            Ok(_) => self.deps.objects.space(&target.prefix).await.ok(),
            Err(_) => None,
        };
        let stays = in_place::is(dataset, target);
        let one_store = survey.as_ref().is_ok_and(|survey| survey.one_store);
        let figures = self.figures(dataset, source, target, &census).await?;
        let mut found = checks::of_objects(dataset, &census);
        match &survey {
            Ok(survey) if stays => found.extend(in_place::checks(survey, &from, target, &census, options)),
            Ok(survey) => {
                found.extend(checks::of_folding(&census, target));
                found.extend(checks::of_places(source.provider, survey, space, target, &census));
            }
            Err(error) => found.push(checks::unreachable(error, target)),
        }
        if !stays {
            let holder = catalog.holder_of(target, dataset).await?;
            found.push(checks::of_holder(holder, target));
        }
        let mut conn = self.deps.store.reader().await?;
        let live = jobs::live_of(&mut conn, &[dataset.id]).await?;
        found.push(checks::of_jobs(live.get(&dataset.id)));
        drop(conn);
        let rule = catalog
            .forbidden_by_policy(dataset, &target.location, &target.class)
            .await?;
        found.extend(rule.map(checks::of_policy));
        if !stays {
            found.extend(checks::of_encryption(&from, target, &census));
        }
        found.extend(checks::notes(dataset, target, &self.deps.prices));
        found.extend(figures.note.clone());
        found.extend(checks::of_options(
            options,
            one_store && !stays,
            &figures,
            &census,
            target,
        ));
        Ok(Plan {
            dataset_id: dataset.id,
            dataset_name: dataset.name.to_string(),
            dataset_generation: dataset.generation,
            source_uri: dataset.path_uri.clone(),
            source_location_id: dataset.location_id,
            source_class: dataset.storage_class.clone(),
            target_uri: target.uri.clone(),
            target_location_id: target.location.id,
            target_location_name: target.location.name.to_string(),
            target_class: target.class.clone(),
            object_count: census.count(),
            size_bytes: census.size,
            encryption: target.location.encryption.clone(),
            written_bytes: target.location.encryption.as_ref().map(|_| census.written),
            prefixes: census.prefixes.clone(),
            skipped: census.skipped().to_vec(),
            target_free_bytes: survey.ok().and_then(|s| s.free_bytes),
            cost_lines: figures.lines,
            one_time_nanousd: figures.one_time,
            monthly_saving_nanousd: figures.monthly_saving,
            expectation: figures.expectation,
            duration_secs: figures.duration_secs,
            deletes: if stays {
                in_place::DELETES.into()
            } else {
                deletes(dataset, &census, self.deps.options.grace_secs, options)
            },
            applicable: found.iter().all(|check| check.ok),
            checks: found,
            options: options.clone(),
            proves: options.verify.proves().to_owned(),
        })
    }

    /// Goes through the source's objects, a page at a time, and looks at both places with the first.
    async fn count(
        &self,
        catalog: &Catalog,
        dataset: &Dataset,
        source: &Location,
        from: &Prefix,
        target: &Target,
    ) -> ServiceResult<(Census, Result<Survey, ObjectError>)> {
        let mut listed = catalog.list_objects(dataset, source).await?;
        let first = listed.next().await?.unwrap_or_default();
        let mut survey = self.deps.objects.survey(from, &target.prefix, &first).await;
        let mut census = Census::for_target(target.prefix.encryption.is_some());
        census.add(&first);
        while let Some(page) = listed.next().await? {
            if let Ok(known) = &mut survey {
                match self.deps.objects.inspect(from, &target.prefix, &page).await {
                    Ok(found) => {
                        known.not_readable = known.not_readable.take().or(found.not_readable);
                        known.not_placeable = known.not_placeable.take().or(found.not_placeable);
                    }
                    Err(problem) => survey = Err(problem),
                }
            }
            census.add(&page);
        }
        if let (Ok(known), Some(key)) = (&mut survey, &census.shadows)
            && target.location.provider == Provider::Local
            && source.provider != Provider::Local
        {
            known.not_placeable.get_or_insert_with(|| {
                format!("{key:?} is an object and other objects are below it; a file cannot be a directory as well")
            });
        }
        Ok((census, survey))
    }
}

fn forbidden(plan: &Plan) -> ServiceError {
    let failed = |check: &PlanCheck| (!check.ok).then(|| format!("{}: {}", check.name, check.detail));
    let list: Vec<_> = plan.checks.iter().filter_map(failed).collect();
    let held = plan
        .checks
        .iter()
        .any(|c| c.name == checks::NO_OTHER_JOB && !c.ok);
    ServiceError::conflict(
        if held { "job_exists" } else { "plan_not_applicable" },
        format!(
            "the move of {} to {} is not possible; {}. Nothing was queued and nothing was changed",
            plan.dataset_name,
            plan.target_uri,
            list.join("; ")
        ),
    )
}

/// What will be deleted, and when.
fn deletes(dataset: &Dataset, census: &Census, grace_secs: i64, options: &MoveOptions) -> String {
    if options.replicate {
        return "Nothing: the source goes on serving, and the target becomes a second copy.".into();
    }
    if options.keep_source {
        return "Nothing: the source stays for good as a second copy, and an undo switches back to it at any time.".into();
    }
    let at = &dataset.path_uri;
    let stays = match census.left_out.skipped_count {
        0 => String::new(),
        n => format!(" The {n} entries that are left out stay where they are."),
    };
    let what = format!(
        "{} objects ({}) at {at}, each only if it is unchanged",
        group_thousands(census.objects),
        census.size
    );
    if grace_secs <= 0 {
        return format!(
            "Nothing before the switch. Right after it, once the copy was verified again: {what}; it cannot be undone \
             then.{stays}"
        );
    }
    format!(
        "Nothing until {} after the switch; until then an undo switches back without moving bytes. Then, once the copy was \
         verified again: {what}.{stays}",
        span(grace_secs)
    )
}

/// `7 days`, `36 hours`, `90 seconds`: the largest unit that fits without a rest.
fn span(secs: i64) -> String {
    let (n, unit) = [(86_400, "day"), (3600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(length, _)| secs % length == 0)
        .map_or((secs, "second"), |(length, unit)| (secs / length, unit));
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_keep_what_was_set() {
        for (secs, text) in [
            (604_800, "7 days"),
            (86_400, "1 day"),
            (129_600, "36 hours"),
            (90, "90 seconds"),
            (60, "1 minute"),
        ] {
            assert_eq!(span(secs), text);
        }
    }
}
