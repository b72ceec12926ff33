#!/usr/bin/env bash
# Builds everything and runs `dim serve --demo`, which keeps its data in a fresh temporary directory.
# Usage: scripts/demo.sh [NAME | EVENTS OBJECTS] [-- ARG…]
#   NAME    a history in ../shared/traces: NAME.csv.gz or NAME.csv, with NAME_objects.csv
#   EVENTS OBJECTS   two files of the history format (README, Access history)
# DIM_ADDR changes the address.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

history=()
traces="${DIM_TRACES:-$ROOT/../shared/traces}"
if [ $# -ge 2 ] && [ "$1" != -- ] && [ "$2" != -- ]; then
  history=(--history "$1" --objects "$2")
  shift 2
elif [ $# -ge 1 ] && [ "$1" != -- ]; then
  name=$1
  shift
  for events in "$name" "$traces/$name.csv.gz" "$traces/$name.csv"; do
    [ -f "$events" ] || continue
    objects="${events%.gz}"
    objects="${objects%.csv}_objects.csv"
    history=(--history "$events" --objects "$objects")
    break
  done
  [ ${#history[@]} -gt 0 ] || die "no history $name: neither a file nor in $traces (DIM_TRACES changes that directory)"
fi
[ "${1:-}" = -- ] && shift
for file in "${history[@]}"; do
  case "$file" in --*) ;; *) [ -r "$file" ] || die "cannot read $file" ;; esac
done

"$ROOT/scripts/setup.sh" run
"$ROOT/scripts/build.sh" release
addr="${DIM_ADDR:-127.0.0.1:8080}"
say "Starting the demo (Ctrl-C stops it and removes its data)"
cd "$ROOT"
exec "$TARGET_DIR/release/dim" serve --demo --addr "$addr" "${history[@]}" "$@"
