//! Stories of receipts, of how closely a copy is checked, and of what a move may cost.

use crate::app::TestApp;
use crate::cli::dim;
use crate::moving::{AtWork, assert_serves, fill, held_at, moving, moving_with, tree};
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::location::Location;
use data_in_motion::domain::migration::options::{MoveOptions, VerifyLevel};
use data_in_motion::domain::migration::receipt::SignedReceipt;
use data_in_motion::domain::migration::{JobStatus, PlanRequest, Planned};
use data_in_motion::domain::unit::{Bytes, NanoUsd};
use data_in_motion::services::ServiceResult;

/// Plans a move of `demo` with options.
pub async fn plan_with(
    app: &TestApp,
    deep: &Location,
    path: &str,
    options: MoveOptions,
    dry_run: bool,
) -> ServiceResult<Planned> {
    let request = PlanRequest {
        dataset_id: DatasetKey::Name("demo".into()),
        target_location: deep.uri.join(path).unwrap().to_string(),
        storage_class: None,
        dry_run,
        require_approval: false,
        options,
    };
    app.services().mover.plan(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_job_gives_a_receipt_that_is_checked_later_without_the_server() {
    let (app, deep) = moving(30).await;
    let files = app.dir.path().join("files");
    let url = app.listen().await;
    let mut work = AtWork::start(&app);
    let job = plan_with(&app, &deep, "demo", MoveOptions::default(), false)
        .await
        .unwrap()
        .job
        .unwrap();
    let early = dim(&url, &["jobs", "receipt", &job.id.to_string()]).await;
    if app.services().mover.get_job(job.id).await.unwrap().job.status != JobStatus::Completed {
        assert_ne!(early.code, 0, "{}", early.out);
    }
    work.until_status(job.id, JobStatus::Completed).await;

    let file = app.dir.path().join("receipt.json");
    let file = file.to_str().unwrap();
    let saved = dim(&url, &["jobs", "receipt", &job.id.to_string(), "--save", file]).await;
    assert_eq!(saved.code, 0, "{}", saved.err);
    let again = dim(&url, &["jobs", "receipt", &job.id.to_string(), "--save", file]).await;
    assert_ne!(again.code, 0, "a receipt is not overwritten");
    let text = std::fs::read_to_string(file).unwrap();
    let signed: SignedReceipt = serde_json::from_str(&text).unwrap();
    assert_eq!(signed.objects.len(), 30);
    let content = tree(&files.join("deep/demo"));
    for object in &signed.objects {
        let bytes = &content[&object.key];
        assert_eq!(object.size_bytes.0, bytes.len() as u64);
        assert_eq!(object.blake3, blake3::hash(bytes).to_hex().to_string());
    }
    assert_eq!(signed.receipt.verify, VerifyLevel::Full);
    work.stop().await;

    // No server is asked from here on.
    let nobody = "http://127.0.0.1:1";
    let key = app.dir.path().join("data/receipt.key.pub");
    let good = dim(
        nobody,
        &["verify", file, "--key", key.to_str().unwrap(), "-o", "json"],
    )
    .await;
    assert_eq!(good.code, 0, "{}", good.err);
    let said: serde_json::Value = serde_json::from_str(&good.out).unwrap();
    assert_eq!((&said["good"], &said["bad"]), (&30.into(), &0.into()));
    let other_key = "00".repeat(32);
    let other = dim(nobody, &["verify", file, "--key", &other_key]).await;
    assert!(
        other.code == 1 && other.err.contains("signed by the key"),
        "{}",
        other.err
    );

    // A bit flipped, an object gone, two of one size swapped, one that is new.
    let path = |i: usize| files.join("deep/demo").join(&signed.objects[i].key);
    let big = (0..30).max_by_key(|i| signed.objects[*i].size_bytes).unwrap();
    let mut bytes = std::fs::read(path(big)).unwrap();
    bytes[7] ^= 1;
    std::fs::write(path(big), &bytes).unwrap();
    let gone = (0..30).find(|i| *i != big).unwrap();
    std::fs::remove_file(path(gone)).unwrap();
    std::fs::write(files.join("deep/demo/late"), "x").unwrap();
    let bad = dim(nobody, &["verify", file]).await;
    assert_eq!(bad.code, 1, "{}", bad.out);
    for i in [big, gone] {
        assert!(
            bad.out.contains(&format!("{:?}", signed.objects[i].key)),
            "{}",
            bad.out
        );
    }
    assert!(bad.out.contains("not in the receipt: late"), "{}", bad.out);
    assert!(bad.out.contains("28 objects are as signed"), "{}", bad.out);

    // A receipt that was changed is no receipt.
    let forged = app.dir.path().join("forged.json");
    std::fs::write(
        &forged,
        text.replacen("\"object_count\": 30", "\"object_count\": 29", 1),
    )
    .unwrap();
    assert_ne!(std::fs::read_to_string(&forged).unwrap(), text);
    let refused = dim(nobody, &["verify", forged.to_str().unwrap(), "--signature-only"]).await;
    assert!(
        refused.code == 1 && refused.err.contains("signature does not fit"),
        "{}",
        refused.err
    );
}

#[tokio::test]
async fn a_weaker_check_says_what_it_proves_and_reads_nothing_back() {
    // An injected fault in the read-back would fail the job if there were one.
    let (app, deep) = moving_with(20, &[("inject", "fail-verify=1")]).await;
    let content = tree(&app.dir.path().join("files/fast/demo"));
    let size = MoveOptions {
        verify: VerifyLevel::Size,
        ..MoveOptions::default()
    };
    let mut work = AtWork::start(&app);
    let planned = plan_with(&app, &deep, "demo", size, false).await.unwrap();
    assert!(
        planned.plan.proves.contains("not read back"),
        "{}",
        planned.plan.proves
    );
    let job = planned.job.unwrap();
    let done = work.until_status(job.id, JobStatus::Completed).await;
    assert_eq!(done.verification.as_deref(), Some(VerifyLevel::Size.proves()));
    let (receipt, _) = app.services().mover.get_receipt(job.id).await.unwrap();
    assert_eq!(receipt.verify, VerifyLevel::Size);
    assert_serves(app.services(), "demo", &content).await;
    work.stop().await;

    let checksum = MoveOptions {
        verify: VerifyLevel::Checksum,
        ..MoveOptions::default()
    };
    let refused = plan_with(&app, &deep, "again", checksum, true)
        .await
        .unwrap()
        .plan;
    let check = refused.checks.iter().find(|c| c.name == "verify").unwrap();
    assert!(
        !check.ok && check.detail.contains("keeps no checksums"),
        "{check:?}"
    );
}

#[tokio::test]
async fn a_copy_of_another_size_is_found_by_the_weakest_check() {
    let settings = [("inject", "pause-at=copy-finished")];
    let (app, deep) = moving_with(10, &settings).await;
    let mut work = AtWork::start(&app);
    let size = MoveOptions {
        verify: VerifyLevel::Size,
        ..MoveOptions::default()
    };
    let job = plan_with(&app, &deep, "demo", size, false)
        .await
        .unwrap()
        .job
        .unwrap();
    let gate = held_at(&app, "copy-finished").await;
    let staged = std::fs::read_dir(app.dir.path().join("files/deep"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.to_string_lossy().contains(".dim-move-"))
        .unwrap();
    std::fs::write(staged.join("data/part-1/1/object 0001"), "short").unwrap();
    std::fs::remove_file(gate).unwrap();
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(failed.job.error_code.as_deref(), Some("verify_mismatch"));
    assert!(failed.job.reason.unwrap().contains("object 0001"));
    work.stop().await;
}

#[tokio::test]
async fn a_budget_refuses_the_plan_and_stops_a_source_that_grew() {
    let settings = [("inject", "pause-at=claimed")];
    let (app, deep) = moving_with(10, &settings).await;
    let source = app.dir.path().join("files/fast/demo");
    let bytes = |n: u64| MoveOptions {
        max_bytes: Some(Bytes(n)),
        ..MoveOptions::default()
    };
    let size = plan_with(&app, &deep, "demo", bytes(u64::MAX), true)
        .await
        .unwrap()
        .plan
        .size_bytes;
    let small = plan_with(&app, &deep, "demo", bytes(size.0 - 1), false)
        .await
        .unwrap_err();
    assert!(small.to_string().contains("max_bytes"), "{small}");
    let free = MoveOptions {
        max_cost_nanousd: Some(NanoUsd(0)),
        ..MoveOptions::default()
    };
    let priced = plan_with(&app, &deep, "demo", free, true).await.unwrap().plan;
    let check = priced.checks.iter().find(|c| c.name == "max_cost").unwrap();
    assert_eq!(check.ok, priced.one_time_nanousd <= NanoUsd(0), "{check:?}");

    let mut work = AtWork::start(&app);
    let job = plan_with(&app, &deep, "demo", bytes(size.0), false)
        .await
        .unwrap()
        .job
        .unwrap();
    let gate = held_at(&app, "claimed").await;
    fill(&source.join("more"), 3);
    std::fs::remove_file(gate).unwrap();
    let failed = work
        .until(job.id, "failed", |j| j.job.status == JobStatus::Failed)
        .await;
    assert_eq!(failed.job.error_code.as_deref(), Some("budget_exceeded"));
    assert_eq!(failed.job.progress.objects_done, 0, "{:?}", failed.job.progress);
    work.stop().await;
}
