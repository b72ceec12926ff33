#!/usr/bin/env bash
# Runs `dim` with the given arguments: the program that was built last, or one that is built now.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
newest=
for program in "$TARGET_DIR/release/dim" "$TARGET_DIR/debug/dim"; do
  if [ -x "$program" ] && { [ -z "$newest" ] || [ "$program" -nt "$newest" ]; }; then newest=$program; fi
done
if [ -z "$newest" ]; then
  "$ROOT/scripts/setup.sh" run
  "$ROOT/scripts/build.sh" dev server
  newest="$TARGET_DIR/debug/dim"
fi
exec "$newest" "$@"
