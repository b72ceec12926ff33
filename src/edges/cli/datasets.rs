//! `dim datasets create|list|get|scan|label|labels|replicate|delete`.

use super::Client;
use super::client::segment;
use super::counting::while_counting;
use super::exit::CliError;
use super::locations::items;
use super::migrate::{self, How};
use super::output::{Out, note};
use super::style::{self, Style, or_dash};
use super::table::{Column, Tint, facts, render};
use crate::domain::dataset::{Dataset, DatasetDetail, DatasetSummary, ScanResult};
use crate::domain::label::Label;
use crate::domain::migration::options::MoveOptions;
use crate::domain::replica::Replica;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// What to do with datasets.
#[derive(Debug, Subcommand)]
pub enum Datasets {
    /// Register a dataset
    Create(Create),
    /// List the datasets
    List(List),
    /// Show one dataset with its replicas
    Get {
        /// Its id or name
        #[arg(value_name = "DATASET", required_unless_present = "dataset_id")]
        dataset: Option<String>,
        /// The same as the argument
        #[arg(long, value_name = "ID", conflicts_with = "dataset")]
        dataset_id: Option<String>,
    },
    /// List the real objects and fill in count and size
    Scan {
        /// Its id or name
        #[arg(value_name = "DATASET", required_unless_present = "dataset_id")]
        dataset: Option<String>,
        /// The same as the argument
        #[arg(long, value_name = "ID", conflicts_with = "dataset")]
        dataset_id: Option<String>,
    },
    /// Put labels on a dataset, or take them away
    Label(super::labels::Change),
    /// List labels in use with the number of their datasets
    Labels,
    /// Make a second copy at another location; readers stay where they are
    Replicate(Replicate),
    /// Forget a dataset; its files stay
    Delete {
        /// Its id or name
        #[arg(value_name = "DATASET", required_unless_present = "dataset_id")]
        dataset: Option<String>,
        /// The same as the argument
        #[arg(long, value_name = "ID", conflicts_with = "dataset")]
        dataset_id: Option<String>,
        /// Only if it still has this generation
        #[arg(long, value_name = "GENERATION")]
        if_match: Option<i64>,
    },
}

/// Arguments of `dim datasets create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Unique name
    #[arg(long)]
    name: String,
    /// Where its objects are, such as file:///shared_storage/demo-dataset
    #[arg(long, value_name = "URI")]
    path_uri: String,
    /// Size in bytes, when it is known; a scan replaces it
    #[arg(long, value_name = "BYTES")]
    size_bytes: Option<u64>,
    /// Storage class [default: the location's]
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Largest first-byte latency that its readers accept, in milliseconds
    #[arg(long, value_name = "MS")]
    latency_limit_ms: Option<i64>,
}

/// Arguments of `dim datasets replicate`.
#[derive(Debug, Args)]
pub struct Replicate {
    /// The dataset, by id or name
    dataset: String,
    /// Where to: a location's name or id, or an address
    #[arg(long, value_name = "URI|NAME")]
    to: String,
    /// Storage class there [default: the location's]
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Only print the plan
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    how: How,
}

async fn replicate(args: &Replicate, client: &Client, out: Out) -> Result<(), CliError> {
    let options = MoveOptions {
        replicate: true,
        ..args.how.options()
    };
    let body = json!({
        "dataset_id": args.dataset, "target_location": args.to, "storage_class": args.storage_class,
        "dry_run": args.dry_run, "options": options,
    });
    let planned = client.post("/api/v1/plans", &body);
    let reply = while_counting(client, &args.dataset, planned).await?;
    migrate::show(&reply, out)
}

/// Arguments of `dim datasets list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only names with this part
    #[arg(long)]
    search: Option<String>,
    /// Only those at this location
    #[arg(long)]
    location: Option<String>,
    /// Only those of this storage class
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Only those with this label, key or key=value
    #[arg(long)]
    label: Option<String>,
    /// Order
    #[arg(long, default_value = "id", value_parser = ["id", "name", "size", "last_access", "cost", "saving"])]
    sort: String,
    /// Reverse the order
    #[arg(long)]
    descending: bool,
}

