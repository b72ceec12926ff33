//! The search for datasets by a part of their name: the same rows by whichever way, and without a look at every name.

use crate::app::TestApp;
use crate::moving;
use data_in_motion::adapters::sql::Store;
use data_in_motion::domain::access::DatasetKey;
use data_in_motion::domain::dataset::{DatasetFilter, DatasetSort, NewDataset};
use data_in_motion::domain::unit::{Bytes, Timestamp};
use data_in_motion::services::catalog::KnownDataset;

async fn add(app: &TestApp, names: &[String]) {
    let uri = app.uri("nas");
    let all = names
        .iter()
        .enumerate()
        .map(|(i, name)| KnownDataset {
            new: NewDataset {
                name: name.parse().unwrap(),
                path_uri: format!("{uri}/{name}").parse().unwrap(),
                size_bytes: Some(Bytes(i as u64 % 977)),
                storage_class: None,
                latency_limit_ms: None,
            },
            object_count: 1,
            created_at: Timestamp(0),
            stand_in: false,
        })
        .collect();
    app.services().catalog.create_datasets(all).await.unwrap();
}

/// Every name that the pages of a list show, and the total that each page says.
async fn found(app: &TestApp, filter: &DatasetFilter) -> Vec<String> {
    let (mut names, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = app
            .services()
            .catalog
            .list_datasets(filter, cursor.as_deref(), 200)
            .await
            .unwrap();
        names.extend(page.items.iter().map(|s| s.dataset.name.to_string()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            assert_eq!(i64::try_from(names.len()).unwrap(), page.total, "{filter:?}");
            return names;
        }
    }
}

fn fits(name: &str, text: &str) -> bool {
    name.to_ascii_lowercase().contains(&text.to_lowercase())
}

#[tokio::test]
async fn every_way_finds_the_same_names() {
    let app = TestApp::open().await;
    moving::location(app.services(), "nas", &app.make("nas")).await;
    let mut names: Vec<String> = (0..2_500).map(|i| format!("set-{i:04}")).collect();
    names.extend(
        [
            "Häuser",
            "HÄUSER-2",
            "häuser3",
            "a+b=c:d@e_f.g",
            "AbAbAb",
            "ababx",
            "日本語データ",
            "日本語",
            "x_y",
            "xzy",
            "ab",
            "set.0999",
        ]
        .map(str::to_owned),
    );
    add(&app, &names).await;
    for text in [
        "set",
        "SET-",
        "set-0999",
        "0999",
        "-09",
        "häuser",
        "HÄUSER",
        "auser",
        "b+b",
        "a+b=c",
        "@e_f.",
        "abab",
        "babab",
        "bx",
        "日本語",
        "日本",
        "データ",
        "x_y",
        "_",
        "%",
        "\"",
        "a\"b\"c",
        "  0999 ",
        "set*",
        "NOT",
        "set AND 0",
        "é́é",
        "no-such-name",
        "t-0",
    ] {
        for sort in [DatasetSort::Id, DatasetSort::Name, DatasetSort::Size] {
            let filter = DatasetFilter {
                search: Some(text.to_owned()),
                sort,
                ..DatasetFilter::default()
            };
            let mut seen = found(&app, &filter).await;
            let mut wanted: Vec<_> = names
                .iter()
                .filter(|name| fits(name, text.trim()))
                .cloned()
                .collect();
            seen.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(seen, wanted, "{text:?} by {sort:?}");
        }
        // With another filter the two are joined.
        let filter = DatasetFilter {
            search: Some(text.to_owned()),
            storage_class: Some("HOT".into()),
            ..DatasetFilter::default()
        };
        let wanted = names.iter().filter(|name| fits(name, text.trim())).count();
        assert_eq!(found(&app, &filter).await.len(), wanted, "{text:?}");
    }
}

#[tokio::test]
async fn what_is_deleted_is_not_found_and_what_comes_again_is() {
    let app = TestApp::open().await;
    moving::location(app.services(), "nas", &app.make("nas")).await;
    let filter = DatasetFilter {
        search: Some("climate".into()),
        ..DatasetFilter::default()
    };
    for _ in 0..3 {
        add(&app, &["Climate-2024".to_owned(), "other".to_owned()]).await;
        assert_eq!(found(&app, &filter).await, ["Climate-2024"]);
        for name in ["Climate-2024", "other"] {
            let key = DatasetKey::Name(name.into());
            app.services().catalog.delete_dataset(&key, None).await.unwrap();
        }
        assert!(found(&app, &filter).await.is_empty());
    }
}

/// So many names fit, as the index of SQLite's has them.
async fn indexed(app: &TestApp, text: &str) -> i64 {
    let store = Store::open(&app.dir.path().join("data/dim.sqlite"))
        .await
        .unwrap();
    let count = {
        let mut conn = store.reader().await.unwrap();
        sqlx::query_scalar("SELECT COUNT(*) FROM dataset_names WHERE dataset_names MATCH $1")
            .bind(format!("\"{text}\""))
            .fetch_one(&mut *conn)
            .await
            .unwrap()
    };
    store.close().await;
    count
}

#[tokio::test]
async fn the_index_follows_the_catalog() {
    if std::env::var("DIM_TEST_ENGINE").is_ok_and(|engine| engine == "postgres") {
        return;
    }
    let app = TestApp::open().await;
    moving::location(app.services(), "nas", &app.make("nas")).await;
    add(&app, &["Climate-2024".to_owned(), "climate-2025".to_owned()]).await;
    assert_eq!(
        (indexed(&app, "climate-").await, indexed(&app, "2025").await),
        (2, 1)
    );
    let key = DatasetKey::Name("climate-2025".into());
    app.services().catalog.delete_dataset(&key, None).await.unwrap();
    assert_eq!(
        (indexed(&app, "climate-").await, indexed(&app, "2025").await),
        (1, 0)
    );
}
