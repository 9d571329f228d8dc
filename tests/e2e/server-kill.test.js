// The server is killed in the middle of a push, again and again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Browser, drained, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { Proxy, isPush } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const KILLS = 4;

/** From before the first mutation is read to after the last is committed. */
async function revive(server, delayMs) {
  await sleep(delayMs);
  await server.kill();
  await sleep(200);
  await server.start();
}

test('server-kill', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url);
  await drained(page);

  let kills = 0;
  /** @type {Promise<void> | undefined} */
  let reviving;
  proxy.fate = exchange => {
    if (!server.running) return 'break';
    if (!isPush(exchange) || reviving || kills === KILLS) return 'pass';
    reviving = revive(server, kills++ * 6).finally(() => { reviving = undefined; });
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

  await reviving;
  assert.equal(kills, KILLS);
  const expected = await tasks(page);
  assert.equal(expected.size, 60 * (KILLS + 1));
  exactlyOnce(await server.held(), expected);
});
