// A browser profile is copied, as a machine that moves does it, and both copies go on: one client id, two outboxes.

import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { test } from 'node:test';

import { Browser, drained, status, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { folder, until } from '../harness/process.js';
import { Proxy, isPush } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const put = (page, title) => page.evaluate(title => globalThis.db.tasks.put({ title, updatedAt: 1 }, { durability: 'strict' }), title);
const synced = page => page.evaluate(() => globalThis.db.sync.now().catch(() => {})); // what fails is looked at by the test

/** The clients of the pushes that a proxy saw. */
const clients = proxy => new Set(proxy.seen.filter(isPush).map(({ body }) => JSON.parse(body).client));

test('cloned-profile', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const [proxy, copied] = [await Proxy.start(t, server), await folder(t, 'profile')];
  const open = async profile => {
    const browser = await Browser.start(t, profile);
    return { browser, page: await browser.openBare(proxy.url, '?no-worker') };
  };
  const nothing = () => 'break';
  let first = await open();
  await put(first.page, 'before, acknowledged');
  await drained(first.page);
  proxy.fate = nothing;
  await first.page.evaluate(() => globalThis.db.sync.pause());
  await put(first.page, 'before, waits in both');
  await first.browser.kill();
  await cp(first.browser.profile, copied, { recursive: true, filter: path => !/\/Singleton\w+$/.test(path) }); // Singleton…: who uses it

  // The copy gives a seq to what it wrote, and cannot say so.
  let second = await open(copied);
  await put(second.page, 'of the copy');
  proxy.fate = exchange => (isPush(exchange) ? 'break' : 'pass');
  const pushes = proxy.seen.filter(isPush).length;
  await until('it was sent', 30_000, async () => {
    await synced(second.page);
    return proxy.seen.filter(isPush).length > pushes;
  });
  await second.browser.kill();

  // Meanwhile the other gives the same seq to something else, and is heard.
  proxy.fate = nothing;
  first = await open(first.browser.profile);
  await put(first.page, 'of the first');
  proxy.fate = () => 'pass';
  await synced(first.page);
  await drained(first.page);
  assert.equal(clients(proxy).size, 1, 'until now nobody could know');

  // A pull comes before any push: the answer to the one must not count as an answer to the other.
  second = await open(copied);
  await put(second.page, 'of the copy, later');
  await drained(second.page);
  await put(first.page, 'of the first, later');
  await drained(first.page);
  assert.equal(clients(proxy).size, 2, 'one of the two is another client now');

  const titles = ['before, acknowledged', 'before, waits in both', 'of the copy', 'of the first', 'of the copy, later', 'of the first, later'];
  for (const each of [first.page, second.page]) {
    await until('each has what all have written', 30_000, async () => {
      await synced(each);
      return (await tasks(each)).size === titles.length;
    });
    const all = await tasks(each);
    assert.deepEqual([...all.values()].map(({ title }) => title).sort(), titles.toSorted());
    const held = await server.held();
    exactlyOnce(held, all);
    assert.equal(held.effects.length, titles.length);
    const { pending, parked } = await status(each);
    assert.deepEqual([pending, parked], [0, 0]);
  }
});
