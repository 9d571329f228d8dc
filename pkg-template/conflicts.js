// Conflicts that wait for somebody: for a person, or for a function of the app.

import { HolmError, report } from './errors.js';
import { encode } from './walk.js';

/**
 * @typedef {Readonly<Record<string, unknown>> | null} Side a record's fields; null where there is no record
 * @typedef {{ mid: string, collection: string, id: string, base: Side, mine: Side, theirs: Side, fields: readonly string[] }} Conflict
 * @typedef {(conflict: Conflict) => Side | undefined} Resolver
 */

/**
 * What stands against what, of a mutation that was parked for a conflict.
 * @param {any} parked
 * @returns {Conflict}
 */
export function sidesOf({ mid, collection, id, before: base = null, mine = null, reason: { server } }) {
  const theirs = server.deleted ? null : server.data ?? {};
  const fields = Object.keys({ ...mine, ...theirs }).filter(name => textOf(mine?.[name]) !== textOf(theirs?.[name]));
  return Object.freeze({ mid, collection, id, base, mine, theirs, fields: Object.freeze(fields) });
}

/** @param {unknown} value */
function textOf(value) {
  return value === undefined ? '' : encode(value);
}

/**
 * Settles conflicts by the app's functions, as soon as there are any. Each is tried once by this page; one that its function
 * throws at stays, for a person or the next page.
 * @param {import('./sync.js').Sync} sync
 * @param {Record<string, Resolver>} resolvers by collection
 */
export function settleConflicts(sync, resolvers) {
  if (Object.keys(resolvers).length === 0) return;
  /** @type {Set<string>} */
  const tried = new Set();
  const look = async () => {
    for (const conflict of sync.status.conflicts > 0 ? await sync.conflicts() : []) {
      const { mid, collection, mine, theirs } = conflict;
      if (!Object.hasOwn(resolvers, collection) || tried.has(mid)) continue;
      tried.add(mid);
      try {
        const settled = resolvers[collection](conflict);
        const nothing = Object.fromEntries(Object.keys({ ...mine, ...theirs }).map(name => [name, undefined]));
        await sync.resolve(mid, settled ? { ...nothing, ...settled } : 'theirs');
      } catch (error) {
        unsettled(error);
      }
    }
  };
  const settle = () => look().catch(unsettled);
  sync.subscribe(settle);
  settle();
}

/**
 * Another page may have settled it, and this one may be closed by now; anything else is shown, and the others go on.
 * @param {unknown} error
 */
function unsettled(error) {
  if (!(error instanceof HolmError && ['closed', 'not-found'].includes(error.code))) report(error);
}
