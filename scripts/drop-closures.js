// Takes out of an engine what calls closures that nobody makes. `js-sys` describes every method of JavaScript's own objects that
// takes a function; wasm-bindgen takes the descriptions out, and leaves in the table of functions what they named, from which no tool
// can take it: a table may be called at any place. The glue calls by export those that it needs.

import { readFileSync, writeFileSync } from 'node:fs';

import { Reader, functionNames, number, section, sections } from './wasm-reader.js';

const ELEMENTS = 9;
const CALLS_A_CLOSURE = /^wasm_bindgen(\[\w+\])?::convert::closures::_::invoke::</;

const [from, to] = process.argv.slice(2);
const wasm = readFileSync(from);
const names = functionNames(wasm);
let dropped = 0;

/** The table with one function in the place of all that are not needed there: its places are known by their numbers. */
function withoutThem(body) {
  const reader = new Reader(body);
  if (reader.number() !== 1 || reader.number() !== 0) throw new Error('One table of functions, from one place on, is expected.');
  while (reader.byte() !== 0x0b); // the place, up to the end of its expression
  const before = body.subarray(0, reader.at);
  const functions = Array.from({ length: reader.number() }, () => reader.number());
  const unneeded = functions.filter(at => CALLS_A_CLOSURE.test(names.get(at) ?? ''));
  dropped = unneeded.length;
  return Buffer.concat([before, number(functions.length), ...functions.map(at => number(unneeded.includes(at) ? unneeded[0] : at))]);
}

const parts = [wasm.subarray(0, 8)];
for (const { id, body } of sections(wasm)) parts.push(section({ id, body: id === ELEMENTS ? withoutThem(body) : body }));
if (dropped === 0) throw new Error('No function that calls a closure was found by its name.');
writeFileSync(to, Buffer.concat(parts));
