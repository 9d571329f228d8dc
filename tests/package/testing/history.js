// A random history of pushes and pulls, as devices of all manners send them: repeated, out of order, of another client, in transactions.

const FIELDS = ['title', 'done', 'note'];
const IDS = ['a', 'b', 'c', 'd'];
const COLLECTIONS = ['tasks', 'notes'];
const PARTS = [['titled', { id: 'x' }], ['titled', { id: 'ä' }], ['noted', { id: 'x' }], ['noted', { id: 7 }], ['elsewhere', { id: 'x' }], ['tasks', { id: 'x' }]].map(([name, args]) => ({ name, args }));
const VALUES = ['x', 'y', 'ä', '', 'x y z', 'y 🏝 zz', 0, 1.5, -0.1, 7, true, null, ['x'], ['y', 'x', 7], { b: 1, a: [2] }, { $holm: ['date', 5] }];
const WAYS = ['counter', 'counter', 'set', 'text', 'of tomorrow'];
const KINDS = ['create', 'put', 'put', 'patch', 'patch', 'patch', 'delete', 'skip', 'call'];
const START_MS = 1_700_000_000_000;

export class History {
  #dice;
  #clients;
  #mids = 0;
  /** What was pushed, to be sent again. */
  #sent = [];
  #revs = [];

  /** @param {(below: number) => number} dice */
  constructor(dice) {
    this.#dice = dice;
    this.#clients = ['c_a', 'c_b', 'c_c'].map(id => ({ id, last: 0, seen: 0, checkpoints: new Map() }));
  }

  /** The next request: [kind, what of it is the same for all servers, the client that sends it]. */
  next() {
    const client = this.#one(this.#clients);
    return this.#chance(0.4) ? { kind: 'pull', client, body: this.#pull(client) } : { kind: 'push', client, body: this.#push(client) };
  }

  /** What a server answered, as far as it decides what comes next. */
  heard({ kind, client }, status, body) {
    if (status !== 200) return;
    client.last = body.acked;
    for (const { rev, server } of body.results ?? []) for (const found of [rev, server?.rev]) if (found) this.#revs.push(found);
    if (kind === 'pull') for (const { changes } of body.scopes) for (const { rev } of changes) if (rev) this.#revs.push(rev);
  }

  #pull({ id, seen }) {
    const scopes = [...COLLECTIONS.map(name => ({ name })), ...PARTS.filter(() => this.#chance(0.7))].map(scope => ({ ...scope, checkpoint: this.#chance(0.15) ? null : 'kept' }));
    return { v: 1, client: id, schema: 1, seen, limit: this.#one([1, 2, 1000]), scopes };
  }

  #push(client) {
    const { id, last } = client;
    if (this.#sent.length && this.#chance(0.15)) return { ...this.#one(this.#sent), ...(this.#chance(0.2) && { client: this.#one(this.#clients).id }) };
    if (this.#chance(0.3)) client.seen = Math.max(client.seen, last - this.#below(3));
    let seq = last + 1 + (this.#chance(0.05) ? this.#below(4) - 2 : 0);
    const mutations = [];
    const free = this.#shuffled(COLLECTIONS.flatMap(collection => IDS.map(each => [collection, each])));
    for (let left = 1 + this.#below(3); left > 0; left--) {
      const size = this.#chance(0.25) ? 2 : 1;
      const tx = size > 1 || this.#chance(0.05) ? { tx: `t${this.#mids}`, n: this.#chance(0.03) ? 9 : size } : {};
      for (let member = 0; member < size; member++) mutations.push({ ...this.#mutation(seq++, free.pop(), client), ...tx });
    }
    if (this.#chance(0.04)) mutations.reverse();
    const request = { v: 1, client: id, schema: 1, seen: client.seen, sent: this.#stamp(id), mutations };
    this.#sent.push(request);
    return request;
  }

  #mutation(seq, [collection, id], client) {
    const kind = this.#one(KINDS);
    const mid = this.#mids && this.#chance(0.05) ? `m${this.#below(this.#mids)}` : `m${this.#mids++}`;
    if (kind === 'skip') return { seq, mid, kind };
    if (kind === 'call') return { seq, mid, kind, name: 'f', args: this.#one(VALUES) };
    const base = this.#revs.length && this.#chance(0.6) ? { base: this.#chance(0.05) ? 'of another server' : this.#revs.at(-1 - this.#below(Math.min(8, this.#revs.length))) } : {};
    if (kind === 'delete') return { seq, mid, kind, collection, id, ...base };
    const fields = this.#shuffled(FIELDS).slice(0, 1 + this.#below(3));
    const data = Object.fromEntries(fields.filter(() => this.#chance(0.9)).map(field => [field, this.#one(VALUES)]));
    const stamped = this.#chance(0.2) ? {} : this.#chance(0.5) ? { stamp: this.#stamp(client.id) } : { stamps: Object.fromEntries(fields.map(field => [field, this.#stamp(client.id)])) };
    const ways = this.#chance(0.5) ? {} : { ways: Object.fromEntries(fields.map(field => [field, this.#way()])) };
    return { seq, mid, kind, collection, id: this.#chance(0.01) ? '' : id, ...base, data, ...stamped, ...ways };
  }

  #way() {
    return { way: this.#one(WAYS), ...(this.#chance(0.7) && { before: this.#one(VALUES) }) };
  }

  /** A device's clock is right, late, or far ahead. */
  #stamp(client) {
    const ms = START_MS + this.#below(50) + (this.#chance(0.05) ? 10 ** 12 : 0);
    return `${ms.toString(16).padStart(12, '0')}-${this.#below(3).toString(16).padStart(4, '0')}-${client}`;
  }

  #chance(odds) {
    return this.#dice(1_000) < odds * 1_000;
  }

  #below(n) {
    return this.#dice(n);
  }

  #one(list) {
    return list[this.#below(list.length)];
  }

  #shuffled(list) {
    const rest = [...list];
    return list.map(() => rest.splice(this.#below(rest.length), 1)[0]);
  }
}
