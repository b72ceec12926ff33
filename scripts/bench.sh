#!/usr/bin/env bash
# Measures ratios against named baselines, built for release. The same run holds both sides of a ratio.
# Usage: scripts/bench.sh [NAME [ARG…]]   names: ingest [--events N] [--batch N] · mover [--rounds N] [--large N] [--small N] [--disk no] [--s3 no] [--objects N] [--dir PATH] · recommend [--datasets N] [--events N]
#        score [--datasets N] [--rounds N] · fanout [--clients N] [--events N] [--secs N] · pages [--datasets N] [--rounds N]
# DIM_BENCH_PROFILE=dev builds without optimising: only to see that a bench works.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

name="${1:-ingest}"
[ $# -gt 0 ] && shift
[ -f "benches/$name.rs" ] || die "no bench $name; there are: $(basename -s .rs benches/*.rs | xargs)"
if [ "$name" = score ] && ! python3 -c 'import numpy' 2>/dev/null && ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  note "the baseline needs numpy: apt-get install python3-numpy"
  as_root=(); [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install python3-numpy >&2 ||
    die "python3-numpy could not be installed"
fi
# The fan-out holds a thousand connections, and a process may often hold no more than 1,024 files.
ulimit -n 8192 2>/dev/null || true
profile="${DIM_BENCH_PROFILE:-release}"
say "Bench $name ($profile): builds first, which takes minutes the first time"
cargo bench --profile "$profile" --no-default-features --features ssr --bench "$name" -- "$@"
