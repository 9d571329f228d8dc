// The rows of a fake server: the present state of each record and tombstone, by key, and the number of the change that made it.

import { canonical } from './canonical.js';
import { gathered } from './messages.js';

/** @typedef {import('./merge.js').Data} Data */
/** @typedef {import('./merge.js').Stamps} Stamps */
/** @typedef {{ rev: string, change: number, deleted: boolean, data: Data, stamps: Stamps, fields: Map<string, number> }} Row */
/** @typedef {{ deleted?: boolean, data?: Data, stamps?: Stamps }} State */

export class Rows {
  /** The number of the last change. */
  last = 0;
  /** Which life of the data this is: part of every revision. */
  life = '1';
  #members;
  /** @type {Map<string, Map<string, Row>>} */
  #collections = new Map();
  /** What undoes the changes since `begin`. @type {(() => void)[] | undefined} */
  #undo;

  /** @param {import('./members.js').Members} members */
  constructor(members) {
    this.#members = members;
  }

  /**
   * @param {string} collection
   * @param {string} id
   */
  find(collection, id) {
    return this.#collections.get(collection)?.get(id);
  }

  /**
   * @param {string} collection
   * @param {string} id
   * @param {State} state
   * @returns {Row}
   */
  save(collection, id, { deleted = false, data = new Map(), stamps = new Map() }) {
    const rows = this.#collections.get(collection) ?? new Map();
    this.#collections.set(collection, rows);
    const [before, last] = [rows.get(id), this.last];
    const row = { rev: `${last + 1}-${this.life}`, change: last + 1, deleted, data, stamps, fields: new Map() };
    row.fields = fieldChanges(before, row);
    this.last++;
    rows.set(id, row);
    const leave = this.#members.save(collection, id, before?.data ?? new Map(), row);
    this.#undo?.push(() => {
      leave();
      this.last = last;
      if (before) rows.set(id, before);
      else rows.delete(id);
    });
    return row;
  }

  /** Notes from now on what is saved, so that it can be taken back. */
  begin() {
    this.#undo = [];
  }

  /** How much was saved since `begin`. */
  get mark() {
    return this.#undo?.length ?? 0;
  }

  /** Takes back what was saved since `begin`, or since a mark. */
  rollback(mark = 0) {
    for (const undo of this.#undo?.splice(mark).toReversed() ?? []) undo();
  }

  /**
   * The living rows of a collection, by id.
   * @param {string} collection
   * @returns {[string, Row][]}
   */
  alive(collection) {
    return [...this.#collections.get(collection) ?? []].filter(([, row]) => !row.deleted).sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /**
   * What changed in a collection after a change, in order; without the tombstones up to another one.
   * @param {string} collection
   * @param {number} after
   * @param {number} skipped
   */
  changes(collection, after, skipped) {
    const rows = [...this.#collections.get(collection) ?? []];
    return rows.filter(([, row]) => row.change > after && !(row.deleted && row.change <= skipped)).sort(([, one], [, other]) => one.change - other.change);
  }
}

/**
 * Which change wrote each field: this one where value or stamp moved, else as before.
 * @param {Row | undefined} before
 * @param {Row} after
 */
function fieldChanges(before, after) {
  /** @type {Map<string, number>} */
  const fields = new Map();
  if (after.deleted) return fields;
  const none = { data: new Map(), stamps: new Map(), fields: new Map() };
  const { data, stamps, fields: known } = before ?? none;
  const text = (/** @type {Data} */ held, /** @type {string} */ field) => (held.has(field) ? canonical(held.get(field)) : '');
  for (const field of new Set([...known.keys(), ...data.keys(), ...after.data.keys(), ...after.stamps.keys()])) {
    const same = text(data, field) === text(after.data, field) && stamps.get(field) === after.stamps.get(field);
    fields.set(field, (same ? known.get(field) : undefined) ?? after.change);
  }
  return fields;
}

/**
 * A row as a conflict shows it.
 * @param {Row | undefined} row
 */
export function shown(row) {
  return row ? { rev: row.rev, ...(row.deleted && { deleted: true }), ...gathered(row.data, row.stamps) } : { deleted: true };
}
