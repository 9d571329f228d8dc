// A clock that stands still until a test moves it: `Date`, `performance.now` and the timers. Everything else stays as it is, so
// that storage, messages and promises go on by themselves; before and after each step the clock waits until they are at rest.

import { HolmError } from '../errors.js';
import { activity } from './activity.js';
import { Installed, checkNames, replaced, value, wrong } from './patches.js';
import { isThere, onTransaction } from './transactions.js';

/** @type {any} */
const { setImmediate: immediate } = globalThis;
const realNow = performance.now.bind(performance);

// Promises and messages are at rest when nothing was begun for so many turns, and for so long.
const QUIET_TURNS = 10;
const QUIET_MS = 3;
const REST_MS_MAX = 10_000;
// So that no timer of ours has the number of one of the page's.
const FIRST_TIMER = 2 ** 30;

/** @typedef {{ id: number, due: number, every: number | undefined, run: () => void }} Timer */

export class FakeClock {
  #installed = new Installed('FakeClock');
  /** @type {Map<number, Timer>} */
  #timers = new Map();
  #given;
  #now = 0;
  #drawn = FIRST_TIMER;

  /** @param {any} [options] */
  constructor(options = {}) {
    checkNames(options, ['now'], 'FakeClock');
    const { now } = options;
    if (now !== undefined && !(now instanceof Date) && typeof now !== 'number') throw wrong('now is a Date, or milliseconds since 1970.', 'now');
    this.#given = now === undefined ? undefined : Number(now);
    if (this.#given !== undefined && !(Number.isInteger(this.#given) && this.#given >= 0)) throw wrong('now is a Date, or whole milliseconds since 1970.', 'now');
  }

  /** Milliseconds since 1970, as `Date.now()` gives them. */
  get now() {
    return this.#now;
  }

  /** How many timers wait. */
  get timers() {
    return this.#timers.size;
  }

  install() {
    return this.#installed.put(() => {
      const begin = this.#now = this.#given ?? Date.now();
      const undo = [
        replaced(globalThis, { Date: value(this.#date(globalThis.Date)), ...this.#timerFunctions() }),
        replaced(performance, { now: value(() => this.#now - begin) }),
        isThere() ? onTransaction(watched) : () => {},
      ];
      return () => {
        for (const each of undo) each();
        this.#timers.clear();
      };
    });
  }

  /** @param {number} ms */
  async advance(ms) {
    if (!Number.isFinite(ms) || ms < 0) throw wrong('advance takes milliseconds, from 0.', 'ms');
    this.#installed.check('advance');
    const end = this.#now + ms;
    await this.settle();
    for (let timer; (timer = this.#next(end)); await this.settle()) {
      this.#now = Math.max(this.#now, timer.due);
      if (timer.every === undefined) this.#timers.delete(timer.id);
      else timer.due += Math.max(1, timer.every);
      timer.run();
    }
    this.#now = end;
    await this.settle();
  }

  /** Lets everything come to rest that needs no time. */
  async settle() {
    const begin = realNow();
    for (let [turns, since, seen] = [0, begin, activity.count]; turns < QUIET_TURNS || realNow() - since < QUIET_MS; turns++) {
      await turn();
      if (realNow() - begin > REST_MS_MAX) throw new HolmError('timeout', `It is not at rest after ${REST_MS_MAX / 1000} seconds: something begins again and again, or a transaction stays open.`);
      if (activity.open > 0 || activity.count !== seen) [turns, since, seen] = [0, realNow(), activity.count];
    }
  }

  /**
   * The timer that is due first, if that is by `end`.
   * @param {number} end
   */
  #next(end) {
    const due = [...this.#timers.values()].filter(timer => timer.due <= end);
    return due.reduce((first, timer) => (first === undefined || timer.due < first.due ? timer : first), /** @type {Timer | undefined} */ (undefined));
  }

  /** @param {DateConstructor} Real */
  #date(Real) {
    const now = () => this.#now;
    return new Proxy(Real, {
      apply: () => new Real(now()).toString(),
      construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made),
      get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
    });
  }

  #timerFunctions() {
    const set = (/** @type {boolean} */ again) => (/** @type {any} */ work, /** @type {any} */ ms, /** @type {any[]} */ ...given) => {
      const wait = Math.max(0, Number(ms) || 0);
      const id = ++this.#drawn;
      this.#timers.set(id, { id, due: this.#now + wait, every: again ? wait : undefined, run: () => work(...given) });
      activity.happened();
      return immediate ? handle(id) : id;
    };
    const { clearTimeout: beneath } = globalThis;
    const clear = value((/** @type {any} */ id) => {
      if (this.#timers.delete(Number(id))) activity.happened();
      else beneath(id);
    });
    return { setTimeout: value(set(false)), setInterval: value(set(true)), clearTimeout: clear, clearInterval: clear };
  }
}

/**
 * What Node gives for a timer.
 * @param {number} id
 */
function handle(id) {
  const own = { ref: () => own, unref: () => own, hasRef: () => true, [Symbol.toPrimitive]: () => id };
  return own;
}

/** @param {IDBTransaction} transaction */
function watched(transaction) {
  const end = activity.begun();
  for (const name of ['complete', 'abort']) transaction.addEventListener(name, end, { once: true, capture: true });
}

/** Lets everything run that waits for its turn. */
function turn() {
  if (immediate) return new Promise(resolve => { immediate(resolve); });
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(0);
  });
}
