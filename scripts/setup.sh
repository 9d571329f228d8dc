# Sourced by the other scripts: where things are kept, and one function for each thing that may be missing.
# Assumed: git, rustup with stable, Node 20.19 or newer, a C compiler, and apt with root for Chromium.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${HOLM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/holm}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target} # outside the clone, so that a fresh one is warm
BUILT=$CARGO_TARGET_DIR/holm                                # the package and the sites that the scripts assemble
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

say() { printf '· %s\n' "$*" >&2; }
fail() { printf '%s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

need_base() {
  has git || fail "Holm needs git: install it and run this again."
  has rustup || fail "Holm needs rustup with the stable toolchain: see rustup.rs, then run this again."
  has cargo || fail "Holm needs cargo on the PATH: add rustup's bin folder to it and run this again."
  has node || fail "Holm needs Node 20.19 or newer: install it and run this again."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Holm needs Node 20.19 or newer; this is $(node --version)."
  has npm || fail "Holm needs npm, which comes with Node: install it and run this again."
  has gzip || fail "Holm needs gzip, by which it tells sizes: install it and run this again."
  has cc || has gcc || has clang || fail "Holm needs a C compiler for SQLite: install one (Debian: build-essential) and run this again."
}

need_wasm_target() {
  rustup target list --installed | grep -x wasm32-unknown-unknown >/dev/null && return
  say "adding the wasm32-unknown-unknown target"
  rustup target add wasm32-unknown-unknown >&2
}

need_rust_component() {
  local installed
  installed=$(rustup component list --installed)
  grep -q "^$1" <<<"$installed" && return
  say "adding $1"
  rustup component add "$1" >&2
}

# A cargo tool of an exact version, in a folder of its own so that no other version is touched.
need_cargo_tool() { # crate, version, binary
  local folder=$CACHE/tools/$1-$2
  if has "$3" && [[ $("$3" --version 2>/dev/null) == *"$2"* ]]; then return; fi
  if [[ ! -x $folder/bin/$3 ]]; then
    say "installing $1 $2 (once; a few minutes)"
    # Its own lock file first; where a mirror lacks one of the versions in it, what cargo finds.
    local install=(cargo install "$1" --version "$2" --root "$folder")
    CARGO_TARGET_DIR=$CACHE/tools/target "${install[@]}" --locked >&2 || CARGO_TARGET_DIR=$CACHE/tools/target "${install[@]}" >&2
    rm -rf "$CACHE/tools/target"
  fi
  export PATH=$folder/bin:$PATH
}

need_wasm_bindgen() {
  local version
  version=$(awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/[^0-9.]/, ""); print }' "$ROOT/Cargo.lock")
  [[ -n $version ]] || fail "Cargo.lock names no wasm-bindgen."
  need_cargo_tool wasm-bindgen-cli "$version" wasm-bindgen
}

need_wasm_pack() { need_cargo_tool wasm-pack 0.15.1 wasm-pack; }
need_cargo_deny() { need_cargo_tool cargo-deny 0.20.2 cargo-deny; }

need_node_modules() { # the folder of a benchmark, or none for the root
  local folder=$ROOT/${1:-} stamp lock
  stamp=$folder/node_modules/.holm-lock
  lock=$(cksum <"$folder/package-lock.json")
  [[ -f $stamp && $(<"$stamp") == "$lock" ]] && return
  say "installing the npm packages of ${1:-the tools}"
  (cd "$folder" && npm ci --ignore-scripts --loglevel=error >&2)
  printf '%s' "$lock" >"$stamp"
}

# Chromium and its driver of the same version.
need_chromium() {
  if [[ -z ${HOLM_CHROMIUM:-} ]] && ! { has chromium && has chromedriver; }; then
    local root=()
    [[ $(id -u) == 0 ]] || root=(sudo)
    has apt-get || fail "The browser tests need Chromium and chromedriver: install them, or run where apt is."
    [[ $(id -u) == 0 ]] || has sudo || fail "The browser tests install Chromium with apt, which needs root: run this as root, or install chromium and chromium-driver first."
    say "installing Chromium"
    "${root[@]}" apt-get update -qq >&2
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver >&2
  fi
  HOLM_CHROMIUM=${HOLM_CHROMIUM:-$(command -v chromium)}
  export HOLM_CHROMIUM
}

# The built package as npm would upload it.
pack_package() {
  local folder=$BUILT/tarball
  rm -rf "$folder"
  mkdir -p "$folder"
  (cd "$ROOT/pkg" && npm pack --pack-destination "$folder" --loglevel=error >/dev/null)
  HOLM_TARBALL=$(echo "$folder"/*.tgz)
  export HOLM_TARBALL
}

# The reference server, optimised but quick to link.
build_server() {
  say "building the server"
  (cd "$ROOT" && cargo build --quiet --profile server --package holm-server)
  HOLM_SERVER=$CARGO_TARGET_DIR/server/holm-server
  export HOLM_SERVER
}

# The demo with the package beside it, and the list of its files for its service worker. An argument is a folder of more pages.
build_site() {
  local site=$BUILT/site
  rm -rf "$site"
  mkdir -p "$site"
  cp -r "$ROOT"/www/. "$site"
  cp -r "$ROOT/pkg" "$site/pkg"
  [[ -z ${1:-} ]] || cp -r "$1" "$site/$(basename "$(dirname "$1")")"
  node "$ROOT/scripts/shell-list.js" "$site"
  gzip --best --keep --no-name "$site"/pkg/*.wasm "$site"/pkg/full/*.wasm # what the server sends, so that it packs them once
  HOLM_WWW=$site
  export HOLM_WWW
}
