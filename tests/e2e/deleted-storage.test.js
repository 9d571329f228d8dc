// The database is deleted, or the site's data is cleared, under an open page: every call says so, and opening again begins anew.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { until } from '../harness/process.js';
import { Server } from '../harness/server.js';

/** @type {Server} */
let server;
/** @type {Browser} */
let browser;

before(async t => {
  server = await Server.start(t);
  browser = await Browser.start(t);
}, { timeout: 60_000 });

const ways = {
  'deleted by another tab': async page => {
    const other = await page.context().newPage();
    await other.goto(`${server.url}/e2e/index.html?no-worker`);
    await other.evaluate(() => new Promise((resolve, reject) => {
      Object.assign(indexedDB.deleteDatabase('holm.gone.1'), { onsuccess: resolve, onerror: reject, onblocked: () => reject(new Error('blocked')) });
    }));
    await other.close();
  },
  'deleted by the page itself': page => page.evaluate(() => new Promise((resolve, reject) => {
    Object.assign(indexedDB.deleteDatabase('holm.gone.1'), { onsuccess: resolve, onerror: reject });
  })),
  'cleared by the user': async page => {
    const session = await page.context().newCDPSession(page);
    await session.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes: 'all' });
  },
};

for (const [name, clear] of Object.entries(ways)) {
  test(`a database that is ${name}`, { timeout: 60_000 }, async () => {
    const page = await browser.open(`${server.url}/e2e/index.html?no-worker`);
    await page.evaluate(async () => {
      globalThis.openGone = () => globalThis.holm.open({ name: 'gone', schema: globalThis.schema });
      const db = globalThis.db = await globalThis.openGone();
      globalThis.told = [];
      await db.tasks.put({ id: 'a', title: 'here', updatedAt: 1 });
      globalThis.held = await db.tasks.get('a');
      await db.tasks.where({}).all();
      await db.tasks.count();
      db.tasks.where({}).watch(rows => globalThis.told.push(rows.length), error => globalThis.told.push(error.code));
    });
    await until('the watcher ran', 5_000, () => page.evaluate(() => globalThis.told.length === 1));
    await clear(page);
    await until('the watcher is told', 5_000, () => page.evaluate(() => globalThis.told.at(-1) === 'storage-unavailable'));
    const said = await page.evaluate(async () => {
      const { db } = globalThis;
      const calls = [
        () => db.tasks.get('a'), () => db.tasks.where({}).all(), () => db.tasks.count(), () => db.kv('s').get('k'),
        () => db.tasks.put({ title: 'x', updatedAt: 1 }), () => db.transaction(tx => tx.tasks.get('a')),
      ];
      return Promise.all(calls.map(call => call().then(() => 'nothing', error => `${error.code}: ${error.message}`)));
    });
    for (const one of said) assert.match(one, /^storage-unavailable: .*open it again/);
    const again = await page.evaluate(async () => {
      await globalThis.db.close();
      globalThis.db = await globalThis.openGone();
      const before = await globalThis.db.tasks.count();
      await globalThis.db.tasks.put({ id: 'b', title: 'anew', updatedAt: 1 });
      return [before, (await globalThis.db.tasks.get('b')).title];
    });
    assert.deepEqual(again, [0, 'anew']);
    await page.evaluate(() => globalThis.db.close());
    await page.close();
  });
}
