#!/usr/bin/env bash
# Builds the npm package into pkg/: the engine as WebAssembly and the JavaScript around it. Fails when it has grown too large.
source "$(dirname "$0")/setup.sh"

need_base
need_wasm_target
need_rust_component rust-src
need_wasm_bindgen
need_node_modules

stage=$BUILT/package-stage
fresh=$BUILT/package
bin=$ROOT/node_modules/.bin

# The standard library is compiled along, for size, and a bug traps where it is found, with no words: 22 KB less with gzip.
# These settings are not stable yet; stable Rust takes them with RUSTC_BOOTSTRAP. A stack of 512 KiB keeps addresses
# short, and loops are not rewritten to count by what they add.
flags=(-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none
  -Cllvm-args=-disable-lsr -Clink-arg=-zstack-size=524288)

# What rustc emits; the tool would assume fewer.
features=(--enable-bulk-memory --enable-bulk-memory-opt --enable-call-indirect-overlong --enable-multivalue
  --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext)

# Compiles the root package with one feature alone, as the WebAssembly NAME_bg.wasm with its glue NAME.js.
compile() { # feature, name
  local made=$BUILT/$2 compiled=$CARGO_TARGET_DIR/wasm32-unknown-unknown/wasm/holm.wasm from
  say "compiling $1"
  # cdylib alone: with the rlib beside it cargo would leave link-time optimisation out.
  (cd "$ROOT" && env --unset=CARGO_ENCODED_RUSTFLAGS RUSTC_BOOTSTRAP=1 RUSTFLAGS="${RUSTFLAGS:-} ${flags[*]}" \
    cargo rustc --quiet --profile wasm -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size \
    --target wasm32-unknown-unknown --package holm --no-default-features --features "$1" --lib --crate-type cdylib)
  from=$(cat "$compiled" "$ROOT/package-lock.json" "$ROOT/scripts/"{build-pkg.sh,drop-closures.js,drop-words.js,like-order.js,gzip.js,wasm-reader.js} | cksum)
  if [[ ! -f $made/from || $(<"$made/from") != "$from" ]]; then
    optimise "$compiled" "$made" "$2"
    printf '%s' "$from" >"$made/from"
  fi
  cp "$made/$2.js" "$stage"
  cp "$made/functions.txt" "$fresh/$2_functions.txt"
  node "$ROOT/scripts/short-names.js" "$made/packed.wasm" "$fresh/$2_bg.wasm" "$stage/$2.js"
}

# Knocks at the engine's doors, and writes down which build it is.
check_engine() { # stage, folder of the WebAssembly, "full" where it is the full engine
  node "$ROOT/scripts/check-seam.js" "$ROOT/pkg-template/engine.d.ts" "$1/engine.js" "$2/engine_bg.wasm" ${3:+"$3"}
  local build
  build=$(node -p 'require("node:crypto").createHash("sha256").update(require("node:fs").readFileSync(process.argv[1])).digest("hex").slice(0, 16)' "$2/engine_bg.wasm")
  printf 'export const BUILD = "%s", FULL = %s;\n' "$build" "$([[ -n ${3:-} ]] && echo true || echo false)" >"$1/build.js"
}

# A file for each script that an app imports, and one for what they share.
bundle() { # stage, folder, names
  local stage=$1 folder=$2
  shift 2
  "$bin/esbuild" "${@/#/$stage/}" --bundle --splitting --chunk-names='shared-[hash]' \
    --format=esm --target=es2022 --minify --log-level=warning --log-override:import-is-undefined=error --outdir="$folder"
}

# `-Os`, since `-Oz` saves bytes that pack well anyway; little is inlined and nothing kept in a local to be named twice, since
# what is repeated packs well; so does an alignment that is never told, and is only a hint. Low memory is the far end of the stack, which lies below everything else: no pointer is ever
# moved into it by an overflow. Done once for each compiled file.
optimise() { # compiled, folder, name
  say "optimising $3"
  rm -rf "$2"
  mkdir -p "$2"
  wasm-bindgen "$1" --target web --no-typescript --omit-default-module-path --out-dir "$2" --out-name "$3"
  node "$ROOT/scripts/drop-closures.js" "$2/$3_bg.wasm" "$2/closed.wasm"
  node "$ROOT/scripts/drop-words.js" "$2/closed.wasm" "$2/less.wasm"
  "$bin/wasm-opt" "$2/less.wasm" -Os --low-memory-unused --converge --skip-pass=local-cse --always-inline-max-function-size 0 \
    --one-caller-inline-max-function-size 30 --merge-locals --coalesce-locals-learning --reorder-locals --dealign \
    --gufa-optimizing --flatten --rereloop -Os -g -o "$2/named.wasm" "${features[@]}"
  # For the engine that has a limit it is worth three minutes to look for better places: some 600 bytes.
  local tries=0
  [[ $3 != engine ]] || tries=5500
  node "$ROOT/scripts/like-order.js" "$2/named.wasm" "$2/ordered.wasm" "$2/functions.txt" "$tries"
  "$bin/wasm-opt" "$2/ordered.wasm" --reorder-functions-by-name -o "$2/packed.wasm" "${features[@]}"
}

rm -rf "$stage" "$fresh"
mkdir -p "$stage" "$fresh"
cp "$ROOT"/pkg-template/*.js "$stage"
compile engine engine
compile catalog catalog_engine
compile salvage salvage_engine
check_engine "$stage" "$fresh"
bundle "$stage" "$fresh" index.js service-worker.js catalog.js salvage.js

# The full engine has the same names in a folder of its own, with copies of the scripts around it.
full=$stage/full
mkdir "$full" "$fresh/full"
compile full full_engine
cp "$ROOT"/pkg-template/*.js "$full"
mv "$stage/full_engine.js" "$full/engine.js"
mv "$fresh/full_engine_bg.wasm" "$fresh/full/engine_bg.wasm"
mv "$fresh/full_engine_functions.txt" "$fresh/full/engine_functions.txt"
check_engine "$full" "$fresh/full" full
bundle "$full" "$fresh/full" index.js service-worker.js

# The test kit has its own copies of what it needs, so that the files above are what they are without it; but one HolmError for all.
kit=$stage/kit
mkdir "$kit"
cp -r "$ROOT"/pkg-template/{testing.js,testing,walk.js} "$kit"
printf "export { HolmError } from './index.js';\n" >"$kit/errors.js"
"$bin/esbuild" "$kit/testing.js" --bundle '--external:./ind*.js' --format=esm --target=es2022 --minify --log-level=warning \
  --log-override:import-is-undefined=error --outdir="$fresh"

cp "$ROOT"/pkg-template/{package.json,README.md,{index,catalog,salvage,service-worker,testing,holm.wasm}.d.ts} "$ROOT"/LICENSE-{MIT,APACHE} "$fresh"
rm -rf "$ROOT/pkg"
cp -r "$fresh" "$ROOT/pkg"

(cd "$ROOT/pkg" && npm pack --dry-run --loglevel=error >/dev/null) || fail "npm does not accept the package."
node "$ROOT/scripts/sizes.js" "$ROOT/pkg"
say "parts of the engine"
node "$ROOT/scripts/part-sizes.js" "$BUILT/engine/named.wasm"
