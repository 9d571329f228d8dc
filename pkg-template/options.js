// What an app opens a database with, looked through before anything is done: what it misspells is told by its name.

import { HolmError } from './errors.js';
import { Schema } from './schema.js';
import { scopeKey } from './scopes.js';
import { isWellFormed } from './walk.js';

const OPTIONS = ['name', 'schema', 'storage', 'durability', 'cacheBytes', 'sync', 'wasm'];
const CACHE_BYTES_MAX = 2 ** 30;
const SYNC = ['url', 'getToken', 'scopes'];
const SCOPE = ['name', 'args'];
const WASM = /^\[object (ArrayBuffer|SharedArrayBuffer|URL|Request|Response|WebAssembly\.Module|Promise)\]$/;

/**
 * @param {any} options
 * @returns {import('./shared.js').Options}
 */
export function checkOptions(options) {
  known(options, OPTIONS, '');
  const { name, schema, storage = 'indexeddb', durability = 'relaxed', cacheBytes, sync, wasm } = options;
  if (!isName(name)) throw wrong('name', 'is a string that is not empty and holds no lone surrogate');
  if (!(schema instanceof Schema)) throw wrong('schema', 'comes from defineSchema');
  if (storage !== 'indexeddb' && storage !== 'memory') throw wrong('storage', "is 'indexeddb' or 'memory'");
  checkDurability(durability);
  if (cacheBytes !== undefined && !(Number.isInteger(cacheBytes) && cacheBytes >= 0 && cacheBytes <= CACHE_BYTES_MAX)) throw wrong('cacheBytes', `is a whole number of bytes, at most ${CACHE_BYTES_MAX}`);
  if (wasm !== undefined && !isWasm(wasm)) throw wrong('wasm', 'is the address of the WebAssembly, a Response with it, its bytes or its module');
  /** @type {import('./engine.d.ts').EngineOptions} */
  const flat = { name, schema: schema.text, storage, durability };
  if (cacheBytes !== undefined) flat.cacheBytes = cacheBytes;
  if (sync === undefined) return { flat, schema, wasm, askToken: undefined };
  known(sync, SYNC, 'sync');
  const { url, getToken, scopes } = sync;
  flat.syncUrl = address(url);
  if (getToken !== undefined && typeof getToken !== 'function') throw wrong('sync.getToken', 'is a function');
  if (scopes !== undefined) flat.scopes = scopesText(scopes);
  return { flat, schema, wasm, askToken: getToken && (async (/** @type {string} */ reason) => getToken(reason)) };
}

/**
 * The options of a transaction.
 * @param {any} options
 * @returns {{ durability?: 'relaxed' | 'strict' }}
 */
export function checkedDurability(options) {
  known(options, ['durability'], '', 'transaction');
  if (options.durability !== undefined) checkDurability(options.durability);
  return options;
}

/** @param {unknown} durability */
function checkDurability(durability) {
  if (durability !== 'relaxed' && durability !== 'strict') throw wrong('durability', "is 'relaxed' or 'strict'");
}

/** @param {unknown} url */
function address(url) {
  const field = 'sync.url';
  if (typeof url !== 'string' || url === '') throw wrong(field, 'is an address');
  /** @type {URL} */
  let whole;
  try {
    whole = new URL(url, globalThis.location?.href);
  } catch (cause) {
    throw new HolmError('invalid-argument', `sync.url is no address: "${url}".`, { field, cause });
  }
  if (!/^https?:$/.test(whole.protocol)) throw wrong(field, `begins with http: or https:, not ${whole.protocol}`);
  if (whole.search || whole.hash || whole.username) throw wrong(field, 'has no ?, # or user: paths are put behind it');
  return whole.href;
}

/** @param {unknown} scopes */
function scopesText(scopes) {
  if (!Array.isArray(scopes)) throw wrong('sync.scopes', 'is a list of { name }');
  return JSON.stringify(scopes.map((scope, index) => {
    const field = `sync.scopes[${index}]`;
    known(scope, SCOPE, field);
    if (!isName(scope.name)) throw wrong(`${field}.name`, 'is a string that is not empty');
    return scopeKey(scope.name, scope.args, field);
  }));
}

/**
 * @param {any} given
 * @param {string[]} names
 * @param {string} where
 * @param {string} [call]
 */
function known(given, names, where, call = 'open') {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wrong(where || call, `takes an object with ${names.join(', ')}`);
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw wrong(where ? `${where}.${name}` : name, `is no option; there are ${names.join(', ')}`);
  }
}

/** @param {unknown} name */
function isName(name) {
  return typeof name === 'string' && name !== '' && isWellFormed(name);
}

/** @param {unknown} wasm */
function isWasm(wasm) {
  return typeof wasm === 'string' ? wasm !== '' : ArrayBuffer.isView(wasm) || WASM.test(Object.prototype.toString.call(wasm));
}

/**
 * @param {string} field
 * @param {string} must
 */
function wrong(field, must) {
  return new HolmError('invalid-argument', `${field} ${must}.`, { field });
}
