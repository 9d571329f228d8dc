// A query is a value: each step makes a new one. The engine plans it; nothing is decided here.

import { HolmError, report } from './errors.js';
import { encode, isWellFormed } from './walk.js';

/** @typedef {{ added: string[], changed: string[], removed: string[] }} Diff */
/** @typedef {{ rows: (rows: readonly object[], diff: Diff) => void, error: (error: HolmError) => void, end?: () => void }} Watcher */
/** @typedef {{ where: Record<string, string>, orderBy: string[], limit?: number }} Parts */

export class Query {
  #port;
  #collection;
  #parts;
  /** @type {Live | undefined} */
  #live;

  /**
   * @param {import('./collection.js').Port} port
   * @param {string} collection
   * @param {Parts} [parts]
   */
  constructor(port, collection, parts = { where: {}, orderBy: [] }) {
    this.#port = port;
    this.#collection = collection;
    this.#parts = parts;
  }

  /**
   * Keeps the records that match; several calls must all match.
   * @param {any} filter
   */
  where(filter) {
    if (filter === null || typeof filter !== 'object' || Array.isArray(filter)) throw invalid('where takes an object of conditions');
    const where = { ...this.#parts.where };
    for (const field of Object.keys(filter)) {
      if (field === '__proto__' || !isWellFormed(field)) throw invalid(`No field is named ${JSON.stringify(field)}`, field);
      if (Object.hasOwn(where, field)) throw invalid(`where names "${field}" twice; put its conditions into one object`, field);
      where[field] = encode(filter[field], field);
    }
    return this.#with({ where });
  }

  /**
   * Sorts by these fields; a minus in front turns the order round.
   * @param {...(string | string[])} keys
   */
  orderBy(...keys) {
    const orderBy = keys.flat();
    if (!orderBy.every(key => typeof key === 'string' && isWellFormed(key))) throw invalid('orderBy takes names of fields');
    return this.#with({ orderBy });
  }

  /**
   * Keeps the first records only.
   * @param {number} limit
   */
  limit(limit) {
    if (!Number.isSafeInteger(limit) || limit < 0) throw invalid('limit takes a whole number');
    return this.#with({ limit });
  }

  /** Every record that matches. */
  all() {
    return this.#port.query(this.#collection, () => this.#text());
  }

  /** The first record that matches, or undefined. */
  async first() {
    const { limit = 1 } = this.#parts;
    return (await this.limit(Math.min(1, limit)).all())[0];
  }

  /** How many records match, whatever the limit. */
  count() {
    return this.#port.count(() => this.#with({ limit: undefined }).#text());
  }

  /** How the engine finds them. */
  explain() {
    return this.#port.explain(() => this.#text());
  }

  /**
   * Calls back now and after every change, until the function that it returns is called.
   * @param {(rows: any, diff: any) => void} onRows
   * @param {(error: HolmError) => void} [onError]
   */
  watch(onRows, onError = report) {
    if (typeof onRows !== 'function') throw new HolmError('invalid-argument', 'watch takes a function.');
    if (typeof onError !== 'function') throw new HolmError('invalid-argument', 'watch takes a function for errors.');
    return this.#watch({ rows: safely(onRows), error: safely(onError) });
  }

  /**
   * With `getSnapshot`, what React's useSyncExternalStore and its like take.
   * @param {() => void} listener
   */
  subscribe = listener => {
    if (typeof listener !== 'function') throw new HolmError('invalid-argument', 'subscribe takes a function.');
    return (this.#live ??= new Live(this)).subscribe(listener);
  };

  /** The rows that `subscribe` told of last; undefined before the first. */
  getSnapshot = () => this.#live?.snapshot();

  /** Yields the rows now and after every change until the database is closed; a slow reader skips to the newest. */
  async *[Symbol.asyncIterator]() {
    /** @type {(value?: unknown) => void} */
    let wake = () => {};
    /** @type {readonly object[] | undefined} */
    let rows;
    /** @type {HolmError | undefined} */
    let failure;
    let ended = false;
    const stop = this.#watch({
      rows: next => { rows = next; wake(); },
      error: error => { failure = error; wake(); },
      end: () => { ended = true; wake(); },
    });
    try {
      for (;;) {
        while (!rows && !failure && !ended) await new Promise(resolve => { wake = resolve; });
        if (failure) throw failure;
        if (!rows) return;
        const next = rows;
        rows = undefined;
        yield next;
      }
    } finally {
      stop();
    }
  }

  /** @param {Watcher} watcher */
  #watch(watcher) {
    return this.#port.watch(this.#collection, () => this.#text(), watcher);
  }

  /** @param {Partial<Parts>} change */
  #with(change) {
    return new Query(this.#port, this.#collection, { ...this.#parts, ...change });
  }

  #text() {
    const { where, orderBy, limit } = this.#parts;
    const conditions = Object.entries(where).map(([field, text]) => `${JSON.stringify(field)}:${text}`);
    const end = limit === undefined ? '' : `,"limit":${limit}`;
    return `{"collection":${JSON.stringify(this.#collection)},"where":{${conditions}},"orderBy":${JSON.stringify(orderBy)}${end}}`;
  }
}

/** One watch shared by all who subscribe to a query. */
class Live {
  #query;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {(() => void) | undefined} */
  #stop;
  /** @type {readonly object[] | undefined} */
  #rows;
  /** @type {HolmError | undefined} */
  #failure;

  /** @param {Query} query */
  constructor(query) {
    this.#query = query;
  }

  /** @param {() => void} listener */
  subscribe(listener) {
    const own = () => listener();
    this.#listeners.add(own);
    this.#stop ??= this.#query.watch(rows => this.#tell(rows), error => this.#tell(this.#rows, error));
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  snapshot() {
    if (this.#failure) throw this.#failure;
    return this.#rows;
  }

  /**
   * @param {readonly object[] | undefined} rows
   * @param {HolmError} [failure]
   */
  #tell(rows, failure) {
    this.#rows = rows;
    this.#failure = failure;
    for (const listener of [...this.#listeners]) safely(listener)();
  }
}

/**
 * The app's function, whose own errors must not reach the engine.
 * @template {any[]} A
 * @param {(...given: A) => void} callback
 * @returns {(...given: A) => void}
 */
export function safely(callback) {
  return (...given) => {
    try {
      callback(...given);
    } catch (error) {
      report(error);
    }
  };
}

/**
 * @param {string} sentence
 * @param {string} [field]
 */
function invalid(sentence, field) {
  return new HolmError('invalid-query', `${sentence}.`, { field });
}
