// From a value of the app to JSON text, and back. One walk decides what can be stored unchanged: what JSON would
// change in silence is either carried in the tagged form {"$holm": […]} or refused with the path to it.

import { HolmError } from './errors.js';

const DEPTH_MAX = 100; // deeper is a cycle or a mistake, and would overflow other readers' stacks
const TEXT_MAX = 1_048_576; // one record; the engine counts its bytes again
const DIGITS_MAX = 4_096; // of a bigint, as the engine has it: reading them takes time that grows with their square
const TAG = '$holm';

/** @typedef {{ ancestors: object[], path: (string | number)[], room: number }} Walk */

/**
 * JSON text of one value.
 * @param {unknown} value
 * @param {string} [field] where the value stands, for the error
 * @returns {string}
 */
export function encode(value, field) {
  return walked(field === undefined ? [] : [field], walk => encodeAny(value, walk));
}

/**
 * JSON text of the fields of one record. An undefined field is left out; in a patch it is unset.
 * @param {any} fields
 * @param {{ patch: boolean }} options
 * @returns {string}
 */
export function encodeFields(fields, { patch }) {
  const plain = plainFields(fields);
  const text = plain ? JSON.stringify(plain) : '';
  if (plain && text.length <= TEXT_MAX) return text;
  return walked([], walk => {
    if (kind(fields) !== 'object') throw refuse(walk, 'invalid-record', `A record is a plain object, not ${fields?.constructor?.name ?? fields}`);
    return `{${encodeMembers(fields, walk, patch ? 'unset' : 'leave-out', 'id')}}`;
  });
}

// The fields that the last record had, and in which order they are stored: an app's records come alike.
let known = { keys: [''], sorted: [''] };

/**
 * A copy of a record's fields, in the order in which they are stored, where they hold nothing that JSON would change: the browser
 * writes it faster than a walk. Of any other record nothing: the walk looks at it.
 * @param {any} fields
 * @returns {object | undefined}
 */
export function plainFields(fields) {
  try {
    return plainCopy(fields);
  } catch {
    return undefined; // a getter threw: the walk tells where
  }
}

/** @param {any} fields */
function plainCopy(fields) {
  if (kind(fields) !== 'object' || fields.toJSON !== undefined || Object.getOwnPropertySymbols(fields).length) return undefined;
  const keys = Object.keys(fields);
  if (keys.length !== known.keys.length || keys.some((key, index) => key !== known.keys[index])) {
    known = { keys, sorted: keys.filter(key => key !== 'id').sort() };
  }
  /** @type {Record<string, unknown>} */
  const plain = {};
  for (const key of known.sorted) {
    const value = fields[key];
    if (key === '__proto__' || !isWellFormed(key) || !isPlain(value) && !isPlainList(value)) return undefined;
    plain[key] = value;
  }
  return plain;
}

/** @param {unknown} value */
function isPlain(value) {
  switch (typeof value) {
    case 'string': return value.length <= TEXT_MAX && isWellFormed(value);
    case 'number': return Number.isFinite(value) && !Object.is(value, -0);
    case 'boolean': return true;
    default: return value === null;
  }
}

/** @param {any} list */
function isPlainList(list) {
  return Array.isArray(list) && !('toJSON' in list) && Object.keys(list).length === list.length && list.every(isPlain);
}

/**
 * Runs a walk; what a getter or a proxy throws in it is told with the path to it.
 * @param {(string | number)[]} path
 * @param {(walk: Walk) => string} run
 */
function walked(path, run) {
  /** @type {Walk} */
  const walk = { ancestors: [], path, room: TEXT_MAX };
  try {
    return run(walk);
  } catch (cause) {
    if (cause instanceof HolmError) throw cause;
    throw refuse(walk, 'invalid-value', 'Reading this value threw', cause);
  }
}

/**
 * @param {any} value
 * @param {Walk} walk
 * @returns {string}
 */
