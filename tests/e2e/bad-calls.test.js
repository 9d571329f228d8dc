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

test('a schema that contradicts itself is refused with its place, and the engine lives on', { timeout: 60_000 }, async () => {
  const page = await browser.openBare(server.url, '?no-worker');
  const told = await page.evaluate(async () => {
    const { defineSchema, open, t } = globalThis.holm;
    const tasks = more => ({ tasks: { fields: { title: t.string(), tags: t.array(t.string()), extra: t.json() }, ...more } });
    const refused = {};
    for (const [name, collections] of Object.entries({
      'index on an unknown field': () => tasks({ indexes: ['colour'] }),
      'index on json': () => tasks({ indexes: ['extra'] }),
      'elements of no array': () => tasks({ indexes: ['title[]'] }),
      'index of nothing': () => tasks({ indexes: [[]] }),
      'index of a number': () => tasks({ indexes: ['title', 7] }),
      'an index twice': () => tasks({ indexes: ['title', ['title']] }),
      'unknown conflict': () => tasks({ conflict: 'x' }),
      'unknown word': () => tasks({ indxes: ['title'] }),
      'ref to nowhere': () => ({ tasks: { fields: { list: t.array(t.ref('nowhere')) } } }),
      'default of a wrong type': () => ({ tasks: { fields: { title: t.string().default(7) } } }),
      'default not in the enum': () => ({ tasks: { fields: { state: t.enum(['a']).default('b') } } }),
      'default inside': () => ({ tasks: { fields: { at: t.object({ x: t.number().default(1) }) } } }),
      'empty name of a field': () => ({ tasks: { fields: { '': t.string() } } }),
      'name of a field with a dot': () => ({ tasks: { fields: { 'a.b': t.string() } } }),
      'name of a field too long': () => ({ tasks: { fields: { ['a'.repeat(65)]: t.string() } } }),
      'empty name': () => ({ '': { fields: {} } }),
      'reserved name': () => ({ transaction: { fields: {} } }),
    })) {
      try {
        const db = await open({ name: 'wrong', schema: defineSchema({ version: 1, collections: collections() }) });
        refused[name] = 'it opened';
        await db.close();
      } catch (error) {
        refused[name] = [error.code, error.message];
      }
    }
    const db = await open({ name: 'wrong', schema: defineSchema({ version: 1, collections: tasks({}) }) });
    await db.close();
    return refused;
  });
  const expected = {
    'index on an unknown field': /collections\.tasks\.indexes\[0\].*colour.*not a declared field/, 'index on json': /indexes\[0\].*extra.*no order/,
    'elements of no array': /title\[\].*not an array/, 'index of nothing': /indexes\[0\].*needs a field/, 'index of a number': /indexes\[1\]/,
    'an index twice': /indexes\[1\].*declared twice/, 'unknown conflict': /tasks\.conflict.*merge, last-write/, 'unknown word': /tasks\.indxes.*known are/,
    'ref to nowhere': /fields\.list.*"nowhere"/, 'default of a wrong type': /fields\.title\.default.*a string, not/,
    'default not in the enum': /fields\.state\.default.*one of "a"/, 'default inside': /fields\.at.*x.*default/, 'empty name of a field': /fields\..*empty/,
    'name of a field with a dot': /a\.b.*a dot/, 'name of a field too long': /64 bytes/, 'empty name': /cannot be named ""/, 'reserved name': /"transaction" is a word/,
  };
  for (const [name, pattern] of Object.entries(expected)) {
    assert.equal(told[name][0], 'invalid-schema', `${name}: ${told[name]}`);
    assert.match(told[name][1], pattern, name);
  }
  assert.deepEqual(Object.keys(told), Object.keys(expected));
});

test('what is wrong in one of many is told with its place', { timeout: 60_000 }, async () => {
  const page = await browser.openBare(server.url, '?no-worker');
  const told = await page.evaluate(async () => {
    const { db } = globalThis;
    const good = { title: 'x', updatedAt: 1 };
    const said = work => work.then(() => 'nothing', error => error.message);
    return [
      await said(db.tasks.putMany([good, good, { ...good, title: 5 }])),
      await said(db.tasks.putMany([good, null])),
      await said(db.tasks.patchMany([['nowhere', { done: true }], ['there', {}]])),
      await said(db.tasks.put({ ...good, title: 5 })),
      await said(globalThis.holm.open({ name: 'x', schema: globalThis.schema, snyc: { url: '/sync' } })),
    ];
  });
  assert.match(told[0], /title.*a string.*\(index 2 of the list\)/);
  assert.match(told[1], /not null \(index 1 of the list\)/);
  assert.match(told[2], /nowhere.*\(index 0 of the list\)/);
  assert.doesNotMatch(told[3], /of the list/);
  assert.match(told[4], /^snyc is no option/);
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
