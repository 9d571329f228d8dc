// The page says what is saved where: a badge for each task, the connection, what waits, when the next attempt is and why, both
// versions of a conflict, and the last error in words.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { addTask, allOnServer, makeConflict, onServer, openDemo } from '../harness/demo.js';
import { until } from '../harness/process.js';
import { Proxy, isPush } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const json = { 'content-type': 'application/json' };

/** The demo behind a proxy, and ways to look at it. */
async function start(t) {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const page = await openDemo(browser, proxy.url);
  const badge = title => page.locator('.task').filter({ has: page.getByRole('button', { name: `Delete ${title}` }) }).locator('.mark');
  const marked = (title, words) => until(`${title} is ${words}`, 30_000, async () => await badge(title).textContent() === words);
  const says = (id, pattern) => until(`${id} says ${pattern}`, 60_000, async () => pattern.test(await page.locator(`#${id}`).textContent()));
  const failing = { status: 500, headers: json, body: '{"v":1,"error":"server-error","message":"in the test"}' };
  const sync = () => page.getByRole('button', { name: 'Sync now' }).click();
  return { server, proxy, browser, page, marked, says, failing, sync };
}

test('saved where', { timeout: 240_000 }, async t => {
  const { proxy, page, marked, says, sync } = await start(t);

  await t.test('online', async () => {
    await addTask(page, 'first');
    await says('pending', /^0$/);
    await marked('first', 'on server');
    await says('connection', /^Connected$/);
    await says('phase', /^up to date$/);
    await says('here', /^1 task$/);
    await says('heard', /^\d+:\d\d:\d\d [AP]M$/);
    assert.equal(await page.locator('#error-row').isVisible(), false);
  });

  await t.test('offline', async () => {
    await proxy.down();
    await addTask(page, 'second');
    await says('connection', /^Offline$/);
    await says('pending', /^1$/);
    await marked('second', 'only here');
    await marked('first', 'on server');
    await says('phase', /^next attempt in \d+ s$/);
    await says('why', /^The last attempt failed/);
    await says('error', /^The server cannot be reached\. What you write is kept here/);
    await proxy.up();
    await sync();
    await allOnServer(page);
    await until('the error is over', 30_000, async () => !await page.locator('#error-row').isVisible());
    await marked('second', 'on server');
  });

  await t.test('a server that asks for time', async () => {
    proxy.fate = exchange => (isPush(exchange) ? { status: 503, headers: { ...json, 'retry-after': '30' }, body: '{"v":1,"error":"server-error","message":"in the test"}' } : 'pass');
    await addTask(page, 'third');
    await says('why', /^The server asked for this pause\.$/);
    await says('phase', /^next attempt in (2\d|30) s$/);
    await says('error', /^The server has a problem\. Nothing is lost/);
    proxy.fate = () => 'pass';
    await sync();
    await allOnServer(page);
  });
  assert.deepEqual(page.problems, []);
});

test('both versions of a conflict', { timeout: 240_000 }, async t => {
  const { server, proxy, browser, page, says, failing, sync } = await start(t);
  const other = await Browser.start(t);
  const showsBoth = mine => until('both versions are shown', 30_000, async () => {
    const versions = await page.locator('.refusal .version p').allTextContents();
    return versions.join(' | ') === `${mine} (not done) | Deleted`;
  });
  const keepsMine = async mine => {
    await page.reload();
    await page.locator('.refusal').getByText(`${mine} (not done)`).waitFor();
    await page.locator('.refusal').getByRole('button', { name: 'Keep yours' }).click();
    await page.locator('#refused').waitFor({ state: 'hidden' });
    await until('the server has it again', 30_000, async () => (await onServer(server, 'tasks')).some(({ title }) => title === mine));
  };

  await t.test('a conflict', async () => {
    await makeConflict(server, browser, page, other, 'fourth');
    await showsBoth('fourth, mine');
    await keepsMine('fourth, mine');
  });

  await t.test('a conflict over what was known to be deleted when the write was answered', async () => {
    await addTask(page, 'fifth');
    await allOnServer(page);
    proxy.fate = exchange => (isPush(exchange) ? failing : 'pass');
    const task = page.locator('.task').filter({ has: page.getByRole('button', { name: 'Delete fifth' }) });
    await task.locator('.name').fill('fifth, mine');
    await task.locator('.name').press('Enter');
    await says('pending', /^1$/);
    const elsewhere = await openDemo(other, server.url);
    await elsewhere.getByRole('button', { name: 'Delete fifth' }).click();
    await until('it is gone here too', 60_000, async () => {
      await sync();
      return await page.getByRole('button', { name: 'Delete fifth' }).count() === 0;
    });
    await elsewhere.close();
    proxy.fate = () => 'pass';
    await sync();
    await showsBoth('fifth, mine');
    await keepsMine('fifth, mine');
  });
  assert.deepEqual(page.problems, []);
});
