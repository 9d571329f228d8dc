// What must hold at the server after every scenario.

import assert from 'node:assert/strict';

/**
 * Each mutation took effect once, and the rows are what the devices say.
 * @param {{ rows: any[], receipts: any[], effects: any[] }} held
 * @param {Map<string, any>} expected
 */
export function exactlyOnce(held, expected) {
  const live = held.rows.filter(row => row.collection === 'tasks' && !row.deleted);
  const rows = new Map(live.map(row => [row.id, { id: row.id, ...row.data }]));
  assert.equal(rows.size, live.length, 'a row is there once');
  assert.deepEqual(sorted(rows), sorted(expected), 'the server holds what the devices hold');
  once(held.receipts.map(receipt => `${receipt.user} ${receipt.mid}`), 'a receipt for each mutation, once');
  assert(held.effects.length >= rows.size, 'the server wrote down what it applied');
  once(held.effects.map(effect => `${effect.user} ${effect.mid}`), 'each mutation is applied once');
}

/** @param {string[]} names @param {string} what */
function once(names, what) {
  const doubled = names.filter((name, index) => names.indexOf(name) !== index);
  assert.deepEqual(doubled, [], what);
}

/** @param {Map<string, any>} records */
function sorted(records) {
  return [...records.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
