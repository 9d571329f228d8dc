// The server is killed in the middle of a push, again and again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Browser, drained, tasks } from './harness/browser.js';
import { exactlyOnce } from './harness/check.js';
import { Proxy, isPush } from './harness/proxy.js';
import { Server } from './harness/server.js';

const KILLS = 4;

test('server-kill', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url);
  await drained(page);

  let kills = 0;
  /** @type {Promise<void>} */
  let reviving = Promise.resolve();
  proxy.fate = exchange => {
    if (!server.running) return 'break';
    if (!isPush(exchange) || kills === KILLS) return 'pass';
    // From before the first mutation is read to after the last is committed.
    reviving = sleep(kills++ * 6).then(() => server.kill()).then(() => sleep(200)).then(() => server.start());
    return 'pass';
  };

  for (let round = 0; round <= KILLS; round++) {
    await page.evaluate(async round => {
      const { db } = globalThis;
      const ids = await db.tasks.putMany(Array.from({ length: 60 }, (_, n) => ({ title: `round ${round} task ${n}`, updatedAt: n })));
      await Promise.all(ids.slice(0, 30).map(id => db.tasks.patch(id, { done: true })));
      await db.sync.now().catch(() => {});
    }, round);
    await reviving;
    await drained(page, 120_000);
  }

  assert.equal(kills, KILLS);
  const expected = await tasks(page);
  assert.equal(expected.size, 60 * (KILLS + 1));
  exactlyOnce(await server.held(), expected);
});
