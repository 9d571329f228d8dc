// The handle that `open` gives: the collections, transactions, settings and sync of one database.

import { Collection } from './collection.js';
import { settleConflicts } from './conflicts.js';
import { HolmError, closedError, holmError, report } from './errors.js';
import { KeyValue } from './kv.js';
import { checkOptions, checkedDurability } from './options.js';
import { drawReceipt } from './receipt.js';
import { Scopes } from './scopes.js';
import { share } from './shared.js';
import { Storage } from './storage.js';
import { Sync } from './sync.js';
import { transact } from './transaction.js';
import { turn } from './turn.js';
import { encode } from './walk.js';

/** @typedef {import('./engine.d.ts').Engine} Engine */
/** @typedef {import('./shared.js').Shared} Shared */

/** One opened handle: runs calls on the shared engine until it is closed, and makes every failure a HolmError. */
export class Session {
  #shared;
  #name;
  /** @type {Set<() => void>} */
  #stops = new Set();
  /** @type {Set<Promise<unknown>>} */
  #working = new Set();
  /** @type {Promise<unknown> | undefined} */
  #handing;
  /** @type {Promise<void> | undefined} */
  #closing;

  /**
   * @param {Shared} shared
   * @param {string} name
   */
  constructor(shared, name) {
    this.#shared = shared;
    this.#name = name;
  }

  get closed() {
    return this.#closing !== undefined;
  }

  board() {
    this.#engine();
    return this.#shared.board;
  }

  /**
   * @template R
   * @param {(engine: Engine) => R} call
   * @returns {R}
   */
  runNow(call) {
    const engine = this.#engine();
    try {
      return call(engine);
    } catch (error) {
      throw holmError(error);
    }
  }

  /**
   * @template R
   * @param {(engine: Engine) => Promise<R> | R} call
   * @returns {Promise<R>}
   */
  async run(call) {
    const engine = this.#engine();
    try {
      return await call(engine);
    } catch (error) {
      throw holmError(error);
    }
  }

  /**
   * A write: a promise that also knows its receipt, and when asked, when the server has it.
   * @template R
   * @param {(engine: Engine, receipt: string) => Promise<R>} call
   * @returns {Promise<R>}
   */
  write(call) {
    /** @type {string | undefined} */
    let receipt;
    /** @type {Promise<R>} */
    let saved;
    try {
      const engine = this.#engine();
      receipt = drawReceipt();
      saved = this.#keep(call(engine, receipt));
    } catch (error) {
      saved = Promise.reject(holmError(error));
    }
    /** @type {Promise<void> | undefined} */
    let synced;
    return Object.defineProperties(saved, {
      receipt: { value: receipt, enumerable: true },
      synced: { get: () => synced ??= saved.then(() => this.run(engine => engine.call('synced', /** @type {string} */ (receipt)))) },
    });
  }

  /**
   * Hands rows to the engine; what is written while a list is handed over comes after it.
   * @param {Engine} engine
   * @param {string} op
   * @param {string} collection
   * @param {Iterator<string>} parts
   * @param {string} receipt
   * @returns {Promise<string>}
   */
  hand(engine, op, collection, parts, receipt) {
    const part = parts.next().value;
    const next = this.#handing ? undefined : parts.next();
    return next?.done
      ? engine.call('write', op, collection, part, receipt)
      : this.#handInTurns(engine, op, collection, { part, next, parts }, receipt);
  }

  /**
   * Hands over a part at a time, with a turn of the page in between.
   * @param {Engine} engine
   * @param {string} op
   * @param {string} collection
   * @param {{ part: string, next: IteratorResult<string> | undefined, parts: Iterator<string> }} list
   * @param {string} receipt
   */
  async #handInTurns(engine, op, collection, { part, next, parts }, receipt) {
    const before = this.#handing;
    /** @type {() => void} */
    let done = () => {};
    const own = this.#handing = new Promise(resolve => { done = () => resolve(undefined); });
    try {
      await before;
      next ??= parts.next();
      for (; !next.done; next = parts.next()) {
        engine.now('rows', op, part, receipt);
        part = next.value;
        await turn();
      }
      return engine.call('write', op, collection, part, receipt);
    } catch (error) {
      engine.now('forget', receipt);
      throw error;
    } finally {
      if (this.#handing === own) this.#handing = undefined;
      done();
    }
  }

  /** @type {import('./collection.js').Port['watch']} */
  watch(collection, query, watcher) {
    const { records } = this.#shared;
    const handle = this.runNow(engine => engine.now('watch', query(), (text, error) => {
      if (error || !text) return watcher.error(holmError(error));
      const { rows, diff } = JSON.parse(text);
      const shown = rows.map((/** @type {import('./records.js').Row} */ row) => records.show(collection, row));
      watcher.rows(Object.freeze(shown), diff);
    }));
    return this.untilClosed(() => {
      this.#shared.engine.now('unwatch', handle);
      watcher.end?.();
    });
  }

