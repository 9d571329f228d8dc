// Transactions that want one record: in one page, in two tabs, beside a tab that writes it without a pause, and one in another.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Server } from '../harness/server.js';

/** @type {Server} */
let server;
/** @type {Browser} */
let browser;

before(async t => {
  server = await Server.start(t);
  browser = await Browser.start(t);
}, { timeout: 60_000 });

/** Two tabs of one database, with a record that counts from 0. */
async function tabs() {
  const pages = [await browser.openBare(server.url, '?no-worker'), await browser.openBare(server.url, '?no-worker')];
  await pages[0].evaluate(() => globalThis.db.tasks.put({ id: 'counter', title: '0', updatedAt: 0 }));
  for (const page of pages) {
    await page.evaluate(() => {
      globalThis.count = () => globalThis.db.transaction(async tx => {
        const { title } = await tx.tasks.get('counter') ?? { title: '0' };
        await tx.tasks.patch('counter', { title: String(Number(title) + 1) });
      });
    });
  }
  return pages;
}

const counted = page => page.evaluate(async () => Number((await globalThis.db.tasks.get('counter')).title));

test('two hundred in one page, and a hundred in each of two tabs: all of them commit', { timeout: 120_000 }, async () => {
  const [one, two] = await tabs();
  const all = (page, n) => page.evaluate(n => Promise.all(Array.from({ length: n }, () => globalThis.count())).then(() => {}), n);
  await all(one, 200);
  assert.equal(await counted(one), 200);
  await Promise.all([all(one, 100), all(two, 100)]);
  await one.evaluate(() => globalThis.count());
  assert.equal(await counted(one), 401);
});

test('beside writes without a pause, in another tab and in both', { timeout: 120_000 }, async () => {
  const [one, two] = await tabs();
  for (const hammering of [[two], [one, two]]) {
    for (const page of hammering) {
      await page.evaluate(() => {
        globalThis.enough = false;
        globalThis.hammering = (async () => {
          let written = 0;
          for (; !globalThis.enough; written++) await globalThis.db.tasks.patch('counter', { title: '0' });
          return written;
        })();
      });
    }
    await one.evaluate(async () => { for (let n = 0; n < 10; n++) await globalThis.count(); });
    for (const page of hammering) {
      const written = await page.evaluate(() => { globalThis.enough = true; return globalThis.hammering; });
      assert(written > 0, 'nobody was held up for good');
    }
  }
});

test('a transaction that waits for one that waits for its turn goes on after a while', { timeout: 60_000 }, async () => {
  const [page] = await tabs();
  const title = await page.evaluate(async () => {
    const { db, count } = globalThis;
    let runs = 0;
    await db.transaction(async outer => {
      await outer.tasks.get('counter');
      // Its first run loses, so the second has the turn when it waits for others that want one.
      if (++runs === 1) return db.tasks.patch('counter', { title: '10' }).then(() => outer.tasks.put({ id: 'other', title: 'x', updatedAt: 1 }));
      await db.tasks.put({ id: 'counter2', title: 'y', updatedAt: 1 });
      if (runs === 2) await Promise.all([count(), count()]);
      return outer.tasks.put({ id: 'other', title: `run ${runs}`, updatedAt: 1 });
    });
    return [(await db.tasks.get('counter')).title, (await db.tasks.get('other')).title];
  });
  assert.deepEqual(title, ['12', 'run 3']);
});
