// What a mutation meets on the server and what follows: the table of docs/protocol.md, and the merge of two edits.

import { canonical } from './canonical.js';
import { compare, nextBy, read } from './stamps.js';
import { merged } from './ways.js';

/** @typedef {'merge' | 'last-write' | 'manual'} Policy */
/** @typedef {'write' | 'apply' | 'merge' | 'last-write' | 'delete' | 'nothing' | 'conflict'} Decision */
/** @typedef {Map<string, unknown>} Data */
/** @typedef {Map<string, string>} Stamps */
/** @typedef {Map<string, import('./ways.js').Way>} Ways */

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
 * @param {{ data: Data, ways: Ways }} edit
 * @param {Stamps} stamps
 * @param {(field: string) => boolean} changedSinceBase
 */
export function merge(row, { data, ways }, stamps, changedSinceBase) {
  let lost = 0;
  for (const [field, mine] of stamps) {
    const [own, theirs] = [ways.get(field), row.stamps.get(field)];
    const value = own && data.has(field) ? merged(own, data.get(field), row.data.get(field)) : undefined;
    if (value !== undefined) {
      row.data.set(field, value);
      row.stamps.set(field, theirs === undefined ? mine : inSightOf(theirs, mine));
      continue;
    }
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
  if (read(theirs).client === client || !changedSinceBase(field)) return inSightOf(theirs, mine);
  return (compare(mine, theirs) || compare(there, here)) > 0 ? mine : undefined;
}

/**
 * @param {string} theirs
 * @param {string} mine
 */
function inSightOf(theirs, mine) {
  return compare(mine, theirs) > 0 ? mine : nextBy(theirs, read(mine).client);
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
