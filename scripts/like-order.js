// Gives the functions of an engine names by which like follows like, for `wasm-opt --reorder-functions-by-name`: gzip looks
// back over 32 KB only, and packs best what it saw there. After a function comes the one that has most pieces in common with it.

import { readFileSync, writeFileSync } from 'node:fs';

import { functionBodies, number, section, sections, text } from './wasm-reader.js';

const [CUSTOM, CODE] = [0, 10];
const FUNCTION_NAMES = 1;
/** In bytes: about two instructions. */
const PIECE = 5;
/** A piece that so many functions have says nothing of any. */
const COMMON = 200;

/** The positions of the bodies, like after like. */
function ordered(bodies) {
  const pieces = bodies.map(piecesOf);
  const having = new Map();
  pieces.forEach((own, at) => own.forEach(piece => having.set(piece, [...having.get(piece) ?? [], at])));
  const left = new Set(bodies.keys());
  const order = [];
  for (let next = 0; next !== undefined; next = nearest(pieces[next])) {
    left.delete(next);
    order.push(next);
  }
  return order;

  function nearest(own) {
    const shared = new Map();
    for (const piece of own) {
      const others = having.get(piece);
      if (others.length < COMMON) others.forEach(at => left.has(at) && shared.set(at, (shared.get(at) ?? 0) + 1));
    }
    let [best] = left;
    for (const [at, count] of shared) if (count > (shared.get(best) ?? 0)) best = at;
    return best;
  }
}

function piecesOf(body) {
  return new Set(Array.from({ length: Math.max(0, body.length - PIECE + 1) }, (_, at) => body.latin1Slice(at, at + PIECE)));
}

const [from, to] = process.argv.slice(2);
const wasm = readFileSync(from);
const kept = [...sections(wasm)].filter(({ id }) => id !== CUSTOM);
const imported = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === 'function').length;
const order = ordered(functionBodies(kept.find(({ id }) => id === CODE).body));
const places = new Map(order.map((at, place) => [imported + at, String(place).padStart(6, '0')]));
const names = [...places].sort(([a], [b]) => a - b).flatMap(([index, name]) => [number(index), text(name)]);
const list = Buffer.concat([number(places.size), ...names]);
const named = Buffer.concat([text('name'), number(FUNCTION_NAMES), number(list.length), list]);
writeFileSync(to, Buffer.concat([wasm.subarray(0, 8), ...[...kept, { id: CUSTOM, body: named }].map(section)]));
