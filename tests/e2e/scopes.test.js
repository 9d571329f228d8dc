// Parts of the server's data, kept and left while the app runs: a page with the full engine, a page with everything, a real server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { until } from '../harness/process.js';
import { Server } from '../harness/server.js';

test('scopes', { timeout: 180_000 }, async t => {
  const server = await Server.start(t, { HOLM_SCOPES: 'project=tasks.project,project=notes.of' });
  const browsers = [await Browser.start(t), await Browser.start(t)];
  const [page, whole] = await Promise.all(browsers.map(browser => browser.openBare(server.url, '?no-worker')));
  await open(page, []);
  await open(whole);
  await whole.evaluate(async () => {
    for (const [id, project] of [['a', 'p1'], ['b', 'p1'], ['c', 'p2']]) await globalThis.db.tasks.put({ id, project });
    await globalThis.db.notes.put({ id: 'n', of: 'p1' });
    await globalThis.db.sync.now();
  });
  await t.test('a scope is subscribed to, and comes with the rows of all its collections', () => comes(page));
  await t.test('what leaves it leaves the page that watches', () => leaves(page, whole));
  await t.test('a reload keeps it; to unsubscribe takes it away, but for what waits', () => isLeft(page, whole));
  await t.test('what means nothing is refused with what', () => whatMeansNothing(page));
});

/** Opens the database of this test. */
const open = (page, scopes) => page.evaluate(async scopes => {
  const { open, defineSchema, t } = await import('/pkg/full/index.js');
  await globalThis.db.close();
  const schema = defineSchema({ version: 1, collections: {
    tasks: { fields: { project: t.string(), title: t.string().optional() }, indexes: ['project'] },
    notes: { fields: { of: t.string() } },
  } });
  globalThis.db = await open({ name: 'scopes', schema, sync: { url: '/sync', ...(scopes && { scopes }) } });
}, scopes);

const tasks = page => page.evaluate(async () => (await globalThis.db.tasks.all()).map(({ id }) => id).sort());
const isComplete = page => until('the scope is complete', 20_000, () => page.evaluate(async () => (await globalThis.db.scopes.list()).every(({ complete }) => complete)));

async function comes(page) {
  await page.evaluate(() => globalThis.db.scopes.subscribe('project', { id: 'p1' }));
  await isComplete(page);
  const list = await page.evaluate(() => globalThis.db.scopes.list());
  assert.deepEqual(list, [{ name: 'project', args: { id: 'p1' }, complete: true, forbidden: false, leaving: false }]);
  assert.deepEqual([await tasks(page), await page.evaluate(() => globalThis.db.notes.get('n'))], [['a', 'b'], { id: 'n', of: 'p1' }]);
}

async function leaves(page, whole) {
  await page.evaluate(() => {
    globalThis.seen = [];
    globalThis.db.tasks.where({}).watch(rows => globalThis.seen.push(rows.length));
  });
  await whole.evaluate(async () => {
    await globalThis.db.tasks.patch('a', { project: 'p2' });
    await globalThis.db.sync.now();
  });
  await page.evaluate(() => globalThis.db.sync.now());
  assert.deepEqual(await tasks(page), ['b']);
  await until('the watcher is told', 5_000, () => page.evaluate(() => globalThis.seen.at(-1) === 1));
}

async function isLeft(page, whole) {
  await page.reload();
  await until('the page is there', 10_000, () => page.evaluate(() => document.documentElement.dataset.ready === 'true'));
  await page.evaluate(async () => { globalThis.db = await globalThis.openTasks(); });
  await open(page, []);
  await isComplete(page);
  await page.evaluate(async () => {
    globalThis.db.sync.pause();
    await globalThis.db.tasks.patch('b', { title: 'mine' });
    await globalThis.db.scopes.unsubscribe('project', { id: 'p1' });
  });
  assert.deepEqual([await tasks(page), await page.evaluate(() => globalThis.db.scopes.list()), await page.evaluate(() => globalThis.db.notes.count())], [['b'], [], 0]);
  await page.evaluate(() => { globalThis.db.sync.resume(); return globalThis.db.sync.now(); });
  await until('what waited is gone as well', 20_000, async () => (await tasks(page)).length === 0);
  await whole.evaluate(() => globalThis.db.sync.now());
  assert.equal(await whole.evaluate(async () => (await globalThis.db.tasks.get('b')).title), 'mine');
}

async function whatMeansNothing(page) {
  const refused = await page.evaluate(async () => {
    const { scopes, sync } = globalThis.db;
    const calls = [() => scopes.subscribe(7), () => scopes.subscribe('a:b'), () => scopes.subscribe('project', 'p1'), () => scopes.subscribe('project', { id: () => {} }),
      () => scopes.unsubscribe(''), () => sync.adopt('tasks', 'nowhere'), () => sync.forget('tasks', 'nowhere')];
    return Promise.all(calls.map(call => (async () => call())().then(() => 'fine', error => error.code)));
  });
  assert.deepEqual(refused, ['invalid-argument', 'invalid-argument', 'invalid-argument', 'invalid-value', 'invalid-argument', 'not-found', 'not-found']);
  assert.deepEqual(await page.evaluate(() => globalThis.db.sync.orphans()), []);
  const elsewhere = await page.evaluate(async () => {
    const { open, defineSchema } = await import('/pkg/index.js');
    const schema = defineSchema({ version: 1, collections: {} });
    return open({ name: 'lean', schema, sync: { url: '/sync', scopes: [{ name: 'project', args: { id: 'p1' } }] } }).then(() => 'fine', ({ code, message }) => [code, message]);
  });
  assert.deepEqual(elsewhere, ['invalid-argument', 'Scopes with arguments are of holm/full.']);
}