  /**
   * A function that stops something once: when it is called, or when this handle is closed.
   * @param {() => void} stop
   */
  untilClosed(stop) {
    const once = () => { if (this.#stops.delete(once)) stop(); };
    this.#stops.add(once);
    return once;
  }

  /**
   * Reads records by a call of the engine.
   * @param {string} collection
   * @param {(engine: Engine) => Promise<(import('./records.js').Row | null)[]>} call
   */
  read(collection, call) {
    return this.run(async engine => {
      const { records, moment } = this.#shared;
      const rows = await call(engine);
      const then = moment === this.#shared.moment ? moment : undefined;
      return rows.map(row => (row ? records.show(collection, row, then) : undefined));
    });
  }

  /**
   * A record that was read since the last commit, without asking the engine.
   * @param {string} collection
   * @param {string} id
   */
  known(collection, id) {
    return this.closed ? undefined : this.#shared.records.known(collection, id, this.#shared.moment);
  }

  /**
   * Asks what may have been asked since the last commit already.
   * @template R
   * @param {string} question
   * @param {() => Promise<R>} ask
   * @param {(answer: R) => number} rows how many the answer holds
   * @returns {Promise<R>}
   */
  ask(question, ask, rows) {
    return this.run(async () => {
      const { answers, moment } = this.#shared;
      const known = answers.known(question, moment);
      if (known !== undefined) return known;
      const answer = await ask();
      if (moment === this.#shared.moment) answers.keep(question, moment, answer, rows(answer));
      return answer;
    });
  }

  /** Waits for the writes under way, then gives the engine up. */
  close() {
    return this.#closing ??= this.#close();
  }

  async #close() {
    for (const stop of [...this.#stops]) {
      try {
        stop();
      } catch (error) {
        report(error);
      }
    }
    await Promise.allSettled(this.#working);
    await this.#shared.leave();
  }

  /**
   * Counts work that `close` waits for.
   * @template R
   * @param {Promise<R>} work
   * @returns {Promise<R>}
   */
  #keep(work) {
    const done = () => { this.#working.delete(work); };
    this.#working.add(work);
    work.then(done, done);
    return work;
  }

  #engine() {
    if (this.closed) throw closedError(`The database "${this.#name}" is closed; open it again`);
    return this.#shared.engine;
  }
}

/**
 * What a database's collections stand on.
 * @param {Session} session
 * @returns {import('./collection.js').Port}
 */
function portOf(session) {
  return {
    write: (op, collection, parts, answer) => session.write((engine, receipt) => (
      session.hand(engine, op, collection, parts(), receipt).then(text => answer(JSON.parse(text)), error => { throw holmError(error); })
    )),
    known: (collection, id) => session.known(collection, id),
    read: (collection, ids) => session.read(collection, async engine => JSON.parse(await engine.call('read', collection, ids()))),
    async query(collection, query) {
      const text = query();
      const ask = () => session.read(collection, async engine => JSON.parse(await engine.call('query', text)).rows);
      return [...await session.ask(text, ask, rows => rows.length)]; // the list is the caller's to change
    },
    async count(query) {
      const text = query();
      const ask = () => session.run(async engine => JSON.parse(await engine.call('count', text)));
      return session.ask(`count ${text}`, ask, () => 0);
    },
    explain: query => session.run(async engine => JSON.parse(await engine.call('plan', query()))),
    watch: (collection, query, watcher) => session.watch(collection, query, watcher),
  };
}

export class Database {
  #session;
  #collections;
  #durability;

  /**
   * @param {Session} session
   * @param {import('./shared.js').Options} options
   */
  constructor(session, { flat, schema }) {
    this.#session = session;
    this.#collections = schema.collections;
    this.#durability = flat.durability;
    this.name = flat.name;
    this.sync = new Sync(session);
    this.scopes = new Scopes(session);
    this.storage = new Storage(session, flat);
    const port = portOf(session);
    for (const collection of schema.collections) {
      Object.defineProperty(this, collection, { value: new Collection(port, collection), enumerable: true });
    }
    Object.freeze(this);
    settleConflicts(this.sync, schema.resolvers);
  }

  /**
   * Runs the function on a snapshot and writes all of its writes, or none.
   * @template R
   * @param {(tx: any) => Promise<R> | R} work
   * @param {any} [options]
   * @returns {Promise<R>}
   */
  transaction(work, options = {}) {
    return this.#session.write(async (engine, receipt) => {
      if (typeof work !== 'function') throw new HolmError('invalid-argument', 'transaction takes a function.');
      const { durability = this.#durability } = checkedDurability(options);
      return transact(engine, this.#collections, { receipt, durability }, work);
    });
  }

  /**
   * Calls a function of the server; what `effect` writes is shown until its outcome is here, and never sent.
   * @param {string} name
   * @param {unknown} [args]
   * @param {(tx: any) => unknown} [effect]
   */
  call(name, args = null, effect = () => {}) {
    return this.#session.write(async (engine, receipt) => {
      if (typeof name !== 'string' || typeof effect !== 'function') throw new HolmError('invalid-argument', 'call takes the name of a function, its arguments and a function.');
      await transact(engine, this.#collections, { receipt, durability: this.#durability, call: [name, encode(args, 'args')] }, effect);
    });
  }

  /**
   * Settings and flags under one name, on this device only.
   * @param {string} namespace
   */
  kv(namespace) {
    return new KeyValue(this.#session, namespace);
  }

  /** Ends this handle; the last one closes the database. Every later call fails with `closed`. */
  close() {
    return this.#session.close();
  }
}

/**
 * @param {typeof import('./engine.d.ts')} module
 * @param {any} options
 */
export async function openDatabase(module, options) {
  const checked = checkOptions(options);
  const shared = await share(module, checked);
  return new Database(new Session(shared, checked.flat.name), checked);
}
