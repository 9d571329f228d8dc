#!/usr/bin/env bash
# Measures the first sync: benches/first-sync/run.sh [rounds]. Writes RESULT.md and result.json beside this file.
source "$(dirname "$0")/../../scripts/setup.sh"

need_base
need_chromium
"$ROOT/scripts/build-pkg.sh" >&2
build_site
build_server
say "installing the peers"
(cd "$ROOT/benches/first-sync" && npm ci --ignore-scripts --loglevel=error >&2)
exec node "$ROOT/benches/first-sync/run.mjs" "$@"
