#!/usr/bin/env bash
# Runs the tests in lanes, cheapest first, and stops at the first lane that fails.
# Usage: scripts/test.sh all | LANE…  lanes: fmt domain clippy docs integration postgres browser
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

ALL=(fmt domain clippy docs integration postgres browser)
lanes=("$@")
[ ${#lanes[@]} -gt 0 ] || die "usage: scripts/test.sh all | ${ALL[*]}"
[ "${lanes[0]}" = all ] && lanes=("${ALL[@]}")

# `set -e` is off inside a function whose result is asked for: each step of a lane is joined by &&.

lane_fmt() { cargo fmt --check; }

# Without features the domain cannot even see tokio, sqlx or leptos.
lane_domain() { cargo test --lib --no-default-features; }

# Each step of the ladder alone: what one feature hides, another shows.
lane_clippy() {
  cargo clippy --lib --no-default-features -- -D warnings &&
    cargo clippy --lib --bins --no-default-features --features ssr -- -D warnings &&
    cargo clippy --all-targets --no-default-features --features otlp -- -D warnings &&
    cargo clippy --lib --target wasm32-unknown-unknown --no-default-features --features hydrate -- -D warnings
}

lane_docs() { RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --no-default-features --features otlp --quiet; }

# With traces, which the browser's lane is built without.
lane_integration() { cargo test --no-default-features --features otlp --no-fail-fast; }

# The same stories over the other engine: all whose server runs inside the test. Stores have their own contract and no engine.
lane_postgres() {
  DIM_TEST_ENGINE=postgres cargo test --no-default-features --features otlp --test it --no-fail-fast -- \
    catalog:: contract:: edge:: jobs:: lists:: live:: losses:: moves:: moves_disturbed:: plan_figures:: plan_queue:: plan:: \
    recommendations:: rest:: scan:: telemetry:: --skip stores::
}

# The stories of end2end/ in Chromium, against the program and the site that are built here.
lane_browser() {
  scripts/build.sh dev &&
    (cd end2end && DIM_BIN="$TARGET_DIR/debug/dim" npx playwright test)
}

for lane in "${lanes[@]}"; do
  declare -F "lane_$lane" >/dev/null || die "no lane $lane; there are: ${ALL[*]}"
done
setup=run
case " ${lanes[*]} " in *" browser "* | *" integration "* | *" postgres "*) setup=test ;; esac
scripts/setup.sh "$setup"
# For the stories of the broker alone: a server that another test starts would use it as well.
if [ -n "${KAFKA_BROKERS:-}" ]; then
  export DIM_TEST_KAFKA_BROKERS=$KAFKA_BROKERS
  unset KAFKA_BROKERS
fi

# Where everything is compiled once, what the next build would begin with only fills the disk: a third of it.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"

report=()
for lane in "${lanes[@]}"; do
  say "Lane: $lane"
  began=$SECONDS
  if ! "lane_$lane"; then
    printf '\n' >&2
    for line in "${report[@]}"; do note "$line"; done
    die "lane $lane failed after $((SECONDS - began)) s"
  fi
  report+=("$(printf '%-12s ok  %4d s' "$lane" $((SECONDS - began)))")
done
say "All lanes passed"
for line in "${report[@]}"; do note "$line"; done
