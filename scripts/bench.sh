#!/usr/bin/env bash
# Measures ratios against named baselines, built for release. The same run holds both sides of a ratio.
# Usage: scripts/bench.sh [NAME [ARG…]]   names: ingest [--events N] [--batch N] · mover [--rounds N] [--large N] [--small N] [--dir PATH] · recommend [--datasets N] [--events N]
# DIM_BENCH_PROFILE=dev builds without optimising: only to see that a bench works.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

name="${1:-ingest}"
[ $# -gt 0 ] && shift
[ -f "benches/$name.rs" ] || die "no bench $name; there are: $(basename -s .rs benches/*.rs | xargs)"
profile="${DIM_BENCH_PROFILE:-release}"
say "Bench $name ($profile): builds first, which takes minutes the first time"
cargo bench --profile "$profile" --no-default-features --features ssr --bench "$name" -- "$@"
