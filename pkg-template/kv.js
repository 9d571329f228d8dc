// Settings and flags: one value by key, on this device only.

import { HolmError } from './errors.js';
import { decode, encode, freezeDeep, isWellFormed } from './walk.js';

export class KeyValue {
  #session;
  #namespace;

  /**
   * @param {import('./database.js').Session} session
   * @param {string} namespace
   */
  constructor(session, namespace) {
    this.#session = session;
    this.#namespace = nameText(namespace, 'namespace');
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {{ ttl?: number }} [options] ttl in milliseconds
   */
  set(key, value, { ttl } = {}) {
    return this.#session.run(async engine => {
      if (ttl !== undefined && !(ttl > 0 && Number.isFinite(ttl))) throw new HolmError('invalid-argument', 'ttl is a number of milliseconds.', { field: 'ttl' });
      await engine.call('kvSet', this.#namespace, nameText(key, 'key'), encode(value, key), ttl);
    });
  }

  /** @param {string} key */
  get(key) {
    return this.#session.run(async engine => {
      const text = await engine.call('kvRead', this.#namespace, nameText(key, 'key'));
      return text === undefined ? undefined : freezeDeep(decode(text));
    });
  }

  /** @param {string} key */
  delete(key) {
    return this.#session.run(async engine => { await engine.call('kvDelete', this.#namespace, nameText(key, 'key')); });
  }

  /** @returns {Promise<string[]>} */
  keys() {
    return this.#session.run(async engine => JSON.parse(await engine.call('kvKeys', this.#namespace)));
  }
}

/**
 * @param {unknown} given
 * @param {string} what
 */
function nameText(given, what) {
  if (typeof given === 'string' && given !== '' && isWellFormed(given)) return given;
  throw new HolmError('invalid-argument', `A ${what} of settings is a string that is not empty and holds no lone surrogate.`, { field: what });
}
