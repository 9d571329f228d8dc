// While one tab loads 100,000 records and then folds them, another opens and reads again and again, and a third writes: nobody
// waits until the first one is done, and the load gets through.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Server } from '../harness/server.js';

const RECORDS = 100_000;

/** Loads many records at once, with a lock held that tells others so. */
async function load(records) {
  const rows = Array.from({ length: records }, (_, n) => ({ id: `n${n}`, title: `Task ${n} `.padEnd(200, 'x'), updatedAt: n }));
  await navigator.locks.request('load', () => globalThis.db.tasks.putMany(rows));
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

/** Opens, reads and closes until the first tab has been idle for a while; gives what that was busy with before and after each. */
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
    if (before.length > 0 || after.length > 0) idle = 0;
    await new Promise(later => setTimeout(later, 20));
  }
  return visits;
}

test('second-tab', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  const pages = [];
  while (pages.length < 3) pages.push(await browser.open(`${server.url}/e2e/index.html?no-worker`));
  const [first, second, third] = pages;
  for (const page of [first, third]) {
    await page.evaluate(async () => { globalThis.db = await globalThis.holm.open({ name: 'big', schema: globalThis.schema }); });
  }
  await first.evaluate(() => globalThis.db.tasks.put({ id: 'first', title: 'here before', updatedAt: 0 }));

  const loading = first.evaluate(load, RECORDS);
  const writing = third.evaluate(write);
  const visits = await second.evaluate(visit);
  await third.evaluate(() => { globalThis.isDone = true; });
  const [count, rounds] = [await loading, await writing];

  assert(visits.every(({ title }) => title === 'here before'));
  for (const work of ['load', 'checkpoint']) {
    const during = visits.filter(({ before, after }) => before.includes(work) && after.includes(work));
    const ms = during.map(({ ms }) => ms).sort((a, b) => a - b);
    t.diagnostic(`${work}: opened ${ms.length} times meanwhile, in ${ms[ms.length >> 1]?.toFixed()} ms, the slowest in ${ms.at(-1)?.toFixed()} ms`);
    assert(during.length > 0, `opened and read within one ${work}`);
  }
  assert(rounds > 0, 'written during the load');
  assert(count >= RECORDS + 1, `${count} records`);
  for (const { problems } of pages) assert.deepEqual(problems, []);
});
