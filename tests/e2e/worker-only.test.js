// Every page of the app is closed; the browser's own Background Sync sends what waits.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, controlled, drained, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { until } from '../harness/process.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

test('worker-only', { timeout: 180_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url);
  await controlled(page);
  await drained(page);
  await until('Background Sync is there', 10_000, () => page.evaluate(() => globalThis.db.sync.status.backgroundSync));

  await proxy.down();
  await page.evaluate(async () => {
    for (let n = 0; n < 20; n++) await globalThis.db.tasks.put({ title: `task ${n}`, updatedAt: n });
  });
  const expected = await tasks(page);
  await page.close();
  const open = browser.context.pages().map(other => other.url());
  assert(!open.some(url => url.startsWith(proxy.url)), `no page of the app is open: ${open}`);

  await proxy.up();
  await until('the worker sent it', 60_000, async () => (await server.held()).rows.length === 20);
  exactlyOnce(await server.held(), expected);
  assert(!browser.context.pages().some(other => other.url().startsWith(proxy.url)));

  const again = await browser.openBare(proxy.url);
  await drained(again);
  assert.deepEqual(await tasks(again), expected);
});
