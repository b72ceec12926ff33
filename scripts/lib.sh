# Shared by the scripts beside this file: where things are, how they speak. Sourced, never run.
# All is said on stderr, so that a stdout stays data.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS="$ROOT/.tools"
TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}"
export PATH="$TOOLS/bin:$TOOLS/node_modules/.bin:$PATH"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

[ -t 2 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '==> %s\n' "$*" >&2; }

# leptos KEY: one value of [package.metadata.leptos] in Cargo.toml, the single description of the site.
leptos() {
  awk -v key="$1" '
    /^\[/ { inside = ($0 == "[package.metadata.leptos]") }
    inside && $1 == key {
      sub(/^[^=]*= */, ""); gsub(/^\[|\]$|"/, ""); gsub(/, */, ","); print; exit
    }' "$ROOT/Cargo.toml"
}

# The site lies beside the built programs, so that it follows CARGO_TARGET_DIR and a program finds it at ../site.
site_dir() {
  local root; root=$(leptos site-root)
  case "$root" in
    target/*) echo "$TARGET_DIR/${root#target/}" ;;
    *) echo "$ROOT/$root" ;;
  esac
}

# locked CRATE: the version of CRATE that Cargo.lock pins.
locked() {
  awk -v name="name = \"$1\"" '$0 == name { getline; gsub(/version = |"/, ""); print; exit }' "$ROOT/Cargo.lock"
}
