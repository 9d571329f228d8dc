// What was answered before: per client until it has said that it saw it, and per mutation for good. A repeated mutation gets the same answer.

import { canonical } from './canonical.js';
import { Refusal } from './refusal.js';

/** @typedef {import('./messages.js').Mutation} Mutation */
/** @typedef {{ status: string, [more: string]: unknown }} Outcome */
/** @typedef {{ mid: string, content: string | undefined, outcome: Outcome }} Answer */
/** @typedef {{ last: number, seen: number, results: Map<number, Answer> }} Client */

export class Receipts {
  /** @type {Map<string, Client>} */
  #clients = new Map();
  /** @type {Map<string, Answer>} */
  #mutations = new Map();

  /**
   * @param {string} id
   * @returns {Client}
   */
  client(id) {
    return this.#clients.get(id) ?? { last: 0, seen: 0, results: new Map() };
  }

  /**
   * @param {string} id
   * @param {Client} client
   */
  store(id, client) {
    for (const seq of client.results.keys()) if (seq <= client.seen) client.results.delete(seq);
    this.#clients.set(id, client);
  }

  /**
   * The answer that a mutation was given before, if it was.
   * @param {Client} client
   * @param {number} seen
   * @param {Mutation} mutation
   */
  recall(client, seen, mutation) {
    const { seq, mid } = mutation;
    const reused = (/** @type {string} */ why) => new Refusal('seq-reused', `seq ${seq}: ${why}`);
    if (seq <= seen) throw reused('its result was seen');
    const known = seq <= client.last ? client.results.get(seq) : this.#mutations.get(mid);
    if (seq <= client.last && known?.mid !== mid) throw reused("it was another mutation's");
    const content = contentOf(mutation);
    if (known?.content !== undefined && content !== undefined && known.content !== content) throw reused('its mid had other content');
    return known?.outcome;
  }

  /**
   * @param {Client} client
   * @param {Mutation} mutation
   * @param {Outcome} outcome
   */
  remember(client, mutation, outcome) {
    const answer = { mid: mutation.mid, content: contentOf(mutation), outcome };
    client.last = mutation.seq;
    client.results.set(mutation.seq, answer);
    if (outcome.status !== 'retry' && !this.#mutations.has(mutation.mid)) this.#mutations.set(mutation.mid, answer);
  }

  /**
   * No seq was another mutation's than the one that this client gave it to: a copy of its storage may have used it.
   * @param {string} id
   * @param {number} seen
   * @param {string[]} unanswered
   */
  checkUnanswered(id, seen, unanswered) {
    const { results } = this.client(id);
    for (const [index, mid] of unanswered.entries()) {
      const seq = seen + index + 1;
      if ((results.get(seq)?.mid ?? mid) !== mid) throw new Refusal('seq-reused', `seq ${seq}: it was another mutation's`);
    }
  }

  /**
   * Every result but `ok` that a client has not seen.
   * @param {string} id
   * @param {number} seen
   */
  unseen(id, seen) {
    const { last, results } = this.client(id);
    const after = Math.min(seen, last);
    return [...results].filter(([seq, { outcome }]) => seq > after && outcome.status !== 'ok').map(([seq, { outcome }]) => ({ seq, ...outcome }));
  }
}

/**
 * What a mutation does, without when and in what order; nothing for a skip, which stands for whatever has its mid.
 * @param {Mutation} mutation
 */
function contentOf({ kind, collection, id, data, stamps, name, args }) {
  if (kind === 'skip') return undefined;
  const removed = [...stamps.keys()].filter(field => !data.has(field)).sort();
  return canonical([kind, collection, id, Object.fromEntries(data), removed, name, args]);
}
