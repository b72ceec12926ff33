//! Price books as people copy, edit and load them.

use crate::api::Api;
use crate::app::TestApp;
use crate::cli::dim;

#[tokio::test]
async fn a_price_book_is_copied_as_its_file_and_nothing_is_overwritten() {
    let app = TestApp::open().await;
    let url = app.listen().await;
    let said = Api::new(&url).get("/api/v1/prices/aws%2Fus-east-1/file").await;
    assert!(
        said.header("content-type").starts_with("application/toml"),
        "{said:?}"
    );
    assert!(said.text.contains("name = \"aws/us-east-1\"") && said.text.contains("[sources.api]"));
    let to = app.dir.path().join("own/prices.toml");
    let to = to.to_str().unwrap();
    let ran = dim(&url, &["prices", "copy", "aws/us-east-1", "--to", to]).await;
    assert_eq!(
        (ran.code, std::fs::read_to_string(to).unwrap()),
        (0, said.text),
        "{}",
        ran.err
    );
    let again = dim(&url, &["prices", "copy", "local/nas", "--to", to]).await;
    assert!(
        again.code == 1 && again.err.contains("nothing was changed"),
        "{}",
        again.err
    );
    let app = app
        .restart_with(&[(
            "prices_dir",
            std::path::Path::new(to).parent().unwrap().to_str().unwrap(),
        )])
        .await;
    let books = app.services().prices.list().await.unwrap();
    let own: Vec<_> = books
        .items
        .iter()
        .filter(|b| b.is_own)
        .map(|b| b.name.as_str())
        .collect();
    assert_eq!(own, ["aws/us-east-1"]);
}
