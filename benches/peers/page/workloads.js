// What is measured, the same for every engine. A workload gives named figures; it asks for nothing that it does not check.

import { median } from '../../median.js';
import { countBytes } from './bytes.js';
import { sameNumber, sameRecord, sameRecords, sameSet } from './check.js';
import { projectOf, rareWord, records } from './data.js';

const LIMIT = 50;
const SETTLE_MS = 3_000; // what an engine tidies up afterwards belongs to the bytes it writes

/** How often each thing is done. */
const TIMES = {
  writes: 200, saves: 10, patches: 1_000, gets: 500, warms: 3, same: 2_000, many: 1_000, lists: 20, afterWrites: 10, filters: 20, scans: 5, counts: 5, lives: 20,
  transactions: 50, updates: 2_000,
};

/**
 * One engine with the records in it.
 * @typedef {{ engine: import('./bench.js').Engine, truth: import('./data.js').Truth, random: (below: number) => number }} Bench
 */

export const WORKLOADS = {
  /** A new database: opened, one record in, the record out. */
  async empty({ engine }) {
    const [first] = records(1);
    let found;
    const ms = await timed(async () => {
      await engine.open();
      await engine.put(first);
      await engine.saved?.();
      found = await engine.get(first.id);
    });
    sameRecord('the first record', found, first);
    return { ms };
  },

  /** All records into an empty database. */
  async bulk({ engine, truth, random }) {
    await engine.open();
    const all = truth.all;
    const tasks = longTasks();
    const start = performance.now();
    await engine.insertAll(all);
    const acknowledgedMs = performance.now() - start;
    await engine.saved?.();
    const savedMs = performance.now() - start;
    sameNumber('open records', await engine.countOpen(), truth.countOpen());
    for (const id of engine.get ? someIds(truth, random, 10) : []) sameRecord('a record after the insert', await engine.get(id), truth.byId.get(id));
    return { acknowledgedMs, savedMs, longestTaskMs: await tasks.longest() };
  },

  /** Records one by one, each call awaited: not read before, then read before. A write in between: what was read may have changed. */
  async get({ engine, truth, random }) {
    const ids = someIds(truth, random, TIMES.gets);
    const found = [];
    const pass = async () => {
      found.length = 0;
      return await timed(async () => { for (const id of ids) found.push(await engine.get(id)); }) / ids.length * 1_000;
    };
    const firstUs = await pass();
    const warm = [];
    for (let n = 0; n < TIMES.warms; n++) {
      await writeSomething({ engine, truth, random });
      warm.push(await pass());
    }
    sameRecords('gets', found, ids.map(id => truth.byId.get(id)));
    return { firstUs, warmUs: median(warm) };
  },

  /** The same record again and again, while the page holds it. */
  async same({ engine, truth, random }) {
    const [id] = someIds(truth, random, 1);
    let found = await engine.get(id);
    const ms = await timed(async () => { for (let n = 0; n < TIMES.same; n++) found = await engine.get(id); });
    sameRecord('the same record', found, truth.byId.get(id));
    return { us: ms / TIMES.same * 1_000 };
  },

  /** A thousand records by their ids in one call. */
  async getMany({ engine, truth, random }) {
    const ids = someIds(truth, random, TIMES.many);
    let found;
    const ms = await timed(async () => { found = await engine.getMany(ids); });
    sameRecords('gets in one call', found, ids.map(id => truth.byId.get(id)));
    return { ms };
  },

  /** The list that apps show: not done, newest first, 50 of them. */
  async list({ engine, truth, random }) {
    let found;
    const ask = () => timed(async () => { found = await engine.newest(LIMIT); });
    const firstMs = await ask();
    sameRecords('the list', found, truth.newest(LIMIT));
    const repeated = await timed(async () => { for (let n = 0; n < TIMES.lists; n++) found = await engine.newest(LIMIT); });
    sameRecords('the list again', found, truth.newest(LIMIT));
    const after = [];
    for (const id of someIds(truth, random, TIMES.afterWrites)) {
      await patch({ engine, truth }, id, { done: false, updatedAt: truth.later() });
      after.push(await ask());
      sameRecords('the list after a write', found, truth.newest(LIMIT));
    }
    return { firstMs, repeatedMs: repeated / TIMES.lists, afterWriteMs: median(after) };
  },

  /** About 50 records of 10,000, by two fields; another project each time. */
  async filter({ engine, truth }) {
    const times = [];
    for (let n = 0; n < TIMES.filters; n++) {
      let found;
      times.push(await timed(async () => { found = await engine.inProject(projectOf(n * 3)); }));
      sameSet('the filter', found, truth.inProject(projectOf(n * 3)));
    }
    return { ms: median(times) };
  },

  /** Every record whose notes have a word in them, which no index knows. */
  async scan({ engine, truth }) {
    const times = [];
    for (let n = 0; n < TIMES.scans; n++) {
      let found;
      times.push(await timed(async () => { found = await engine.withWord(rareWord(n)); }));
      sameSet('the scan', found, truth.withWord(rareWord(n)));
    }
    return { firstMs: times[0], ms: median(times) };
  },

  /** How many are not done: half. With a write before each time, so that nobody only remembers. */
  async count({ engine, truth, random }) {
    const times = [];
    let found;
    for (let n = 0; n < TIMES.counts; n++) {
      await writeSomething({ engine, truth, random });
      times.push(await timed(async () => { found = await engine.countOpen(); }));
    }
    sameNumber('the count', found, truth.countOpen());
    return { firstMs: times[0], ms: median(times) };
  },

  /** Whole records written one after another, each awaited. */
  async write(bench) {
    const { engine, truth, random } = bench;
    const changed = someIds(truth, random, TIMES.writes).map(id => changedRecord(bench, id));
    const times = [];
    for (const record of changed) times.push(await timed(() => engine.put(record)));
    const written = { acknowledgedMs: median(times), savedMs: median(times), meanMs: mean(times), longestMs: Math.max(...times) };
    if (!engine.get) return written;
    for (const record of changed.slice(0, 10)) sameRecord('a written record', await engine.get(record.id), record);
    const counter = countBytes();
    await engine.put(changedRecord(bench, changed[0].id));
    await engine.saved?.();
    const { bytes } = counter.end();
    if (!engine.saved) return { ...written, bytes };
    const saves = [];
    for (const { id } of changed.slice(0, TIMES.saves)) {
      const record = changedRecord(bench, id);
      saves.push(await timed(async () => { await engine.put(record); await engine.saved(); }));
    }
    return { ...written, savedMs: median(saves), bytes };
  },

  /** A thousand changes of one field, all asked for at once. */
  async patches({ engine, truth, random }) {
    const pairs = someIds(truth, random, TIMES.patches).map((id, n) => [id, { title: `patched ${n}` }]);
    const ms = await timed(async () => {
      await engine.patchAll(pairs);
      await engine.saved?.();
    });
    for (const [id, fields] of pairs) truth.patch(id, fields);
    for (const [id] of pairs.slice(0, 20)) sameRecord('a patched record', await engine.get(id), truth.byId.get(id));
    return { savedMs: ms };
  },

  /** Two records read and their titles exchanged, all or nothing where the engine can. */
  async transaction({ engine, truth, random }) {
    const ids = someIds(truth, random, TIMES.transactions * 2);
    const times = [];
    for (let n = 0; n < ids.length; n += 2) {
      const [a, b] = [ids[n], ids[n + 1]].map(id => truth.byId.get(id));
      times.push(await timed(() => engine.exchange(a.id, b.id)));
      truth.patch(a.id, { title: b.title });
      truth.patch(b.id, { title: a.title });
    }
    for (const id of ids) sameRecord('an exchanged record', await engine.get(id), truth.byId.get(id));
    return { ms: median(times), meanMs: mean(times) };
  },

  /** From a write to the callback of a list that watches, and the write by itself. */
  async live({ engine, truth, random }) {
    let told = () => {};
    let rows;
    const stop = await engine.watch(LIMIT, newer => { rows = newer; told(); });
    const times = [];
    const writes = [];
    for (const id of someIds(truth, random, TIMES.lives)) {
      const updatedAt = truth.later();
      times.push(await timed(async () => {
        const shown = new Promise(resolve => { told = () => { if (rows[0]?.updatedAt === updatedAt) resolve(); }; });
        writes.push(await timed(() => patch({ engine, truth }, id, { done: false, updatedAt })));
        await shown;
      }));
      sameRecords('the watched list', [...rows], truth.newest(LIMIT));
      await pause(10); // a callback may come a second time
    }
    await stop();
    return { ms: median(times), writeMs: median(writes) };
  },

  /** Random records written again, one after another: what of it reaches IndexedDB, folding and all. */
  async bytes(bench) {
    const { engine, truth, random } = bench;
    const counter = countBytes();
    let user = 0;
    for (let n = 1; n <= TIMES.updates; n++) {
      const record = changedRecord(bench, truth.ids[random(truth.ids.length)]);
      user += JSON.stringify(record).length;
      await engine.put(record);
      if (n % 100 === 0) await engine.saved?.();
    }
    await pause(SETTLE_MS);
    const { bytes } = counter.end();
    for (const id of someIds(truth, random, 20)) sameRecord('an updated record', await engine.get(id), truth.byId.get(id));
    return { bytesPerByte: bytes / user };
  },
};

