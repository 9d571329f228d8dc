// The parts of the server's data that this device keeps. Of holm/full.

import { FULL } from './build.js';
import { HolmError } from './errors.js';
import { decode, encode, freezeDeep } from './walk.js';

export class Scopes {
  #session;

  /** @param {import('./database.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Keeps a scope here from now on, until `unsubscribe`.
   * @param {string} name
   * @param {unknown} [args]
   */
  subscribe(name, args) {
    return this.#session.run(async engine => {
      await engine.call('subscribe', scopeKey(name, args));
      void engine.call('syncNow').catch(() => {}); // the status tells
    });
  }

  /**
   * Keeps it no more: its records leave this device, but for those of other scopes and those with mutations that wait.
   * @param {string} name
   * @param {unknown} [args]
   */
  unsubscribe(name, args) {
    return this.#session.run(async engine => {
      await engine.call('unsubscribe', scopeKey(name, args));
      for (let left; (left = (await this.list()).find(scope => scope.leaving));) await engine.call('unsubscribe', scopeKey(left.name, left.args));
    });
  }

  /**
   * Every scope, and where it stands.
   * @returns {Promise<readonly any[]>}
   */
  list() {
    return this.#session.run(async engine => freezeDeep(decode(await engine.call('scopes'))));
  }
}

/**
 * The name of a scope with its arguments.
 * @param {unknown} name
 * @param {unknown} args
 * @param {string} [field]
 */
export function scopeKey(name, args, field = 'args') {
  if (typeof name !== 'string' || !name || name.includes(':')) throw new HolmError('invalid-argument', 'A scope is named by a string without a colon.', { field });
  if (args !== undefined && !FULL) throw new HolmError('invalid-argument', 'Scopes with arguments are of holm/full.', { field });
  return args === undefined ? name : `${name}:${encode(args, field)}`;
}
