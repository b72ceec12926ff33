//! Stories of the pages as a browser without JavaScript meets them: whole, safe, and useful by forms alone.

use crate::app::TestApp;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::unit::Timestamp;
use data_in_motion::services::catalog::KnownDataset;
use reqwest::header::{ACCEPT, CONTENT_SECURITY_POLICY, LOCATION, ORIGIN, REFERER};
use reqwest::redirect::Policy;

/// A browser that runs no script and shows where it is sent.
pub struct Plain {
    base: String,
    http: reqwest::Client,
}

pub struct Seen {
    pub status: u16,
    pub location: String,
    policy: String,
    pub text: String,
}

impl Plain {
    pub async fn of(app: &TestApp) -> Self {
        Self {
            base: app.listen().await,
            http: reqwest::Client::builder()
                .redirect(Policy::none())
                .build()
                .unwrap(),
        }
    }

    /// Scheme, host and port of the server.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub async fn get(&self, path: &str) -> Seen {
        let url = format!("{}{path}", self.base);
        seen(
            self.http
                .get(url)
                .header(ACCEPT, "text/html")
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// Sends a form of the page `from`.
    pub async fn send(&self, from: &str, function: &str, fields: &str) -> Seen {
        let request = self
            .http
            .post(format!("{}/api/fn/{function}", self.base))
            .header(ACCEPT, "text/html")
            .header(REFERER, format!("{}{from}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(fields.to_owned());
        seen(request.send().await.unwrap()).await
    }
}

async fn seen(response: reqwest::Response) -> Seen {
    let header = |name| {
        let value: Option<&reqwest::header::HeaderValue> = response.headers().get(name);
        value.map_or(String::new(), |v| v.to_str().unwrap().to_owned())
    };
    let (location, policy) = (header(LOCATION), header(CONTENT_SECURITY_POLICY));
    Seen {
        status: response.status().as_u16(),
        location,
        policy,
        text: response.text().await.unwrap(),
    }
}

/// The text of a page without its tags, for comparing what a person reads.
pub fn words(html: &str) -> String {
    let body = html.split("<body").nth(1).unwrap_or_default();
    let mut out = String::new();
    let mut inside = true;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_and_a_dataset_are_registered_by_forms_and_stand_on_every_page() {
    let app = TestApp::open().await;
    let uri = app.make("nas");
    std::fs::create_dir_all(app.dir.path().join("files/nas/demo")).unwrap();
    std::fs::write(app.dir.path().join("files/nas/demo/a.bin"), [7; 1500]).unwrap();
    let browser = Plain::of(&app).await;

    let empty = browser.get("/locations").await;
    assert!(
        words(&empty.text).contains("dim locations add"),
        "an empty list teaches"
    );
    let added = browser
        .send(
            "/locations",
            "add-location",
            &format!("name=nas&uri={uri}&price_book=local/nas"),
        )
        .await;
    assert_eq!(
        (added.status, added.location.as_str()),
        (302, "/locations?done=location")
    );
    let page = browser.get(&added.location).await;
    assert!(words(&page.text).contains("The location is registered."));
    assert!(words(&page.text).contains(&uri), "{}", words(&page.text));

    let made = browser
        .send(
            "/datasets",
            "create-dataset",
            &format!("name=demo&path_uri={uri}/demo"),
        )
        .await;
    assert_eq!((made.status, made.location.as_str()), (302, "/datasets/1"));
    let scanned = browser
        .send("/datasets/1?days=30", "scan-dataset", "dataset_id=1")
        .await;
    assert_eq!(scanned.location, "/datasets/1?days=30&done=scan");
    let page = browser.get("/datasets/1").await;
    assert!(
        words(&page.text).contains("1.50 kB 1 object "),
        "{}",
        words(&page.text)
    );

    for (path, title, text) in [
        ("/", "Overview", "Where the data stands"),
        ("/datasets", "Datasets", "demo"),
        ("/datasets/1", "demo", "Owner's rules"),
        ("/recommendations", "Recommendations", "To stay is a full answer"),
        ("/jobs", "Jobs", "No job yet"),
        ("/locations", "Locations", "nas"),
        ("/policies", "Policies", "dim policies add"),
        ("/prices", "Prices", "Own NAS"),
        ("/prices?book=aws%2Fus-east-1", "Prices", "Retrieval, per GB"),
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.text
                .contains(&format!("<title>{title} · Data in Motion</title>")),
            "{path}"
        );
        assert!(words(&page.text).contains(text), "{path}: {}", words(&page.text));
        assert!(
            !words(&page.text).contains("Loading…"),
            "{path} waits for a script"
        );
        held_to_its_policy(path, &page);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_server_brings_nothing_beside_itself_and_names_the_address_it_was_asked_at() {
    let app = TestApp::open().await;
    let browser = Plain::of(&app).await;
    let first = browser.get("/").await;
    let line = format!("{}/events", browser.base);
    assert!(first.text.contains(&line), "{line}");

    let uri = app.make("nas");
    std::fs::create_dir_all(app.dir.path().join("files/nas/demo")).unwrap();
    for (function, fields) in [
        ("add-location", format!("name=nas&uri={uri}&price_book=local/nas")),
        ("create-dataset", format!("name=demo&path_uri={uri}/demo")),
    ] {
        assert_eq!(
            browser.send("/", function, &fields).await.status,
            302,
            "{function}"
        );
    }
    for path in [
        "/datasets",
        "/datasets/1",
        "/locations",
        "/plan?dataset=1&target=nas",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.text.matches("data-served=\"page\"").count(), 1, "{path}");
        assert!(
            !page.text.contains("generation\\\""),
            "{path} brings its data a second time"
        );
    }
    // Many at once: what is drawn while others are is whole as well.
    let all = futures::future::join_all((0..40).map(|_| browser.get("/datasets"))).await;
    for page in all {
        assert_eq!(page.status, 200);
        assert!(page.text.contains("Choose demo"), "{}", words(&page.text));
    }
}

/// A page obeys the policy that it is sent with: no inline style, and a nonce on every inline script.
fn held_to_its_policy(path: &str, page: &Seen) {
    let nonce = page
        .policy
        .split("'nonce-")
        .nth(1)
        .and_then(|t| t.split('\'').next())
        .unwrap();
    assert!(
        page.policy.starts_with("default-src 'none'"),
        "{path}: {}",
        page.policy
    );
    assert!(!page.text.contains(" style="), "{path} has an inline style");
    for tag in page.text.split("<script").skip(1) {
        let head = tag.split('>').next().unwrap();
        assert!(
            head.contains(&format!("nonce=\"{nonce}\"")),
            "{path}: <script{head}>"
        );
    }
    for handler in [" onclick=", " onload=", "javascript:"] {
        assert!(!page.text.contains(handler), "{path} has {handler}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_comes_back_to_its_page_with_the_reason_and_a_strange_one_is_not_carried_out() {
    let app = TestApp::open().await;
    app.make("nas");
    let browser = Plain::of(&app).await;
    let refused = browser
        .send(
            "/datasets?sort=size",
            "create-dataset",
            "name=12&path_uri=file:///x",
        )
        .await;
    assert_eq!(refused.status, 302);
    let back = refused.location.strip_prefix(&browser.base).unwrap();
    assert!(back.starts_with("/datasets?sort=size&"), "{back}");
    let page = browser.get(back).await;
    assert!(
        words(&page.text).contains("is all digits, which is how ids are written"),
        "{}",
        words(&page.text)
    );

    let fields = format!("name=nas&uri={}", app.uri("nas"));
    for (name, value) in [
        (ORIGIN, "http://evil.example"),
        (ORIGIN, "null"),
        (
            reqwest::header::HeaderName::from_static("sec-fetch-site"),
            "cross-site",
        ),
    ] {
        let request = browser
            .http
            .post(format!("{}/api/fn/add-location", browser.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .header(name, value)
            .body(fields.clone());
        assert_eq!(seen(request.send().await.unwrap()).await.status, 403, "{value}");
    }
    let locations = app.services().catalog.list_locations().await.unwrap();
    assert_eq!(locations.total, 0, "nothing was carried out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_searched_ordered_and_paged_by_its_links() {
    let app = TestApp::open().await;
    let uri = app.make("nas");
    let browser = Plain::of(&app).await;
    browser
        .send("/locations", "add-location", &format!("name=nas&uri={uri}"))
        .await;
    let set = (0..120)
        .map(|i| KnownDataset {
            new: serde_json::from_value(serde_json::json!({
                "name": format!("set-{i:03}"), "path_uri": format!("{uri}/set-{i:03}"), "size_bytes": 1000 + i
            }))
            .unwrap(),
            object_count: 1,
            created_at: Timestamp(0),
            stand_in: false,
        })
        .collect();
    app.services().catalog.create_datasets(set).await.unwrap();

    let mut path = "/datasets?sort=size".to_owned();
    let mut found = Vec::new();
    while !path.is_empty() {
        let page = browser.get(&path).await;
        found.extend(
            page.text
                .split("data-dataset-id=\"")
                .skip(1)
                .map(|t| t.split('"').next().unwrap().parse::<i64>().unwrap()),
        );
        path = link(&page.text, "Next page").unwrap_or_default();
        assert!(path.is_empty() || path.contains("sort=size"), "{path}");
    }
    let largest_first: Vec<i64> = (1..=120).rev().collect();
    assert_eq!(found, largest_first, "each dataset once, the largest first");

    let page = browser.get("/datasets?search=set-11&sort=name").await;
    assert!(
        words(&page.text).contains("10 of 10 datasets"),
        "{}",
        words(&page.text)
    );
    assert!(
        page.text.contains("value=\"set-11\""),
        "the filter shows what it filters by"
    );
    let none = browser.get("/datasets?search=nothing-of-this-name").await;
    assert!(words(&none.text).contains("No dataset fits these filters"));
}

/// The address of the link with this text.
fn link(html: &str, text: &str) -> Option<String> {
    let before = html.split(&format!(">{text}<")).next()?;
    if before.len() == html.len() {
        return None;
    }
    let href = before.rsplit("href=\"").next()?.split('"').next()?;
    Some(href.replace("&amp;", "&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_says_so_and_an_owner_sets_rules_by_a_form() {
    let app = TestApp::open().await;
    let path = app.make("nas/demo");
    let browser = Plain::of(&app).await;
    for missing in ["/datasets/7", "/jobs/7", "/nowhere"] {
        assert_eq!(browser.get(missing).await.status, 404, "{missing}");
    }
    browser
        .send(
            "/datasets",
            "create-dataset",
            &format!("name=demo&path_uri={path}"),
        )
        .await;
    let kept = browser
        .send(
            "/datasets/1",
            "rules",
            "dataset_id=1&pinned_reason=it+is+read+on+Mondays&latency_limit_ms=",
        )
        .await;
    assert_eq!(kept.location, "/datasets/1?done=dataset");
    let page = browser.get(&kept.location).await;
    assert!(
        words(&page.text).contains("it is read on Mondays"),
        "{}",
        words(&page.text)
    );
    let set = app
        .services()
        .catalog
        .find_dataset(&DatasetKey::Name("demo".into()))
        .await
        .unwrap();
    assert_eq!(set.pinned_reason.as_deref(), Some("it is read on Mondays"));
}
