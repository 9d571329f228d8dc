// What a test kit puts in place of something of the page, and puts back.

import { HolmError } from '../errors.js';

/**
 * Gives an object properties of the kit's own until the function that it returns is called.
 * @param {any} object
 * @param {PropertyDescriptorMap} properties
 * @returns {() => void}
 */
export function replaced(object, properties) {
  const before = Object.keys(properties).map(key => /** @type {const} */ ([key, Object.getOwnPropertyDescriptor(object, key)]));
  for (const [key, descriptor] of Object.entries(properties)) Object.defineProperty(object, key, { configurable: true, ...descriptor });
  return () => {
    for (const [key, descriptor] of before) {
      if (descriptor) Object.defineProperty(object, key, descriptor);
      else delete object[key];
    }
  };
}

/** @param {unknown} value */
export const value = value => ({ value, writable: true });

/** Something that is in the page's way from `install` until its restore function is called. */
export class Installed {
  #what;
  /** @type {(() => void) | undefined} */
  #restore;

  /** @param {string} what */
  constructor(what) {
    this.#what = what;
  }

  get now() {
    return this.#restore !== undefined;
  }

  /**
   * @param {() => () => void} put what is done now, giving what takes it back
   * @returns {() => void}
   */
  put(put) {
    if (this.#restore) throw wrong(`This ${this.#what} is installed already; call what install gave first.`);
    const restore = this.#restore = put();
    return () => {
      if (this.#restore !== restore) return;
      this.#restore = undefined;
      restore();
    };
  }

  /** @param {string} call */
  check(call) {
    if (!this.#restore) throw wrong(`${call} needs install() first.`);
  }
}

/**
 * @param {string} sentence
 * @param {string} [field]
 */
export function wrong(sentence, field) {
  return new HolmError('invalid-argument', sentence, { field });
}

/**
 * @param {any} given
 * @param {string[]} names
 * @param {string} call
 */
export function checkNames(given, names, call) {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wrong(`${call} takes an object with ${names.join(', ')}.`);
  for (const name of Object.keys(given)) if (!names.includes(name)) throw wrong(`${name} is no option of ${call}; there are ${names.join(', ')}.`, name);
}

/**
 * @param {unknown} times
 * @param {string} call
 */
export function checkTimes(times, call) {
  if (times !== Infinity && !(Number.isInteger(times) && Number(times) > 0)) throw wrong(`times of ${call} is a whole number from 1, or Infinity.`, 'times');
}