/// Carries out a command on datasets.
///
/// # Errors
/// No server, or its refusal.
pub async fn run(command: Datasets, client: &Client, out: Out) -> Result<(), CliError> {
    match command {
        Datasets::Create(new) => create(new, client, out).await,
        Datasets::Label(args) => super::labels::change(args, client, out).await,
        Datasets::Labels => super::labels::list(client, out).await,
        Datasets::Replicate(args) => replicate(&args, client, out).await,
        Datasets::List(list) => {
            let mut query = vec![("sort", list.sort)];
            query.extend(list.search.map(|v| ("search", v)));
            query.extend(list.location.map(|v| ("location", v)));
            query.extend(list.storage_class.map(|v| ("storage_class", v)));
            query.extend(list.label.map(|v| ("label", v)));
            query.extend(list.descending.then(|| ("descending", "true".to_owned())));
            let reply = client.list("/api/v1/datasets", &query).await?;
            let rows: Vec<DatasetSummary> = items(&reply)?;
            let empty = "no datasets here; register one with: dim datasets create --name NAME --path-uri file:///path";
            out.rows(&reply, &columns(), &rows, empty)
        }
        Datasets::Get { dataset, dataset_id } => {
            let reply = client
                .get(&path(&dataset.or(dataset_id).unwrap_or_default(), ""))
                .await?;
            let detail: DatasetDetail = reply.typed()?;
            let columns = columns();
            out.one(&reply, &columns, &detail.summary, |style| {
                detail_text(&detail, style)
            })
        }
        Datasets::Scan { dataset, dataset_id } => {
            let key = dataset.or(dataset_id).unwrap_or_default();
            let at = path(&key, "/scan");
            let scanned = client.command(&at);
            let reply = while_counting(client, &key, scanned).await?;
            let scan: ScanResult = reply.typed()?;
            for entry in &scan.skipped {
                note(&format!(
                    "skipped {}: {}",
                    style::clean(&entry.path),
                    entry.reason
                ));
            }
            if scan.skipped_count > 0 {
                note(&format!(
                    "{} entries are no objects and were left out",
                    scan.skipped_count
                ));
            }
            out.one(&reply, &dataset_columns(), &scan.dataset, |style| {
                let mut found = format!(
                    "{} objects, {}, listed in {} ms\n",
                    scan.listed_count, scan.listed_bytes, scan.elapsed_ms
                );
                if scan.dataset.stand_in {
                    found.push_str("these files stand for a larger dataset, whose stated size stays\n");
                }
                found + &dataset_facts(&scan.dataset, style)
            })
        }
        Datasets::Delete {
            dataset,
            dataset_id,
            if_match,
        } => {
            let key = dataset.or(dataset_id).unwrap_or_default();
            let mut request = client.request(Method::DELETE, &path(&key, ""));
            if let Some(generation) = if_match {
                request = request.header("if-match", format!("\"{generation}\""));
            }
            client.send(request).await?;
            note(&format!("dataset {key} is forgotten; its files stay"));
            Ok(())
        }
    }
}

async fn create(new: Create, client: &Client, out: Out) -> Result<(), CliError> {
    let mut body = Map::new();
    body.insert("name".into(), json!(new.name));
    body.insert("path_uri".into(), json!(new.path_uri));
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.into(), value);
        }
    };
    put("size_bytes", new.size_bytes.map(Into::into));
    put("storage_class", new.storage_class.map(Into::into));
    put("latency_limit_ms", new.latency_limit_ms.map(Into::into));
    let reply = client.post("/api/v1/datasets", &body).await?;
    let dataset: Dataset = reply.typed()?;
    note(&format!(
        "dataset {} is registered as {}, at the location {}",
        dataset.name, dataset.id, dataset.location_name
    ));
    out.one(&reply, &dataset_columns(), &dataset, |style| {
        dataset_facts(&dataset, style)
    })
}

/// Labels with spaces between them.
pub(super) fn joined(labels: &[Label]) -> String {
    labels.iter().map(Label::as_str).collect::<Vec<_>>().join(" ")
}

fn path(dataset: &str, rest: &str) -> String {
    format!("/api/v1/datasets/{}{rest}", segment(dataset))
}

/// `location/CLASS`.
fn placement(d: &Dataset) -> String {
    format!("{}/{}", d.location_name, d.storage_class)
}

fn advice(row: &DatasetSummary) -> String {
    match (&row.active_job, &row.recommendation) {
        (Some(job), _) => format!("job {} {}", job.job_id, job.status),
        (None, Some(r)) => match (r.action.as_str(), &r.proposed) {
            ("move", Some(to)) => format!("move to {to}, saves {} a month", r.monthly_saving_nanousd),
            ("no_history", _) => "no history yet".into(),
            (other, _) => other.into(),
        },
        (None, None) => "–".into(),
    }
}

