// What answers in the place of the server, or does not: each gives its code in the status, loses nothing, and ends when it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, drained, status, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { until } from '../harness/process.js';
import { Proxy, isPush } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const html = { 'content-type': 'text/html' };
const json = { 'content-type': 'application/json' };
const refusal = (code, more = {}) => JSON.stringify({ v: 1, code, message: 'told by the test', ...more });

const CASES = [
  { what: 'HTML', code: 'not-a-holm-server', fate: { status: 200, headers: html, body: '<h1>Sign in to this network</h1>' } },
  { what: 'an empty 200', code: 'not-a-holm-server', fate: { status: 200, headers: json } },
  { what: 'a 204', code: 'not-a-holm-server', fate: { status: 204 } },
  { what: 'somebody else\'s JSON', code: 'not-a-holm-server', fate: { status: 200, headers: json, body: '{"hello":"world"}' } },
  { what: 'null', code: 'not-a-holm-server', fate: { status: 200, headers: json, body: 'null' } },
  { what: 'a redirect', code: 'redirected', fate: { status: 301, headers: { location: '/elsewhere' } } },
  { what: '401', code: 'unauthorized', fate: { status: 401, headers: json, body: refusal('unauthorized') } },
  { what: '413', code: 'payload-too-large', fate: { status: 413, headers: json, body: refusal('payload-too-large') } },
  { what: '500', code: 'server-error', fate: { status: 500, headers: json, body: refusal('server-error') } },
  { what: 'a 500 of a proxy', code: 'not-a-holm-server', fate: { status: 502, headers: html, body: '<h1>Bad Gateway</h1>' }, also: 'server-error' },
  { what: 'a closed connection', code: 'offline', fate: 'break' },
];

test('bad-answers', { timeout: 300_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url, '?no-worker');
  await drained(page);

  for (const { what, code, fate, also } of CASES) {
    await t.test(what, async () => {
      proxy.fate = () => fate;
      const thrown = await page.evaluate(async what => {
        await globalThis.db.tasks.put({ title: `written during ${what}`, updatedAt: 1 });
        return globalThis.db.sync.now().then(() => null, error => ({ name: error.name, code: error.code, text: String(error) }));
      }, what);
      const right = [code, also];
      assert.equal(thrown?.name, 'HolmError', JSON.stringify(thrown));
      assert(right.includes(thrown.code), JSON.stringify(thrown));
      const { error, pending } = await status(page);
      assert(right.includes(error?.code), JSON.stringify(error));
      assert(pending > 0, 'it still waits');
      proxy.fate = () => 'pass';
      await page.evaluate(() => { globalThis.db.sync.resume(); return globalThis.db.sync.now(); });
      await drained(page);
      assert.equal((await status(page)).error, null, 'the error is over when it is over');
    });
  }
  exactlyOnce(await server.held(), await tasks(page));
});

test('429 with Retry-After is a floor', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url, '?no-worker');
  await drained(page);

  let refusedAt = 0;
  proxy.fate = exchange => {
    if (refusedAt || !isPush(exchange)) return 'pass';
    refusedAt = Date.now();
    return { status: 429, headers: { ...json, 'retry-after': '4' }, body: refusal('rate-limited') };
  };
  await page.evaluate(() => globalThis.db.tasks.put({ title: 'patience', updatedAt: 1 }));
  await until('the server asked for patience', 20_000, async () => (await status(page)).error?.code === 'rate-limited');
  const { phase, nextAttemptAt } = await status(page);
  assert.equal(phase, 'waiting');
  assert(nextAttemptAt - refusedAt >= 3_900, `the next attempt is ${nextAttemptAt - refusedAt} ms away`);
  await drained(page);
  const next = proxy.seen.find(exchange => exchange.at > refusedAt && isPush(exchange));
  assert(next.at - refusedAt >= 3_900, `it came back after ${next.at - refusedAt} ms`);
});

test('a server that never answers', { timeout: 180_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await browser.openBare(proxy.url, '?no-worker');
  await drained(page);

  proxy.fate = ({ path }) => (path.startsWith('/sync/stream') ? 'pass' : 'hang');
  await page.evaluate(() => globalThis.db.tasks.put({ title: 'is anybody there', updatedAt: 1 }));
  await until('the silence is told', 90_000, async () => (await status(page)).error?.code === 'timeout');
  assert.equal(await page.evaluate(() => globalThis.db.tasks.count()), 1);
  proxy.fate = () => 'pass';
  await page.evaluate(() => globalThis.db.sync.now());
  await drained(page);
  exactlyOnce(await server.held(), await tasks(page));
});
