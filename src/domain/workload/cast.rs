//! The cast of the demo: invented datasets, each with a shape, a size range and a first home.
//!
//! Invariant: names are unique and invented. The homes are where such data is often left, which is not always where it is cheapest.

use super::{Home, Shape};

/// One member of the cast.
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) home: Home,
    /// Smallest size in decimal gigabytes.
    pub(super) min_gb: u64,
    /// Largest size in decimal gigabytes.
    pub(super) max_gb: u64,
    pub(super) latency_limit_ms: Option<i64>,
}

const fn role(
    name: &'static str,
    shape: Shape,
    home: Home,
    gb: (u64, u64),
    latency_limit_ms: Option<i64>,
) -> Role {
    Role {
        name,
        shape,
        home,
        min_gb: gb.0,
        max_gb: gb.1,
        latency_limit_ms,
    }
}

#[rustfmt::skip]
pub(super) const CAST: [Role; 40] = [
    role("clickstream-today", Shape::SteadyHot, Home::Nvme, (200, 900), Some(20)),
    role("search-index-live", Shape::SteadyHot, Home::Nvme, (300, 1500), Some(10)),
    role("feature-store-online", Shape::SteadyHot, Home::Lake, (150, 800), Some(200)),
    role("product-images", Shape::SteadyHot, Home::Lake, (2000, 9000), Some(200)),
    role("map-tiles", Shape::SteadyHot, Home::Lake, (900, 4000), Some(200)),
    role("recommender-embeddings", Shape::SteadyHot, Home::Nas, (80, 400), Some(100)),
    role("ad-bids-rolling", Shape::SteadyHot, Home::LakeInfrequent, (500, 2500), Some(200)),
    role("mail-attachments", Shape::SteadyHot, Home::LakeInfrequent, (700, 3000), Some(500)),
    role("ledger-2024", Shape::MonthlyReport, Home::Lake, (60, 300), Some(60_000)),
    role("ledger-2025", Shape::MonthlyReport, Home::Nvme, (80, 350), Some(60_000)),
    role("billing-usage-detail", Shape::MonthlyReport, Home::Lake, (900, 5000), None),
    role("regulatory-trades", Shape::MonthlyReport, Home::Lake, (1500, 6000), None),
    role("payroll-exports", Shape::MonthlyReport, Home::Nas, (5, 40), None),
    role("energy-meter-readings", Shape::MonthlyReport, Home::Lake, (400, 2500), None),
    role("call-detail-records", Shape::MonthlyReport, Home::Nvme, (300, 1800), None),
    role("mri-scans-2023", Shape::ArchiveSlices, Home::Lake, (4000, 24_000), Some(1_000)),
    role("mri-scans-2024", Shape::ArchiveSlices, Home::Lake, (6000, 30_000), Some(1_000)),
    role("satellite-l1c-europe", Shape::ArchiveSlices, Home::Lake, (15_000, 60_000), None),
    role("satellite-l1c-africa", Shape::ArchiveSlices, Home::Lake, (12_000, 50_000), None),
    role("newspaper-scans-1890-1960", Shape::ArchiveSlices, Home::Nas, (2000, 9000), Some(2_000)),
    role("seismic-survey-north", Shape::ArchiveSlices, Home::Lake, (8000, 40_000), None),
    role("genome-reference-panel", Shape::ArchiveSlices, Home::LakeInfrequent, (1500, 8000), Some(1_000)),
    role("radio-telescope-2022", Shape::ArchiveSlices, Home::Lake, (10_000, 45_000), None),
    role("film-masters", Shape::ArchiveSlices, Home::Nvme, (3000, 12_000), Some(5_000)),
    role("court-recordings", Shape::ArchiveSlices, Home::Nas, (900, 4500), None),
    role("weather-reanalysis", Shape::ArchiveSlices, Home::Lake, (7000, 32_000), None),
    role("holiday-campaign-2025", Shape::Campaign, Home::Nvme, (100, 700), None),
    role("spring-campaign-2026", Shape::Campaign, Home::Lake, (150, 900), None),
    role("protein-folding-run-7", Shape::Campaign, Home::Lake, (1200, 7000), None),
    role("crash-simulations-suv", Shape::Campaign, Home::Nvme, (900, 4500), None),
    role("language-model-corpus-v2", Shape::Campaign, Home::Lake, (3000, 15_000), None),
    role("drone-survey-harbour", Shape::Campaign, Home::Nas, (200, 1500), None),
    role("a-b-test-checkout", Shape::Campaign, Home::Lake, (40, 250), None),
    role("flood-risk-study", Shape::Campaign, Home::Lake, (600, 3500), None),
    role("robot-fleet-logs-pilot", Shape::Campaign, Home::LakeInfrequent, (500, 2600), None),
    role("nightly-db-dumps", Shape::DeadOnArrival, Home::Lake, (800, 6000), None),
    role("build-artifacts-2025", Shape::DeadOnArrival, Home::Nvme, (400, 2200), None),
    role("cctv-warehouse", Shape::DeadOnArrival, Home::Lake, (2500, 14_000), None),
    role("debug-traces", Shape::DeadOnArrival, Home::Lake, (300, 2400), None),
    role("laptop-backups", Shape::DeadOnArrival, Home::Nas, (600, 3200), None),
];
