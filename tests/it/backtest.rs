//! `dim backtest` as people run it: real files in a temporary directory, the program's own answer.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

const DAY: i64 = 86_400;
const BEGIN: i64 = 20_000 * DAY;

/// A busy, a silent and a late dataset over 70 days, and one line that is wrong.
fn write_history(dir: &Path) {
    let mut events = String::from("unix_time,object_id,op,size_bytes\n");
    let mut line = |day: i64, id: &str, op: &str, bytes: u64| {
        events += &format!("{},{id},{op},{bytes}\n", BEGIN + day * DAY);
    };
    line(0, "silent", "PUT", 500_000_000_000);
    for day in 0..70 {
        line(day, "busy", "GET", 80_000_000_000);
    }
    line(40, "late", "GET", 1_000_000_000);
    line(41, "late", "DELETE", 1);
    let file = std::fs::File::create(dir.join("events.csv.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gz.write_all(events.as_bytes()).unwrap();
    gz.finish().unwrap();
    let objects = format!(
        "object_id,size_bytes,n_files,created_unix\nbusy,100000000000,100,{BEGIN}\nsilent,500000000000,50,{BEGIN}\nlate,10000000000,1000,{}\n",
        BEGIN + 30 * DAY
    );
    std::fs::write(dir.join("objects.csv"), objects).unwrap();
}

fn dim(dir: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dim"))
        .args([
            "backtest",
            "--events",
            "events.csv.gz",
            "--objects",
            "objects.csv",
        ])
        .args(more)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .env_remove("DIM_OUTPUT")
        .env_remove("DIM_PRICES_DIR")
        .output()
        .unwrap()
}

#[test]
fn the_json_has_the_promised_fields_and_no_policy_beats_the_optimum() {
    let dir = tempfile::tempdir().unwrap();
    write_history(dir.path());
    let said = dim(dir.path(), &["--json", "--by-dataset", "--weight", "dollar"]);
    let complaints = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{complaints}");
    assert!(
        complaints.contains("events line 74") && complaints.contains("DELETE"),
        "{complaints}"
    );
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (&json["events"], &json["datasets"], &json["span_days"]),
        (&72.into(), &3.into(), &70.into())
    );
    assert_eq!(json["prices"]["name"], "aws/us-east-1");
    assert!(json["prices"]["date"].is_string());
    assert_eq!(json["skipped_lines"], 1);
    assert!(json.get("calibration").is_none(), "nobody asked for it");
    let best = json["optimum_usd"].as_f64().unwrap();
    let bound = json["optimum_with_managed_usd"].as_f64().unwrap();
    assert!(bound > 0.0 && best >= bound * (1.0 - 1e-9));
    let policies = json["policies"].as_array().unwrap();
    let find = |name: &str| policies.iter().find(|p| p["name"] == name);
    for name in [
        "recommended",
        "always-hot",
        "best-fixed-hindsight",
        "age-30-90",
        "idle-30-90",
        "break-even",
        "ski-rental",
        "fixed:GLACIER_IR",
        "managed:INTELLIGENT_TIERING",
        "optimum",
    ] {
        let policy = find(name).unwrap_or_else(|| panic!("{name} is missing"));
        let number = |key: &str| {
            policy[key]
                .as_f64()
                .unwrap_or_else(|| panic!("{name} lacks {key}"))
        };
        let shares =
            number("storage_usd") + number("read_usd") + number("move_usd") + number("early_deletion_usd");
        assert!((shares - number("usd")).abs() < 1e-9 * shares.max(1.0));
        assert!((number("ratio") - number("usd") / best).abs() < 1e-9);
        let to_bound = number("ratio_to_optimum_with_managed");
        assert!(to_bound >= 1.0 - 1e-9, "{policy}");
        assert!((to_bound - number("usd") / bound).abs() < 1e-9);
        assert!(policy["moves"].is_u64());
    }
    assert!((find("optimum").unwrap()["ratio"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    for dataset in json["by_dataset"].as_array().unwrap() {
        for policy in dataset["policies"].as_array().unwrap() {
            let ratio = |key: &str| policy[key].as_f64().unwrap();
            assert!(ratio("ratio_to_optimum_with_managed") >= 1.0 - 1e-9, "{dataset}");
            let name = policy["name"].as_str().unwrap();
            let may_be_managed =
                name.starts_with("managed:") || name.starts_with("best") || name == "recommended";
            assert!(may_be_managed || ratio("ratio") >= 1.0 - 1e-9, "{dataset}");
        }
    }
    assert_eq!(json["by_dataset"].as_array().unwrap().len(), 3);
}

#[test]
fn the_table_names_its_denominator_and_managed_classes_can_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    write_history(dir.path());
    let said = dim(dir.path(), &["--exclude-managed"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success(), "{text}");
    assert!(
        text.contains("STANDARD, STANDARD_IA, GLACIER_IR\n") && text.contains("recommended"),
        "{text}"
    );
    assert!(
        text.contains("optimum in hindsight over plain classes") && text.contains("TO MANAGED: the same")
    );
    assert!(!text.contains("INTELLIGENT"), "{text}");
    let said = dim(dir.path(), &["--json", "--exclude-managed", "--by-dataset"]);
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(json["optimum_usd"], json["optimum_with_managed_usd"]);
    for dataset in json["by_dataset"].as_array().unwrap() {
        for policy in dataset["policies"].as_array().unwrap() {
            assert!(policy["ratio"].as_f64().unwrap() >= 1.0 - 1e-9, "{dataset}");
            assert_eq!(policy["ratio"], policy["ratio_to_optimum_with_managed"]);
        }
    }
}

#[test]
fn every_form_of_output_every_vendor_and_archive_classes_are_played() {
    let dir = tempfile::tempdir().unwrap();
    write_history(dir.path());
    let text = |more: &[&str]| {
        let said = dim(dir.path(), more);
        let complaints = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{more:?}: {complaints}");
        String::from_utf8(said.stdout).unwrap()
    };
    let csv = text(&["-o", "csv", "--prices", "gcs"]);
    let mut rows = csv.lines();
    assert!(
        rows.next()
            .unwrap()
            .starts_with("policy,ratio,ratio_to_optimum_with_managed,usd,moves,")
    );
    assert!(rows.clone().any(|r| r.starts_with("managed:AUTOCLASS,")), "{csv}");
    assert!(rows.next_back().unwrap().starts_with("optimum,1,"), "{csv}");
    let each = text(&["-o", "csv", "--by-dataset", "--prices", "azure"]);
    assert!(
        each.lines()
            .any(|r| r.starts_with("late,10000000000,") && r.contains(",recommended,"))
    );
    let yaml = text(&["-o", "yaml", "--classes", "all"]);
    assert!(yaml.contains("fixed:DEEP_ARCHIVE") && yaml.contains("optimum_with_managed_usd: "));
}

#[test]
fn stated_confidence_is_compared_with_what_came_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    write_history(dir.path());
    let said = dim(dir.path(), &["--calibration"]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        text.contains("CONFIDENCE: ") && text.contains("moves judged after 90 days"),
        "{text}"
    );
    let said = dim(dir.path(), &["--calibration", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert!(json["calibration"]["decisions"].is_u64() && json["calibration"]["lines"].is_array());
}

#[test]
fn what_cannot_be_done_is_said_with_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    write_history(dir.path());
    let said = dim(dir.path(), &["--prices", "moon"]);
    let complaints = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(3), "{complaints}");
    assert!(
        complaints.contains("no price book") && said.stdout.is_empty(),
        "{complaints}"
    );
    std::fs::write(dir.path().join("objects.csv"), "id,bytes\n").unwrap();
    let said = dim(dir.path(), &[]);
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("no column object_id"));
}
