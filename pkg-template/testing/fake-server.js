// A server of the sync protocol that answers the page's `fetch`: what a test sees of it, and what it may do to its answers.

import { decode, encode, encodeFields } from '../walk.js';
import { activity } from './activity.js';
import { Backend } from './backend.js';
import { checkFunctions, delayedBy, record, rejectedBy } from './functions.js';
import { Members } from './members.js';
import { Mishaps } from './mishaps.js';
import { putPlace } from './network.js';
import { Installed, checkNames, wrong } from './patches.js';
import { Refusal, invalid } from './refusal.js';
import { bytes } from './messages.js';
import { compare, nextBy, stampText } from './stamps.js';

const OPTIONS = ['url', 'token', 'conflict', 'collections', 'scopes', 'schema', 'limits', 'functions'];
const POLICIES = ['merge', 'last-write', 'manual'];
const LIMITS = { mutations: 200, bytes: 2_000_000 };
const OTHER_DEVICE = 'c_another-device';

/** @typedef {import('./messages.js').Mutation} Mutation */
/** @typedef {import('./receipts.js').Outcome} Outcome */
/** @typedef {import('./rows.js').Row} Row */

export class FakeServer {
  /** What a request must bring as its bearer token, if anything. @type {string | undefined} */
  token;
  /** Every request of the page, oldest first. @type {any[]} */
  requests = [];
  #installed = new Installed('FakeServer');
  #mishaps = new Mishaps();
  #backend;
  #members;
  #url;
  #limits;
  #epochs = 1;
  #lastStamp = '';
  /** @type {Set<(mutation: any, record: any) => unknown>} */
  #rejects = new Set();
  /** @type {Set<(mutation: any, record: any) => unknown>} */
  #retries = new Set();

