// What becomes of the next requests to a fake server in place of a plain answer.

import { failedToFetch } from './network.js';
import { checkNames, checkTimes, wrong } from './patches.js';

const HOW = ['on', 'times'];
const FAIL = [...HOW, 'retryAfter', 'error', 'message'];
const PORTAL = '<!doctype html><title>Welcome to our hotel</title><p>Please log in.</p>';
/** @type {Record<number, string>} */
const ERRORS = {
  400: 'invalid-request', 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 405: 'invalid-request', 408: 'timeout', 409: 'gap',
  413: 'payload-too-large', 415: 'invalid-request', 426: 'schema-unsupported', 429: 'rate-limited',
};

/** @typedef {{ kind: string, status: number, answer: unknown }} Told */
/**
 * @typedef {object} Mishap
 * @property {string | undefined} on
 * @property {number} times
 * @property {((told: Told) => Response | Promise<Response>) | undefined} [instead] the request does not reach the server's work
 * @property {(answer: () => Response) => Response | Promise<Response>} after it does
 */

export class Mishaps {
  /** @type {Mishap[]} */
  #waiting = [];
  /** @type {Set<() => void>} */
  #held = new Set();

  /**
   * What becomes of a request, if anything.
   * @param {string} kind
   */
  next(kind) {
    const found = this.#waiting.find(({ on }) => on === undefined || on === kind);
    if (found && --found.times === 0) this.#remove(found);
    return found;
  }

  clear() {
    this.#waiting = [];
    for (const release of [...this.#held]) release();
  }

  /**
   * @param {number} status
   * @param {any} [how]
   */
  fail(status, how = {}) {
    if (!Number.isInteger(status) || status < 400 || status > 599) throw wrong('fail takes a status from 400 to 599.', 'status');
    const { retryAfter, error = ERRORS[status] ?? 'server-error', message = 'the test wants it so' } = how ?? {};
    if (retryAfter !== undefined && !(Number.isInteger(retryAfter) && retryAfter >= 0) && typeof retryAfter !== 'string') {
      throw wrong('retryAfter is a whole number of seconds, or a date as a header has it.', 'retryAfter');
    }
    /** @type {Record<string, string>} */
    const headers = { 'content-type': 'application/json' };
    if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
    return this.#put('fail', how, FAIL, told => {
      told.status = status;
      told.answer = { v: 1, error, message };
      return new Response(JSON.stringify(told.answer), { status, headers });
    });
  }

  /**
   * @param {string} call
   * @param {'lose' | 'truncate' | 'portal'} what
   * @param {any} [how]
   */
  add(call, what, how = {}) {
    if (what === 'portal') {
      return this.#put(call, how, HOW, told => {
        told.status = 200;
        return new Response(PORTAL, { headers: { 'content-type': 'text/html' } });
      });
    }
    return this.#put(call, how, HOW, undefined, async answer => {
      if (what === 'lose') throw failedToFetch();
      const whole = answer();
      const { status, headers } = whole;
      const text = await whole.text();
      return new Response(text.slice(0, text.length / 2), { status, headers });
    });
  }

  /**
   * The work is done, and the answer waits until the function that this returns is called.
   * @param {any} [how]
   */
  hold(how = {}) {
    let release = () => {};
    const until = new Promise(resolve => { release = () => { this.#held.delete(release); resolve(undefined); }; });
    const forget = this.#put('hold', { times: Infinity, ...how }, HOW, undefined, async answer => {
      await until;
      return answer();
    });
    this.#held.add(release);
    return () => {
      forget();
      release();
    };
  }

  /**
   * @param {string} call
   * @param {any} how
   * @param {string[]} names
   * @param {Mishap['instead']} instead
   * @param {Mishap['after']} [after]
   * @returns {() => void} forgets it
   */
  #put(call, how, names, instead, after = answer => answer()) {
    checkNames(how, names, call);
    const { on, times = 1 } = how;
    if (on !== undefined && on !== 'push' && on !== 'pull') throw wrong(`on of ${call} is 'push' or 'pull'.`, 'on');
    checkTimes(times, call);
    const mishap = { on, times, instead, after };
    this.#waiting.push(mishap);
    return () => { this.#remove(mishap); };
  }

  /** @param {Mishap} mishap */
  #remove(mishap) {
    this.#waiting = this.#waiting.filter(other => other !== mishap);
  }
}
