#!/usr/bin/env bash
# Measures Holm beside other browser databases: benches/peers/run.sh [--rounds 3 …], see run.mjs. Writes RESULT.md,
# result.json and chart.svg beside this file, and prints which targets are met. Ended early, it goes on where it was.
source "$(dirname "$0")/../../scripts/setup.sh"

need_base
need_chromium
"$ROOT/scripts/build-pkg.sh" >&2
need_node_modules benches/peers
exec node "$ROOT/benches/peers/run.mjs" "$@"