/** Different ids, the same in every run. */
function someIds(truth, random, count) {
  const ids = new Set();
  while (ids.size < Math.min(count, truth.ids.length)) ids.add(truth.ids[random(truth.ids.length)]);
  return [...ids];
}

/** A record with another title and a new time, in the truth already. */
function changedRecord({ truth, random }, id) {
  truth.patch(id, { title: `changed ${random(1_000_000)}`, updatedAt: truth.later() });
  return truth.byId.get(id);
}

async function patch({ engine, truth }, id, fields) {
  truth.patch(id, fields);
  await engine.patch(id, fields);
}

/** A change that no other workload looks for. */
async function writeSomething({ engine, truth, random }) {
  const [id] = someIds(truth, random, 1);
  if (engine.patch) await patch({ engine, truth }, id, { title: `changed ${random(1_000_000)}` });
}

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The longest task on the page's thread from now on. */
function longTasks() {
  const tasks = [];
  const observer = new PerformanceObserver(list => tasks.push(...list.getEntries()));
  observer.observe({ type: 'longtask' });
  return {
    async longest() {
      await pause(100); // the last ones are told late
      tasks.push(...observer.takeRecords());
      observer.disconnect();
      return Math.max(0, ...tasks.map(({ duration }) => duration));
    },
  };
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
const mean = numbers => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
