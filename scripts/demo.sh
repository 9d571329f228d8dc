#!/usr/bin/env bash
# Builds what is missing and serves the demo with the reference server: tasks, and 135,233 places that are imported beside it
# the first time. HOLM_PORT chooses the port (8787), HOLM_DATA the file of the server's database, which survives a restart.
# Ctrl-C stops it.
source "$(dirname "$0")/setup.sh"

need_base
"$ROOT/scripts/build-pkg.sh" >&2
build_site
build_server

export HOLM_PORT=${HOLM_PORT:-8787}
export HOLM_DATA=${HOLM_DATA:-$ROOT/demo-data/holm.sqlite}
mkdir -p "$(dirname "$HOLM_DATA")"
say "starting; Ctrl-C stops it"
node "$ROOT/scripts/import-places.mjs" "http://127.0.0.1:$HOLM_PORT" >&2 &
exec "$HOLM_SERVER"
