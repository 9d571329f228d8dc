// Gives the functions of an engine names by which like follows like, for `wasm-opt --reorder-functions-by-name`: gzip looks
// back over 32 KB only, and packs best what it saw there. Next comes always the function of which the largest part stands in
// those before it, within a window; what stands in the very last one counts three times. Which window is best is tried out, and then, where
// asked for, whether some stand better beside others that are like them. A list tells who each one was: a browser says of a trap `wasm-function[1234]`.

import { readFileSync, writeFileSync } from 'node:fs';

import { gzip, gzipSize } from './gzip.js';
import { CODE, CUSTOM, FUNCTIONS, FUNCTION_NAMES, functionBodies, functionNames, functionTypes, number, section, sections, text } from './wasm-reader.js';

/** In bytes: about two instructions. */
const PIECE = 5;
/** A piece that so many functions have says nothing of any. */
const COMMON = 400;
/** In bytes: what follows reaches back over it and over itself. */
const WINDOWS = [12_000, 16_000, 20_000, 24_000];
/** So many functions are moved together, at most. */
const NEIGHBOURS = 8;
/** Of so many that are like a function one is drawn, as its new neighbour … */
const LIKES = 12;
/** … which share pieces that fewer have. */
const RARE = 60;
/** So many tries are packed at once, whatever the machine. */
const AT_ONCE = 2;
/** Of two that share the same part of them the longer one, by a little: it brings more that others share. */
const LENGTHS = [0.8, 0.85, 0.9];

/** The order that packs best. */
function best(bodies, types) {
  const orders = WINDOWS.flatMap(window => LENGTHS.map(length => ordered(bodies, window, length)));
  const packed = orders.map(order => gzip(inOrder(order, bodies, types)).length);
  return orders[packed.indexOf(Math.min(...packed))];
}

/** What depends on the order: the types, which a module lists by themselves, and the bodies. */
function inOrder(order, bodies, types) {
  return Buffer.concat([types, bodies].flatMap(parts => order.map(at => parts[at])));
}

/** The same order after so many tries to move some neighbours beside one that is like one of them, each of which packs better, or as well. */
async function climbed(bodies, types, order, tries) {
  if (tries === 0) return order;
  const sizeOf = some => gzipSize(inOrder(some, bodies, types));
  const likes = likesOf(bodies);
  let drawn = 1; // the same order from the same functions
  const below = count => { drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) & 0x7fffffff; return (drawn >>> 8) % count; };
  const anotherOrder = () => {
    const rest = [...order];
    const moved = rest.splice(below(order.length), 1 + below(NEIGHBOURS));
    const near = likes[moved[below(moved.length)]].filter(at => !moved.includes(at));
    const to = near.length > 0 && below(4) > 0 ? rest.indexOf(near[below(near.length)]) + below(2) : below(rest.length + 1);
    rest.splice(to, 0, ...moved);
    return rest;
  };
  let size = await sizeOf(order);
  for (let tried = 0; tried < tries; tried += AT_ONCE) {
    const others = Array.from({ length: AT_ONCE }, anotherOrder);
    const sizes = await Promise.all(others.map(sizeOf));
    const least = Math.min(...sizes);
    if (least <= size) [order, size] = [others[sizes.indexOf(least)], least];
  }
  return order;
}

/** Of each function those that are most like it: with which it shares the most pieces, each the less the more functions have it. */
function likesOf(bodies) {
  const pieces = bodies.map(piecesOf);
  const having = havingOf(pieces);
  return pieces.map((own, at) => {
    const score = new Map();
    for (const sharing of [...own].map(piece => having.get(piece)).filter(({ length }) => length < RARE)) {
      for (const other of sharing) if (other !== at) score.set(other, (score.get(other) ?? 0) + 1 / sharing.length);
    }
    return [...score].sort(([, one], [, two]) => two - one).slice(0, LIKES).map(([other]) => other);
  });
}

/** Which functions have each piece. */
function havingOf(pieces) {
  const having = new Map();
  pieces.forEach((own, at) => own.forEach(piece => having.has(piece) ? having.get(piece).push(at) : having.set(piece, [at])));
  return having;
}

/** The positions of the bodies, like after like. */
function ordered(bodies, window, length) {
  const pieces = bodies.map(piecesOf);
  const having = havingOf(pieces);
  const telling = pieces.map(own => [...own].filter(piece => having.get(piece).length > 1 && having.get(piece).length < COMMON));
  const left = new Set(bodies.keys());
  const order = [];
  const seen = new Map(); // pieces in the window, each with how many of its functions have it
  const known = new Array(bodies.length).fill(0); // pieces of each function that stand in the window
  let first = 0;
  let bytes = 0;
  for (let next = largest(); next !== undefined; next = likest(next)) {
    left.delete(next);
    order.push(next);
    enter(next, 1);
    for (bytes += bodies[next].length; bytes > window && first < order.length - 1; first++) {
      enter(order[first], -1);
      bytes -= bodies[order[first]].length;
    }
  }
  return order;

  function largest() {
    const lengths = bodies.map(({ length }) => length);
    return lengths.length > 0 ? lengths.indexOf(Math.max(...lengths)) : undefined;
  }

  function enter(at, change) {
    for (const piece of telling[at]) {
      const count = (seen.get(piece) ?? 0) + change;
      seen.set(piece, count);
      if (count === (change === 1 ? 1 : 0)) having.get(piece).forEach(other => { known[other] += change; });
    }
  }

  function likest(last) {
    const score = new Map();
    for (const at of left) score.set(at, known[at]);
    for (const piece of telling[last]) having.get(piece).forEach(at => left.has(at) && score.set(at, score.get(at) + 2));
    let [found] = left;
    const share = at => score.get(at) / (pieces[at].size + 1) ** length;
    for (const at of left) if (share(at) > share(found)) found = at;
    return found;
  }
}

function piecesOf(body) {
  return new Set(Array.from({ length: Math.max(0, body.length - PIECE + 1) }, (_, at) => body.latin1Slice(at, at + PIECE)));
}

const [from, to, list, tries = '0'] = process.argv.slice(2);
const wasm = readFileSync(from);
const kept = [...sections(wasm)].filter(({ id }) => id !== CUSTOM);
const imported = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === 'function').length;
const bodies = functionBodies(kept.find(({ id }) => id === CODE).body);
const types = functionTypes(kept.find(({ id }) => id === FUNCTIONS).body).map(number);
const order = await climbed(bodies, types, best(bodies, types), Number(tries));
const places = new Map(order.map((at, place) => [imported + at, String(place).padStart(6, '0')]));
const names = [...places].sort(([a], [b]) => a - b).flatMap(([index, name]) => [number(index), text(name)]);
const all = Buffer.concat([number(places.size), ...names]);
const named = Buffer.concat([text('name'), number(FUNCTION_NAMES), number(all.length), all]);
writeFileSync(to, Buffer.concat([wasm.subarray(0, 8), ...[...kept, { id: CUSTOM, body: named }].map(section)]));
const called = functionNames(wasm);
writeFileSync(list, order.map((at, place) => `${imported + place} ${called.get(imported + at) ?? ''}\n`).join(''));
