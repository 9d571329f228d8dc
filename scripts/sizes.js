// Prints what an app loads of the package, raw and with gzip, and fails when it passes the budget (HOLM_BUDGET=off only says so).

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { gzip as packed } from './gzip.js';

const WASM_GZIP_MAX = 150_000;
const PAGE_GZIP_MAX = 15_000;

const folder = process.argv[2];
const page = imported('index.js');
const beside = file => imported(file).filter(found => !page.includes(found));
const [worker, catalog, salvage, testing] = ['service-worker.js', 'catalog.js', 'salvage.js', 'testing.js'].map(beside);

const rows = [
  { what: 'engine (WebAssembly)', files: ['engine_bg.wasm'], max: WASM_GZIP_MAX },
  { what: 'page (JavaScript)', files: page, max: PAGE_GZIP_MAX },
  { what: 'service worker, beside it', files: worker },
  { what: 'full engine, instead', files: ['full/engine_bg.wasm'] },
  { what: 'catalog, where imported', files: ['catalog_engine_bg.wasm', ...catalog] },
  { what: 'salvage, where imported', files: ['salvage_engine_bg.wasm', ...salvage] },
  { what: 'testing, where imported', files: testing },
].map(row => ({ ...row, ...measured(row.files) }));

for (const { what, raw, gzip, max, files } of rows) {
  console.log(`${what.padEnd(26)} ${kilobytes(raw)} ${kilobytes(gzip)} gzip${max ? ` of ${max / 1000} KB` : ''}  (${files.join(', ')})`);
}
for (const { what, gzip, max } of rows) {
  if (max && gzip > max) {
    console.error(`The ${what} is ${gzip} bytes with gzip; at most ${max} are allowed.`);
    if (process.env.HOLM_BUDGET !== 'off') process.exitCode = 1;
  }
}

/** A module of the package and all that it imports. */
function imported(file, found = []) {
  if (found.includes(file)) return found;
  found.push(file);
  const text = readFileSync(join(folder, file), 'utf8');
  for (const [, path] of text.matchAll(/(?:from|import)\s*["'](\.[^"']+)["']/g)) imported(join(dirname(file), path), found);
  return found;
}

function measured(files) {
  const contents = files.map(file => readFileSync(join(folder, file)));
  const sum = sizes => sizes.reduce((total, size) => total + size, 0);
  return { raw: sum(contents.map(content => content.length)), gzip: sum(contents.map(content => packed(content).length)) };
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} KB`.padStart(9);
}
