// Fields that merge in a way of their own: counters, sets and texts, as `crates/protocol` merges them.

import { canonical } from './canonical.js';

/** @typedef {{ way: string, before?: unknown }} Way */
/** @typedef {{ from: number, to: number, text: string[] }} Hunk a part of one text that is another in the other text */

// As many differences are looked for, and as many steps taken to find them, as in `crates/protocol`: both decide alike.
const DIFFERENCES_MAX = 1_000;
const STEPS_MAX = 4_000_000;
const DIGITS_MAX = 800;

/**
 * What a row's value becomes where a writer made `mine` of what he saw; nothing where the field merges as any other.
 * @param {Way} way
 * @param {any} mine
 * @param {any} theirs
 * @returns {unknown}
 */
export function merged({ way, before }, mine, theirs) {
  const { nothing, is, merge } = Object.hasOwn(WAYS, way) ? WAYS[way] : LATEST;
  const values = [before ?? nothing, mine, theirs ?? nothing];
  return values.every(is) ? merge(values[0], values[1], values[2]) : undefined;
}

const LATEST = { nothing: null, is: () => false, merge: () => undefined };

/** @type {Record<string, { nothing: any, is: (value: any) => boolean, merge: (before: any, mine: any, theirs: any) => unknown }>} */
const WAYS = {
  counter: { nothing: 0, is: value => typeof value === 'number', merge: count },
  set: { nothing: [], is: Array.isArray, merge: unite },
  text: { nothing: '', is: value => typeof value === 'string', merge: weave },
};

/**
 * @param {number} before
 * @param {number} mine
 * @param {number} theirs
 */
function count(before, mine, theirs) {
  const terms = [theirs, mine, before].map(decimal);
  const lowest = Math.min(...terms.map(({ digits, power }) => (digits ? power : Infinity)));
  const highest = Math.max(...terms.map(({ digits, power }) => (digits ? power + digits.toString().replace('-', '').length : -Infinity)));
  if (lowest === Infinity) return 0;
  if (highest - lowest > DIGITS_MAX) return undefined;
  const [there, made, seen] = terms.map(({ digits, power }) => (digits ? digits * 10n ** BigInt(power - lowest) : 0n));
  const sum = Number(`${there + made - seen}e${lowest}`);
  return Number.isFinite(sum) ? sum + 0 : undefined;
}

/**
 * A number as whole digits and a power of ten.
 * @param {number} number
 */
function decimal(number) {
  const [, sign, whole, fraction = '', power = '0'] = /** @type {RegExpExecArray} */ (/^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number)));
  const digits = (whole + fraction).replace(/0+$/, '');
  return { digits: BigInt(sign + (digits || '0')), power: Number(power) - fraction.length + (whole + fraction).length - digits.length };
}

/**
 * @param {unknown[]} before
 * @param {unknown[]} mine
 * @param {unknown[]} theirs
 */
function unite(before, mine, theirs) {
  if (canonical(before) === canonical(theirs)) return mine;
  const [known, kept, there] = [before, mine, theirs].map(items => new Set(items.map(canonical)));
  const stays = (/** @type {string} */ item) => !known.has(item) || kept.has(item);
  const isNew = (/** @type {string} */ item) => !known.has(item) && !there.has(item);
  return [...theirs.filter(item => stays(canonical(item))), ...mine.filter(item => isNew(canonical(item)))];
}

/**
 * @param {string} before
 * @param {string} mine
 * @param {string} theirs
 */
function weave(before, mine, theirs) {
  if (mine === theirs) return theirs;
  const old = [...before];
  const sides = [theirs, mine].map(text => hunks(old, [...text]));
  let [woven, goneUpTo] = ['', 0];
  for (let at = 0; at <= old.length; at++) {
    for (const side of sides) {
      if (side[0]?.from !== at) continue;
      const { to, text } = /** @type {Hunk} */ (side.shift());
      woven += text.join('');
      goneUpTo = Math.max(goneUpTo, to);
    }
    if (at < old.length && at >= goneUpTo) woven += old[at];
  }
  return woven;
}

