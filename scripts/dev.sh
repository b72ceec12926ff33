#!/usr/bin/env bash
# Runs the server and rebuilds on every change, with cargo-leptos (installed on first use into .tools).
# Usage: scripts/dev.sh [ARG…]     arguments go to `dim serve`; without any it is `dim serve --demo`
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

VERSION=0.3.10

scripts/setup.sh run
if ! cargo leptos --version 2>/dev/null | grep -q "$VERSION"; then
  say "Installing cargo-leptos $VERSION (about 7 minutes on two cores, once)"
  cargo install --quiet --debug --locked --root "$TOOLS" --target-dir "$TOOLS/build" \
    --version "=$VERSION" --no-default-features --features no_downloads cargo-leptos >&2
  rm -rf "$TOOLS/build"
fi
[ $# -gt 0 ] || set -- --demo
exec cargo leptos watch -- serve "$@"
