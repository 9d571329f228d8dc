// Storage is short: a long pull waits, so that what the app writes has room, and goes on when there is room again. What the server
// keeps can be given back meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, controlled, drained, status, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { until } from '../harness/process.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const ROWS = 4_500;
const PAGE_ROWS = 1_000;
const QUOTA_BYTES = 1e9;

/** What the browser says that is free; an override of the quota does not reach `estimate`. */
function free(page, bytes) {
  return page.evaluate(([quota, bytes]) => {
    navigator.storage.estimate = async () => ({ quota, usage: quota - bytes });
  }, [QUOTA_BYTES, bytes]);
}

const count = page => page.evaluate(() => globalThis.db.tasks.count());

test('storage-reserve', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const first = await Browser.start(t);
  const writer = await first.openBare(server.url, '?no-worker');
  await writer.evaluate(rows => globalThis.db.tasks.putMany(Array.from({ length: rows }, (_, n) => ({ title: `task ${n}`, updatedAt: n }))), ROWS);
  await drained(writer);
  await writer.evaluate(() => globalThis.db.close());

  const second = await Browser.start(t);
  const page = await second.open(`${server.url}/e2e/index.html?no-worker`);
  await free(page, 1e6);
  await page.evaluate(async () => { globalThis.db = await globalThis.openTasks(); });
  await until('the pull waits for room', 20_000, async () => (await status(page)).why === 'storage');
  const held = await count(page);
  assert(held >= PAGE_ROWS && held < ROWS, `the first pages are here, ${held} rows`);
  const refused = await page.evaluate(() => globalThis.db.sync.now().then(() => 'synced', ({ code }) => code));
  assert.equal(refused, 'storage-quota');

  // What is written here is saved, and reaches the server.
  await page.evaluate(async () => {
    const write = globalThis.db.tasks.put({ id: 'mine', title: 'written while storage is short', updatedAt: 1 });
    await write;
    await write.synced;
  });
  assert.equal((await server.held()).rows.filter(({ id }) => id === 'mine').length, 1);
  assert.equal(await count(page), held + 1);

  await free(page, 5e8);
  await drained(page);
  assert.equal(await count(page), ROWS + 1);
  exactlyOnce(await server.held(), await tasks(page));
  assert.deepEqual(page.problems, []);
});

test('storage-reserve in a service worker without a page', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url);
  await controlled(page);
  await drained(page);
  await proxy.down();
  await page.evaluate(async () => {
    await globalThis.db.tasks.put({ id: 'mine', title: 'written with the network off', updatedAt: 1 });
    await globalThis.db.close();
  });
  const other = await Browser.start(t);
  const writer = await other.openBare(server.url, '?no-worker');
  await writer.evaluate(rows => globalThis.db.tasks.putMany(Array.from({ length: rows }, (_, n) => ({ title: `task ${n}`, updatedAt: n }))), ROWS);
  await drained(writer);

  const pulls = () => proxy.seen.filter(({ path }) => path.endsWith('/pull')).length;
  const synced = async () => {
    const begin = pulls();
    await page.evaluate(async () => (await navigator.serviceWorker.ready).active.postMessage('holm-sync'));
    let last = -1;
    await until('the worker is done', 30_000, async () => {
      const done = pulls() > begin && pulls() === last;
      last = pulls();
      await new Promise(resolve => { setTimeout(resolve, 1_000); });
      return done;
    });
  };
  const [worker] = browser.context.serviceWorkers();
  await free(worker, 1e6);
  await proxy.up();
  await synced();
  assert.equal((await server.held()).rows.filter(({ id }) => id === 'mine').length, 1, 'what was written is sent');
  await proxy.down();
  await page.evaluate(async () => { globalThis.db = await globalThis.openTasks(); });
  const held = await count(page);
  assert(held > PAGE_ROWS && held < ROWS, `the first page is here, ${held} rows`);

  await page.evaluate(() => globalThis.db.close());
  await free(worker, 5e8);
  await proxy.up();
  await synced();
  await proxy.down();
  await page.evaluate(async () => { globalThis.db = await globalThis.openTasks(); });
  assert.equal(await count(page), ROWS + 1, 'with room the worker brings all of them');
});

test('storage-evict', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  const page = await browser.openBare(server.url, '?no-worker');
  await page.evaluate(rows => globalThis.db.tasks.putMany(Array.from({ length: rows }, (_, n) => ({ id: `task-${n}`, title: `task ${n}`, updatedAt: n }))), ROWS);
  await drained(page);
  await page.evaluate(() => globalThis.db.sync.now()); // a pull brings them back: only then nothing of them is ours any more
  assert.equal(await page.evaluate(() => globalThis.db.sync.evict('tasks').then(() => 'gone', ({ code }) => code)), 'invalid-argument');

  // The next time the app opens it without them.
  const [left, saved] = await page.evaluate(async () => {
    const { holm, schema } = globalThis;
    const { name } = globalThis.db;
    await globalThis.db.close();
    const db = await holm.open({ name, schema, sync: { url: '/sync', scopes: [] } });
    db.sync.pause();
    await db.tasks.patch('task-7', { title: 'mine' });
    await db.sync.evict('tasks');
    const [left] = await db.tasks.all();
    const all = [await db.tasks.count(), left.title];
    await db.close();
    globalThis.db = await globalThis.openTasks();
    return [all, name];
  });
  assert.deepEqual(left, [1, 'mine'], saved);
  await drained(page);
  await until('all of them are back', 20_000, async () => await count(page) === ROWS);
  exactlyOnce(await server.held(), await tasks(page));
});
