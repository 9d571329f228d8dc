// Hears of every IndexedDB transaction that begins, by one patch of the prototype that all who listen share.

import { replaced, value } from './patches.js';

/** @typedef {(transaction: IDBTransaction) => void} Heed */

/** @type {Set<Heed>} */
const listeners = new Set();
let restore = () => {};

/** Whether there is an IndexedDB to listen to: the browser's, or fake-indexeddb/auto. */
export const isThere = () => typeof globalThis.IDBDatabase === 'function';

/**
 * @param {Heed} heed
 * @returns {() => void}
 */
export function onTransaction(heed) {
  if (!listeners.size) restore = replaceTransaction();
  listeners.add(heed);
  return () => {
    listeners.delete(heed);
    if (!listeners.size) restore();
  };
}

function replaceTransaction() {
  const { prototype } = globalThis.IDBDatabase;
  const { transaction: plain } = prototype;
  return replaced(prototype, { transaction: value(/** @this {IDBDatabase} */ function transaction(/** @type {any[]} */ ...given) {
    const begun = plain.apply(this, /** @type {any} */ (given));
    for (const heed of listeners) heed(begun);
    return begun;
  }) });
}
