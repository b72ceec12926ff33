//! Stories of the REST API: locations and datasets over a real listening server, and what is refused in which words.

use crate::api::Api;
use crate::app::TestApp;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_location_and_a_dataset_live_and_are_forgotten_by_id_or_by_name() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let nas = app.make("nas");
    let path = app.make("nas/demo");
    let made = api
        .post("/api/v1/locations", json!({"name": "nas", "uri": nas}))
        .await;
    assert_eq!(
        (made.status, made.header("location")),
        (201, "/api/v1/locations/1"),
        "{made:?}"
    );
    assert_eq!(made.header("etag"), "\"1\"");
    let made = api
        .post(
            "/api/v1/datasets",
            json!({"name": "demo", "path_uri": path, "size_bytes": 1_048_576, "storage_class": "hot"}),
        )
        .await;
    assert_eq!(
        (made.status, &made.json()["location_name"]),
        (201, &json!("nas")),
        "{made:?}"
    );
    for key in ["1", "demo"] {
        let detail = api.get(&format!("/api/v1/datasets/{key}")).await.json();
        assert_eq!(detail["size_bytes"], 1_048_576);
        assert_eq!(detail["replicas"].as_array().unwrap().len(), 1);
    }
    let check = api.ask("POST", "/api/v1/locations/nas/check", &[], None).await;
    assert_eq!(check.json()["reachable"], true, "{check:?}");
    let list = api.get("/api/v1/locations").await.json();
    assert_eq!(
        (
            &list["items"][0]["dataset_count"],
            &list["next_cursor"],
            &list["total"]
        ),
        (&json!(1), &json!(null), &json!(1))
    );
    let used = api.delete("/api/v1/locations/nas", &[]).await;
    assert_eq!((used.status, used.code().as_str()), (409, "location_in_use"));
    assert_eq!(api.delete("/api/v1/datasets/demo", &[]).await.status, 204);
    assert_eq!(api.get("/api/v1/datasets/1").await.code(), "not_found");
    assert_eq!(api.delete("/api/v1/locations/1", &[]).await.status, 204);
    assert_eq!(api.get("/api/v1/locations/nas").await.status, 404);
    assert!(app.dir.path().join("files/nas/demo").is_dir(), "files stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_filtered_ordered_and_paged_to_its_end() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    for place in ["a", "b"] {
        let uri = app.make(place);
        api.post("/api/v1/locations", json!({"name": place, "uri": uri}))
            .await;
        for i in 0..7 {
            let body = json!({"name": format!("{place}-{i}"), "path_uri": format!("{uri}/{i}"), "size_bytes": i * 10});
            assert_eq!(api.post("/api/v1/datasets", body).await.status, 201);
        }
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    for _ in 0..4 {
        let path = format!("/api/v1/datasets?location=b&sort=size&limit=3{cursor}");
        let page = api.get(&path).await.json();
        assert_eq!(page["total"], 7);
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|d| d["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["b-6", "b-5", "b-4", "b-3", "b-2", "b-1", "b-0"]);
    let found = api
        .get("/api/v1/datasets?search=A-1&descending=true")
        .await
        .json();
    assert_eq!(found["total"], 1);
    let first = api.get("/api/v1/locations?limit=1").await.json();
    let next = first["next_cursor"].as_str().unwrap();
    let second = api
        .get(&format!("/api/v1/locations?limit=1&cursor={next}"))
        .await
        .json();
    assert_eq!(
        (&second["items"][0]["name"], &second["next_cursor"]),
        (&json!("b"), &json!(null))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_a_problem_with_a_code_that_names_the_culprit() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let json_type = [("content-type", "application/json")];
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 21));
    for (method, path, headers, body, status, code, words) in [
        (
            "GET",
            "/api/v1/nothing",
            &[][..],
            None,
            404,
            "unknown_path",
            "/api/v1/nothing",
        ),
        ("GET", "/api", &[], None, 404, "unknown_path", "openapi.json"),
        (
            "POST",
            "/api/v1/datasets/1/nothing",
            &[],
            None,
            404,
            "unknown_path",
            "nothing",
        ),
        ("PUT", "/api/v1/datasets", &[], None, 405, "wrong_method", "PUT"),
        (
            "DELETE",
            "/api/v1/datasets",
            &[],
            None,
            405,
            "wrong_method",
            "allow",
        ),
        (
            "POST",
            "/api/v1/datasets",
            &json_type,
            Some("{\"name\": "),
            400,
            "malformed_json",
            "not JSON",
        ),
        (
            "POST",
            "/api/v1/datasets",
            &json_type,
            Some("{\"name\": \"a/b\"}"),
            422,
            "invalid_body",
            "'/'",
        ),
        (
            "POST",
            "/api/v1/datasets",
            &json_type,
            Some("{\"nam\": \"a\"}"),
            422,
            "invalid_body",
            "nam",
        ),
        (
            "POST",
            "/api/v1/datasets",
            &json_type,
            Some("[]"),
            422,
            "invalid_body",
            "",
        ),
        (
            "POST",
            "/api/v1/datasets",
            &[],
            Some("{}"),
            415,
            "wrong_content_type",
            "application/json",
        ),
        (
            "POST",
            "/api/v1/datasets",
            &json_type,
            Some(&large),
            413,
            "too_large",
            "smaller parts",
        ),
        (
            "GET",
            "/api/v1/datasets?sort=colour",
            &[],
            None,
            400,
            "bad_query",
            "sort",
        ),
        (
            "GET",
            "/api/v1/datasets?limit=many",
            &[],
            None,
            400,
            "bad_query",
            "limit",
        ),
        (
            "GET",
            "/api/v1/datasets?serach=x",
            &[],
            None,
            400,
            "bad_query",
            "serach",
        ),
        (
            "GET",
            "/api/v1/datasets?cursor=zzz",
            &[],
            None,
            422,
            "bad_cursor",
            "zzz",
        ),
        (
            "GET",
            "/api/v1/datasets/none",
            &[],
            None,
            404,
            "not_found",
            "none",
        ),
        (
            "GET",
            "/api/v1/datasets/99999999999999999999999",
            &[],
            None,
            404,
            "not_found",
            "9999",
        ),
        ("GET", "/api/v1/datasets/%ff", &[], None, 400, "bad_path", "UTF-8"),
        (
            "GET",
            "/api/v1/datasets/..%2F..%2Fetc",
            &[],
            None,
            404,
            "not_found",
            "../../etc",
        ),
        (
            "DELETE",
            "/api/v1/datasets/1",
            &[("if-match", "x")],
            None,
            400,
            "bad_if_match",
            "If-Match",
        ),
    ] {
        let said = api.ask(method, path, headers, body).await;
        assert_eq!(
            (said.status, said.code().as_str()),
            (status, code),
            "{method} {path}: {said:?}"
        );
        assert!(
            said.detail().contains(words),
            "{method} {path}: {}",
            said.detail()
        );
    }
    assert_eq!(
        api.ask("PUT", "/api/v1/datasets", &[], None)
            .await
            .header("allow"),
        "GET,HEAD,POST"
    );
    let refused = api
        .ask("POST", "/api/v1/datasets", &json_type, Some(&large))
        .await;
    assert_eq!(
        (refused.status, refused.header("connection")),
        (413, "close"),
        "what was not read stands in the way of the next request"
    );
    let long = api
        .get(&format!("/api/v1/datasets?search={}", "x".repeat(9000)))
        .await;
    assert_eq!((long.status, long.code().as_str()), (414, "query_too_long"));
    assert_eq!(
        api.get("/api/v1/datasets").await.json()["total"],
        0,
        "nothing was made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_known_again_and_a_stale_one_changes_nothing() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let nas = app.make("nas");
    api.post("/api/v1/locations", json!({"name": "nas", "uri": nas}))
        .await;
    let body = json!({"name": "demo", "path_uri": format!("{nas}/demo")});
    api.post("/api/v1/datasets", body).await;
    for path in ["/api/v1/locations/nas", "/api/v1/datasets/demo"] {
        let first = api.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("\"1-"), "{tag}");
        let again = api.ask("GET", path, &[("if-none-match", &tag)], None).await;
        assert_eq!(
            (again.status, again.text.as_str(), again.header("etag")),
            (304, "", tag.as_str())
        );
        let other = api.ask("GET", path, &[("if-none-match", "\"1-0\"")], None).await;
        assert_eq!(other.status, 200);
        for stale in ["\"2\"", "\"7-abc\""] {
            let refused = api.delete(path, &[("if-match", stale)]).await;
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (412, "stale_generation")
            );
        }
        assert_eq!(api.get(path).await.status, 200, "it is still there");
    }
    let tag = api.get("/api/v1/datasets/demo").await.header("etag").to_owned();
    assert_eq!(
        api.delete("/api/v1/datasets/demo", &[("if-match", &tag)])
            .await
            .status,
        204
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_what_it_does_not_name() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let nas = app.make("nas");
    api.post("/api/v1/locations", json!({"name": "nas", "uri": nas}))
        .await;
    let body = json!({"name": "demo", "path_uri": format!("{nas}/demo"), "latency_limit_ms": 50});
    api.post("/api/v1/datasets", body).await;
    let json_type = ("content-type", "application/json");
    let patch = async |body: &str, tag: Option<&str>| {
        let mut headers = vec![json_type];
        headers.extend(tag.map(|tag| ("if-match", tag)));
        api.ask("PATCH", "/api/v1/datasets/demo", &headers, Some(body))
            .await
    };
    let pinned = patch("{\"pinned_reason\": \"audit until May\"}", Some("\"1\"")).await;
    assert_eq!(
        (pinned.status, pinned.header("etag")),
        (200, "\"2\""),
        "{pinned:?}"
    );
    let now = api.get("/api/v1/datasets/demo").await.json();
    assert_eq!(
        (&now["pinned_reason"], &now["latency_limit_ms"]),
        (&json!("audit until May"), &json!(50))
    );
    let stale = patch("{\"pinned_reason\": null}", Some("\"1\"")).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "stale_generation"));
    let freed = patch("{\"pinned_reason\": null, \"latency_limit_ms\": 20}", None).await;
    assert_eq!(
        (&freed.json()["pinned_reason"], &freed.json()["latency_limit_ms"]),
        (&json!(null), &json!(20))
    );
    for (body, code) in [
        ("{\"latency_limit_ms\": -1}", "bad_latency_limit"),
        ("{\"pinned_reason\": \"\"}", "bad_reason"),
        ("{\"size_bytes\": 1}", "invalid_body"),
    ] {
        let said = patch(body, None).await;
        assert_eq!((said.status, said.code().as_str()), (422, code), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_work_goes_on_when_its_client_goes_away() {
    use tokio::io::AsyncWriteExt;
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let body = json!({"name": "a", "uri": app.make("a")}).to_string();
    // The writer is held, so that the request is certainly at work when its client leaves.
    let store = app.store().await;
    let held = store.write().await.unwrap();
    let mut client = tokio::net::TcpStream::connect(api.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let request = format!(
        "POST /api/v1/locations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nidempotency-key: k\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let again = async || {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        api.ask("POST", "/api/v1/locations", &headers, Some(&body)).await
    };
    let in_flight = async |count: usize| {
        let line = format!("dim_http_requests_in_flight {count}");
        while !api.get("/metrics").await.text.lines().any(|l| l == line) {
            tokio::task::yield_now().await;
        }
    };
    // Besides the one that asks for the figures.
    in_flight(2).await;
    assert_eq!(again().await.code(), "idempotency_in_flight");
    drop(client);
    in_flight(1).await;
    drop(held);
    let answer = loop {
        let said = again().await;
        if said.status != 409 {
            break said;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (answer.status, answer.header("idempotent-replayed")),
        (201, "true"),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_its_work_once_and_belongs_to_one_request() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let (a, b) = (app.make("a"), app.make("b"));
    let key = [("idempotency-key", "first")];
    let body = json!({"name": "a", "uri": a});
    let refused = api
        .post_with(
            "/api/v1/locations",
            &key,
            json!({"name": "a", "uri": "file:///none/here"}),
        )
        .await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let first = api.post_with("/api/v1/locations", &key, body.clone()).await;
    assert_eq!(first.status, 201, "a refusal does not use the key up: {first:?}");
    let again = api.post_with("/api/v1/locations", &key, body.clone()).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = api
        .post_with("/api/v1/locations", &key, json!({"name": "b", "uri": b}))
        .await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (422, "idempotency_key_reused")
    );
    let twice = api.post("/api/v1/locations", body).await;
    assert_eq!((twice.status, twice.header("idempotent-replayed")), (409, ""));
    assert_eq!(api.get("/api/v1/locations").await.json()["total"], 1);
    for bad in ["", "ä", &"k".repeat(256)] {
        let said = api
            .post_with(
                "/api/v1/locations",
                &[("idempotency-key", bad)],
                json!({"name": "b", "uri": b}),
            )
            .await;
        assert_eq!(
            (said.status, said.code().as_str()),
            (400, "bad_idempotency_key"),
            "{bad}"
        );
    }
    // Sent together, the same request is carried out once: the others hear that it is on its way, or get its answer.
    let key = [("idempotency-key", "many")];
    let body = json!({"name": "b", "uri": b});
    let all =
        futures::future::join_all((0..12).map(|_| api.post_with("/api/v1/locations", &key, body.clone())))
            .await;
    let made: Vec<_> = all.iter().filter(|s| s.status == 201).collect();
    assert!(!made.is_empty());
    assert_eq!(
        made.iter()
            .filter(|s| s.header("idempotent-replayed").is_empty())
            .count(),
        1
    );
    for said in all.iter().filter(|s| s.status != 201) {
        assert_eq!(said.code(), "idempotency_in_flight");
    }
    // The answer outlives the process.
    let app = app.restart().await;
    let api = Api::new(&app.listen().await);
    let later = api
        .post_with(
            "/api/v1/locations",
            &[("idempotency-key", "first")],
            json!({"name": "a", "uri": a}),
        )
        .await;
    assert_eq!((later.status, &later.text), (201, &first.text));
}
