//! The integration binary: the real router over a real SQLite file and real directories.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod api;

mod app;

mod architecture;

mod cli_server;

mod contract;

mod control;

mod copies;

mod corruptions;

mod edge;

mod heard;

mod backtest;

mod catalog;

mod demo;

mod live;

mod moving;

mod jobs;

mod moves;

mod moves_disturbed;

mod crash;

mod crashing;

mod cli;

mod cli_jobs;

mod serving;

mod script;

mod policies;
mod postgres;

mod nodes;

mod kafka;

mod postgres_store;

mod stores;

mod encrypted;

#[cfg(feature = "otlp")]
mod otlp;

mod meddler;

mod pages;

mod typed_name;

mod read_times;

mod search;

mod lists;

mod scan;

mod tmpfs;

mod plan;

mod plan_figures;

mod plan_queue;

mod receipts;

mod scale;

mod steps;

mod objects_contract;

mod rest;

mod telemetry;

mod telemetry_http;

mod telemetry_crash;

mod cli_access;

mod losses;

mod recommendations;

mod outcomes;

mod prices;

mod advice_page;
