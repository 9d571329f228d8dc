// What the app sees of sync: the truth about it, and the few things it may ask for.

import { sidesOf } from './conflicts.js';
import { HolmError, holmError } from './errors.js';
import { safely } from './query.js';
import { decode, encodeFields, freezeDeep } from './walk.js';

/** @typedef {import('./engine.d.ts').Engine} Engine */

/** The status of one engine, read when asked for and told to all who listen. */
export class StatusBoard {
  /** @type {() => Engine} */
  #engine;
  /** @type {Readonly<Record<string, unknown>> | undefined} */
  #status;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #telling = false;

  /** @param {() => Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /** The status: the same object until something in it changes. */
  read() {
    return this.#status ??= shown(JSON.parse(this.#engine().now('status')));
  }

  /** Something changed: forget what was read, and tell it once, outside the engine's call. */
  changed() {
    this.#status = undefined;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /** @param {() => void} listener */
  subscribe(listener) {
    const own = () => listener();
    this.#listeners.add(own);
    return () => { this.#listeners.delete(own); };
  }
}

/** @param {any} read what sync says, and what surrounds it */
function shown({ sync, ...around }) {
  const { error } = sync;
  return Object.freeze({ ...sync, ...around, error: error ? Object.freeze(holmError(error)) : null });
}

export class Sync {
  #session;

  /** @param {import('./database.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  get status() {
    return this.#session.board().read();
  }

  /**
   * Calls back with the status after every change, until the function that it returns is called.
   * @param {(status: any) => void} listener
   */
  subscribe = listener => {
    if (typeof listener !== 'function') throw new HolmError('invalid-argument', 'subscribe takes a function.');
    const board = this.#session.board();
    const told = safely(() => listener(board.read()));
    const stop = board.subscribe(() => { if (!this.#session.closed) told(); });
    return this.#session.untilClosed(stop);
  };

  /** The status, for stores that take subscribe and getSnapshot. */
  getSnapshot = () => this.status;

  /** Pushes and pulls now, whatever the backoff says; fails as the exchange fails. */
  now() {
    return this.#session.run(engine => engine.call('syncNow'));
  }

  /** Leaves the network alone until `resume`. */
  pause() {
    this.#session.runNow(engine => engine.now('pause'));
  }

  resume() {
    this.#session.runNow(engine => engine.now('resume'));
  }

  /**
   * What has become of a write, also after a reload.
   * @param {string} receipt
   */
  receipt(receipt) {
    return this.#ask(engine => engine.call('receipt', text(receipt, 'A receipt')));
  }

  /**
   * Resolves when the server has acknowledged the write, rejects when it refused.
   * @param {string} receipt
   */
  synced(receipt) {
    return this.#session.run(engine => engine.call('synced', text(receipt, 'A receipt')));
  }

  /**
   * Why this record is not on the server yet.
   * @param {string} collection
   * @param {string} id
   */
  explain(collection, id) {
    return this.#ask(engine => engine.call('explain', text(collection, 'A collection'), text(id, 'A record id')));
  }

  /**
   * The mutations that the server refused, each with its reason and its data.
   * @returns {Promise<readonly any[]>}
   */
  parked() {
    return this.#ask(engine => engine.call('parked'));
  }

  /**
   * Sends a parked mutation once more, as a new one.
   * @param {string} mid
   */
  retry(mid) {
    return this.edit(mid, {});
  }

  /**
   * The same with these fields in place of its own.
   * @param {string} mid
   * @param {unknown} fields
   */
  edit(mid, fields) {
    return this.#session.run(engine => engine.call('retryParked', text(mid, 'A parked mutation'), encodeFields(fields, { patch: true })));
  }

  /** The parked mutations that met another's on the server, each with what stands against what. */
  async conflicts() {
    return Object.freeze((await this.parked()).filter(({ reason }) => reason.code === 'conflict').map(sidesOf));
  }

  /**
   * Settles a conflict.
   * @param {string} mid
   * @param {unknown} choice 'mine', 'theirs', or the fields as they are to be
   */
  resolve(mid, choice) {
    if (choice === 'theirs') return this.discard(mid);
    return this.edit(mid, choice === 'mine' ? {} : choice);
  }

  /**
   * Gives a parked mutation up; the record goes back to what the server has.
   * @param {string} mid
   */
  discard(mid) {
    return this.#session.run(engine => engine.call('discardParked', text(mid, 'A parked mutation')));
  }

  /**
   * Removes a collection's records from this device, but for those with mutations that wait: the server has them, and
   * `sync.scopes` does not name it, else they would be back at once.
   * @param {string} collection
   */
  evict(collection) {
    return this.#session.run(async engine => {
      const all = JSON.stringify({ collection: text(collection, 'A collection') });
      for (let [left, before] = [NaN, NaN]; ; before = left) {
        await engine.call('evict', collection);
        left = Number(await engine.call('count', all));
        if (left === before) return;
      }
    });
  }

  /**
   * Records that a server whose data began anew does not have any more.
   * @param {number} [limit]
   */
  orphans(limit = 100) {
    return this.#ask(engine => engine.call('orphans', limit));
  }

  /**
   * Writes an orphan as a new record.
   * @param {string} collection
   * @param {string} id
   */
  adopt(collection, id) {
    return this.#session.run(engine => engine.call('adopt', text(collection, 'A collection'), text(id, 'A record id')));
  }

  /**
   * Lets go of an orphan.
   * @param {string} collection
   * @param {string} id
   */
  forget(collection, id) {
    return this.#session.run(engine => engine.call('forgetOrphan', text(collection, 'A collection'), text(id, 'A record id')));
  }

  /** @param {(engine: Engine) => Promise<string>} question */
  #ask(question) {
    return this.#session.run(async engine => freezeDeep(decode(await question(engine))));
  }
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function text(value, what) {
  if (typeof value !== 'string') throw new HolmError('invalid-argument', `${what} is named by a string.`);
  return value;
}
