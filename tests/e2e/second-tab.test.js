// While one tab loads 100,000 records at once, and then so many in some writes that they are folded, another opens and reads again and
// again, and a third writes: nobody waits until the first one is done, and the load gets through.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Server } from '../harness/server.js';

const RECORDS = 100_000;
const FOLDED = 5 * 6_000; // five log entries of some 2 MB, of which the third is enough for a fold

/** Loads many records at once, with a lock held that tells others so, and others in five parts. */
async function load([records, folded]) {
  const rows = (letter, from, until) => Array.from({ length: until - from }, (_, n) => ({ id: `${letter}${from + n}`, title: `Task ${n} `.padEnd(200, 'x'), updatedAt: n }));
  const all = rows('n', 0, records);
  await navigator.locks.request('load', () => globalThis.db.tasks.putMany(all));
  for (let part = 0; part < 5; part++) await globalThis.db.tasks.putMany(rows('f', part * folded / 5, (part + 1) * folded / 5));
  return globalThis.db.tasks.count();
}

/** Writes a record again and again, until it is told to stop; gives how often it did so during the load. */
async function write() {
  let rounds = 0;
  for (let round = 1; !globalThis.isDone; round++) {
    await globalThis.db.tasks.put({ id: 'third', title: `round ${round}`, updatedAt: round });
    rounds += (await navigator.locks.query()).held.some(({ name }) => name === 'load');
    await new Promise(later => setTimeout(later, 20));
  }
  return rounds;
}

/** Opens, reads and closes until the first tab is done and has been idle for a while; gives what that was busy with before and after each. */
async function visit() {
  const busy = async () => (await navigator.locks.query()).held.map(({ name }) => name.split(':').at(-1));
  const visits = [];
  for (let idle = 0; idle < 40; idle++) {
    const before = await busy();
    const began = performance.now();
    const db = await globalThis.holm.open({ name: 'big', schema: globalThis.schema });
    const ms = performance.now() - began;
    const { title } = await db.tasks.get('first');
    const after = await busy();
    visits.push({ title, before, after, ms });
    await db.close();
    if (!globalThis.isDone || before.length > 0 || after.length > 0) idle = 0;
    await new Promise(later => setTimeout(later, 20));
  }
  return visits;
}

/** All three tabs at once, in a database of that durability. */
async function meet(t, durability) {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  const pages = [];
  while (pages.length < 3) pages.push(await browser.open(`${server.url}/e2e/index.html?no-worker`));
  const [first, second, third] = pages;
  for (const page of [first, third]) {
    await page.evaluate(async durability => { globalThis.db = await globalThis.holm.open({ name: 'big', schema: globalThis.schema, durability }); }, durability);
  }
  await first.evaluate(() => globalThis.db.tasks.put({ id: 'first', title: 'here before', updatedAt: 0 }));

  const loading = first.evaluate(load, [RECORDS, FOLDED]);
  const writing = third.evaluate(write);
  const visiting = second.evaluate(visit);
  const count = await loading;
  await second.evaluate(() => { globalThis.isDone = true; });
  const visits = await visiting;
  await third.evaluate(() => { globalThis.isDone = true; });
  const rounds = await writing;

  assert(visits.every(({ title }) => title === 'here before'));
  for (const work of ['load', 'checkpoint']) {
    const isDuring = held => held.includes(work) && (work === 'load' || !held.includes('load'));
    const during = visits.filter(({ before, after }) => isDuring(before) && isDuring(after));
    const ms = during.map(({ ms }) => ms).sort((a, b) => a - b);
    t.diagnostic(`${work}: opened ${ms.length} times meanwhile, in ${ms[ms.length >> 1]?.toFixed()} ms, the slowest in ${ms.at(-1)?.toFixed()} ms`);
    assert(during.length > 0, `opened and read within one ${work}`);
  }
  assert(rounds > 0, 'written during the load');
  assert(count >= RECORDS + FOLDED + 1, `${count} records`);
  for (const { problems } of pages) assert.deepEqual(problems, []);
}

test('second-tab', { timeout: 480_000 }, async t => {
  for (const durability of ['relaxed', 'strict']) await t.test(durability, t => meet(t, durability));
});
