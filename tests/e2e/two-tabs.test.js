// Two tabs write 500 records each at the same time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, controlled, drained, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { until } from '../harness/process.js';
import { Server } from '../harness/server.js';

test('two-tabs', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  // A page that is loaded while the service worker becomes active may be left out when that claims its pages: one after the other.
  const pages = [];
  while (pages.length < 2) {
    const page = await browser.openBare(server.url);
    await controlled(page);
    pages.push(page);
  }

  await Promise.all(pages.map((page, tab) => page.evaluate(async tab => {
    const { db } = globalThis;
    for (let n = 0; n < 500; n += 5) {
      await Promise.all([0, 1, 2, 3, 4].map(k => db.tasks.put({ title: `tab ${tab} task ${n + k}`, updatedAt: n + k })));
    }
  }, tab)));

  for (const page of pages) {
    await until('the tab sees both tabs', 30_000, async () => (await tasks(page)).size === 1000);
    await drained(page, 120_000);
  }
  const [one, two] = await Promise.all(pages.map(tasks));
  assert.deepEqual(one, two);
  exactlyOnce(await server.held(), one);
  const leaders = await Promise.all(pages.map(page => page.evaluate(() => globalThis.db.sync.status.leader)));
  assert.equal(leaders.filter(Boolean).length, 1, 'one of them syncs');
});
