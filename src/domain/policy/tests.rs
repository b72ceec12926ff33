//! Rules in the words of people: what is allowed, who comes first, what is refused.

use super::*;
use crate::domain::id::LocationId;
use crate::domain::unit::Bytes;

fn dataset() -> Dataset {
    Dataset {
        id: DatasetId(1),
        name: "climate-2024".parse().unwrap(),
        path_uri: "file:///lake/climate".parse().unwrap(),
        location_id: LocationId(1),
        location_name: "lake".parse().unwrap(),
        storage_class: "STANDARD".parse().unwrap(),
        size_bytes: Bytes(1),
        object_count: 1,
        scanned_at: None,
        generation: 1,
        pinned_reason: None,
        latency_limit_ms: None,
        stand_in: false,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

fn policy(name: &str, position: i64, spec: PolicySpec) -> Policy {
    Policy {
        id: PolicyId(1),
        name: name.parse().unwrap(),
        rules: PolicySpec { position, ..spec },
        generation: 1,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

fn list(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|p| (*p).to_owned()).collect()
}

const PLACE: Place<'static> = Place {
    location: "lake",
    region: "aws/eu-central-1",
    class: "STANDARD",
};

#[test]
fn every_rule_that_speaks_of_a_place_must_allow_it_and_the_one_that_does_not_is_named() {
    let eu = PolicySpec {
        datasets: list(&["climate-*"]),
        allowed_regions: list(&["aws/eu-*", "local/*"]),
        ..PolicySpec::default()
    };
    let classes = PolicySpec {
        allowed_classes: list(&["standard*"]),
        ..PolicySpec::default()
    };
    let verdict = Verdict::of(
        &dataset(),
        &[policy("eu", 0, eu.clone()), policy("warm", 1, classes)],
    );
    assert_eq!(verdict.forbids(PLACE), None);
    let us = Place {
        region: "aws/us-east-1",
        ..PLACE
    };
    assert_eq!(
        verdict.forbids(us).as_deref(),
        Some("the policy eu allows only regions aws/eu-*, local/*")
    );
    let cold = Place {
        class: "DEEP_ARCHIVE",
        ..PLACE
    };
    assert_eq!(
        verdict.forbids(cold).as_deref(),
        Some("the policy warm allows only classes standard*")
    );
    let mut other = dataset();
    other.name = "genomes".parse().unwrap();
    assert_eq!(Verdict::of(&other, &[policy("eu", 0, eu)]).forbids(us), None);
}

#[test]
fn the_owner_comes_first_then_the_rules_in_their_order_and_the_most_copies() {
    let with = |ms, copies, pin: &str| PolicySpec {
        latency_limit_ms: Some(ms),
        min_replicas: Some(copies),
        pinned_reason: Some(pin.into()),
        ..PolicySpec::default()
    };
    let rules = [
        policy("second", 2, with(20, 3, "late")),
        policy("first", 1, with(10, 2, "soon")),
    ];
    let verdict = Verdict::of(&dataset(), &rules);
    let set = verdict.applied_to(&dataset());
    assert_eq!(set.latency_limit_ms, Some(10));
    assert_eq!(set.pinned_reason.as_deref(), Some("soon (policy first)"));
    assert_eq!(
        verdict.too_few(2).as_deref(),
        Some("the policy second asks for 3 verified copies, and there are 2")
    );
    assert_eq!(verdict.too_few(3), None);
    let own = Dataset {
        latency_limit_ms: Some(5),
        pinned_reason: Some("mine".into()),
        ..dataset()
    };
    let set = Verdict::of(&own, &rules).applied_to(&own);
    assert_eq!(
        (set.latency_limit_ms, set.pinned_reason.as_deref()),
        (Some(5), Some("mine"))
    );
}

#[test]
fn a_rule_that_says_nothing_or_cannot_be_read_is_refused() {
    let refuse = |spec: PolicySpec| spec.check().unwrap_err().to_string();
    assert!(
        refuse(PolicySpec {
            datasets: list(&["a*"]),
            ..PolicySpec::default()
        })
        .contains("asks for nothing")
    );
    let spec = |change: fn(&mut PolicySpec)| {
        let mut spec = PolicySpec::default();
        change(&mut spec);
        spec
    };
    for (spec, words) in [
        (
            spec(|s| s.allowed_regions = list(&["eu-central-1"])),
            "provider/region",
        ),
        (
            spec(|s| s.allowed_locations = list(&[" "])),
            "1 to 200 characters",
        ),
        (spec(|s| s.latency_limit_ms = Some(0)), "between 1 and 172800000"),
        (spec(|s| s.min_replicas = Some(11)), "between 1 and 10"),
        (spec(|s| s.pinned_reason = Some("a\nb".into())), "on one line"),
        (
            spec(|s| s.allowed_classes = vec!["x".into(); 101]),
            "101 patterns",
        ),
    ] {
        let text = refuse(spec);
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(spec(|s| s.min_replicas = Some(2)).check(), Ok(()));
}
