#!/usr/bin/env bash
# Shows that the simulation can fail: applies each deliberate bug in tests/simulation/mutants to a copy of the tree, and runs the
# simulation until a seed finds it. Writes tests/simulation/mutants.md. Fails if a bug is not found, no longer applies or does not
# compile, or if the copy as it is fails.
#   scripts/mutants.sh             all of them
#   scripts/mutants.sh NAME...     some of them, without writing the table
#   HOLM_SEEDS=100                 so many seeds at most for each, in place of 300
source "$(dirname "$0")/setup.sh"

SEEDS=${HOLM_SEEDS:-300}
SECONDS_MAX=600 # for one bug, once it is built: a loop without an end is found out by this
MUTANTS=$ROOT/tests/simulation/mutants
# Always the same place, so that cargo builds only what a bug changed; never where the tree itself is built, since cargo tells the
# crates of a copy from those of the tree by nothing but the times of their files.
COPY=$CARGO_TARGET_DIR/mutants/tree
export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/mutants/target
# More time goes into the seeds than into a bug's build.
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=0
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT

copy_tree() {
  rm -rf "$COPY"
  mkdir -p "$COPY"
  (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -c) | tar -x -m -C "$COPY"
  # What an interrupted run left behind may have been built from a bug.
  (cd "$COPY" && cargo clean --quiet --package holm --package holm-core --package holm-protocol --package holm-server --package holm-store)
  git -C "$COPY" init --quiet # else `git apply` would look for a repository above
}

simulate() {
  local test=(cargo test --quiet --package holm --test simulation)
  (cd "$COPY" && "${test[@]}" --no-run && HOLM_FIRST=1 HOLM_SEEDS=$SEEDS RUST_BACKTRACE=0 timeout $SECONDS_MAX \
    "${test[@]}" every_seed_keeps_the_promise -- --nocapture) >"$LOG" 2>&1
}

# One row of the table; false if the bug was not found.
try() { # patch
  local name why found status=0
  name=$(basename "$1" .patch)
  why=$(head -n 1 "$1")
  git -C "$COPY" apply "$1" || { say "$name: no longer applies"; return 1; }
  simulate || status=$?
  git -C "$COPY" apply --reverse "$1"
  found=$(grep -m 1 -E '^seed [0-9]+: ' "$LOG" | sed -E 's/^seed ([0-9]+): (device [0-9]+: )?/\1 | /; s/[|`]/\\&/2g' | cut -c 1-110 || true)
  if [[ -z $found && $status == 124 ]]; then found="– | 13: it never ends"; fi
  if [[ $status == 0 || -z $found ]]; then
    say "$name: not found (status $status)"
    tail -n 5 "$LOG" >&2
    printf '| %s | %s | – | **not found** |\n' "$name" "$why" >>"$LOG.table"
    return 1
  fi
  say "$name: seed ${found/ |/:}"
  printf '| %s | %s | %s |\n' "$name" "$why" "$found" >>"$LOG.table"
}

copy_tree
say "the control, $SEEDS seeds"
simulate || { tail -n 30 "$LOG"; fail "The simulation fails without any bug."; }

printf '%s\n' '# Deliberate bugs, and what found them' '' \
  "Written by \`scripts/mutants.sh\`: each bug of \`mutants/\` was put into a copy of the tree, and the simulation run until a seed broke a" \
  "promise, $SEEDS seeds at most. The number is that of the invariant in [guarantees.md](../../docs/guarantees.md)." '' \
  '| bug | what it does | seed | found by |' '|---|---|---|---|' >"$LOG.table"
survived=()
patches=("${@/#/$MUTANTS/}")
patches=("${patches[@]/%/.patch}")
[[ $# -gt 0 ]] || patches=("$MUTANTS"/*.patch)
for patch in "${patches[@]}"; do try "$patch" || survived+=("$(basename "$patch" .patch)"); done
[[ $# -gt 0 ]] || mv "$LOG.table" "$ROOT/tests/simulation/mutants.md"
rm -f "$LOG.table"
[[ ${#survived[@]} == 0 ]] || fail "Bugs that the simulation does not find: ${survived[*]}"
say "${#patches[@]} bugs, all found"
