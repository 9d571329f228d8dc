// Prints what each part of the engine costs, from a build that still has the names of its functions: its bytes, and those of
// its code with gzip when it is packed alone. A function counts for the crate that its name begins with; of our own crates
// each room is listed.

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { CODE, DATA, functionBodies, functionNames, sections } from './wasm-reader.js';

const OWN = /^holm(_\w+)?$/;
const LISTED = 20;

const wasm = readFileSync(process.argv[2]);
const bodiesOf = wanted => [...sections(wasm)].filter(({ id }) => id === wanted).map(({ body }) => body);
const names = functionNames(wasm);
const imported = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === 'function').length;
const parts = new Map([['data: texts, tables', bodiesOf(DATA)]]);
for (const [index, body] of functionBodies(bodiesOf(CODE)[0]).entries()) {
  const part = partOf(names.get(imported + index) ?? '');
  parts.set(part, [...parts.get(part) ?? [], body]);
}

const rows = [...parts].map(([part, bodies]) => {
  const all = Buffer.concat(bodies);
  return { part, raw: all.length, gzip: gzipSync(all, { level: 9 }).length };
}).sort((a, b) => b.gzip - a.gzip);
const rest = rows.splice(LISTED);
const sum = key => rest.reduce((total, row) => total + row[key], 0);
rows.push({ part: `${rest.length} smaller parts`, raw: sum('raw'), gzip: sum('gzip') });
for (const { part, raw, gzip } of rows) console.log(`  ${part.padEnd(24)} ${kilobytes(raw)} ${kilobytes(gzip)} gzip, alone`);

/** `crate::room` of ours, `crate` of others. */
function partOf(name) {
  const [path] = name.match(/\w+(\[\w+\])?(::\w+)*/) ?? ['without a name'];
  const [crate, room] = path.replace(/\[\w+\]/g, '').split('::');
  return OWN.test(crate) && room ? `${crate}::${room}` : crate;
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} KB`.padStart(9);
}
