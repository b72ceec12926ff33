#!/usr/bin/env bash
# Measures what a visitor downloads and what the program takes: WASM and script after brotli, binary, cold start, idle memory.
# Builds the release first. Prints one figure a line on stdout, name and value.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

have brotli || die "brotli is missing: scripts/setup.sh run"
scripts/build.sh release
name=$(leptos output-name)
pkg="$(site_dir)/$(leptos site-pkg-dir)"
program="$TARGET_DIR/release/$(leptos name)"

bytes() { stat -c %s "$1"; }
squeezed() { brotli -q 11 -c "$1" | wc -c; }
line() { printf '%-28s %s\n' "$1" "$2"; }

line "wasm_bytes" "$(bytes "$pkg/$name.wasm")"
line "wasm_brotli_bytes" "$(squeezed "$pkg/$name.wasm")"
line "script_brotli_bytes" "$(squeezed "$pkg/$name.js")"
# A page's own code, where each has a file; the first visit fetches program, script and one of these.
for page in "$pkg"/*.bin; do
  [ -f "$page" ] || continue
  file=${page##*/}
  line "page_${file%%.*}_brotli_bytes" "$(squeezed "$page")"
done
line "style_brotli_bytes" "$(squeezed "$pkg/$name.css")"
line "program_bytes" "$(bytes "$program")"

# Cold start: from the start of the process in an empty directory until it listens.
work=$(mktemp -d)
port=$((20000 + RANDOM % 20000))
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
began=$(date +%s%N)
"$program" serve --addr "127.0.0.1:$port" --data-dir "$work/data" >"$work/log" 2>&1 &
server=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || die "the server did not start: $(cat "$work/log")"
  sleep 0.002
done
line "cold_start_ms" "$((($(date +%s%N) - began) / 1000000))"
# Idle memory: resident set ten seconds later, with nobody connected.
sleep 10
line "idle_resident_kb" "$(awk '/^VmRSS/ { print $2 }' "/proc/$server/status")"
