//! Every command against a real server: what it prints, where it prints it, and its exit code.

use crate::app::TestApp;
use crate::cli::{Ran, dim};
use serde_json::Value;

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err))
}

/// A server without a mover, so that a queued job stays where a test put it, and its address.
async fn server() -> (TestApp, String) {
    let app = TestApp::open_with(&[("roles", "web")]).await;
    let url = app.listen().await;
    (app, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn locations_are_added_listed_shown_checked_and_removed() {
    let (app, url) = server().await;
    let nas = app.make("nas");
    let added = dim(
        &url,
        &[
            "locations",
            "add",
            "--name",
            "nas",
            "--uri",
            &nas,
            "--storage-class",
            "hot,cold",
        ],
    )
    .await;
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(
        added.err.contains("location nas is registered as 1"),
        "{}",
        added.err
    );
    let list = dim(&url, &["locations", "list", "-o", "json"]).await;
    assert_eq!(
        json(&list)["items"][0]["storage_classes"],
        serde_json::json!(["hot", "cold"])
    );
    assert_eq!(json(&list)["next_cursor"], Value::Null);
    let table = dim(&url, &["locations", "list"]).await;
    assert!(
        table.out.starts_with("ID") && table.out.contains("nas"),
        "{}",
        table.out
    );
    let csv = dim(&url, &["locations", "list", "-o", "csv"]).await;
    assert!(csv.out.starts_with("id,name,price_book"), "{}", csv.out);
    let yaml = dim(&url, &["locations", "get", "nas", "-o", "yaml"]).await;
    assert!(yaml.out.contains("name: \"nas\""), "{}", yaml.out);
    let facts = dim(&url, &["locations", "get", "nas"]).await;
    assert_eq!(facts.out.matches("not measured yet").count(), 2, "{}", facts.out);
    let check = dim(&url, &["locations", "check", "1"]).await;
    assert_eq!(check.code, 0, "{}", check.err);
    assert!(check.out.starts_with("reachable"), "{}", check.out);
    std::fs::remove_dir(app.dir.path().join("files/nas")).unwrap();
    let gone = dim(&url, &["locations", "check", "nas"]).await;
    assert_eq!(gone.code, 1, "{}", gone.out);
    assert!(gone.err.contains("nas is not reachable"), "{}", gone.err);
    assert_eq!(dim(&url, &["locations", "remove", "nas"]).await.code, 0);
    let none = dim(&url, &["locations", "get", "nas"]).await;
    assert_eq!((none.code, none.out.as_str()), (3, ""));
    let bucket = dim(
        &url,
        &[
            "locations",
            "add",
            "b",
            "s3://bucket/x",
            "--endpoint",
            "http://127.0.0.1:9",
            "--credentials",
            "env:DIM_TEST_IS_NOT_SET",
            "--region",
            "eu-central-1",
        ],
    )
    .await;
    assert_eq!(bucket.code, 2, "{}", bucket.err);
    assert!(bucket.err.contains("env:DIM_TEST_IS_NOT_SET"), "{}", bucket.err);
    let secret = dim(
        &url,
        &[
            "locations",
            "add",
            "--name",
            "b",
            "--uri",
            &nas,
            "--credential-ref",
            "AKIAEXAMPLE",
        ],
    )
    .await;
    assert_eq!(secret.code, 2);
    assert!(!secret.err.contains("AKIAEXAMPLE"), "{}", secret.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn datasets_are_created_with_the_guides_words_listed_scanned_and_forgotten() {
    let (app, url) = server().await;
    let uri = app.make("shared/demo-dataset");
    let create = [
        "datasets",
        "create",
        "--name",
        "demo-dataset",
        "--path-uri",
        &uri,
        "--size-bytes",
        "1048576",
    ];
    let made = dim(&url, &create).await;
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(
        made.err.contains("at the location"),
        "it says where it belongs: {}",
        made.err
    );
    let again = dim(&url, &create).await;
    assert_eq!(again.code, 5, "{}", again.err);
    let listed = json(&dim(&url, &["datasets", "list", "--json"]).await);
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["size_bytes"]),
        (&1.into(), &1_048_576.into())
    );
    for args in [
        &["datasets", "get", "demo-dataset"][..],
        &["datasets", "get", "--dataset-id", "1"],
    ] {
        let got = dim(&url, args).await;
        assert_eq!(got.code, 0, "{}", got.err);
        assert!(got.out.contains("REPLICA"), "{}", got.out);
    }
    std::fs::write(app.dir.path().join("files/shared/demo-dataset/a"), b"12345").unwrap();
    let scan = dim(&url, &["datasets", "scan", "demo-dataset", "-o", "json"]).await;
    assert_eq!(json(&scan)["dataset"]["object_count"], 1, "{}", scan.err);
    let generation = json(&scan)["dataset"]["generation"].as_i64().unwrap();
    let stale = (generation + 1).to_string();
    let refused = dim(&url, &["datasets", "delete", "1", "--if-match", &stale]).await;
    assert_eq!(refused.code, 5, "{}", refused.err);
    let now = generation.to_string();
    assert_eq!(
        dim(&url, &["datasets", "delete", "1", "--if-match", &now])
            .await
            .code,
        0
    );
    assert!(app.dir.path().join("files/shared/demo-dataset/a").is_file());
    let none = dim(&url, &["datasets", "get", "demo-dataset"]).await;
    assert_eq!((none.code, none.out.as_str()), (3, ""));
    assert!(none.err.contains("demo-dataset"), "{}", none.err);
    let outside = dim(
        &url,
        &[
            "datasets",
            "create",
            "--name",
            "x",
            "--path-uri",
            "file:///proc/x",
        ],
    )
    .await;
    assert_eq!(outside.code, 4, "{}", outside.err);
    assert!(outside.err.contains("dim locations add"), "{}", outside.err);
    let name = dim(&url, &["datasets", "create", "--name", "a/b", "--path-uri", &uri]).await;
    assert_eq!(name.code, 2, "{}", name.err);
    let empty = dim(&url, &["datasets", "list"]).await;
    assert_eq!((empty.code, empty.out.as_str()), (0, ""));
    assert!(empty.err.contains("dim datasets create"), "{}", empty.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_several_pages_is_printed_to_its_end() {
    let (app, url) = server().await;
    let uri = app.make("many");
    let api = crate::api::Api::new(&url);
    api.post(
        "/api/v1/locations",
        serde_json::json!({"name": "many", "uri": uri}),
    )
    .await;
    for i in 0..230 {
        let body = serde_json::json!({"name": format!("set-{i:03}"), "path_uri": format!("{uri}/{i}"), "size_bytes": i});
        assert_eq!(api.post("/api/v1/datasets", body).await.status, 201);
    }
    let ran = dim(&url, &["datasets", "list", "--sort", "size", "-o", "csv"]).await;
    assert_eq!(ran.out.lines().count(), 231, "{}", ran.err);
    assert!(ran.out.lines().nth(1).unwrap().contains("set-229"));
    let some = dim(
        &url,
        &[
            "datasets",
            "list",
            "--search",
            "set-22",
            "--location",
            "many",
            "--json",
        ],
    )
    .await;
    assert_eq!(json(&some)["items"].as_array().unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_planned_steered_and_watched_to_its_end() {
    let (app, url) = server().await;
    let (fast, deep) = (app.make("fast"), app.make("deep"));
    app.make("fast/demo");
    std::fs::write(app.dir.path().join("files/fast/demo/a"), vec![7; 5000]).unwrap();
    for (name, uri) in [("fast", &fast), ("deep", &deep)] {
        assert_eq!(
            dim(&url, &["locations", "add", "--name", name, "--uri", uri])
                .await
                .code,
            0
        );
    }
    let uri = app.uri("fast/demo");
    assert_eq!(
        dim(
            &url,
            &["datasets", "create", "--name", "demo", "--path-uri", &uri]
        )
        .await
        .code,
        0
    );
    let target = app.uri("deep/migrated/demo");
    let plan = [
        "migrate",
        "plan",
        "--dataset-id",
        "1",
        "--target-location",
        &target,
        "--storage-class",
        "hot",
    ];
    let dry = dim(&url, &[&plan[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, 0, "{}{}", dry.out, dry.err);
    assert!(
        dry.out.contains("CHECK") && dry.err.contains("nothing was queued"),
        "{}{}",
        dry.out,
        dry.err
    );
    let none = dim(&url, &["jobs", "list", "--source", "python"]).await;
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    let queued = dim(&url, &[&plan[..], &["-o", "json"]].concat()).await;
    assert_eq!(queued.code, 0, "{}", queued.err);
    assert_eq!(json(&queued)["job"]["status"], "queued");
    assert!(queued.err.contains("dim watch job --job-id 1"), "{}", queued.err);
    let held = dim(&url, &plan).await;
    assert_eq!(held.code, 5, "{}", held.err);

    let list = dim(&url, &["jobs", "list", "--source", "go"]).await;
    assert!(
        list.out.contains("queued") && list.err.contains("the mover runs inside"),
        "{}{}",
        list.out,
        list.err
    );
    for (command, becomes) in [("pause", "paused"), ("resume", "queued")] {
        let ran = dim(&url, &["jobs", command, "--job-id", "1", "--json"]).await;
        assert_eq!(json(&ran)["status"], becomes, "{}", ran.err);
    }
    let early = dim(&url, &["jobs", "undo", "1"]).await;
    assert_ne!(
        early.code, 0,
        "a job that has not switched cannot be undone: {}",
        early.out
    );
    assert_eq!(early.out, "");
    let got = dim(&url, &["jobs", "get", "1"]).await;
    assert!(
        got.out.contains("STAGE") && got.out.contains("paused"),
        "{}",
        got.out
    );
    let waited = dim(
        &url,
        &[
            "watch",
            "job",
            "--job-id",
            "1",
            "--source",
            "go",
            "--interval",
            "2",
            "--max-wait",
            "1",
        ],
    )
    .await;
    assert_eq!(waited.code, 7, "{}", waited.err);
    assert!(waited.out.contains("queued"), "{}", waited.out);

    let watch = dim(
        &url,
        &["watch", "job", "--job-id", "1", "--interval", "2", "-o", "json"],
    );
    let cancel = async {
        // The watcher is there once it has joined the stream.
        while app.services().live.subscribers() == 0 {
            tokio::task::yield_now().await;
        }
        dim(&url, &["jobs", "cancel", "--job-id", "1"]).await
    };
    let (watched, cancelled) = tokio::join!(watch, cancel);
    assert_eq!(cancelled.code, 0, "{}", cancelled.err);
    assert_eq!(watched.code, 6, "{}{}", watched.out, watched.err);
    let last: Value = serde_json::from_str(watched.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["status"]),
        (&Value::Null, &"cancelled".into()),
        "{last}"
    );
    let missing = dim(&url, &["watch", "job", "--job-id", "9"]).await;
    assert_eq!(missing.code, 3, "{}", missing.err);
    let unknown = dim(
        &url,
        &[
            "migrate",
            "plan",
            "--dataset-id",
            "none",
            "--target-location",
            "deep",
        ],
    )
    .await;
    assert_eq!(unknown.code, 3, "{}", unknown.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_well_when_a_role_is_off_and_bad_when_the_database_is_away() {
    let (app, url) = server().await;
    let well = dim(&url, &["health"]).await;
    assert_eq!(
        well.code, 0,
        "a role that is off is well: {}{}",
        well.out, well.err
    );
    app.app.close().await;
    let down = dim(&url, &["health"]).await;
    assert_eq!(down.code, 1, "{}", down.out);
    assert!(
        down.out.contains("down") && down.err.contains("not all is well"),
        "{}{}",
        down.out,
        down.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_and_how_comes_from_flags_or_the_environment() {
    let (_app, url) = server().await;
    // The flag beats the environment, whose server does not exist.
    let ran = dim(
        "http://127.0.0.1:1",
        &["--server", &url, "--token", "t", "datasets", "list", "--json"],
    )
    .await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let run = |name: &'static str, value: &'static str| {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_dim"))
            .args(["health"])
            .env("DIM_SERVER", &url)
            .env(name, value)
            .output()
    };
    let token = run("DIM_TOKEN", "secret").await.unwrap();
    assert!(token.status.success());
    let output = run("DIM_OUTPUT", "json").await.unwrap();
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
}

#[tokio::test]
async fn settings_are_shown_with_their_origin_and_a_remote_address_must_be_meant() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("dim.toml"),
        "roles = [\"web\"]\ngrace_secs = 60\n",
    )
    .unwrap();
    let run = |args: &'static [&'static str], env: Option<(&'static str, &'static str)>| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dim"));
        command
            .args(args)
            .current_dir(dir.path())
            .envs(env)
            .env_remove("DIM_OUTPUT");
        command.output()
    };
    let shown = run(
        &["config", "show", "--origin", "--json"],
        Some(("DIM_GRACE_SECS", "90")),
    )
    .await
    .unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let of = |key: &str| {
        let all = shown["items"].as_array().unwrap();
        all.iter().find(|r| r["key"] == key).unwrap().clone()
    };
    assert_eq!(
        (&of("grace_secs")["value"], &of("grace_secs")["origin"]),
        (&"90".into(), &"environment DIM_GRACE_SECS".into())
    );
    assert_eq!(
        (&of("roles")["value"], &of("roles")["origin"]),
        (&"web".into(), &"file dim.toml".into())
    );
    assert_eq!(
        (&of("addr")["value"], &of("addr")["origin"]),
        (&"127.0.0.1:8080".into(), &"default".into())
    );
    let table = run(&["config", "show", "--origin"], None).await.unwrap();
    assert!(String::from_utf8(table.stdout).unwrap().starts_with("SETTING"));
    let wrong = run(&["config", "show"], Some(("DIM_ROLES", "cook")))
        .await
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));

    for args in [
        &["serve", "--addr", "0.0.0.0:0"][..],
        &["serve", "--addr", "[::]:0"],
    ] {
        let refused = run(args, None).await.unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            said.contains("--allow-remote") && said.contains("no sign-in"),
            "{said}"
        );
    }
    assert!(!dir.path().join("data").exists(), "nothing was started");
}
