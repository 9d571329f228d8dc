// What a mutation meets on the server and what follows: the table of docs/protocol.md, and the merge of two edits.

import { compare, nextBy, read } from './stamps.js';

/** @typedef {'merge' | 'last-write' | 'manual'} Policy */
/** @typedef {'write' | 'apply' | 'merge' | 'last-write' | 'delete' | 'nothing' | 'conflict'} Decision */
/** @typedef {Map<string, unknown>} Data */
/** @typedef {Map<string, string>} Stamps */

/**
 * @param {Policy} policy
 * @param {string} kind
 * @param {string | undefined} base
 * @param {{ rev: string, deleted: boolean } | undefined} row
 * @returns {Decision}
 */
export function decide(policy, kind, base, row) {
  const live = row !== undefined && !row.deleted;
  const same = row !== undefined && base === row.rev;
  switch (kind) {
    case 'create':
      if (!live) return 'write';
      return policy === 'merge' ? 'merge' : 'conflict';
    case 'put':
      if (!live) return base === undefined || same ? 'write' : 'conflict';
      return same && policy !== 'merge' ? 'write' : edit(policy, same);
    case 'patch':
      return live ? edit(policy, same) : 'conflict';
    case 'delete':
      if (!live) return 'nothing';
      return policy === 'manual' && !same ? 'conflict' : 'delete';
    default:
      return 'nothing';
  }
}

/**
 * @param {Policy} policy
 * @param {boolean} same
 * @returns {Decision}
 */
function edit(policy, same) {
  if (same) return 'apply';
  return policy === 'manual' ? 'conflict' : policy;
}

/**
 * Merges an edit into a row, field by field. Gives how many stamped fields kept the row's own value.
 * @param {{ data: Data, stamps: Stamps }} row
 * @param {Data} data
 * @param {Stamps} stamps
 * @param {(field: string) => boolean} changedSinceBase
 */
export function merge(row, data, stamps, changedSinceBase) {
  let lost = 0;
  for (const [field, mine] of stamps) {
    const stamp = settled(row, field, data, mine, changedSinceBase);
    if (stamp === undefined) {
      lost++;
      continue;
    }
    if (data.has(field)) row.data.set(field, data.get(field));
    else row.data.delete(field);
    row.stamps.set(field, stamp);
  }
  return lost;
}

/**
 * The stamp under which the edit's value is taken, if it is.
 * @param {{ data: Data, stamps: Stamps }} row
 * @param {string} field
 * @param {Data} data
 * @param {string} mine
 * @param {(field: string) => boolean} changedSinceBase
 */
function settled(row, field, data, mine, changedSinceBase) {
  const theirs = row.stamps.get(field);
  if (theirs === undefined) return mine;
  const [here, there] = [textOf(row.data, field), textOf(data, field)];
  if (theirs === mine && here === there) return mine;
  const { client } = read(mine);
  if (read(theirs).client === client || !changedSinceBase(field)) return compare(mine, theirs) > 0 ? mine : nextBy(theirs, client);
  return (compare(mine, theirs) || compare(there, here)) > 0 ? mine : undefined;
}

/**
 * Whether an edit replaces the whole record.
 * @param {Stamps} theirs
 * @param {Stamps} mine
 */
export function lastWrite(theirs, mine) {
  const [newest, known] = [max(mine), max(theirs)];
  if (newest !== '' && known !== '' && read(newest).client === read(known).client) return true;
  return compare(newest, known) >= 0;
}

/** @param {Stamps} stamps */
function max(stamps) {
  return [...stamps.values()].reduce((most, stamp) => (compare(stamp, most) > 0 ? stamp : most), '');
}

/**
 * A field's value as text; one that is not there comes before all others.
 * @param {Data} data
 * @param {string} field
 */
function textOf(data, field) {
  return data.has(field) ? canonical(data.get(field)) : '';
}

/**
 * JSON text with the keys of every object in order, as the server writes it.
 * @param {unknown} value
 * @returns {string}
 */
export function canonical(value) {
  if (value instanceof Map) return canonical(Object.fromEntries(value));
  return JSON.stringify(value, (_, held) => {
    if (typeof held !== 'object' || held === null || Array.isArray(held)) return held;
    return Object.fromEntries(Object.entries(held).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
