// Blanks the words that wasm-bindgen throws where it finds a bug in the engine, as the compiler leaves out those of a panic: the
// functions that a browser numbers in the error's stack tell more, and no app can bring it about. Some 200 bytes with gzip.

import { readFileSync, writeFileSync } from 'node:fs';

import { DATA, section, sections } from './wasm-reader.js';

const WORDS = [
  'FnOnce called more than once',
  'attempted to take ownership of Rust value while it was borrowed',
  'called `Option::unwrap_throw()` on a `None` value',
  'called `Result::unwrap_throw()` on an `Err` value',
  'closure invoked recursively or after being dropped',
  'js_value passed has no string representation',
  'null pointer passed to rust',
  'recursive use of an object detected which would lead to unsafe aliasing in rust',
];

const [from, to] = process.argv.slice(2);
const wasm = readFileSync(from);
let blanked = 0;

/** The data with zeros in the place of the words, which are nowhere else: a name or a message of the engine's own stays. */
function withoutThem(body) {
  const rest = Buffer.from(body);
  for (const words of WORDS) {
    const at = rest.indexOf(words);
    if (at < 0) continue;
    rest.fill(0, at, at + words.length);
    blanked++;
  }
  return rest;
}

const parts = [wasm.subarray(0, 8)];
for (const { id, body } of sections(wasm)) parts.push(section({ id, body: id === DATA ? withoutThem(body) : body }));
if (blanked === 0) throw new Error('None of the words of this wasm-bindgen was found.');
writeFileSync(to, Buffer.concat(parts));
