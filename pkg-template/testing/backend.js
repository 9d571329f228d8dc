// A backend of the sync protocol in memory: its rules as docs/protocol.md has them, without a network. It decides as `crates/server` does.

import { canonical } from './canonical.js';
import { called } from './functions.js';
import { decide, lastWrite, merge } from './merge.js';
import { keyOf } from './members.js';
import { bytes, name, readPull, readPush } from './messages.js';
import { Receipts } from './receipts.js';
import { Refusal, invalid } from './refusal.js';
import { Rows, shown } from './rows.js';
import { shifted, stampText, read } from './stamps.js';

const CHANGES_MAX = 1_000;
const ANSWER_BYTES = 2_000_000;
const RECORD_BYTES_MAX = 2 ** 20;
const ID_BYTES_MAX = 512;
const NAME_BYTES_MAX = 128;
const SCOPES_MAX = 100;

/** @typedef {import('./messages.js').Mutation} Mutation */
/** @typedef {import('./receipts.js').Outcome} Outcome */
/** @typedef {import('./rows.js').Row} Row */
/** @typedef {import('./merge.js').Policy} Policy */
/**
 * @typedef {object} Rules
 * @property {(collection: string) => Policy} policyOf
 * @property {(collection: string) => boolean} hasCollection
 * @property {{ min: number, max: number } | undefined} schema
 * @property {{ mutations: number, bytes: number }} limits
 * @property {import('./members.js').Members} members
 * @property {(mutation: Mutation, row: Row | undefined) => Outcome | undefined} check
 * @property {import('./functions.js').Functions} functions
 */

export class Backend {
  rows;
  receipts = new Receipts();
  /** Each mutation that had its effect. @type {Mutation[]} */
  effects = [];
  epoch = 'e-1';
  #rules;

  /** @param {Rules} rules */
  constructor(rules) {
    this.#rules = rules;
    this.rows = new Rows(rules.members);
  }

  /**
   * @param {unknown} body
   * @param {number} nowMs
   */
  push(body, nowMs) {
    const request = readPush(body);
    const { mutations, client: id } = request;
    this.#checkEnvelope(request);
    const client = this.receipts.client(id);
    const seen = Math.max(client.seen, Math.min(request.seen, client.last));
    checkOrder(client.last, mutations);
    const units = unitsOf(mutations);
    checkRecords(units);
    const known = new Map(mutations.map(mutation => [mutation, this.receipts.recall(client, seen, mutation)]));
    client.seen = seen;
    const now = stampText({ ms: nowMs, counter: 0, client: 'server' });
    const results = [];
    for (const unit of units) {
      const outcomes = this.#settle(unit, known, request.sent, now);
      for (const [at, mutation] of unit.entries()) {
        if (mutation.seq > client.last) this.receipts.remember(client, mutation, outcomes[at]);
        results.push({ seq: mutation.seq, ...outcomes[at] });
      }
    }
    this.receipts.store(id, client);
    return { v: 1, epoch: this.epoch, now, acked: client.last, results, limits: this.#rules.limits };
  }

  /**
   * @param {unknown} body
   * @param {number} nowMs
   */
  pull(body, nowMs) {
    const { client: id, seen, unanswered, limit, scopes } = readPull(body);
    if (scopes.length > SCOPES_MAX) throw invalid(`at most ${SCOPES_MAX} scopes`);
    if (seen < this.receipts.client(id).seen) throw new Refusal('seq-reused', `more results were seen than those up to seq ${seen}`);
    this.receipts.checkUnanswered(id, seen, unanswered);
    const results = this.receipts.unseen(id, seen);
    const room = { changes: Math.min(Math.max(limit, 1), CHANGES_MAX), bytes: ANSWER_BYTES };
    return {
      v: 1, epoch: this.epoch, now: stampText({ ms: nowMs, counter: 0, client: 'server' }), acked: this.receipts.client(id).last,
      ...(results.length && { results }), scopes: scopes.map(scope => this.#page(scope, room)),
    };
  }

  /** @param {import('./messages.js').Push} request */
  #checkEnvelope({ client, schema, mutations }) {
    const { limits, schema: served } = this.#rules;
    name('client', client);
    if (mutations.length > limits.mutations) throw new Refusal('payload-too-large', `at most ${limits.mutations} mutations`, { limits });
    if (served && (schema < served.min || schema > served.max)) {
      throw new Refusal('schema-unsupported', `schema ${served.min} to ${served.max}, not ${schema}`, served);
    }
    const mids = new Set();
    for (const { mid, tx } of mutations) {
      name('mid', mid);
      if (tx !== undefined) name('tx', tx);
      if (mids.size === mids.add(mid).size) throw invalid(`mid ${mid} comes twice`);
    }
  }

  /**
   * Applies a unit whole, or not at all; what was answered before is answered again.
   * @param {Mutation[]} unit
   * @param {Map<Mutation, Outcome | undefined>} known
   * @param {string} sent
   * @param {string} now
   */
  #settle(unit, known, sent, now) {
    const effects = this.effects.length;
    this.rows.begin();
    /** @type {Outcome[]} */
    const outcomes = [];
    for (const mutation of unit) {
      const outcome = known.get(mutation) ?? this.#apply(mutation, sent, now);
      outcomes.push(outcome);
      if (outcome.status !== 'ok' && unit.length > 1) {
        this.rows.rollback();
        this.effects.length = effects;
        return aborted(unit, known, outcomes);
      }
    }
    return outcomes;
  }

