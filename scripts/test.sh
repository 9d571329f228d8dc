#!/usr/bin/env bash
# Runs the tests; the last line counts them.
#   scripts/test.sh             everything
#   scripts/test.sh --quick     the host part: no browser
#   scripts/test.sh --only NAME one part: format lint unit docs js package browser e2e www mutants deny
#   scripts/test.sh --long      everything in its long form; also installs cargo-deny, which a plain run only uses if it is there
source "$(dirname "$0")/setup.sh"

QUICK=(format lint unit docs js)
FULL=("${QUICK[@]}" package browser e2e www)
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT
passed=0
failed=0

part_format() {
  need_rust_component rustfmt
  cargo fmt --all --check
}

part_lint() {
  need_rust_component clippy
  need_wasm_target
  need_node_modules
  node_modules/.bin/eslint .
  cargo clippy --quiet --workspace --all-targets -- -D warnings
  cargo clippy --quiet --package holm --target wasm32-unknown-unknown --all-targets -- -D warnings
}

part_unit() { cargo test --quiet --workspace --no-fail-fast -- ${HOLM_LONG:+--include-ignored}; }

part_docs() { RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps; }

part_js() {
  need_node_modules
  node_modules/.bin/tsc -p tsconfig.json
  node --test --test-reporter=tap tests/js/*.test.js
}

part_package() {
  need_node_modules
  need_chromium
  scripts/build-pkg.sh
  pack_package
  build_server
  node --test --test-reporter=tap --test-concurrency=1 tests/package/*.test.js
}

# wasm-pack passes when it finds no tests at all, so the tests that were written are counted.
part_browser() {
  need_wasm_target
  need_wasm_bindgen
  need_wasm_pack
  need_chromium
  local written ran
  written=$(grep -rhE '^\s*#\[wasm_bindgen_test' src tests --include='*.rs' | wc -l)
  wasm-pack test --headless --chrome --chromedriver "${CHROMEDRIVER:-$(command -v chromedriver)}" --mode no-install | tee "$LOG.browser"
  ran=$(count passed "$LOG.browser")
  rm -f "$LOG.browser"
  [[ $written -gt 0 && $ran -ge $written ]] || { echo "The browser ran $ran tests of $written that are written."; return 1; }
}

part_e2e() {
  need_node_modules
  need_chromium
  scripts/build-pkg.sh
  build_site "$ROOT/tests/e2e/site"
  build_server
  node --test --test-reporter=tap --test-concurrency=1 tests/e2e/*.test.js
}

part_www() {
  need_node_modules
  need_chromium
  scripts/build-pkg.sh
  build_site
  build_server
  node --test --test-reporter=tap --test-concurrency=1 tests/www/*.test.js
}

part_mutants() { HOLM_SEEDS='' scripts/mutants.sh; }

part_deny() {
  need_cargo_deny
  cargo deny --log-level error check bans licenses sources
}

# What cargo, wasm-pack and node --test say of a run.
count() { # passed|failed, file
  local rust node
  rust=$(grep -oE "[0-9]+ $1;" "$2" | awk '{ sum += $1 } END { print sum + 0 }')
  node=$(grep -E "^# ${1%ed} " "$2" | awk '{ sum += $3 } END { print sum + 0 }')
  echo $((rust + node))
}

run_part() {
  local good bad start=$SECONDS status
  printf '\n== %s\n' "$1"
  set +e # else bash would not stop the part at its first failure either
  (set -euo pipefail; cd "$ROOT"; "part_$1") 2>&1 | tee "$LOG"
  status=${PIPESTATUS[0]}
  set -e
  good=$(count passed "$LOG")
  bad=$(count failed "$LOG")
  if [[ $status != 0 && $bad == 0 ]]; then bad=1; fi
  if [[ $status == 0 && $good == 0 ]]; then good=1; fi
  passed=$((passed + good))
  failed=$((failed + bad))
  printf '== %s: %s passed, %s failed in %s s\n' "$1" "$good" "$bad" $((SECONDS - start))
}

parts=("${FULL[@]}")
case ${1:-} in
  '') has cargo-deny && parts+=(deny) ;;
  --quick) parts=("${QUICK[@]}") ;;
  --long) export HOLM_LONG=1; parts+=(mutants deny) ;;
  --only)
    [[ -n ${2:-} ]] || fail "--only takes the name of a part: ${FULL[*]} mutants deny"
    declare -F "part_$2" >/dev/null || fail "There is no part $2; there are ${FULL[*]} mutants deny."
    parts=("$2")
    ;;
  *) fail "usage: scripts/test.sh [--quick | --only NAME | --long]" ;;
esac

need_base
for part in "${parts[@]}"; do run_part "$part"; done
printf '%s passed, %s failed\n' "$passed" "$failed"
[[ $failed == 0 ]]