  /** @param {any} [options] */
  constructor(options = {}) {
    checkNames(options, OPTIONS, 'FakeServer');
    const { url = 'http://holm.test/sync', token, conflict = 'merge', collections, scopes, schema, limits = {}, functions = {} } = options;
    this.#url = address(url);
    this.token = token;
    this.#limits = { ...LIMITS, ...limits };
    if (collections !== undefined && !Array.isArray(collections)) throw wrong('collections is a list of names.', 'collections');
    this.#members = new Members(scopes);
    this.#backend = new Backend({
      members: this.#members,
      policyOf: policies(conflict), hasCollection: collection => collections?.includes(collection) ?? true, schema, limits: this.#limits,
      check: (mutation, row) => this.#verdict(mutation, row), functions: checkFunctions(functions),
    });
  }

  /** The address for `open({ sync: { url } })`. */
  get url() {
    return this.#url;
  }

  install() {
    return this.#installed.put(() => putPlace({
      url: this.#url,
      takes: url => url === this.#url || url.startsWith(`${this.#url}/`),
      answer: request => this.#answer(request),
    }));
  }

  // ---- What it has

  /** @param {string} collection */
  rows(collection) {
    return this.#backend.rows.alive(name(collection, 'A collection')).map(([id, row]) => record(id, row));
  }

  /**
   * @param {string} collection
   * @param {string} id
   */
  row(collection, id) {
    const row = this.#backend.rows.find(name(collection, 'A collection'), name(id, 'A record id'));
    return row && !row.deleted ? record(id, row) : undefined;
  }

  /** Each mutation that had its effect, once. */
  get effects() {
    return this.#backend.effects.map(shown);
  }

  // ---- What other devices do

  /**
   * @param {string} collection
   * @param {any} given
   */
  put(collection, given) {
    const { id = crypto.randomUUID(), ...fields } = { ...given };
    const data = new Map(Object.entries(JSON.parse(encodeFields(fields, { patch: false }))));
    const before = this.#backend.rows.find(name(collection, 'A collection'), name(id, 'A record id'));
    const stamp = this.#stamp();
    const stamps = new Map([...before?.data.keys() ?? [], ...data.keys()].map(field => [field, stamp]));
    this.#backend.rows.save(collection, id, { data, stamps });
    return id;
  }

  /**
   * @param {string} collection
   * @param {string} id
   * @param {any} fields
   */
  patch(collection, id, fields) {
    const before = this.#backend.rows.find(name(collection, 'A collection'), name(id, 'A record id'));
    if (!before || before.deleted) throw wrong(`The server has no ${collection}/${id} to patch; put it first.`);
    const stamp = this.#stamp();
    const [data, stamps] = [new Map(before.data), new Map(before.stamps)];
    for (const [field, given] of Object.entries(fields)) {
      if (given === undefined) data.delete(field);
      else data.set(field, JSON.parse(encode(given, field)));
      stamps.set(field, stamp);
    }
    this.#backend.rows.save(collection, id, { data, stamps });
  }

  /**
   * @param {string} collection
   * @param {string} id
   */
  delete(collection, id) {
    const before = this.#backend.rows.find(name(collection, 'A collection'), name(id, 'A record id'));
    if (before && !before.deleted) this.#backend.rows.save(collection, id, { deleted: true });
  }

  /** The data was restored from a backup, or rebuilt: every checkpoint is void. */
  newEpoch() {
    this.#epochs++;
    this.#backend.epoch = `e-${this.#epochs}`;
    this.#backend.rows.life = String(this.#epochs);
  }

  // ---- What it decides

  /** @param {(mutation: any, record: any) => unknown} rule */
  reject(rule) {
    return added(this.#rejects, rule, 'reject');
  }

  /** @param {(mutation: any, record: any) => unknown} rule */
  retry(rule) {
    return added(this.#retries, rule, 'retry');
  }

  /**
   * @param {string} scope
   * @param {string} id
   */
  forbid(scope, id) {
    this.#members.forbid(scope, id, true);
  }

  /**
   * @param {string} scope
   * @param {string} id
   */
  allow(scope, id) {
    this.#members.forbid(scope, id, false);
  }

  // ---- What becomes of its answers

  /**
   * @param {number} status
   * @param {any} [how]
   */
  fail(status, how) {
    return this.#mishaps.fail(status, how);
  }

  /** @param {any} [how] */
  loseAnswer(how) {
    return this.#mishaps.add('loseAnswer', 'lose', how);
  }

  /** @param {any} [how] */
  truncate(how) {
    return this.#mishaps.add('truncate', 'truncate', how);
  }

  /** @param {any} [how] */
  captivePortal(how) {
    return this.#mishaps.add('captivePortal', 'portal', how);
  }

  /** @param {any} [how] */
  hold(how) {
    return this.#mishaps.hold(how);
  }

  /** Forgets everything that was to become of answers. */
  heal() {
    this.#mishaps.clear();
  }

  // ---- Its work

  /** @param {Request} request */
  async #answer(request) {
    const text = await activity.during(request.text());
    request.signal.throwIfAborted();
    const path = request.url.slice(this.#url.length);
    const told = { kind: path.slice(1), method: request.method, path, token: bearer(request), body: parsed(text), status: 0, answer: /** @type {unknown} */ (undefined) };
    this.requests.push(told);
    activity.happened();
    const mishap = this.#mishaps.next(told.kind);
    if (mishap?.instead) return mishap.instead(told);
    let status = 200;
    try {
      told.answer = this.#handle(request, text, told);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      ({ status, body: told.answer } = error);
    }
    told.status = status;
    const response = () => new Response(JSON.stringify(told.answer), { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } });
    return mishap ? mishap.after(response) : response();
  }

  /**
   * @param {Request} request
   * @param {string} text
   * @param {{ kind: string, token: string | undefined, body: unknown }} told
   */
  #handle(request, text, { kind, token, body }) {
    if (kind !== 'push' && kind !== 'pull') throw new Refusal('not-found', 'nothing is here');
    if (request.method !== 'POST') throw new Refusal('invalid-request', 'send it with POST', { status: 405 });
    if (this.token !== undefined && token !== this.token) throw new Refusal('unauthorized', 'another token, please');
    const [type] = (request.headers.get('content-type') ?? '').split(';');
    if (type.trim().toLowerCase() !== 'application/json') throw new Refusal('invalid-request', 'the content type is application/json', { status: 415 });
    if (bytes(text) > this.#limits.bytes) throw new Refusal('payload-too-large', `at most ${this.#limits.bytes} bytes`, { limits: this.#limits });
    if (body === undefined) throw invalid('not JSON');
    return this.#backend[kind](body, Date.now());
  }

  /**
   * @param {Mutation} mutation
   * @param {Row | undefined} row
   * @returns {Outcome | undefined}
   */
  #verdict(mutation, row) {
    for (const rule of this.#rejects) {
      const rejected = rejectedBy(rule(shown(mutation), row && record(mutation.id, row)));
      if (rejected) return rejected;
    }
    for (const rule of this.#retries) {
      const delayed = delayedBy(rule(shown(mutation), row && record(mutation.id, row)));
      if (delayed) return delayed;
    }
    return undefined;
  }

  /** A stamp of another device, later than those before it. */
  #stamp() {
    const now = stampText({ ms: Date.now(), counter: 0, client: OTHER_DEVICE });
    this.#lastStamp = this.#lastStamp && compare(now, this.#lastStamp) <= 0 ? nextBy(this.#lastStamp, OTHER_DEVICE) : now;
    return this.#lastStamp;
  }
}