function encodeAny(value, walk) {
  switch (typeof value) {
    case 'string': return spend(walk, encodeString(value, walk));
    case 'number': return spend(walk, encodeNumber(value, walk));
    case 'boolean': return spend(walk, value ? 'true' : 'false');
    case 'bigint': return spend(walk, encodeBigint(value, walk));
    case 'object': return value === null ? spend(walk, 'null') : encodeObject(value, walk);
    default: throw refuse(walk, 'invalid-value', `${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`} cannot be stored`);
  }
}

/**
 * @param {string} text
 * @param {Walk} walk
 */
function encodeString(text, walk) {
  if (text.length > walk.room) spend(walk, text);
  if (!isWellFormed(text)) throw refuse(walk, 'invalid-value', 'A string with a lone surrogate cannot be stored unchanged');
  return JSON.stringify(text);
}

/**
 * @param {bigint} number
 * @param {Walk} walk
 */
function encodeBigint(number, walk) {
  const digits = String(number);
  if (digits.length > DIGITS_MAX) throw refuse(walk, 'invalid-value', `A bigint has at most ${DIGITS_MAX} digits, not ${digits.length}`);
  return `{"${TAG}":["bigint","${digits}"]}`;
}

/**
 * @param {number} number
 * @param {Walk} walk
 */
function encodeNumber(number, walk) {
  if (!Number.isFinite(number)) throw refuse(walk, 'invalid-value', `${number} cannot be stored`);
  return Object.is(number, -0) ? `{"${TAG}":["-0"]}` : String(number);
}

/**
 * @param {any} value
 * @param {Walk} walk
 * @returns {string}
 */
function encodeObject(value, walk) {
  const what = kind(value);
  if (what === 'date') return spend(walk, encodeDate(value, walk));
  if (what === 'bytes') return spend(walk, `{"${TAG}":["bytes","${base64(value, walk)}"]}`);
  if (what === 'other') throw refuse(walk, 'invalid-value', `${named(value)} cannot be stored; only plain objects, arrays, Date and bytes`);
  if (walk.ancestors.includes(value)) throw refuse(walk, 'invalid-value', 'A value that contains itself cannot be stored');
  if (walk.ancestors.length >= DEPTH_MAX) throw refuse(walk, 'invalid-value', `Nothing deeper than ${DEPTH_MAX} levels can be stored`);
  walk.ancestors.push(value);
  const text = what === 'array' ? encodeArray(value, walk) : encodePlain(value, walk);
  walk.ancestors.pop();
  return text;
}

/**
 * @param {any[]} array
 * @param {Walk} walk
 */
function encodeArray(array, walk) {
  if (Object.keys(array).length !== array.length) {
    throw refuse(walk, 'invalid-value', 'An array with holes or named properties cannot be stored unchanged');
  }
  let text = '';
  for (let index = 0; index < array.length; index++) {
    walk.path.push(index);
    text += (index ? ',' : '') + encodeAny(array[index], walk);
    walk.path.pop();
  }
  return spend(walk, `[${text}]`, 2 + array.length);
}

/**
 * @param {any} object
 * @param {Walk} walk
 */
function encodePlain(object, walk) {
  const text = spend(walk, `{${encodeMembers(object, walk, 'refuse')}}`, 2);
  return Object.hasOwn(object, TAG) ? spend(walk, `{"${TAG}":["object",${text}]}`, 20) : text;
}

/**
 * @param {any} object
 * @param {Walk} walk
 * @param {'refuse' | 'leave-out' | 'unset'} undefineds what an undefined member means
 * @param {string} [skipped] a key that is not written
 */
function encodeMembers(object, walk, undefineds, skipped) {
  for (const symbol of Object.getOwnPropertySymbols(object)) {
    if (Object.prototype.propertyIsEnumerable.call(object, symbol)) throw refuse(walk, 'invalid-value', 'A symbol as a key cannot be stored');
  }
  let text = '';
  for (const key of Object.keys(object)) {
    if (key === skipped) continue;
    walk.path.push(key);
    if (key === '__proto__') throw refuse(walk, 'invalid-value', 'A field cannot be named __proto__');
    const value = object[key];
    if (value !== undefined || undefineds === 'refuse') text += `${text && ','}${spend(walk, encodeString(key, walk))}:${encodeAny(value, walk)}`;
    else if (undefineds === 'unset') text += `${text && ','}${encodeString(key, walk)}:{"${TAG}":["unset"]}`;
    walk.path.pop();
  }
  return text;
}

/**
 * @param {Date} date
 * @param {Walk} walk
 */
function encodeDate(date, walk) {
  const time = Date.prototype.getTime.call(date);
  if (Number.isNaN(time)) throw refuse(walk, 'invalid-value', 'An invalid Date cannot be stored');
  return `{"${TAG}":["date",${time}]}`;
}

/**
 * What a value is to the walk, whichever window made it.
 * @param {any} value
 * @returns {'object' | 'array' | 'date' | 'bytes' | 'other'}
 */
function kind(value) {
  if (typeof value !== 'object' || value === null) return 'other';
  if (Array.isArray(value)) return 'array';
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return 'object';
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object Date]') return 'date';
  if (tag === '[object Uint8Array]' || tag === '[object ArrayBuffer]') return 'bytes';
  const fromAnotherWindow = Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
  return fromAnotherWindow ? 'object' : 'other';
}

/** @param {any} value */
function named(value) {
  const name = value?.constructor?.name;
  return typeof name === 'string' && name ? `A ${name}` : 'This object';
}

/** @type {(text: string) => boolean} */
export const isWellFormed = 'isWellFormed' in String.prototype
  ? text => /** @type {any} */ (text).isWellFormed()
  : text => !/\p{Surrogate}/u.test(text);

/**
 * Keeps one value from growing past a record, before memory does: shared parts count each time they are written.
 * @param {Walk} walk
 * @param {string} text
 * @param {number} [size]
 */
function spend(walk, text, size = text.length) {
  walk.room -= size;
  if (walk.room < 0) throw refuse(walk, 'record-too-large', 'A record holds at most 1 MB');
  return text;
}

/**
 * @param {Walk} walk
 * @param {import('./index.d.ts').ErrorCode} code
 * @param {string} sentence
 * @param {unknown} [cause]
 */
function refuse(walk, code, sentence, cause) {
  const field = walk.path.reduce((/** @type {string} */ path, step) => (
    typeof step === 'number' ? `${path}[${step}]` : path ? `${path}.${step}` : step), '');
  const details = cause === undefined ? { field: field || undefined } : { field: field || undefined, cause };
  return new HolmError(code, field ? `${sentence} (at ${field}).` : `${sentence}.`, details);
}

/**
 * @param {Uint8Array | ArrayBuffer} value
 * @param {Walk} walk
 */
function base64(value, walk) {
  const bytes = ArrayBuffer.isView(value) ? value : new Uint8Array(value);
  spend(walk, '', bytes.byteLength);
  let binary = '';
  for (let start = 0; start < bytes.length; start += 8192) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(binary);
}

/**
 * The value behind JSON text that `encode` or the engine made.
 * @param {string} text
 * @returns {any}
 */
export function decode(text) {
  const value = JSON.parse(text);
  return text.includes(`"${TAG}"`) ? revive(value) : value;
}

/**
 * @param {any} value
 * @returns {any}
 */
export function revive(value) {
  if (typeof value !== 'object' || value === null) return value;
  const tagged = Object.hasOwn(value, TAG) ? value[TAG] : undefined;
  if (Array.isArray(tagged)) return reviveTagged(tagged);
  // JSON.parse made every key its own property, "__proto__" included, so this assignment reaches no prototype.
  for (const key of Object.keys(value)) value[key] = revive(value[key]);
  return value;
}

/** @param {any[]} tagged */
function reviveTagged([type, body]) {
  switch (type) {
    case 'bigint': return BigInt(body);
    case 'date': return new Date(body);
    case 'bytes': return Uint8Array.from(atob(body), char => char.charCodeAt(0));
    case '-0': return -0;
    case 'object':
      for (const key of Object.keys(body)) body[key] = revive(body[key]);
      return body;
    default: return undefined;
  }
}

/**
 * Freezes what JSON.parse and `revive` made, all the way down. Date and bytes cannot be frozen: do not change them.
 * @template T
 * @param {T} value
 * @returns {T}
 */
export function freezeDeep(value) {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const key of Object.keys(value)) freezeDeep(/** @type {any} */ (value)[key]);
  return Object.freeze(value);
}
