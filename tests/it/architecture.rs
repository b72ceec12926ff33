//! Keeps the doors shut: which layer may import which, where a `cfg` may stand, and that the domain stays pure.
//!
//! The table is the one in README (What is inside). A change of the table is a decision, so it is made there and here together.

use std::path::{Path, PathBuf};

/// What a layer may import with `use crate::…`. `server.rs`, `main.rs` and `lib.rs` join everything and are not listed.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("domain/", &["domain"]),
    ("ports/", &["domain", "ports"]),
    ("services/", &["domain", "ports", "services", "adapters::sql"]),
    ("adapters/", &["domain", "ports", "adapters"]),
    ("api/", &["domain", "services", "api"]),
    ("ui/", &["domain", "api", "ui"]),
    ("edges/", &["domain", "services", "api", "edges", "config"]),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source file, as its path below `src/` and its text without line comments.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 50, "the sources were not found");
    let name = |p: &Path| p.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    found
        .iter()
        .map(|p| (name(p), std::fs::read_to_string(p).unwrap()))
        .collect()
}

fn code(text: &str) -> String {
    text.lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Paths after `crate::`, with one level of braces opened: `crate::{a, b::c}` names both.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        if text[..at].ends_with('$') || text[..at].ends_with("r#") {
            continue;
        }
        let rest = &text[at + 7..];
        let word = |s: &str| -> String {
            s.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':')
                .collect()
        };
        match rest.strip_prefix('{') {
            Some(group) => found.extend(
                group
                    .split('}')
                    .next()
                    .unwrap_or("")
                    .split(',')
                    .map(|part| word(part.trim())),
            ),
            None => found.push(word(rest)),
        }
    }
    found
}

#[test]
fn each_layer_imports_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, text) in files() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(layer, _)| name.starts_with(layer)) else {
            continue;
        };
        for path in imports(&code(&text)) {
            seen += 1;
            let ok = allowed
                .iter()
                .any(|a| path == *a || path.starts_with(&format!("{a}::")));
            if !ok {
                wrong.push(format!("{name} uses crate::{path}"));
            }
        }
    }
    assert!(seen > 100, "the imports were not read");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_reads_no_clock_draws_no_random_number_and_does_no_io() {
    let banned = [
        "SystemTime",
        "Instant::now",
        "Utc::now",
        "rand::",
        "std::fs",
        "std::net",
        "tokio",
        "sqlx",
        "leptos",
    ];
    let mut wrong = Vec::new();
    for (name, text) in files()
        .into_iter()
        .filter(|(name, _)| name.starts_with("domain/"))
    {
        for word in banned.iter().filter(|w| code(&text).contains(**w)) {
            wrong.push(format!("{name} has {word}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_feature_gates_a_module_never_a_line() {
    let mut wrong = Vec::new();
    for (name, text) in files().into_iter().filter(|(name, _)| !name.starts_with("api/")) {
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let gate = line.trim_start().starts_with("#[cfg(") && line.contains("feature");
            let next = lines.get(i + 1).copied().unwrap_or("").trim_start();
            let module = ["mod ", "pub mod ", "pub use ", "#[path"]
                .iter()
                .any(|w| next.starts_with(w));
            if (gate && !module) || line.contains("cfg!(feature") || line.contains("cfg_attr(feature") {
                wrong.push(format!("{name}:{}", i + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_opens_with_what_it_is() {
    let wrong: Vec<_> = files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_layer_says_what_it_must_not_know() {
    let says = ["know no ", "knows no ", "not know", "must not"];
    for layer in ["domain", "ports", "services", "adapters", "edges", "api", "ui"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(layer)
            .join("mod.rs");
        let text = std::fs::read_to_string(&path).unwrap();
        let doc: String = text
            .lines()
            .take_while(|l| l.starts_with("//!"))
            .map(|l| l[3..].trim())
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            says.iter().any(|s| doc.to_lowercase().contains(s)),
            "{layer}: {doc}"
        );
    }
}

#[test]
fn statements_that_are_put_together_suit_both_engines() {
    // The driver's own builder writes `?` for every engine, which Postgres does not take.
    for (name, text) in files() {
        assert!(
            !name.starts_with("adapters/sql/") || !code(&text).contains("QueryBuilder"),
            "{name}: use multi::Builder"
        );
    }
}
