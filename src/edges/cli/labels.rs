//! `dim datasets label` and `dim datasets labels`.

use super::Client;
use super::client::segment;
use super::datasets::joined;
use super::exit::CliError;
use super::locations::items;
use super::output::{Out, note};
use super::table::Column;
use crate::domain::label::{Label, LabelCount};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

/// Arguments of `dim datasets label`.
#[derive(Debug, Args)]
pub struct Change {
    /// The dataset, by id or name
    dataset: String,
    /// Labels to put on it, key or key=value; one of the same key is replaced
    #[arg(value_name = "LABEL", required_unless_present = "remove")]
    labels: Vec<String>,
    /// Keys whose labels are taken away
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    remove: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct After {
    labels: Vec<Label>,
}

pub(super) async fn change(args: Change, client: &Client, out: Out) -> Result<(), CliError> {
    let path = format!("/api/v1/datasets/{}/labels", segment(&args.dataset));
    let body = json!({ "set": args.labels, "remove": args.remove });
    let reply = client.patch(&path, &body).await?;
    let after: After = reply.typed()?;
    let text = match joined(&after.labels) {
        none if none.is_empty() => format!("{} has no label now", args.dataset),
        some => format!("{} has the labels {some}", args.dataset),
    };
    note(&text);
    let columns = [Column::text("LABEL", "label", |l: &Label| l.to_string())];
    out.rows(&reply, &columns, &after.labels, "")
}

pub(super) async fn list(client: &Client, out: Out) -> Result<(), CliError> {
    let reply = client.get("/api/v1/labels").await?;
    let rows: Vec<LabelCount> = items(&reply)?;
    let columns = [
        Column::text("LABEL", "label", |c: &LabelCount| c.label.to_string()),
        Column::number(
            "DATASETS",
            "datasets",
            |c: &LabelCount| c.datasets.to_string(),
            |c: &LabelCount| c.datasets.to_string(),
        ),
    ];
    let empty = "no label is in use; put one on with: dim datasets label NAME team=climate";
    out.rows(&reply, &columns, &rows, empty)
}
