// Fifty tasks created, edited and deleted without a network; the browser is killed and started again, still without one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, controlled, drained, reach, status, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { until } from '../harness/process.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

/** Creates 50 tasks, edits some, deletes some; what must be there afterwards. */
async function work(page) {
  await page.getByLabel('New task').fill('written by hand');
  await page.getByRole('button', { name: 'Add' }).click();
  await page.locator('#tasks .task').first().waitFor();
  await page.evaluate(async () => {
    const { db } = globalThis;
    const ids = [];
    for (let n = 1; n < 50; n++) ids.push(await db.tasks.put({ title: `task ${n}`, updatedAt: n }));
    for (const id of ids.slice(0, 20)) await db.tasks.patch(id, { title: `edited ${id}`, done: true });
    await db.tasks.deleteMany(ids.slice(15, 25));
    await db.tasks.patch(ids[0], { title: 'edited twice' });
  });
  return tasks(page);
}

test('offline-kill', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  let browser = await Browser.start(t);
  let page = await browser.open(proxy.url);
  await controlled(page);
  await reach(page);
  await drained(page);

  await browser.context.setOffline(true);
  await proxy.down();
  const expected = await work(page);
  assert.equal(expected.size, 40);
  assert.equal((await server.held()).rows.length, 0);
  await browser.kill();

  browser = await Browser.start(t, browser.profile);
  await browser.context.setOffline(true);
  page = await browser.open(proxy.url);
  await reach(page);
  assert.deepEqual(await tasks(page), expected, 'all of it survived the kill');
  await until('the list shows it', 10_000, async () => await page.locator('#tasks .task').count() === 40);
  await until('the badge counts what waits', 10_000, async () => await page.locator('#waiting-count').textContent() === '40');
  assert((await status(page)).pending > 0);
  assert.equal((await page.locator('#tasks .name').first().inputValue()), 'written by hand');

  await proxy.up();
  await browser.context.setOffline(false);
  await drained(page);
  await until('nothing waits on the page', 10_000, async () => await page.locator('#waiting-count').textContent() === '0');
  const held = await server.held();
  exactlyOnce(held, expected);
  assert(held.receipts.length >= 40, 'every change has its receipt');
  assert.deepEqual(page.problems, []);

  const other = await (await Browser.start(t)).open(proxy.url);
  await reach(other);
  await until('the second browser has it', 30_000, async () => (await tasks(other)).size === 40);
  assert.deepEqual(await tasks(other), expected);
});
