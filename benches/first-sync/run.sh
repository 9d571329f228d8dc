#!/usr/bin/env bash
# Measures the first sync: benches/first-sync/run.sh [rounds]. Writes RESULT.md and result.json beside this file.
source "$(dirname "$0")/../../scripts/setup.sh"

need_base
need_chromium
"$ROOT/scripts/build-pkg.sh" >&2
build_site
build_server
need_node_modules benches/first-sync
exec node "$ROOT/benches/first-sync/run.mjs" "$@"
