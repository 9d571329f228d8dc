// Which scopes with arguments each row of a fake server is in, and which it has left. As `crates/server` decides it.

import { wrong } from './patches.js';

/** @typedef {import('./merge.js').Data} Data */
/** @typedef {{ collection: string, id: string, change: number, gone: boolean }} Member */

export class Members {
  /** By scope, for each collection the field that says to which part a row belongs. @type {Map<string, Map<string, string>>} */
  #fields;
  /** @type {Map<string, Map<string, Member>>} */
  #scopes = new Map();
  /** @type {Set<string>} */
  #forbidden = new Set();

  /** @param {any} [scopes] */
  constructor(scopes = {}) {
    this.#fields = new Map(Object.entries(scopes).map(([name, fields]) => {
      if (typeof fields !== 'object' || fields === null) throw wrong('scopes is like { project: { tasks: "project" } }.', 'scopes');
      return [name, new Map(Object.entries(fields))];
    }));
  }

  /**
   * Whether the user may see a scope, and there is one of its name and arguments.
   * @param {string} name
   * @param {Record<string, unknown>} args
   */
  maySee(name, args) {
    if (!this.#fields.has(name)) return Object.keys(args).length === 0;
    return Object.keys(args).length === 1 && typeof args.id === 'string' && !this.#forbidden.has(keyOf(name, args));
  }

  /**
   * @param {string} name
   * @param {string} id
   * @param {boolean} is
   */
  forbid(name, id, is) {
    if (!this.#fields.has(name)) throw wrong(`The server has no scope ${name}.`);
    if (is) this.#forbidden.add(keyOf(name, { id }));
    else this.#forbidden.delete(keyOf(name, { id }));
  }

  /**
   * Notes a row that is saved; gives what takes that back.
   * @param {string} collection
   * @param {string} id
   * @param {Data} before
   * @param {{ change: number, data: Data }} after
   */
  save(collection, id, before, { change, data }) {
    const now = this.#scopesOf(collection, data);
    const undo = [...new Set([...now, ...this.#scopesOf(collection, before)])].map(key => {
      const members = this.#scopes.get(key) ?? new Map();
      this.#scopes.set(key, members);
      const [place, gone] = [JSON.stringify([collection, id]), !now.has(key)];
      const known = members.get(place);
      members.set(place, { collection, id, change, gone });
      return () => { if (known) members.set(place, known); else members.delete(place); };
    });
    return () => { for (const each of undo) each(); };
  }

  /**
   * What changed in a scope after a change, in order; without what had left it up to another one.
   * @param {string} key
   * @param {number} after
   * @param {number} skipped
   */
  changes(key, after, skipped) {
    const members = [...this.#scopes.get(key)?.values() ?? []];
    return members.filter(({ change, gone }) => change > after && !(gone && change <= skipped)).sort((one, other) => one.change - other.change);
  }

  /**
   * @param {string} collection
   * @param {Data} data
   */
  #scopesOf(collection, data) {
    /** @type {Set<string>} */
    const keys = new Set();
    for (const [name, fields] of this.#fields) {
      const value = data.get(fields.get(collection) ?? '');
      for (const id of Array.isArray(value) ? value : [value]) if (typeof id === 'string') keys.add(keyOf(name, { id }));
    }
    return keys;
  }
}

/**
 * The one name of a scope with its arguments.
 * @param {string} name
 * @param {Record<string, unknown>} args
 */
export function keyOf(name, args) {
  const sorted = Object.entries(args).sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.length ? `${name}:${JSON.stringify(Object.fromEntries(sorted))}` : name;
}