fn columns() -> Vec<Column<DatasetSummary>> {
    let now = style::now();
    vec![
        Column::number(
            "ID",
            "id",
            |r: &DatasetSummary| r.dataset.id.to_string(),
            |r: &DatasetSummary| r.dataset.id.to_string(),
        ),
        Column::text("NAME", "name", |r: &DatasetSummary| r.dataset.name.to_string()),
        Column::number(
            "SIZE",
            "size_bytes",
            |r: &DatasetSummary| r.dataset.size_bytes.to_string(),
            |r: &DatasetSummary| r.dataset.size_bytes.0.to_string(),
        ),
        Column::text("PLACEMENT", "placement", |r: &DatasetSummary| {
            placement(&r.dataset)
        }),
        Column::number(
            "LAST ACCESS",
            "last_access_at",
            move |r: &DatasetSummary| {
                r.last_access_at
                    .map_or_else(|| "never".into(), |at| style::ago(at, now))
            },
            |r: &DatasetSummary| r.last_access_at.map_or_else(String::new, |at| at.to_string()),
        ),
        Column::number(
            "PER MONTH",
            "monthly_cost_nanousd",
            |r: &DatasetSummary| or_dash(r.monthly_cost_nanousd),
            |r: &DatasetSummary| {
                r.monthly_cost_nanousd
                    .map_or_else(String::new, |m| m.0.to_string())
            },
        ),
        Column::text("RECOMMENDATION", "recommendation", advice)
            .tinted(|r| match (&r.active_job, &r.recommendation) {
                (Some(_), _) => Tint::Busy,
                (None, Some(r)) if r.action == "move" => Tint::Good,
                _ => Tint::Faint,
            })
            .raw(|r: &DatasetSummary| {
                r.recommendation
                    .as_ref()
                    .map_or_else(String::new, |advice| advice.action.clone())
            }),
        Column::text("URI", "path_uri", |r: &DatasetSummary| {
            r.dataset.path_uri.to_string()
        })
        .csv_only(),
        Column::text("LABELS", "labels", |r: &DatasetSummary| joined(&r.labels)).csv_only(),
        Column::text("OBJECTS", "object_count", |r: &DatasetSummary| {
            r.dataset.object_count.to_string()
        })
        .csv_only(),
    ]
}

fn dataset_columns() -> Vec<Column<Dataset>> {
    vec![
        Column::text("ID", "id", |r: &Dataset| r.id.to_string()),
        Column::text("NAME", "name", |r: &Dataset| r.name.to_string()),
        Column::text("SIZE", "size_bytes", |r: &Dataset| r.size_bytes.0.to_string()),
        Column::text("OBJECTS", "object_count", |r: &Dataset| {
            r.object_count.to_string()
        }),
        Column::text("PLACEMENT", "placement", placement),
        Column::text("URI", "path_uri", |r: &Dataset| r.path_uri.to_string()),
    ]
}

fn dataset_facts(d: &Dataset, style: Style) -> String {
    let scanned = d
        .scanned_at
        .map_or_else(|| "not scanned yet".into(), style::stamp);
    let mut rows = vec![
        ("id", d.id.to_string()),
        ("name", d.name.to_string()),
        ("uri", d.path_uri.to_string()),
        ("placement", placement(d)),
        ("size", format!("{} ({} bytes)", d.size_bytes, d.size_bytes.0)),
        (
            "objects",
            if d.scanned_at.is_some() {
                d.object_count.to_string()
            } else {
                scanned.clone()
            },
        ),
        ("scanned", scanned),
        ("generation", d.generation.to_string()),
        ("created", style::stamp(d.created_at)),
    ];
    if let Some(ms) = d.latency_limit_ms {
        rows.push(("latency limit", format!("{ms} ms")));
    }
    if let Some(reason) = &d.pinned_reason {
        rows.push(("pinned", reason.clone()));
    }
    facts(&rows, style)
}

fn detail_text(detail: &DatasetDetail, style: Style) -> String {
    let row = &detail.summary;
    let now = style::now();
    let last = row
        .last_access_at
        .map_or_else(|| "never".into(), |at| style::ago(at, now));
    let more = [
        ("last access", last),
        ("cost", format!("{} a month", or_dash(row.monthly_cost_nanousd))),
        ("recommendation", advice(row)),
        (
            "labels",
            or_dash(Some(joined(&row.labels)).filter(|l| !l.is_empty())),
        ),
    ];
    let replicas = render(
        &[
            Column::text("REPLICA", "role", |r: &Replica| r.role.as_str().into()),
            Column::text("CLASS", "storage_class", |r: &Replica| {
                r.storage_class.to_string()
            }),
            Column::text("VERIFIED", "verified_at", |r: &Replica| {
                r.verified_at.map_or_else(|| "as registered".into(), style::stamp)
            }),
            Column::text("PATH", "prefix", |r: &Replica| {
                format!("location {}: {}", r.location_id, r.prefix)
            }),
        ],
        &detail.replicas,
        style,
    );
    format!(
        "{}{}\n{replicas}",
        dataset_facts(&row.dataset, style),
        facts(&more, style)
    )
}
