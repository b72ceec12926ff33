#!/usr/bin/env bash
# Builds the server `dim` and its site (WASM, CSS, public files) as [package.metadata.leptos] in Cargo.toml describes them.
# Usage: scripts/build.sh [dev|release] [server|site]     both parts by default
# Results: <target>/debug/dim or <target>/release/dim, and <target>/site. The target directory follows CARGO_TARGET_DIR.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

mode="${1:-dev}" part="${2:-both}"
case "$part" in server | site | both) ;; *) die "usage: scripts/build.sh [dev|release] [server|site]" ;; esac
case "$mode" in
  dev) bin_profile=dev bin_dir=debug lib_profile=dev lib_dir=debug ;;
  release)
    bin_profile=release bin_dir=release
    lib_profile=$(leptos lib-profile-release) lib_dir=$lib_profile ;;
  *) die "usage: scripts/build.sh [dev|release] [server|site]" ;;
esac

name=$(leptos output-name)
site=$(site_dir)
pkg="$site/$(leptos site-pkg-dir)"
triple=wasm32-unknown-unknown

build_server() {
  say "Building the server ($mode)"
  cargo build --bin "$(leptos name)" --profile "$bin_profile" --no-default-features --features "$(leptos bin-features)"
}

# What rustc's wasm target switches on by default, named because wasm-opt assumes less.
wasm_features=(
  --enable-bulk-memory --enable-bulk-memory-opt --enable-call-indirect-overlong --enable-multivalue
  --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext
)

# For people to wait for, each page's code is a file of its own: cut out by wasm-split, which needs the linker's relocations and names.
apart() { [ "$mode" = release ] && [ -z "${DIM_WHOLE_SITE:-}" ] && have wasm-split-cli && have node; }

build_site() {
  say "Building the browser's part ($mode)"
  local raw="$TARGET_DIR/$triple/$lib_dir/data_in_motion.wasm" fresh="$site.new" pieces="$site.pieces"
  if apart; then
    cargo rustc --lib --crate-type cdylib --target $triple --profile "$lib_profile" --no-default-features \
      --features "$(leptos lib-features),split" -- -C link-arg=--emit-relocs -C strip=none
  else
    [ "$mode" = dev ] || note "no wasm-split: every page's code is in one file"
    cargo build --lib --target $triple --profile "$lib_profile" --no-default-features --features "$(leptos lib-features)"
  fi

  rm -rf "$fresh"
  mkdir -p "$fresh/$(leptos site-pkg-dir)"
  local out="$fresh/$(leptos site-pkg-dir)"
  local flags=(--target web --no-typescript --out-dir "$out" --out-name "$name")
  [ "$mode" = release ] && flags+=(--remove-name-section --remove-producers-section)
  if apart; then
    rm -rf "$pieces"
    mkdir -p "$pieces"
    wasm-split-cli "$raw" "$pieces" --target web --out-name "$name"
    local binaryen="$TOOLS/node_modules/binaryen/index.js"
    [ -f "$binaryen" ] || binaryen=
    node scripts/pack.mjs "$pieces" "$out" "$name" "$binaryen"
    raw="$pieces/$name.wasm"
    flags+=(--keep-lld-exports)
  fi
  wasm-bindgen "${flags[@]}" "$raw"
  rm -rf "$pieces"
  # The page asks for NAME.wasm when the output name was set while compiling and for NAME_bg.wasm otherwise: serve both.
  mv "$out/${name}_bg.wasm" "$out/$name.wasm"
  if [ "$mode" = release ]; then
    if [ -x "$TOOLS/node_modules/.bin/wasm-opt" ]; then
      note "wasm-opt -Oz"
      wasm-opt -Oz "${wasm_features[@]}" "$out/$name.wasm" -o "$out/$name.opt"
      mv "$out/$name.opt" "$out/$name.wasm"
    else
      note "no wasm-opt: the browser's part stays larger than it could be"
    fi
  fi
  local style; style=$(leptos style-file)
  [ -f "$style" ] && bundle_css "$style" >"$out/$name.css"
  local assets; assets=$(leptos assets-dir)
  [ -d "$assets" ] && cp -R "$assets/." "$fresh/"
  [ "$mode" = release ] && compress "$fresh"
  ln -f "$out/$name.wasm" "$out/${name}_bg.wasm"
  for ext in br gz; do
    [ -f "$out/$name.wasm.$ext" ] && ln -f "$out/$name.wasm.$ext" "$out/${name}_bg.wasm.$ext"
  done

  # Swapped in as a whole: a running server never sees half a site.
  rm -rf "$site.old"
  [ -d "$site" ] && mv "$site" "$site.old"
  mkdir -p "$(dirname "$site")"
  mv "$fresh" "$site"
  rm -rf "$site.old"
  note "$(du -h "$pkg/$name.wasm" | cut -f1) of WASM in $pkg"
}

# One level of `@import url("part.css")` (or `@import "part.css"`) is written in place, so that the visitor fetches one file.
bundle_css() {
  local dir; dir=$(dirname "$1")
  local line part
  while IFS= read -r line || [ -n "$line" ]; do
    part=$(printf '%s\n' "$line" | sed -nE 's/^@import +(url\()?["'\'']?(\.\/)?([^"'\''():]+\.css)["'\'']?\)?;.*$/\3/p')
    if [ -n "$part" ]; then cat "$dir/$part"; else printf '%s\n' "$line"; fi
  done <"$1"
}

compress() {
  find "$1" -type f \( -name '*.wasm' -o -name '*.bin' -o -name '*.js' -o -name '*.css' -o -name '*.svg' -o -name '*.webmanifest' \) -print0 |
    while IFS= read -r -d '' file; do
      gzip -9 -k -n "$file"
      if have brotli; then brotli -q 11 -k "$file"; fi
    done
}

[ "$part" = site ] || build_server
[ "$part" = server ] || build_site
