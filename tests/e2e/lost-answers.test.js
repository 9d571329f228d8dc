// Every third answer is lost after the server did what it was asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, drained, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { Proxy, isPush } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

test('lost-answers', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  let lostPushes = 0;
  let exchanges = 0;
  proxy.fate = exchange => {
    if (exchange.path.startsWith('/sync/stream') || ++exchanges % 3 !== 0) return 'pass';
    if (isPush(exchange)) lostPushes++;
    return 'drop-answer';
  };
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url);
  for (let round = 0; round < 6; round++) {
    await page.evaluate(async round => {
      const { db } = globalThis;
      const writes = Array.from({ length: 25 }, (_, n) => db.tasks.put({ title: `round ${round} task ${n}`, updatedAt: n }));
      const ids = await Promise.all(writes);
      await db.sync.now().catch(() => {}); // some of these are the lost ones
      await Promise.all(ids.slice(0, 10).map(id => db.tasks.patch(id, { done: true })));
      await db.tasks.deleteMany(ids.slice(20));
      await db.sync.now().catch(() => {});
    }, round);
    await drained(page, 120_000);
  }
  assert(lostPushes >= 2, `the answers of pushes were lost: ${lostPushes}`);
  const expected = await tasks(page);
  assert.equal(expected.size, 6 * 20);
  exactlyOnce(await server.held(), expected);
});