  /**
   * @param {Mutation} mutation
   * @param {string} sent
   * @param {string} now
   * @returns {Outcome}
   */
  #apply(mutation, sent, now) {
    const { collection, id, kind, base } = mutation;
    const refused = this.#refuse(mutation);
    if (refused) return refused;
    if (kind === 'call') return this.#call(mutation, sent, now);
    const row = this.rows.find(collection, id);
    const verdict = this.#rules.check(mutation, row?.deleted ? undefined : row);
    if (verdict) return verdict;
    const decision = decide(this.#rules.policyOf(collection), kind, base, row);
    if (decision === 'conflict') return { status: 'conflict', server: shown(row) };
    const after = this.#planned(decision, mutation, row, stampsOf(mutation, row, sent, now));
    if (after && after.data && bytes(canonical(after.data)) > RECORD_BYTES_MAX) return rejected('record-too-large', 'A record holds at most 1 MB.');
    const rev = after ? this.rows.save(collection, id, after).rev : row?.rev;
    this.effects.push(mutation);
    return { status: 'ok', ...(rev !== undefined && { rev }) };
  }

  /**
   * @param {Mutation} mutation
   * @param {string} sent
   * @param {string} now
   * @returns {Outcome}
   */
  #call(mutation, sent, now) {
    const { functions } = this.#rules;
    const verdict = Object.hasOwn(functions, mutation.name) ? this.#rules.check(mutation, undefined) : undefined;
    const outcome = verdict ?? called(functions, this.rows, mutation, { sent, now });
    if (outcome.status === 'ok') this.effects.push(mutation);
    return outcome;
  }

  /**
   * What no row needs to be read for.
   * @param {Mutation} mutation
   */
  #refuse({ kind, collection, id }) {
    if (kind === 'skip') return rejected('undeliverable', 'The server failed on this one again and again; it is parked.');
    if (kind === 'call') return undefined;
    if (collection === '' || bytes(collection) > NAME_BYTES_MAX || !this.#rules.hasCollection(collection)) {
      return rejected('unknown-collection', 'The schema declares no such collection.');
    }
    return id === '' || bytes(id) > ID_BYTES_MAX ? rejected('invalid-id', 'A record id is a string of 1 to 512 bytes.') : undefined;
  }

  /**
   * What the row becomes, if it changes.
   * @param {import('./merge.js').Decision} decision
   * @param {Mutation} mutation
   * @param {Row | undefined} row
   * @param {import('./merge.js').Stamps} stamps
   * @returns {import('./rows.js').State | undefined}
   */
  #planned(decision, mutation, row, stamps) {
    const { kind, base, data } = mutation;
    const whole = { data, stamps };
    if (decision === 'nothing') return undefined;
    if (decision === 'delete') return { deleted: true };
    if (decision === 'write' || !row) return whole;
    if (decision === 'last-write') {
      if (!lastWrite(row.stamps, stamps)) return undefined;
      if (kind !== 'patch') return whole;
    }
    const seen = decision === 'merge' ? this.#changeSeen(base) : Infinity;
    const after = { data: new Map(row.data), stamps: new Map(row.stamps) };
    const lost = merge(after, mutation, stamps, field => (seen === undefined ? true : (row.fields.get(field) ?? 0) > seen));
    return lost === stamps.size ? undefined : after;
  }

  /**
   * The change that a revision stands for, if it is one of this server's.
   * @param {string | undefined} base
   */
  #changeSeen(base) {
    const parts = /^(\d+)-(.+)$/.exec(base ?? '');
    if (!parts || parts[2] !== this.rows.life || Number(parts[1]) > this.rows.last) return undefined;
    return Number(parts[1]);
  }

  /**
   * @param {{ name: string, args: Record<string, unknown>, checkpoint: string | undefined }} asked
   * @param {{ changes: number, bytes: number }} room
   */
  #page({ name: scope, args, checkpoint }, room) {
    const key = keyOf(scope, args);
    if (!this.#rules.members.maySee(scope, args)) return { key, checkpoint: '', more: false, ...(checkpoint !== undefined && { reset: true }), forbidden: true, changes: [] };
    const isPart = key !== scope;
    const known = checkpoint === undefined ? undefined : this.#place(key, checkpoint);
    const from = known ?? { change: 0, start: this.rows.last };
    const found = isPart ? this.#members(key, from) : this.rows.changes(scope, from.change, from.start ?? 0).map(([id, row]) => ({ collection: scope, id, change: row.change, row }));
    const total = known ? undefined : isPart ? found.length : this.rows.alive(scope).length;
    const changes = [];
    let last = from.change;
    for (const { collection, id, change: at, row } of found) {
      if (changes.length === room.changes || room.bytes <= 0) break;
      const change = { collection, id, ...(row ? shown(row) : { gone: true }) };
      room.bytes -= JSON.stringify(change).length;
      changes.push(change);
      last = at;
    }
    const more = changes.length < found.length;
    const place = more ? { change: last, start: from.start } : { change: this.rows.last };
    return {
      key, checkpoint: this.#checkpoint(key, place), more, ...(checkpoint !== undefined && !known && { reset: true }),
      ...(from.start !== undefined && last <= from.start && { fresh: true }), ...(total !== undefined && { total }), changes,
    };
  }

  /**
   * The changes of a scope with arguments; one without a row is gone.
   * @param {string} key
   * @param {{ change: number, start?: number }} from
   */
  #members(key, { change, start }) {
    return this.#rules.members.changes(key, change, start ?? 0).map(({ collection, id, change: at, gone }) => {
      const row = this.rows.find(collection, id);
      return { collection, id, change: at, row: gone && !row?.deleted ? undefined : row };
    });
  }

  /**
   * @param {string} scope
   * @param {{ change: number, start?: number }} place
   */
  #checkpoint(scope, { change, start }) {
    return JSON.stringify([this.epoch, this.rows.life, scope, change, ...(start === undefined ? [] : [start])]);
  }

  /**
   * The place that a checkpoint stands for; nothing if it is not from here.
   * @param {string} scope
   * @param {string} checkpoint
   * @returns {{ change: number, start?: number } | undefined}
   */
  #place(scope, checkpoint) {
    try {
      const [epoch, life, of, change, start] = JSON.parse(checkpoint);
      if (epoch !== this.epoch || life !== this.rows.life || of !== scope || change > this.rows.last) return undefined;
      return { change, start };
    } catch {
      return undefined;
    }
  }
}

