// What an app can do wrong with the API of the real engine: each is a HolmError with its code, and the engine lives on.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Server } from '../harness/server.js';

/** @type {Server} */
let server;
/** @type {Browser} */
let browser;

before(async t => {
  server = await Server.start(t);
  browser = await Browser.start(t);
}, { timeout: 60_000 });

/** Runs calls in a page, each by its name; what each threw. */
function outcomes(page, calls) {
  return page.evaluate(async names => {
    const told = {};
    for (const [name, source] of Object.entries(names)) {
      try {
        await globalThis.calls[source]();
        told[name] = 'nothing';
      } catch (error) {
        const { HolmError } = globalThis.holm;
        told[name] = error instanceof HolmError ? error.code : `not a HolmError: ${error}`;
      }
    }
    return told;
  }, calls);
}

test('bad-calls', { timeout: 120_000 }, async () => {
  const page = await browser.openBare(server.url, '?no-worker');
  await page.evaluate(() => {
    const { db } = globalThis;
    const good = { title: 'x', updatedAt: 1 };
    const cycle = { ...good };
    cycle.title = [cycle];
    let deep = 'x';
    for (let level = 0; level < 10_000; level++) deep = { deep };
    globalThis.calls = {
      'record over 1 MB': () => db.tasks.put({ ...good, title: 'x'.repeat(1_100_000) }),
      'record over 1 MB in bytes': () => db.tasks.put({ ...good, title: 'ö'.repeat(600_000) }),
      'wrong type': () => db.tasks.put({ ...good, title: 5 }),
      'wrong type in a patch': () => db.tasks.patch('there', { done: 'yes' }),
      'missing field': () => db.tasks.put({ title: 'x' }),
      'unknown field': () => db.tasks.put({ ...good, colour: 'red' }),
      'unset of a required field': () => db.tasks.patch('there', { title: undefined }),
      'missing id': () => db.tasks.get(),
      'id of a number': () => db.tasks.put({ ...good, id: 7 }),
      'empty id': () => db.tasks.get(''),
      'id of 1 MB': () => db.tasks.get('x'.repeat(1_000_000)),
      'id __proto__': () => db.tasks.put({ ...good, id: '__proto__' }),
      'field __proto__': () => db.tasks.put(JSON.parse('{"title":"x","updatedAt":1,"__proto__":1}')),
      'NaN': () => db.tasks.put({ ...good, updatedAt: NaN }),
      'cycle': () => db.tasks.put(cycle),
      'depth 10,000': () => db.tasks.put({ ...good, title: deep }),
      'lone surrogate': () => db.tasks.put({ ...good, title: '\ud800' }),
      'insert over a record': () => db.tasks.insert({ ...good, id: 'there' }),
      'patch of nothing': () => db.tasks.patch('not there', { done: true }),
      'unknown field in a query': () => db.tasks.where({ colour: 'red' }).all(),
      'unknown operator': () => db.tasks.where({ title: { sounds: 'like' } }).all(),
      'one bad record of many': () => db.tasks.putMany([{ ...good, id: 'many' }, { title: 5 }]),
      'another schema under the same name': () => globalThis.holm.open({ name: 'tasks', schema: globalThis.holm.defineSchema({ version: 2, collections: {} }), sync: { url: '/sync' } }),
    };
    return db.tasks.put({ ...good, id: 'there' });
  });
  const expected = {
    'record over 1 MB': 'record-too-large', 'record over 1 MB in bytes': 'record-too-large', 'wrong type': 'invalid-record',
    'wrong type in a patch': 'invalid-record', 'missing field': 'invalid-record', 'unknown field': 'invalid-record',
    'unset of a required field': 'invalid-record', 'missing id': 'invalid-id', 'id of a number': 'invalid-id', 'empty id': 'invalid-id',
    'id of 1 MB': 'invalid-id', 'id __proto__': 'invalid-id', 'field __proto__': 'invalid-value', 'NaN': 'invalid-value', 'cycle': 'invalid-value',
    'depth 10,000': 'invalid-value', 'lone surrogate': 'invalid-value', 'insert over a record': 'already-exists', 'patch of nothing': 'not-found',
    'unknown field in a query': 'invalid-query', 'unknown operator': 'invalid-query', 'one bad record of many': 'invalid-record',
    'another schema under the same name': 'invalid-argument',
  };
  assert.deepEqual(await outcomes(page, Object.fromEntries(Object.keys(expected).map(name => [name, name]))), expected);
  assert.deepEqual(await page.evaluate(async () => (await globalThis.db.tasks.all()).map(task => task.id)), ['there'], 'nothing of it was kept');
});

test('a collection that the schema does not declare is not there, and the engine says so too', { timeout: 60_000 }, async () => {
  const page = await browser.openBare(server.url, '?no-worker');
  const code = await page.evaluate(async () => {
    if ('notes' in globalThis.db) return 'it is there';
    return globalThis.db.sync.explain('notes', 'a').then(() => 'nothing', error => error.code);
  });
  assert.equal(code, 'unknown-collection');
});

test('after close, and opened ten times at once', { timeout: 60_000 }, async () => {
  const page = await browser.open(`${server.url}/e2e/index.html?no-worker`);
  const told = await page.evaluate(async () => {
    const handles = await Promise.all(Array.from({ length: 10 }, () => globalThis.openTasks()));
    const under = handles[0].tasks.put({ title: 'under way', updatedAt: 1 }); // nobody waits for it
    await Promise.all(handles.map(handle => handle.close()));
    const id = await under;
    const codes = [];
    for (const call of [() => handles[0].tasks.all(), () => handles[5].tasks.put({ title: 'x', updatedAt: 1 })]) {
      codes.push(await call().then(() => 'nothing', error => error.code));
    }
    const again = await globalThis.openTasks();
    return { codes, kept: (await again.tasks.get(id))?.title };
  });
  assert.deepEqual(told, { codes: ['closed', 'closed'], kept: 'under way' });
});

test('without IndexedDB', { timeout: 60_000 }, async () => {
  const page = await browser.context.newPage();
  await page.addInitScript(() => { delete globalThis.indexedDB; });
  await page.goto(`${server.url}/e2e/index.html?no-worker`);
  await page.locator('html[data-ready=true]').waitFor({ state: 'attached' });
  const told = await page.evaluate(async () => {
    const { open } = globalThis.holm;
    const options = { name: 'nowhere', schema: globalThis.schema };
    const code = await open(options).then(() => 'it opened', error => error.code);
    const db = await open({ ...options, storage: 'memory' });
    const id = await db.tasks.put({ title: 'for now', updatedAt: 1 });
    const { durable, storage } = db.sync.status;
    return { code, durable, storage, title: (await db.tasks.get(id)).title };
  });
  assert.deepEqual(told, { code: 'storage-unavailable', durable: false, storage: 'memory', title: 'for now' });
});
