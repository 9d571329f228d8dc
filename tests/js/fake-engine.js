// A stand-in for the built engine.js: the same calls over a Map, enough to test the package's own JavaScript.

/** An error as the engine throws it: a plain Error with properties. */
export function engineError(code, details = {}) {
  return Object.assign(new Error(`the engine says ${code}`), { code, retryable: false, ...details });
}

/** A module with its own databases; `log` names what was called. */
export function fakeModule() {
  const log = [];
  const engines = [];
  let failing;
  return {
    log,
    engines,
    failNextOpen(error) { failing = error; },
    async default() {
      log.push('init');
    },
    async open_engine(text, askToken, onEvent) {
      const options = JSON.parse(text);
      log.push(`open ${options.name}`);
      await Promise.resolve();
      if (failing) {
        const error = failing;
        failing = undefined;
        throw error;
      }
      const engine = new FakeEngine(options, askToken, onEvent, log);
      engines.push(engine);
      return engine;
    },
    async run_sync_event() {},
  };
}

class FakeEngine {
  records = new Map();
  watches = new Map();
  settings = new Map();
  lists = new Map();
  transactions = new Map();
  stale = 0;
  drawn = 0;
  state = { online: 'unknown', phase: 'idle', pending: 0, error: null };

  constructor(options, askToken, onEvent, log) {
    Object.assign(this, { options, askToken, onEvent, log });
  }

  async call(name, ...given) { return this[name](...given); }
  now(name, ...given) { return this[name](...given); }

  rows(op, json, receipt) {
    this.log.push(`rows ${op} ${receipt}`);
    this.lists.set(receipt, [...this.lists.get(receipt) ?? [], ...JSON.parse(json)]);
  }

  forget(receipt) { this.lists.delete(receipt); }

  async write(op, collection, json, receipt) {
    this.log.push(`write ${op} ${collection} ${receipt}`);
    await new Promise(resolve => setTimeout(resolve, 2));
    const ids = this.apply(this.records, op, JSON.stringify([...this.lists.get(receipt) ?? [], ...JSON.parse(json)]));
    this.forget(receipt);
    this.onEvent('commit', '');
    this.tell();
    return JSON.stringify(ids);
  }

  apply(records, op, json) {
    return JSON.parse(json).map(([id, data]) => {
      const key = id ?? `drawn-${++this.drawn}`;
      if (op === 'insert' && records.has(key)) throw engineError('already-exists', { field: 'id' });
      if (op === 'patch' && !records.has(key)) throw engineError('not-found');
      if (op === 'delete') records.delete(key);
      else records.set(key, [key, `touch-${++this.drawn}`, op === 'patch' ? { ...records.get(key)[2], ...data } : data]);
      return key;
    });
  }

  async read(_collection, ids) {
    this.log.push(`read ${ids}`);
    return JSON.stringify(JSON.parse(ids).map(id => this.records.get(id) ?? null));
  }

  async query(text) {
    this.log.push('query');
    this.lastQuery = JSON.parse(text);
    if (this.lastQuery.where.unknown) throw engineError('invalid-query', { field: 'unknown' });
    const { limit = Infinity } = this.lastQuery;
    return JSON.stringify({ rows: [...this.records.values()].slice(0, limit) });
  }

  async count(text) { return String(JSON.parse(await this.query(text)).rows.length); }

  watch(text, callback) {
    if (JSON.parse(text).where.unknown) throw engineError('invalid-query');
    const handle = ++this.drawn;
    this.watches.set(handle, callback);
    queueMicrotask(() => this.tellOne(handle));
    return handle;
  }

  unwatch(handle) { this.watches.delete(handle); }
  tell() { for (const handle of this.watches.keys()) this.tellOne(handle); }
  tellOne(handle) {
    const diff = { added: [], changed: [], removed: [] };
    this.watches.get(handle)?.(JSON.stringify({ rows: [...this.records.values()], diff }));
  }

  begin() {
    const handle = ++this.drawn;
    this.transactions.set(handle, new Map(this.records));
    return handle;
  }

  async txRead(tx, _collection, ids) {
    if (this.staleRead) {
      this.staleRead = false;
      throw engineError('contention', { retryable: true });
    }
    return JSON.stringify(JSON.parse(ids).map(id => this.transactions.get(tx).get(id) ?? null));
  }

  async txQuery(tx) { return JSON.stringify({ rows: [...this.transactions.get(tx).values()] }); }
  async txCount(tx) { return String(this.transactions.get(tx).size); }
  async plan() { return '{"path":"scan","index":null,"ranges":1,"filters":[],"sorts":false}'; }
  async txWrite(tx, op, _collection, json) {
    await new Promise(resolve => setTimeout(resolve, 2));
    return JSON.stringify(this.apply(this.transactions.get(tx), op, json));
  }

  async txCommit(tx, receipt, durability) {
    this.log.push(`commit ${receipt}`);
    this.durability = durability;
    const records = this.transactions.get(tx);
    if (this.stale > 0) {
      this.stale--;
      throw engineError('contention', { retryable: true });
    }
    this.records = records;
    this.onEvent('commit', '');
  }

  async txCall(tx, receipt, durability, name, args) {
    this.log.push(`call ${name} ${args}`);
    return this.txCommit(tx, receipt, durability);
  }

  async txAgain(tx) {
    this.log.push('again');
    this.transactions.delete(tx);
    return String(this.begin());
  }

  end(tx) { this.transactions.delete(tx); }

  async kvSet(namespace, key, json, ttl) { this.settings.set(`${namespace}/${key}`, { json, ttl }); }
  async kvRead(namespace, key) { return this.settings.get(`${namespace}/${key}`)?.json; }
  async kvDelete(namespace, key) { this.settings.delete(`${namespace}/${key}`); }
  async kvKeys() { return JSON.stringify([...this.settings.keys()].map(key => key.split('/')[1])); }
  status() { return JSON.stringify({ sync: this.state, durable: true, storage: 'indexeddb', backgroundSync: false }); }
  async receipt(id) { return JSON.stringify({ receipt: id, state: 'pending' }); }
  async synced(id) {
    if (this.refusing) throw engineError('validation', { field: 'title' });
    this.log.push(`synced ${id}`);
  }
  async syncNow() { if (this.offline) throw engineError('offline', { retryable: true }); }
  pause() { this.state.phase = 'paused'; this.onEvent('status', '{}'); }
  resume() { this.state.phase = 'idle'; this.onEvent('status', '{}'); }
  async parked() { return '[{"mid":"m1","reason":"validation"}]'; }
  async retryParked(mid) { this.log.push(`retry ${mid}`); }
  async discardParked(mid) { this.log.push(`discard ${mid}`); }
  async explain(collection, id) { return JSON.stringify({ collection, id }); }
  async close() { this.log.push('close'); }
}
