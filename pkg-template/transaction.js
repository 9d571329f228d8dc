// A transaction: the app's function runs on a snapshot and is run again when what it read has changed.

import { Collection } from './collection.js';
import { HolmError, closedError, holmError } from './errors.js';
import { fresh } from './records.js';

const RUNS_MAX = 8; // from the second on they have their turn, from the fifth on they hold up all others: more is a function that takes too long

/** @typedef {import('./engine.d.ts').Engine} Engine */
/** @typedef {{ receipt: string, durability: 'relaxed' | 'strict', call?: [name: string, args: string] }} Kept as what it is remembered, and how; where it is the effect of a call, of which */

/** One run of the app's function. */
class Run {
  #engine;
  #handle;
  #ended = false;
  /** @type {Set<Promise<unknown>>} */
  #working = new Set();
  /** Set when the engine says that what was read here has changed. */
  stale = false;

  /** @param {Engine} engine @param {number} handle */
  constructor(engine, handle) {
    this.#engine = engine;
    this.#handle = handle;
  }

  /**
   * What the app's function is given: the collections.
   * @param {readonly string[]} names
   */
  collections(names) {
    /** @type {Record<string, Collection>} */
    const tx = {};
    for (const name of names) tx[name] = new Collection(this, name);
    return Object.freeze(tx);
  }

  /** @type {import('./collection.js').Port['write']} */
  write(op, collection, parts, answer) {
    const text = () => `[${Array.from({ [Symbol.iterator]: parts }, part => part.slice(1, -1)).join(',')}]`;
    return this.#step(async handle => answer(JSON.parse(await this.#engine.call('txWrite', handle, op, collection, text()))));
  }

  /** What is read here belongs to what the transaction depends on, so the engine is always asked. */
  known() {
    return undefined;
  }

  /** @type {import('./collection.js').Port['read']} */
  read(collection, ids) {
    return this.#step(async handle => {
      const rows = JSON.parse(await this.#engine.call('txRead', handle, collection, ids()));
      return rows.map((/** @type {import('./records.js').Row | null} */ row) => row ? fresh(row) : undefined);
    });
  }

  /** @type {import('./collection.js').Port['query']} */
  query(_collection, query) {
    return this.#step(async handle => JSON.parse(await this.#engine.call('txQuery', handle, query())).rows.map(fresh));
  }

  /** @type {import('./collection.js').Port['count']} */
  count(query) {
    return this.#step(async handle => JSON.parse(await this.#engine.call('txCount', handle, query())));
  }

  /** @type {import('./collection.js').Port['explain']} */
  explain() {
    throw new HolmError('invalid-argument', 'A transaction explains nothing; ask the database.');
  }

  /** @type {import('./collection.js').Port['watch']} */
  watch() {
    throw new HolmError('invalid-argument', 'A transaction cannot watch; watch the database.');
  }

  /** @param {Kept} kept */
  async commit({ receipt, durability, call }) {
    // Steps that nobody awaited belong to the transaction too: one of them failing fails it.
    await Promise.all(this.#working);
    this.end();
    try {
      if (call) await this.#engine.call('txCall', this.#handle, receipt, durability, ...call);
      else await this.#engine.call('txCommit', this.#handle, receipt, durability);
    } catch (error) {
      this.stale ||= wantsAnotherRun(error);
      throw holmError(error);
    }
  }

  /** Whatever of the app's function still runs changes nothing any more. */
  end() {
    this.#ended = true;
  }

  /**
   * @template R
   * @param {(handle: number) => Promise<R>} step
   * @returns {Promise<R>}
   */
  #step(step) {
    const work = this.#attempt(step);
    this.#working.add(work);
    const forget = () => { this.#working.delete(work); };
    work.then(forget, forget);
    return work;
  }

  /**
   * @template R
   * @param {(handle: number) => Promise<R>} step
   */
  async #attempt(step) {
    if (this.#ended) throw closedError('This transaction has ended; what it was to do goes into another one');
    try {
      return await step(this.#handle);
    } catch (error) {
      this.stale ||= wantsAnotherRun(error);
      throw holmError(error);
    }
  }
}

/**
 * Runs the app's function until a run commits. What the function throws rolls back and is thrown as it is.
 * @template R
 * @param {Engine} engine
 * @param {readonly string[]} names
 * @param {Kept} kept
 * @param {(tx: any) => Promise<R> | R} work
 * @returns {Promise<R>}
 */
export async function transact(engine, names, kept, work) {
  /** @type {number | undefined} */
  let handle;
  try {
    for (let runs = 1; ; runs++) {
      handle = await begin(engine, handle);
      const run = new Run(engine, handle);
      try {
        const result = await work(run.collections(names));
        await run.commit(kept);
        return result;
      } catch (error) {
        run.end();
        if (!run.stale || runs === RUNS_MAX) throw error;
      }
    }
  } finally {
    if (handle !== undefined) end(engine, handle);
  }
}

/**
 * @param {Engine} engine
 * @param {number | undefined} lost the run before, if there was one: this one has its turn
 * @returns {Promise<number>}
 */
async function begin(engine, lost) {
  try {
    return lost === undefined ? engine.now('begin') : JSON.parse(await engine.call('txAgain', lost));
  } catch (error) {
    throw holmError(error);
  }
}

/** @param {Engine} engine @param {number} handle */
function end(engine, handle) {
  try {
    engine.now('end', handle);
  } catch {
    // An engine that died holds no turn, and whoever called it was told.
  }
}

/** @param {any} error */
function wantsAnotherRun(error) {
  return error?.code === 'contention';
}
