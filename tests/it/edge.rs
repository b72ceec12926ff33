//! Stories of the server's edge: connections that cost their clients something, names that it does not answer under, and figures.

use crate::api::Api;
use crate::app::TestApp;
use data_in_motion::server;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No test waits longer than this; a hang fails instead of stalling the suite.
const PATIENCE: Duration = Duration::from_secs(20);
/// Stands for the ten seconds of a real server.
const SOON: Duration = Duration::from_millis(400);

async fn dial(base: &str) -> TcpStream {
    TcpStream::connect(base.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// Everything until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is a way of closing.
    let _ended = timeout(PATIENCE, stream.read_to_end(&mut all))
        .await
        .expect("the connection is closed");
    String::from_utf8_lossy(&all).into_owned()
}

/// Sends a request as it stands and gives the whole answer.
async fn raw(base: &str, head: &str) -> String {
    let mut stream = dial(base).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_finish_a_head_are_closed_and_others_are_served_meanwhile() {
    let app = TestApp::open().await;
    let base = app.listen_as(|app| app.limits.head_within = SOON).await;
    let began = Instant::now();
    let mut slow = Vec::new();
    for i in 0..200 {
        let mut stream = dial(&base).await;
        // Some say nothing, some begin a head, some begin the greeting of HTTP/2.
        let first = [
            "",
            "GET /livez HTTP/1.1\r\nhost: localhost\r\nx-",
            "PRI * HTTP/2.0\r\n",
        ][i % 3];
        stream.write_all(first.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(
        Api::new(&base).get("/livez").await.text,
        "ok",
        "others are served"
    );
    for mut stream in slow {
        // One more piece every now and then does not help.
        let _sent = stream.write_all(b"a").await;
        let said = rest(&mut stream).await;
        assert!(!said.contains("200 OK"), "{said}");
    }
    assert!(began.elapsed() >= SOON && began.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_connection_may_be_silent_for_its_own_time_and_then_ends() {
    let app = TestApp::open().await;
    let base = app
        .listen_as(|app| {
            app.limits.head_within = Duration::from_millis(100);
            app.limits.idle = Duration::from_millis(700);
        })
        .await;
    let mut stream = dial(&base).await;
    let ask = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(ask).await.unwrap();
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write_all(ask).await.unwrap();
    let read = timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(
        answer[..read].starts_with(b"HTTP/1.1 200"),
        "longer than the first head may take"
    );
    rest(&mut stream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so_and_a_socket_counts_like_any_other() {
    let app = TestApp::open().await;
    let base = app.listen_as(|app| app.limits.connections = 3).await;
    let socket = tokio_tungstenite::connect_async(format!("{}/ws", base.replace("http", "ws")))
        .await
        .unwrap();
    let idle = [dial(&base).await, dial(&base).await];
    let refused = raw(&base, "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("\"code\":\"too_many_connections\""), "{refused}");
    drop(idle);
    // The places are free once the server has noticed.
    let free = async {
        loop {
            let ask = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            let said = raw(&base, ask).await;
            if said.starts_with("HTTP/1.1 200") {
                return said;
            }
        }
    };
    let figures = timeout(PATIENCE, free).await.unwrap();
    let refused = figures
        .lines()
        .find(|l| l.starts_with("dim_connections_refused_total"));
    assert!(refused.is_some_and(|l| !l.ends_with(" 0")), "{refused:?}");
    drop(socket);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_and_an_answer_that_takes_too_long_are_given_up() {
    let app = TestApp::open().await;
    let uri = app.make("nas");
    let base = app
        .listen_as(|app| {
            app.times.body = SOON;
            app.times.answer = Duration::from_secs(2);
        })
        .await;
    let head = "POST /api/v1/locations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\
                connection: close\r\n\r\n{\"name\": ";
    let said = raw(&base, head).await;
    assert!(
        said.starts_with("HTTP/1.1 408 ") && said.contains("body_timeout"),
        "{said}"
    );
    // Whoever holds the writer makes the others wait.
    let store = app.store().await;
    let held = store.write().await.unwrap();
    let late = Api::new(&base)
        .post("/api/v1/locations", json!({"name": "nas", "uri": uri}))
        .await;
    assert_eq!((late.status, late.code().as_str()), (504, "answer_timeout"));
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_cut() {
    let app = TestApp::open().await;
    let base = app.listen_as(|app| app.limits.stalled = SOON).await;
    let mut stream = dial(&base).await;
    // Many answers of some 100 kB each, none of which is read: more than the system buffers for one connection.
    let ask = "GET /api/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(400);
    let sent = stream.write_all(ask.as_bytes()).await;
    assert!(sent.is_ok());
    tokio::time::sleep(SOON * 4).await;
    let said = rest(&mut stream).await;
    let answers = said.matches("HTTP/1.1 200").count();
    assert!(answers < 400, "it was cut in the middle: {answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_without_tls_is_spoken() {
    let app = TestApp::open().await;
    let base = app.listen().await;
    let mut stream = dial(&base).await;
    // The greeting and an empty SETTINGS frame; the server answers with SETTINGS (type 4).
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut frame = [0; 9];
    timeout(PATIENCE, stream.read_exact(&mut frame))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_the_open_request_end_and_closes_idle_connections_and_streams() {
    let app = TestApp::open().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let served = app.app.clone();
    let server = tokio::spawn(async move {
        let stop = async {
            let _stopped = told.await;
        };
        server::serve(&served, listener, stop, PATIENCE).await;
    });
    let mut idle = dial(&base).await;
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 4096];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let stream = reqwest::get(format!("{base}/events?since=0")).await.unwrap();
    let (socket, _) = tokio_tungstenite::connect_async(format!("{}/ws", base.replace("http", "ws")))
        .await
        .unwrap();
    let began = Instant::now();
    tell.send(()).unwrap();
    server.await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "nobody was waited for: {:?}",
        began.elapsed()
    );
    assert_eq!(rest(&mut idle).await, "");
    drop((stream, socket));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_this_servers_gets_no_answer_and_no_socket() {
    let app = TestApp::open_with(&[("public_url", "https://data.example.org")]).await;
    let base = app.listen().await;
    let port = base.rsplit(':').next().unwrap();
    let ask = |host: &str| format!("GET /api/v1/datasets HTTP/1.1\r\n{host}connection: close\r\n\r\n");
    for (host, good) in [
        (format!("host: localhost:{port}\r\n"), true),
        (format!("host: 127.0.0.1:{port}\r\n"), true),
        (format!("host: [::1]:{port}\r\n"), true),
        ("host: data.example.org\r\n".into(), true),
        (format!("host: evil.example:{port}\r\n"), false),
        (format!("host: 127.0.0.1.evil.example:{port}\r\n"), false),
        ("host: localhost\r\nhost: evil.example\r\n".into(), false),
        (String::new(), false),
    ] {
        let said = raw(&base, &ask(&host)).await;
        if good {
            assert!(said.starts_with("HTTP/1.1 200 "), "{host}: {said}");
        } else {
            assert!(said.starts_with("HTTP/1.1 421 "), "{host}: {said}");
            assert!(
                said.contains("\"code\":\"wrong_host\"") && !said.contains("items"),
                "{said}"
            );
        }
    }
    let upgrade = "GET /ws HTTP/1.1\r\nhost: evil.example\r\norigin: http://evil.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // Host and Origin agree, as they do after a rebinding; the name alone gives it away.
    let mut stream = dial(&base).await;
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = vec![0; 512];
    let read = timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 421 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_site_sends_through_a_browser_is_refused_and_no_answer_may_be_read_by_it() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    for header in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
    ] {
        for (method, path) in [
            ("POST", "/api/v1/locations"),
            ("DELETE", "/api/v1/datasets/1"),
            ("POST", "/api/v1/jobs/1/cancel"),
            ("POST", "/api/v1/access-events"),
        ] {
            let said = api.ask(method, path, &[header], None).await;
            assert_eq!(
                (said.status, said.code().as_str()),
                (403, "cross_origin"),
                "{method} {path}"
            );
        }
    }
    for (method, path) in [
        ("GET", "/api/v1/datasets"),
        ("OPTIONS", "/api/v1/datasets"),
        ("GET", "/events?since=0"),
    ] {
        let response = reqwest::Client::new()
            .request(method.parse().unwrap(), format!("{}{path}", api.base))
            .header("origin", "http://evil.example")
            .header("access-control-request-method", "DELETE")
            .send()
            .await
            .unwrap();
        for name in response.headers().keys() {
            assert!(
                !name.as_str().starts_with("access-control-"),
                "{method} {path}: {name}"
            );
        }
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["cross-origin-resource-policy"], "same-origin");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_says_is_never_a_header_line_or_a_path_of_the_answer() {
    let app = TestApp::open().await;
    let api = Api::new(&app.listen().await);
    let nas = app.make("nas");
    std::fs::write(app.dir.path().join("secret"), "secret").unwrap();
    api.post("/api/v1/locations", json!({"name": "nas", "uri": nas}))
        .await;
    for name in [
        "a\r\nset-cookie: x=y",
        "../secret",
        "a/../../b",
        "a\0b",
        "<script>",
        "",
        "-rf",
    ] {
        let said = api
            .post(
                "/api/v1/datasets",
                json!({"name": name, "path_uri": format!("{nas}/x")}),
            )
            .await;
        assert_eq!(
            (said.status, said.code().as_str()),
            (422, "invalid_body"),
            "{name:?}"
        );
        assert!(said.header("set-cookie").is_empty());
    }
    let up = format!("{nas}/../../secret");
    for uri in [
        up.as_str(),
        "file:///etc/passwd",
        "file:///",
        "file://host/x",
        "/etc",
        "file:///a%00b\0",
    ] {
        let said = api
            .post("/api/v1/datasets", json!({"name": "leak", "path_uri": uri}))
            .await;
        assert!([403, 422].contains(&said.status), "{uri}: {said:?}");
        said.code();
    }
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/pkg/..%2f..%2fsecret",
        "/pkg/%2e%2e/%2e%2e/secret",
    ] {
        let said = raw(
            &api.base,
            &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
        )
        .await;
        assert!(!said.contains("\r\n\r\nsecret"), "{path}: {said}");
    }
    let injected = raw(
        &api.base,
        "GET /api/v1/datasets/x%0d%0aset-cookie:%20a=b HTTP/1.1\r\nhost: localhost\r\nx-request-id: a\tb\r\nconnection: close\r\n\r\n",
    )
    .await;
    let (head, _) = injected.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 404") && !head.contains("set-cookie"),
        "{head}"
    );
    assert_eq!(api.get("/api/v1/datasets").await.json()["total"], 0);
    let long = raw(
        &api.base,
        &format!(
            "GET /livez HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\nconnection: close\r\n\r\n",
            "x".repeat(200_000)
        ),
    )
    .await;
    assert!(long.starts_with("HTTP/1.1 431"), "{long}");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_count_by_template_and_belong_to_one_server() {
    let (one, other) = (TestApp::open().await, TestApp::open().await);
    let (one, other) = (Api::new(&one.listen().await), Api::new(&other.listen().await));
    for i in 0..3 {
        one.get(&format!("/api/v1/datasets/none-{i}")).await;
    }
    one.ask("BREW", "/api/v1/datasets", &[], None).await;
    let said = one.get("/metrics").await;
    assert_eq!(
        said.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let has = |line: &str| said.text.lines().any(|l| l == line);
    for line in [
        "dim_http_requests_total{method=\"GET\",route=\"/api/v1/datasets/{dataset}\",status=\"404\"} 3",
        "dim_http_requests_total{method=\"other\",route=\"/api/v1/datasets\",status=\"405\"} 1",
        "dim_http_request_duration_seconds_count{method=\"GET\",route=\"/api/v1/datasets/{dataset}\"} 3",
        "# TYPE dim_http_requests_total counter",
        "# TYPE dim_http_request_duration_seconds histogram",
        "dim_http_requests_in_flight 1",
        "dim_event_log_seq 0",
        "dim_live_clients 0",
        "dim_jobs{status=\"queued\"} 0",
        "dim_verify_failures_total 0",
        "dim_ingest_events_total{result=\"accepted\"} 0",
        &format!("dim_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(has(line), "{line} is missing:\n{}", said.text);
    }
    for line in said.text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        assert!(line.starts_with("dim_"), "{line}");
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(!said.text.contains("none-1"), "a path is no label");
    let others = other.get("/metrics").await.text;
    assert!(!others.contains("/api/v1/datasets/{dataset}"), "{others}");
}
