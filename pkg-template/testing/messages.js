// The two requests of the protocol, looked through: what comes out has every field, in the form that the rows have.

import { keyOf } from './members.js';
import { invalid } from './refusal.js';
import { parseStamp } from './stamps.js';

const KINDS = ['create', 'patch', 'put', 'delete', 'call', 'skip'];
const NAME_BYTES_MAX = 128;

/** @typedef {import('./merge.js').Data} Data */
/** @typedef {import('./merge.js').Stamps} Stamps */
/** @typedef {import('./merge.js').Ways} Ways */
/**
 * @typedef {{ seq: number, mid: string, kind: string, tx?: string, n?: number, collection: string, id: string, base?: string,
 *   data: Data, stamps: Stamps, ways: Ways, name: string, args: unknown }} Mutation
 */
/** @typedef {{ client: string, schema: number, seen: number, sent: string, mutations: Mutation[] }} Push */
/** @typedef {{ client: string, seen: number, unanswered: string[], limit: number, scopes: { name: string, args: Record<string, unknown>, checkpoint: string | undefined }[] }} Pull */

/** @param {string} text */
export const bytes = text => new TextEncoder().encode(text).length;

/**
 * @param {any} body
 * @returns {Push}
 */
export function readPush(body) {
  checkVersion(body);
  const { client, schema, seen, sent, mutations } = body;
  text(client, 'client');
  whole(schema, 'schema');
  whole(seen, 'seen');
  if (!parseStamp(sent)) throw invalid('sent: not a stamp');
  list(mutations, 'mutations');
  return { client, schema, seen, sent, mutations: mutations.map(readMutation) };
}

/**
 * @param {any} body
 * @returns {Pull}
 */
export function readPull(body) {
  checkVersion(body);
  const { client, schema, seen, unanswered = [], limit, scopes } = body;
  text(client, 'client');
  whole(schema, 'schema');
  whole(seen, 'seen');
  whole(limit, 'limit');
  list(unanswered, 'unanswered');
  for (const mid of unanswered) text(mid, 'unanswered');
  list(scopes, 'scopes');
  name('client', client);
  const names = new Set();
  for (const scope of scopes) {
    text(scope?.name, 'scope name');
    name("a scope's name", scope.name);
    if (scope.checkpoint !== null && typeof scope.checkpoint !== 'string') throw invalid('checkpoint: not a string');
    if (!isObject(scope.args ?? {})) throw invalid('args: not an object');
    const key = keyOf(scope.name, scope.args ?? {});
    if (names.size === names.add(key).size) throw invalid(`scope ${key} comes twice`);
  }
  return { client, seen, unanswered, limit, scopes: scopes.map((/** @type {any} */ scope) => ({ name: scope.name, args: scope.args ?? {}, checkpoint: scope.checkpoint ?? undefined })) };
}

/**
 * A name of 1 to 128 bytes.
 * @param {string} what
 * @param {string} given
 */
export function name(what, given) {
  if (given === '' || bytes(given) > NAME_BYTES_MAX) throw invalid(`${what} holds 1 to ${NAME_BYTES_MAX} bytes`);
}

/** @param {any} body */
function checkVersion(body) {
  if (typeof body !== 'object' || body === null || body.v !== 1) throw invalid(`protocol version ${body?.v}, not 1`);
}

/**
 * @param {any} given
 * @returns {Mutation}
 */
function readMutation(given) {
  if (typeof given !== 'object' || given === null) throw invalid('a mutation is an object');
  const { seq, mid, kind, tx, n, collection = '', id = '', base, data = {}, stamp, stamps = {}, ways = {}, name: called = '', args = null } = given;
  whole(seq, 'seq');
  for (const [value, what] of [[mid, 'mid'], [collection, 'collection'], [id, 'id'], [called, 'name']]) text(value, what);
  if (!KINDS.includes(kind)) throw invalid('kind: not one of its words');
  return {
    seq, mid, kind, tx: optional(tx, 'tx'), n: n ?? undefined, collection, id, base: optional(base, 'base'),
    ...fields(data, stamp, stamps), ways: readWays(ways), name: called, args,
  };
}

/**
 * @param {any} given
 * @returns {Ways}
 */
function readWays(given) {
  const all = Object.entries(isObject(given) ? given : { '': given });
  for (const [, own] of all) if (!isObject(own) || typeof own.way !== 'string') throw invalid('ways: not an object with way and before');
  return new Map(all);
}

/** @param {any} value */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The fields of a message with the stamp of each: what most have in common is said once.
 * @param {any} data
 * @param {any} stamp
 * @param {any} stamps
 * @returns {{ data: Data, stamps: Stamps }}
 */
function fields(data, stamp, stamps) {
  for (const [value, what] of [[data, 'data'], [stamps, 'stamps']]) {
    if (!isObject(value)) throw invalid(`${what}: not an object`);
  }
  const all = new Map(Object.entries(stamps));
  if (stamp !== undefined && stamp !== null) for (const field of Object.keys(data)) if (!all.has(field)) all.set(field, stamp);
  for (const each of all.values()) if (!parseStamp(each)) throw invalid('stamps: not a stamp');
  return { data: new Map(Object.entries(data)), stamps: all };
}

/**
 * Fields with their stamps as a message has them, which `fields` reads.
 * @param {Data} data
 * @param {Stamps} stamps
 */
export function gathered(data, stamps) {
  const isWhole = [...data.keys()].every(field => stamps.has(field));
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const [field, own] of stamps) if (isWhole && data.has(field)) counts.set(own, (counts.get(own) ?? 0) + 1);
  /** @type {string | undefined} */
  let most;
  for (const field of [...stamps.keys()].sort()) {
    const own = /** @type {string} */ (stamps.get(field));
    const count = counts.get(own) ?? 0;
    if (count > 0 && (most === undefined || count >= (counts.get(most) ?? 0))) most = own;
  }
  const others = [...stamps].filter(([field, own]) => own !== most || !data.has(field));
  return {
    ...(data.size && { data: Object.fromEntries(data) }),
    ...(most !== undefined && { stamp: most }),
    ...(others.length && { stamps: Object.fromEntries(others) }),
  };
}

/**
 * @param {unknown} given
 * @param {string} what
 */
function text(given, what) {
  if (typeof given !== 'string') throw invalid(`${what}: not a string`);
}

/**
 * @param {unknown} given
 * @param {string} what
 * @returns {any}
 */
function optional(given, what) {
  if (given !== undefined && given !== null) text(given, what);
  return given ?? undefined;
}

/**
 * @param {unknown} given
 * @param {string} what
 */
function whole(given, what) {
  if (!Number.isSafeInteger(given) || Number(given) < 0) throw invalid(`${what}: not a whole number`);
}

/**
 * @param {unknown} given
 * @param {string} what
 */
function list(given, what) {
  if (!Array.isArray(given)) throw invalid(`${what}: not a list`);
}