/**
 * What makes `after` of `before`, in order, with something that stays between each two.
 * @param {string[]} before
 * @param {string[]} after
 */
function hunks(before, after) {
  const least = Math.min(before.length, after.length);
  let [start, same] = [0, 0];
  while (start < least && before[start] === after[start]) start++;
  while (same < least - start && before[before.length - same - 1] === after[after.length - same - 1]) same++;
  const [width, height] = [before.length - same, after.length - same];
  /** @type {Hunk[]} */
  const found = [];
  let [from, typed] = [start, start];
  for (const [to, until] of [...kept(before.slice(start, width), after.slice(start, height)).map(([x, y]) => [start + x, start + y]), [width, height]]) {
    if (to > from || until > typed) {
      const by = toAWord(before, after, [from, to, typed, until], found.length ? /** @type {Hunk} */ (found.at(-1)).to + 1 : 0);
      found.push({ from: from - by, to: to - by, text: after.slice(typed - by, until - by) });
    }
    [from, typed] = [to + 1, until + 1];
  }
  return found;
}

/**
 * How far what is only typed or only deleted lies left of where it was found, so that it begins with a word.
 * @param {string[]} before
 * @param {string[]} after
 * @param {number[]} place
 * @param {number} first
 */
function toAWord(before, after, [from, to, typed, until], first) {
  if (to > from && until > typed) return 0;
  for (let by = 0; by <= from - first; by++) {
    const letter = before[from - by - 1];
    if (letter === undefined || letter === ' ' || letter === '\n') return by;
    if (letter !== (to > from ? before[to - by - 1] : after[until - by - 1])) return 0;
  }
  return 0;
}

/**
 * The places of what stays, in both; none where that would take too long to find (Eugene Myers, "An O(ND) Difference Algorithm", 1986).
 * @param {string[]} before
 * @param {string[]} after
 */
function kept(before, after) {
  const most = Math.min(DIFFERENCES_MAX, before.length + after.length);
  /** @type {Map<number, number>[]} By number of differences and diagonal: how far into `before` they lead. */
  const rounds = [];
  for (let [differences, steps] = [0, 0]; differences <= most && steps <= STEPS_MAX; differences++) {
    /** @type {Map<number, number>} */
    const furthest = new Map();
    for (let diagonal = -differences; diagonal <= differences; diagonal += 2) {
      let x = entered(rounds.at(-1), diagonal, differences)[1];
      for (; x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]; x++) steps++;
      furthest.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return walkedBack(rounds, diagonal, x);
    }
    steps += differences;
    rounds.push(furthest);
  }
  return [];
}

/**
 * From which diagonal another is entered with so many differences, and at which place in `before`.
 * @param {Map<number, number> | undefined} furthest
 * @param {number} diagonal
 * @param {number} differences
 */
function entered(furthest, diagonal, differences) {
  if (!furthest) return [diagonal, 0];
  const [left, right] = [furthest.get(diagonal - 1) ?? 0, furthest.get(diagonal + 1) ?? 0];
  const isTyped = diagonal === -differences || (diagonal !== differences && left < right);
  return isTyped ? [diagonal + 1, right] : [diagonal - 1, left + 1];
}

/**
 * @param {Map<number, number>[]} rounds
 * @param {number} diagonal
 * @param {number} x
 */
function walkedBack(rounds, diagonal, x) {
  const places = [];
  for (let differences = rounds.length; differences >= 0; differences--) {
    const [from, start] = entered(rounds[differences - 1], diagonal, differences);
    while (x > start) places.push([--x, x - diagonal]);
    if (differences > 0) x = rounds[differences - 1].get(from) ?? 0;
    diagonal = from;
  }
  return places.reverse();
}
