// An IndexedDB that fails as a test wants it: a browser's own, or fake-indexeddb.

import { HolmError } from '../errors.js';
import { Installed, checkNames, checkTimes, wrong } from './patches.js';
import { isThere, onTransaction } from './transactions.js';

/** @typedef {{ nth: number, times: number, doom: (transaction: IDBTransaction) => void }} Fault */

export class FaultyStorage {
  /** How many transactions that write have begun since it was installed. */
  writes = 0;
  #installed = new Installed('FaultyStorage');
  /** @type {Fault[]} */
  #faults = [];

  install() {
    if (!isThere()) throw new HolmError('storage-unavailable', "There is no IndexedDB to be faulty: import 'fake-indexeddb/auto' first, or run the test in a browser.");
    return this.#installed.put(() => {
      this.writes = 0;
      const stop = onTransaction(transaction => this.#begun(transaction));
      return () => {
        stop();
        this.heal();
      };
    });
  }

  /** @param {any} [when] */
  quota(when) {
    return this.#add('quota', when, full);
  }

  /** @param {any} [when] */
  loseOutcome(when) {
    return this.#add('loseOutcome', when, lost);
  }

  /** Forgets every fault that has not happened. */
  heal() {
    this.#faults = [];
  }

  /**
   * @param {string} call
   * @param {any} when
   * @param {Fault['doom']} doom
   */
  #add(call, when = {}, doom) {
    this.#installed.check(call);
    checkNames(when, ['nth', 'times'], call);
    const { nth = 1, times = 1 } = when;
    if (!(Number.isInteger(nth) && nth > 0)) throw wrong(`nth of ${call} is a whole number from 1.`, 'nth');
    checkTimes(times, call);
    const fault = { nth, times, doom };
    this.#faults.push(fault);
    return () => { this.#faults = this.#faults.filter(other => other !== fault); };
  }

  /** @param {IDBTransaction} transaction */
  #begun(transaction) {
    if (transaction.mode !== 'readwrite') return;
    this.writes++;
    const due = this.#faults.filter(fault => --fault.nth <= 0);
    const [fault] = due;
    if (!fault) return;
    if (--fault.times === 0) this.#faults = this.#faults.filter(other => other !== fault);
    fault.doom(transaction);
  }
}

/**
 * What it writes does not fit: it aborts where it would have committed.
 * @param {IDBTransaction} transaction
 */
function full(transaction) {
  let over = false;
  const abort = () => {
    if (over) return;
    over = true;
    fails(transaction, 'QuotaExceededError', 'The quota is reached: the test wants it so.');
    transaction.abort();
  };
  Object.defineProperty(transaction, 'commit', { configurable: true, value: abort });
  // Of a request that succeeds the transaction hears first.
  transaction.addEventListener('success', abort, { capture: true, once: true });
}

/**
 * It is written, and the page hears that the connection was lost.
 * @param {IDBTransaction} transaction
 */
function lost(transaction) {
  transaction.addEventListener('complete', event => {
    event.stopImmediatePropagation();
    fails(transaction, 'UnknownError', 'The connection to the storage was lost: the test wants it so.');
    const Kind = /** @type {typeof Event} */ (event.constructor);
    transaction.dispatchEvent(new Kind('abort', { bubbles: true }));
  }, { once: true });
}

/**
 * @param {IDBTransaction} transaction
 * @param {string} name
 * @param {string} message
 */
function fails(transaction, name, message) {
  Object.defineProperty(transaction, 'error', { configurable: true, value: new DOMException(message, name) });
}
