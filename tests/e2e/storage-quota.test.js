// The quota is reached: what does not fit is refused by name and leaves nothing behind, what fits goes on, and all of it is kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, drained, status, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const QUOTA_BYTES = 1 << 20;
const BATCHES = 100; // of 3 records, 20 KB together: more than twice of what fits

/** Writes batches until none fits any more, a large one between two small ones each time; what each answered. */
function fill(page) {
  return page.evaluate(async batches => {
    const answers = [];
    const write = async (n, size) => {
      const rows = [0, 1, 2].map(k => ({ id: `${n}-${k}`, title: `${n}:`.padEnd(size, '.'), done: true, updatedAt: n }));
      const answer = await globalThis.db.tasks.putMany(rows).then(() => 'saved', ({ code, retryable }) => `${code}, ${retryable}`);
      answers.push([n, size, answer]);
    };
    for (let n = 0; n < batches; n += 3) await Promise.all([write(n, 60), write(n + 1, 7_000), write(n + 2, 400_000)]);
    return answers;
  }, BATCHES);
}

/** What is read by id, by an index and by counting, and what waits for the server: all of it agrees with what was saved. */
async function nothingHalf(page, saved) {
  const expected = saved.flatMap(([n]) => [`${n}-0`, `${n}-1`, `${n}-2`]).toSorted();
  assert.deepEqual([...(await tasks(page)).keys()].toSorted(), expected);
  const [done, count] = await page.evaluate(async () => {
    const { db } = globalThis;
    return [(await db.tasks.where({ done: true }).all()).map(({ id }) => id), await db.tasks.count()];
  });
  assert.deepEqual(done.toSorted(), expected);
  assert.equal(count, expected.length);
  assert.equal((await status(page)).pending, expected.length, 'each record that was saved has its mutation, and no other');
}

test('storage-quota', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  proxy.fate = () => 'break';
  const small = await Browser.start(t);
  const page = await small.open(`${proxy.url}/e2e/index.html?no-worker`);
  // Before IndexedDB is used: afterwards Chromium remembers for half a minute how much there was.
  const session = await page.context().newCDPSession(page);
  await session.send('Storage.overrideQuotaForOrigin', { origin: proxy.url, quotaSize: QUOTA_BYTES });
  await page.evaluate(async () => { globalThis.db = await globalThis.openTasks(); });

  const answers = await fill(page);
  const saved = answers.filter(([, , answer]) => answer === 'saved');
  const refused = answers.filter(([, , answer]) => answer !== 'saved');
  assert(saved.length > 0 && refused.length > 0, JSON.stringify(answers));
  assert.deepEqual([...new Set(refused.map(([, , answer]) => answer))], ['storage-quota, true']);
  const first = Math.min(...refused.map(([n]) => n));
  assert(saved.some(([n, size]) => n >= first - 2 && size < 400_000), 'beside a batch that does not fit, others do');
  await nothingHalf(page, saved);
  assert.deepEqual(page.problems, []);
  await small.kill();

  // With room again, everything goes on.
  const browser = await Browser.start(t, small.profile);
  const again = await browser.openBare(proxy.url, '?no-worker');
  await nothingHalf(again, saved);
  await again.evaluate(() => globalThis.db.tasks.put({ id: 'after', title: 'fits', done: false, updatedAt: 1 }));
  proxy.fate = () => 'pass';
  await drained(again);
  exactlyOnce(await server.held(), await tasks(again));
});