/** @param {Mutation} mutation */
function shown({ kind, collection, id, data, mid, tx, name: called, args }) {
  const call = kind === 'call' && { name: called, args: decode(JSON.stringify(args)) };
  return { kind, collection, id, data: decode(JSON.stringify(Object.fromEntries(data))), mid, ...(tx !== undefined && { tx }), ...call };
}

/** @param {unknown} url */
function address(url) {
  const page = globalThis.location?.href;
  if (typeof url === 'string' && url !== '' && URL.canParse(url, page)) {
    const whole = new URL(url, page);
    if (/^https?:$/.test(whole.protocol) && !whole.search && !whole.hash) return whole.href.replace(/\/+$/, '');
  }
  throw wrong('url is an http: address without ? and #, like "http://holm.test/sync"; a relative one needs a page.', 'url');
}

/**
 * @param {any} conflict
 * @returns {(collection: string) => import('./merge.js').Policy}
 */
function policies(conflict) {
  const each = typeof conflict === 'string' ? [conflict] : Object.values(conflict ?? {});
  if (typeof conflict !== 'string' && (typeof conflict !== 'object' || conflict === null) || each.some(policy => !POLICIES.includes(policy))) {
    throw wrong(`conflict is one of ${POLICIES.join(', ')}, or one for each collection.`, 'conflict');
  }
  return collection => (typeof conflict === 'string' ? conflict : Object.hasOwn(conflict, collection) ? conflict[collection] : 'merge');
}

/**
 * @param {Set<(mutation: any, record: any) => unknown>} rules
 * @param {(mutation: any, record: any) => unknown} rule
 * @param {string} call
 */
function added(rules, rule, call) {
  if (typeof rule !== 'function') throw wrong(`${call} takes a function of a mutation.`);
  const own = (/** @type {any} */ mutation, /** @type {any} */ row) => rule(mutation, row);
  rules.add(own);
  return () => { rules.delete(own); };
}

/**
 * @param {unknown} given
 * @param {string} what
 */
function name(given, what) {
  if (typeof given !== 'string' || given === '') throw wrong(`${what} is a string that is not empty.`);
  return given;
}

/** @param {Request} request */
function bearer(request) {
  return /^Bearer (.*)$/.exec(request.headers.get('authorization') ?? '')?.[1];
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
