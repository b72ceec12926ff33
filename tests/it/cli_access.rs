//! `dim access` and `dim access import` against a real server: the guide's words, files packed and not, and bad lines.

use crate::cli::{Ran, dim};
use crate::telemetry::app_with;
use data_in_motion::domain::access::DatasetKey;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

fn figures(ran: &Ran) -> [i64; 4] {
    let report: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err));
    ["received", "accepted", "duplicates", "rejected"].map(|f| report[f].as_i64().unwrap())
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_command_counts_an_event_with_and_without_latency() {
    let app = app_with(1).await;
    let url = app.listen().await;
    let told = dim(
        &url,
        &words("access --dataset-id 1 --op read --size-bytes 8192 --client-lat-ms 11.4"),
    )
    .await;
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out.contains("taken") && told.out.contains('1'),
        "{}",
        told.out
    );
    let json = dim(
        &url,
        &words("access --dataset-id set-1 --op write --size-bytes 5 -o json"),
    )
    .await;
    assert_eq!((json.code, figures(&json)), (0, [1, 1, 0, 0]), "{}", json.err);
    for expected in [[1, 1, 0, 0], [1, 0, 1, 0]] {
        let same = dim(
            &url,
            &words("access --dataset-id 1 --op read --size-bytes 1 --event-id e-1 --json"),
        )
        .await;
        assert_eq!((same.code, figures(&same)), (0, expected));
        assert_eq!(
            same.err.contains("counted before"),
            expected[1] == 0,
            "{}",
            same.err
        );
    }
    for (args, code, said) in [
        (
            "access --dataset-id 7 --op read --size-bytes 1",
            3,
            "there is no dataset \"7\"",
        ),
        (
            "access --dataset-id 1 --op read --size-bytes 1 --client-lat-ms=-3",
            2,
            "client_lat_ms",
        ),
        (
            "access --dataset-id 1 --op read --size-bytes 1 --unix-time 99999999999",
            2,
            "future",
        ),
        (
            "access --dataset-id 1 --op read --size-bytes 2000000000000000",
            2,
            "size_bytes",
        ),
        ("access --dataset-id 1 --op read", 2, "--size-bytes"),
        ("access --dataset-id 1 --op erase --size-bytes 1", 2, "erase"),
    ] {
        let ran = dim(&url, &words(args)).await;
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{args}: {}", ran.err);
        assert!(ran.err.contains(said), "{args}: {}", ran.err);
    }
}

fn gzip(path: &Path, text: &str) {
    let file = std::fs::File::create(path).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_imported_once_however_often_and_bad_lines_are_named() {
    let app = app_with(2).await;
    let url = app.listen().await;
    let dir = app.dir.path();
    // 2,504 lines: three bad ones, and more than a whole batch of a dataset that is not in the catalog.
    let mut text = String::from(
        "unix_time,object_id,op,size_bytes\n1600000000,set-1,PUT,1000\n1600000000,set-1,DELETE,5\n",
    );
    for n in 0..2500 {
        let set = if (400..1600).contains(&n) { "gone" } else { "set-2" };
        let _ = writeln!(text, "{},{set},GET,{n}", 1_600_000_000 + n * 3600);
    }
    text.push_str("x,set-1,GET,1\n1600000000,set-1,GET\n");
    let packed = dir.join("history.csv.gz");
    gzip(&packed, &text);
    let packed = packed.to_str().unwrap();
    let first = dim(&url, &["access", "import", packed, "--json"]).await;
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(figures(&first), [2504, 1301, 0, 1203]);
    let report: Value = serde_json::from_str(&first.out).unwrap();
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 100);
    assert_eq!(errors[0]["line"], 3, "{report}");
    assert!(
        errors[0]["reason"].as_str().unwrap().contains("DELETE"),
        "{report}"
    );
    // The first of the unknown ones: two lines before, the header, and four hundred.
    assert_eq!(
        (&errors[1]["line"], &errors[1]["code"]),
        (&json!(404), &json!("unknown_dataset")),
        "{report}"
    );
    assert!(
        first.err.contains("line 404: there is no dataset \"gone\"") && first.err.contains("and 1103 more"),
        "{}",
        first.err
    );
    // The same file again, then plain under another name: the content decides, not the name.
    let again = dim(&url, &["access", "import", packed, "--format", "csv", "--json"]).await;
    assert_eq!(figures(&again), [2504, 0, 1301, 1203]);
    let renamed = dir.join("other");
    std::fs::copy(packed, &renamed).unwrap();
    let renamed = renamed.to_str().unwrap();
    assert_eq!(
        dim(&url, &["access", "import", renamed]).await.code,
        2,
        "the name tells no format"
    );
    let again = dim(&url, &["access", "import", renamed, "--format", "csv", "--json"]).await;
    assert_eq!(figures(&again)[2], 1301);
    let detail = app
        .services()
        .catalog
        .get_dataset(&DatasetKey::Name("set-1".into()))
        .await
        .unwrap();
    assert_eq!(
        detail.summary.dataset.size_bytes.0, 1_000_000,
        "a PUT changes no size"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_is_imported_with_its_own_identities() {
    let app = app_with(1).await;
    let url = app.listen().await;
    let line =
        |n: usize| json!({"dataset_id": 1, "op": "read", "size_bytes": n, "event_id": format!("e{}", n % 3)});
    let text: String = (0..6).map(|n| format!("{}\n", line(n))).collect();
    for (name, format, expected) in [
        ("a.ndjson", None, [6, 3, 3, 0]),
        ("b.jsonl.gz", None, [6, 0, 6, 0]),
        ("c.txt", Some("ndjson"), [6, 0, 6, 0]),
    ] {
        let path = app.dir.path().join(name);
        if name.ends_with(".gz") {
            gzip(&path, &text);
        } else {
            std::fs::write(&path, &text).unwrap();
        }
        let mut args = vec!["access", "import", path.to_str().unwrap(), "--json"];
        args.extend(format.map(|_| "--format"));
        args.extend(format);
        let ran = dim(&url, &args).await;
        assert_eq!((ran.code, figures(&ran)), (0, expected), "{name}: {}", ran.err);
    }
    // A file of which nothing can be taken, and one that is another kind of file.
    let bad = app.dir.path().join("bad.ndjson");
    std::fs::write(&bad, "{\"dataset_id\":9,\"op\":\"read\",\"size_bytes\":1}\nno\n").unwrap();
    let ran = dim(&url, &["access", "import", bad.to_str().unwrap(), "--json"]).await;
    assert_eq!((ran.code, figures(&ran)), (1, [2, 0, 0, 2]), "{}", ran.err);
    assert!(ran.err.contains("not one line was taken"), "{}", ran.err);
    let other = app.dir.path().join("other.csv");
    std::fs::write(&other, "a,b\n1,2\n").unwrap();
    let ran = dim(&url, &["access", "import", other.to_str().unwrap()]).await;
    assert_eq!(
        (ran.code, ran.err.contains("no column")),
        (2, true),
        "{}",
        ran.err
    );
}
