// Rows of the engine as frozen objects that stay the same object until the record changes.

import { freezeDeep, revive } from './walk.js';

/** @typedef {[id: string, touch: string | number, fields: object]} Row one record as the engine writes it */

/** Remembers the objects it handed out, as long as the app holds them. */
export class Records {
  /** @type {Map<string, Map<string, { touch: string | number, kept: WeakRef<object>, moment: number | undefined }>>} */
  #collections = new Map();
  /** @type {FinalizationRegistry<{ collection: string, id: string, kept: WeakRef<object> }>} */
  #gone = new FinalizationRegistry(({ collection, id, kept }) => {
    const records = this.#collections.get(collection);
    if (records?.get(id)?.kept === kept) records.delete(id);
  });

  /**
   * The object for a row: the one handed out before, if the record has not changed since.
   * @param {string} collection
   * @param {Row} row
   * @param {number} [moment] when it was asked for, and also read
   */
  show(collection, row, moment) {
    const [id, touch] = row;
    let records = this.#collections.get(collection);
    if (!records) this.#collections.set(collection, records = new Map());
    const known = records.get(id);
    const same = known?.touch === touch && known.kept.deref();
    if (same) {
      known.moment = moment ?? known.moment;
      return same;
    }
    const record = fresh(row);
    const kept = new WeakRef(record);
    records.set(id, { touch, kept, moment });
    this.#gone.register(record, { collection, id, kept });
    return record;
  }

  /**
   * The object of a record that was read at this moment, if the app still holds it.
   * @param {string} collection
   * @param {string} id
   * @param {number} moment
   */
  known(collection, id, moment) {
    const known = this.#collections.get(collection)?.get(id);
    return known?.moment === moment ? known.kept.deref() : undefined;
  }

  /** How many objects are remembered, for tests. */
  get size() {
    return [...this.#collections.values()].reduce((sum, records) => sum + records.size, 0);
  }
}

/**
 * A new object for a row.
 * @param {Row} row
 */
export function fresh([id, , fields]) {
  // Spread defines properties, it does not assign: a "__proto__" from a server stays a plain property.
  return freezeDeep({ id, ...revive(fields) });
}