/**
 * @param {number} last
 * @param {Mutation[]} mutations
 */
function checkOrder(last, mutations) {
  let next = last + 1;
  for (const { seq } of mutations) {
    if (seq > next) throw new Refusal('gap', `seq ${seq} came, seq ${next} is next`, { expected: next });
    if (seq === next) next++;
  }
  if (mutations.some(({ seq }, at) => at > 0 && mutations[at - 1].seq >= seq)) throw invalid('mutations come in seq order');
}

/**
 * Single mutations, and the members of each transaction together.
 * @param {Mutation[]} mutations
 */
function unitsOf(mutations) {
  /** @type {Mutation[][]} */
  const units = [];
  for (const mutation of mutations) {
    const last = units.at(-1);
    if (last && mutation.tx !== undefined && last[0].tx === mutation.tx) last.push(mutation);
    else units.push([mutation]);
  }
  const taken = new Set();
  for (const unit of units) {
    const { tx } = unit[0];
    if (tx === undefined) continue;
    const whole = unit.every(({ n, seq }, at) => n === unit.length && seq === unit[0].seq + at);
    if (!whole || taken.size === taken.add(tx).size) throw new Refusal('tx-incomplete', `transaction ${tx} came in parts`);
  }
  return units;
}

/**
 * One mutation for a record outside of one transaction: the next one waits for the result of the one before.
 * @param {Mutation[][]} units
 */
function checkRecords(units) {
  const taken = new Set();
  for (const unit of units) {
    const records = new Set(unit.filter(({ collection }) => collection !== '').map(({ collection, id }) => JSON.stringify([collection, id])));
    for (const record of records) {
      if (taken.size === taken.add(record).size) throw invalid(`${record} comes twice in one push, outside of one tx`);
    }
  }
}

/**
 * The outcomes of a transaction of which the last of `outcomes` failed.
 * @param {Mutation[]} unit
 * @param {Map<Mutation, Outcome | undefined>} known
 * @param {Outcome[]} outcomes
 * @returns {Outcome[]}
 */
function aborted(unit, known, outcomes) {
  const culprit = outcomes.length - 1;
  const failed = outcomes[culprit];
  const others = failed.status === 'retry' ? failed : { status: 'rejected', code: 'tx-aborted', culprit: unit[culprit].seq };
  return unit.map((mutation, at) => known.get(mutation) ?? (at === culprit ? failed : others));
}

/**
 * The mutation's stamps by the server's clock. Where there are none at all, everything was written when it was sent.
 * @param {Mutation} mutation
 * @param {Row | undefined} row
 * @param {string} sent
 * @param {string} now
 */
function stampsOf({ kind, data, stamps }, row, sent, now) {
  const notAfter = read(now);
  const offset = notAfter.ms - read(sent).ms;
  if (stamps.size) return new Map([...stamps].map(([field, stamp]) => [field, shifted(stamp, offset, notAfter)]));
  const replaced = kind === 'put' && row ? [...row.data.keys()] : [];
  return new Map([...data.keys(), ...replaced].map(field => [field, shifted(sent, offset, notAfter)]));
}

/**
 * @param {string} code
 * @param {string} message
 * @returns {Outcome}
 */
function rejected(code, message) {
  return { status: 'rejected', code, message };
}

