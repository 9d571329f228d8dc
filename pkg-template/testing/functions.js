// Functions of a fake server, which devices call: each reads and writes the rows, all of it or nothing, as on the reference server.

import { decode, encodeFields } from '../walk.js';
import { merge } from './merge.js';
import { wrong } from './patches.js';
import { Refusal } from './refusal.js';
import { read, stampText } from './stamps.js';

/** @typedef {import('./messages.js').Mutation} Mutation */
/** @typedef {import('./receipts.js').Outcome} Outcome */
/** @typedef {import('./rows.js').Rows} Rows */
/** @typedef {import('./rows.js').Row} Row */
/** @typedef {Record<string, (caller: any) => unknown>} Functions */

/**
 * @param {any} functions
 * @returns {Functions}
 */
export function checkFunctions(functions) {
  if (typeof functions !== 'object' || functions === null || Object.values(functions).some(each => typeof each !== 'function')) {
    throw wrong('functions is an object of functions, by their names.', 'functions');
  }
  return functions;
}

/**
 * Runs the function of a call. Anything but `ok` has written nothing.
 * @param {Functions} functions
 * @param {Rows} rows
 * @param {Mutation} mutation
 * @param {{ sent: string, now: string }} clocks
 * @returns {Outcome}
 */
export function called(functions, rows, { name, args }, { sent, now }) {
  if (!Object.hasOwn(functions, name)) {
    const message = Object.keys(functions).length ? `this server has no function ${name}` : 'this server has no functions';
    return { status: 'rejected', code: 'server-rejected', message };
  }
  const before = rows.mark;
  const stamp = stampText({ ...read(now), client: read(sent).client });
  try {
    const found = functions[name](callerOf(rows, stamp, args));
    const outcome = delayedBy(found) ?? rejectedBy(found) ?? { status: 'ok' };
    if (outcome.status !== 'ok') rows.rollback(before);
    return outcome;
  } catch (cause) {
    rows.rollback(before);
    throw new Refusal('server-error', `the function ${name} threw: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/**
 * What becomes of a mutation for which a rule or a function of the test gives something; nothing lets it pass.
 * @param {any} found
 * @returns {Outcome | undefined}
 */
export function rejectedBy(found) {
  if (typeof found === 'string') return { status: 'rejected', code: 'validation', message: found };
  if (!found) return undefined;
  if (typeof found.then === 'function') throw new Refusal('server-error', 'what a rule or a function gives is no promise');
  const { code = 'validation', field, message } = found === true ? /** @type {any} */ ({}) : found;
  return { status: 'rejected', code, ...(field && { field }), message: message ?? 'the test rejects it' };
}

/**
 * The same of one that may ask for a retry after so many seconds.
 * @param {any} found
 * @returns {Outcome | undefined}
 */
export function delayedBy(found) {
  if (typeof found !== 'number') return undefined;
  if (!Number.isInteger(found) || found < 0 || found >= 2 ** 32) throw new Refusal('server-error', `a retry comes after whole seconds, not ${found}`);
  return { status: 'retry', after: found };
}

/**
 * A row as an app reads it.
 * @param {string} id
 * @param {Row} row
 */
export function record(id, row) {
  return { id, ...decode(JSON.stringify(Object.fromEntries(row.data))) };
}

/**
 * What a function has: the arguments, and the rows.
 * @param {Rows} rows
 * @param {string} stamp
 * @param {unknown} args
 */
function callerOf(rows, stamp, args) {
  const living = (/** @type {string} */ collection, /** @type {string} */ id) => {
    const row = rows.find(collection, id);
    return row && !row.deleted ? row : undefined;
  };
  return {
    args: decode(JSON.stringify(args)),
    all: (/** @type {string} */ collection) => rows.alive(collection).map(([id, row]) => record(id, row)),
    read(/** @type {string} */ collection, /** @type {string} */ id) {
      const row = living(collection, id);
      return row && record(id, row);
    },
    write(/** @type {string} */ collection, /** @type {any} */ { id, ...fields }) {
      if (typeof id !== 'string' || id === '') throw new TypeError('a record that a function writes has an id');
      const before = living(collection, id);
      const data = new Map(Object.entries(JSON.parse(encodeFields(fields, { patch: false }))));
      const after = { data: new Map(before?.data), stamps: new Map(before?.stamps) };
      const text = (/** @type {Map<string, unknown>} */ held, /** @type {string} */ field) => JSON.stringify(held.get(field));
      const changed = [...new Set([...after.data.keys(), ...data.keys()])].filter(field => text(after.data, field) !== text(data, field));
      if (before && changed.length === 0) return;
      merge(after, { data, ways: new Map() }, new Map(changed.map(field => [field, stamp])), () => false);
      rows.save(collection, id, after);
    },
    delete(/** @type {string} */ collection, /** @type {string} */ id) {
      if (living(collection, id)) rows.save(collection, id, { deleted: true });
    },
  };
}
