// Conflicts that the app's own function settles, and a person: two pages of two people with one record, a real server that settles
// nothing itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { until } from '../harness/process.js';
import { Server } from '../harness/server.js';

test('conflicts', { timeout: 180_000 }, async t => {
  const server = await Server.start(t, { HOLM_CONFLICTS: 'votes=manual,notes=manual' });
  const browsers = [await Browser.start(t), await Browser.start(t)];
  const pages = await Promise.all(browsers.map(browser => browser.openBare(server.url, '?no-worker')));
  for (const page of pages) await open(page);
  await t.test('a function settles it', () => aFunctionSettlesIt(pages));
  await t.test('one at which it throws stays, and is reported once', () => atWhichItThrows(pages));
  await t.test('a person settles it, after a reload', () => aPersonSettlesIt(pages));
  await t.test('what means nothing is refused with what', () => whatMeansNothing(pages));
});

/** Opens the database of this test; a function of the page settles votes, a person notes. */
const open = page => page.evaluate(async () => {
  const { open, defineSchema, t } = await import('/pkg/full/index.js');
  await globalThis.db.close();
  const text = { text: t.string(), more: t.string().optional() };
  const schema = defineSchema({ version: 1, collections: {
    votes: { fields: { count: t.integer(), note: t.string().optional() }, conflict: ({ base, mine, theirs }) => {
      if (theirs.count === 13) throw new Error('no luck');
      return theirs && { count: mine.count + theirs.count - base.count };
    } },
    notes: { fields: text, conflict: 'manual' },
  } });
  globalThis.reported = [];
  addEventListener('error', event => { globalThis.reported.push(event.message); event.preventDefault(); });
  globalThis.db = await open({ name: 'conflicts', schema, sync: { url: '/sync' } });
  await globalThis.db.sync.now();
});
const now = page => page.evaluate(() => globalThis.db.sync.now());
const get = (page, collection) => page.evaluate(name => globalThis.db[name].get('a'), collection);
const settled = page => until('all is settled', 20_000, async () => {
  await now(page);
  return page.evaluate(() => globalThis.db.sync.status.conflicts === 0 && globalThis.db.sync.status.pending === 0);
});

async function aFunctionSettlesIt([one, two]) {
  await one.evaluate(() => globalThis.db.votes.put({ id: 'a', count: 5, note: 'n' }));
  await now(one);
  await now(two);
  for (const [page, more] of [[one, 2], [two, 3]]) {
    await page.evaluate(more => { globalThis.db.sync.pause(); return globalThis.db.votes.patch('a', { count: 5 + more }); }, more);
  }
  for (const page of [one, two]) {
    await page.evaluate(() => globalThis.db.sync.resume());
    await settled(page);
  }
  await settled(one);
  for (const page of [one, two]) assert.deepEqual(await get(page, 'votes'), { id: 'a', count: 10 }, 'and a field it leaves out is gone');
}

async function atWhichItThrows([one, two]) {
  for (const [page, count] of [[one, 13], [two, 7]]) {
    await page.evaluate(count => { globalThis.db.sync.pause(); return globalThis.db.votes.patch('a', { count }); }, count);
  }
  for (const page of [one, two]) {
    await page.evaluate(() => globalThis.db.sync.resume());
    await now(page);
  }
  await until('it was reported', 10_000, () => two.evaluate(() => globalThis.reported.length > 0));
  await now(two);
  assert.deepEqual(await get(two, 'votes'), { id: 'a', count: 13 }, 'what the server has is in sight');
  assert.deepEqual(await two.evaluate(() => globalThis.reported), ['Uncaught Error: no luck']);
  const [conflict] = await two.evaluate(() => globalThis.db.sync.conflicts());
  assert.deepEqual([conflict.mine, conflict.theirs, conflict.fields], [{ count: 7 }, { count: 13 }, ['count']]);
  await two.evaluate(mid => globalThis.db.sync.resolve(mid, 'theirs'), conflict.mid);
  await settled(two);
  assert.deepEqual(await get(two, 'votes'), { id: 'a', count: 13 });
}

async function aPersonSettlesIt([one, two]) {
  await one.evaluate(() => globalThis.db.notes.put({ id: 'a', text: 'milk', more: 'm' }));
  await now(one);
  await now(two);
  for (const [page, text] of [[one, 'oat milk'], [two, 'soy milk']]) {
    await page.evaluate(text => { globalThis.db.sync.pause(); return globalThis.db.notes.patch('a', { text }); }, text);
  }
  for (const page of [one, two]) {
    await page.evaluate(() => globalThis.db.sync.resume());
    await now(page);
  }
  await two.reload();
  await until('the page is there', 10_000, () => two.evaluate(() => document.documentElement.dataset.ready === 'true'));
  await two.evaluate(async () => { globalThis.db = await globalThis.openTasks(); });
  await open(two);
  const conflicts = await two.evaluate(() => globalThis.db.sync.conflicts());
  assert.equal(conflicts.length, 1);
  const [{ mid, base, mine, theirs, fields }] = conflicts;
  assert.deepEqual({ base, mine, theirs, fields }, {
    base: { text: 'milk', more: 'm' }, mine: { text: 'soy milk', more: 'm' }, theirs: { text: 'oat milk', more: 'm' }, fields: ['text'],
  });
  await two.evaluate(mid => globalThis.db.sync.resolve(mid, { text: 'both', more: undefined }), mid);
  await settled(two);
  await now(one);
  assert.deepEqual(await get(one, 'notes'), { id: 'a', text: 'both' });
}

async function whatMeansNothing([, two]) {
  const code = call => two.evaluate(async call => {
    try {
      await Function('sync', `return sync.${call}`)(globalThis.db.sync);
    } catch (error) {
      return error.code;
    }
  }, call);
  assert.equal(await code("resolve('nobody', 'mine')"), 'not-found');
  assert.equal(await code("edit('nobody', 7)"), 'invalid-record');
  assert.equal(await code('edit(7, {})'), 'invalid-argument');
}
