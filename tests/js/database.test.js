import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openDatabase } from '../../pkg-template/database.js';
import { HolmError } from '../../pkg-template/errors.js';
import { defineSchema, t } from '../../pkg-template/schema.js';
import { engineError, fakeModule } from './fake-engine.js';

const schema = defineSchema({ version: 1, collections: {
  tasks: { fields: { title: t.string(), done: t.boolean().default(false), count: t.integer().optional() } } } });
let names = 0;

async function opened(options = {}) {
  const module = fakeModule();
  const db = await openDatabase(module, { name: `db${++names}`, schema, ...options });
  return { db, module, engine: module.engines[0] };
}

/** @param {string} code */
const holmError = code => error => {
  assert(error instanceof HolmError, String(error));
  assert.equal(error.code, code);
  return true;
};

test('options that cannot be meant are refused by name', async () => {
  const given = { name: 'x', schema };
  const synced = sync => ({ ...given, sync: { url: 'http://a', ...sync } });
  for (const [options, field, said] of [
    [undefined, 'open', 'an object with name'], [null, 'open', 'an object'], [[], 'open', 'an object'],
    [{ schema }, 'name', 'is a string'], [{ schema, name: '' }, 'name', 'not empty'], [{ schema, name: '\ud800' }, 'name', 'lone surrogate'],
    [{ name: 'x', schema: {} }, 'schema', 'defineSchema'], [{ ...given, storage: 'disk' }, 'storage', "'memory'"],
    [{ ...given, durability: 1 }, 'durability', "'strict'"], [{ ...given, cacheBytes: -1 }, 'cacheBytes', 'a whole number'], [{ ...given, cacheBytes: '32' }, 'cacheBytes', 'a whole number'], [{ ...given, snyc: {} }, 'snyc', 'there are name, schema'],
    [{ ...given, wasm: 7 }, 'wasm', 'its bytes'], [{ ...given, wasm: '' }, 'wasm', 'its bytes'], [{ ...given, wasm: {} }, 'wasm', 'its bytes'],
    [{ ...given, sync: {} }, 'sync.url', 'an address'], [{ ...given, sync: null }, 'sync', 'takes an object with url'],
    [{ ...given, sync: 'http://a' }, 'sync', 'takes an object'], [synced({ url: 7 }), 'sync.url', 'an address'],
    [synced({ url: 'ftp://a/b' }), 'sync.url', 'not ftp:'], [synced({ url: 'javascript:1' }), 'sync.url', 'not javascript:'],
    [synced({ url: 'http://a/?b=1' }), 'sync.url', 'no ?'], [synced({ url: 'http://a#b' }), 'sync.url', 'no ?'], [synced({ url: 'http://a:b@c' }), 'sync.url', 'user'],
    [synced({ url: '/relative-without-a-page' }), 'sync.url', '"/relative-without-a-page"'],
    [synced({ getToken: 'x' }), 'sync.getToken', 'a function'], [synced({ gettoken: () => {} }), 'sync.gettoken', 'getToken'],
    [synced({ scopes: 'tasks' }), 'sync.scopes', 'a list'], [synced({ scopes: ['tasks'] }), 'sync.scopes[0]', 'name'],
    [synced({ scopes: [{ name: 'a' }, {}] }), 'sync.scopes[1].name', 'a string'], [synced({ scopes: [{ name: 'a', arg: {} }] }), 'sync.scopes[0].arg', 'args'],
  ]) {
    await assert.rejects(openDatabase(fakeModule(), options), error => {
      assert.deepEqual([error.name, error.code, error.field], ['HolmError', 'invalid-argument', field]);
      assert(error.message.startsWith(field) && error.message.includes(said), error.message);
      return true;
    });
  }
});

test('wasm is looked at although the engine is there already', async () => {
  const module = fakeModule();
  const db = await openDatabase(module, { name: 'first', schema });
  await assert.rejects(openDatabase(module, { name: 'second', schema, wasm: 7 }), { code: 'invalid-argument', field: 'wasm' });
  for (const wasm of ['/engine.wasm', new URL('http://a/b'), new Uint8Array(8), new ArrayBuffer(8), new Response(), new Request('http://a')]) {
    await (await openDatabase(module, { name: 'second', schema, wasm })).close();
  }
  await db.close();
});

test('what is wrong is told with its place', async () => {
  const db = await openDatabase(fakeModule(), { name: 'places', schema });
  const rejects = (work, code, said) => assert.rejects(work, error => {
    assert.equal(error.code, code, error.message);
    assert(said.test(error.message), error.message);
    return true;
  });
  await rejects(db.tasks.putMany([{ title: 'x' }, null]), 'invalid-record', /not null \(index 1 of the list\)\.$/);
  await rejects(db.tasks.insertMany([{ title: 'x' }, { title: NaN }]), 'invalid-value', /title.*index 1 of the list/);
  await rejects(db.tasks.patchMany([['a', {}], ['b', undefined]]), 'invalid-record', /not undefined.*index 1/);
  await rejects(db.tasks.deleteMany(['a', 7]), 'invalid-id', /index 1 of the list/);
  await rejects(db.tasks.put('milk'), 'invalid-record', /plain object, not String/);
  await rejects(db.tasks.put({ title: 10n ** 5_000n }), 'invalid-value', /at most 4096 digits, not 5001 \(at title\)/);
  await rejects(db.tasks.put({ '\ud800': 1 }), 'invalid-value', /lone surrogate/);
  assert.throws(() => db.kv(), { code: 'invalid-argument', field: 'namespace', message: /namespace/ });
  await assert.rejects(db.kv('a').get(''), { code: 'invalid-argument', field: 'key', message: /key/ });
  assert.throws(() => db.tasks.where({ '\ud800': 1 }), { code: 'invalid-query', message: /\\ud800/ });
  assert.throws(() => db.tasks.orderBy('\ud800'), { code: 'invalid-query' });
  let kept;
  await db.transaction(tx => { kept = tx; });
  await rejects(kept.tasks.get('a'), 'closed', /transaction has ended/);
  await db.close();
  await rejects(db.tasks.get('a'), 'closed', /"places" is closed; open it again/);
});

test('opening a name again shares one engine, and the last close ends it', async () => {
  const module = fakeModule();
  const options = { name: 'shared', schema };
  const handles = await Promise.all(Array.from({ length: 10 }, () => openDatabase(module, options)));
  assert.equal(module.engines.length, 1);
  const [one, ...others] = handles;
  await Promise.all(others.map(db => db.close()));
  assert(!module.log.includes('close'));
  await one.tasks.put({ title: 'still open' });
  const [slow, finish] = [new Promise(resolve => setTimeout(resolve, 20)), module.engines[0].close];
  module.engines[0].close = async function close() { await slow; await finish.call(this); };
  const closing = one.close();
  await new Promise(resolve => setTimeout(resolve, 5));
  const again = await openDatabase(module, options);
  assert(module.log.includes('close'), 'the name opens again only when it is free');
  await closing;
  assert.equal(module.engines.length, 2);
  await again.close();
  assert.deepEqual(module.log.filter(line => !line.startsWith('write')), ['init', 'open shared', 'close', 'open shared', 'close']);
});

test('the same name with other options is refused, by the option that differs', async () => {
  const sync = { url: 'http://server.test/sync', getToken: () => 'a', scopes: [{ name: 'all' }] };
  const { db, module } = await opened({ name: 'mixed', sync });
  const other = defineSchema({ version: 2, collections: {} });
  for (const [options, field] of [
    [{ schema: other, sync }, 'schema'], [{ sync, storage: 'memory' }, 'storage'], [{ sync, durability: 'strict' }, 'durability'], [{ sync, cacheBytes: 1 }, 'cacheBytes'],
    [{}, 'sync.url'], [{ sync: { ...sync, url: 'http://server.test/other' } }, 'sync.url'], [{ sync: { ...sync, scopes: [] } }, 'sync.scopes'],
    [{ sync: { ...sync, getToken: undefined } }, 'sync.getToken'],
  ]) {
    await assert.rejects(openDatabase(module, { name: 'mixed', schema, ...options }), error => {
      assert(error instanceof HolmError);
      assert.match(error.message, /^"mixed" is open in this page already with another \S+; give the same options, or close it first\.$/);
      return error.code === 'invalid-argument' && error.field === field;
    }, field);
  }
  const same = defineSchema({ version: 1, collections: {
    tasks: { fields: { title: t.string(), done: t.boolean().default(false), count: t.integer().optional() } } } });
  const again = await openDatabase(module, { name: 'mixed', schema: same, sync: { ...sync, getToken: () => 'b' } });
  assert.equal(await module.engines[0].askToken('first'), 'a', 'the first getToken stays');
  assert.equal(module.engines.length, 1);
  await Promise.all([db.close(), again.close()]);
});

test('a close that fails does not fail who opens next', async () => {
  const { db, module, engine } = await opened({ name: 'stuck' });
  /** @type {(error: Error) => void} */
  let fail = () => {};
  const asked = new Promise(resolve => {
    engine.close = () => { resolve(); return new Promise((_, reject) => { fail = reject; }); };
  });
  const closing = db.close();
  await asked;
  const next = openDatabase(module, { name: 'stuck', schema });
  fail(engineError('storage-failed'));
  await assert.rejects(closing, holmError('storage-failed'));
  await (await next).close();
  assert.equal(module.engines.length, 2);
});

test('a failed open can be tried again', async () => {
  const module = fakeModule();
  module.failNextOpen(engineError('storage-unavailable'));
  const options = { name: 'retry', schema };
  await assert.rejects(openDatabase(module, options), holmError('storage-unavailable'));
  await (await openDatabase(module, options)).close();
});

test('WebAssembly that does not load is told, and tried again', async () => {
  const module = fakeModule();
  const init = module.default;
  module.default = async () => { throw new TypeError('Failed to fetch'); };
  const loading = { name: 'load', schema };
  await Promise.all([1, 2].map(() => assert.rejects(openDatabase(module, loading), { name: 'HolmError', code: 'engine-unavailable' })));
  module.default = init;
  await (await openDatabase(module, loading)).close();
});

test('a write carries its receipt at once and its sync when asked', async () => {
  const { db, module } = await opened();
  const write = db.tasks.put({ title: 'milk' });
  assert.match(write.receipt, /^[0-9a-f]{32}$/);
  const id = await write;
  assert.deepEqual(await db.tasks.get(id), { id, title: 'milk' });
  assert(!module.log.some(line => line.startsWith('synced')));
  assert.equal(write.synced, write.synced);
  await write.synced;
  assert(module.log.includes(`synced ${write.receipt}`));
  await db.close();
});

test('no two writes have one receipt', async () => {
  const { db } = await opened();
  const writes = Array.from({ length: 1_000 }, (_, n) => db.tasks.put({ id: `t${n}`, title: 'x' }));
  assert.equal(new Set(writes.map(write => write.receipt)).size, 1_000);
  await Promise.all(writes);
  await db.close();
});

test('a write that the server refuses rejects synced, not the write', async () => {
  const { db, engine } = await opened();
  engine.refusing = true;
  const write = db.tasks.put({ title: 'milk' });
  await write;
  await assert.rejects(write.synced, { code: 'validation', field: 'title' });
  await db.close();
});

test('single and Many forms send the same shapes', async () => {
  const { db, engine } = await opened();
  await db.tasks.put({ id: 'a', title: '1' });
  assert.deepEqual(await db.tasks.putMany([{ id: 'b', title: '2' }, { title: '3' }]), ['b', (await db.tasks.all())[2].id]);
  await db.tasks.insert({ id: 'c', title: '4' });
  await assert.rejects(db.tasks.insert({ id: 'c', title: '5' }), { code: 'already-exists', field: 'id' });
  await assert.rejects(db.tasks.patch('nobody', { done: true }), holmError('not-found'));
  assert.equal(await db.tasks.patch('a', { done: true, count: undefined }), undefined);
  await db.tasks.patchMany([['b', { done: true }]]);
  assert.deepEqual(engine.records.get('a')[2], { title: '1', done: true, count: { $holm: ['unset'] } });
  await db.tasks.delete('c');
  await db.tasks.deleteMany(['b', 'nobody']);
  assert.deepEqual((await db.tasks.getMany(['a', 'b'])).map(row => row?.id), ['a', undefined]);
  await db.close();
});

test('a long list goes to the engine in parts, with turns of the page in between, and what is written meanwhile comes after it', async () => {
  const { db, module } = await opened();
  const tasks = Array.from({ length: 2_500 }, (_, n) => ({ id: `t${n}`, title: `${n}` }));
  let turns = 0;
  let over = false;
  const counted = (async () => { for (; !over; turns++) await new Promise(resolve => setTimeout(resolve)); })();
  const list = db.tasks.putMany(tasks);
  tasks.length = 1; // it is the caller's again
  const one = db.tasks.put({ id: 't7', title: 'later' });
  const other = db.tasks.putMany(Array.from({ length: 1_001 }, (_, n) => ({ id: `o${n}`, title: 'x' })));
  assert.equal((await list).length, 2_500);
  assert.equal(await one, 't7');
  assert.equal((await other).length, 1_001);
  over = true;
  await counted;
  assert(turns > 1);
  assert.equal((await db.tasks.get('t7')).title, 'later');
  const steps = module.log.filter(line => /^(rows|write)/.test(line)).map(line => line.split(' ')[0]);
  assert.deepEqual(steps, ['rows', 'rows', 'write', 'write', 'rows', 'write']);
  await db.close();
});

test('a write that waits for a long list comes before one that is made when the list is done', async () => {
  const { db, module, engine } = await opened();
  const write = engine.write.bind(engine);
  let last;
  engine.write = (...given) => { // by no task, but in the moment that the first list has been handed over
    engine.write = write;
    queueMicrotask(() => { last = db.tasks.put({ id: 'c', title: 'c' }); });
    return write(...given);
  };
  const list = db.tasks.putMany(Array.from({ length: 1_500 }, (_, n) => ({ id: `t${n}`, title: 'x' })));
  const one = db.tasks.put({ id: 'b', title: 'b' });
  await Promise.all([list, one]);
  await last;
  const written = module.log.filter(line => line.startsWith('write')).map(line => line.split(' ')[3]);
  assert.deepEqual(written, [list, one, last].map(({ receipt }) => receipt));
  await db.close();
});

test('a long list is written whole or not at all', async () => {
  const { db, engine, module } = await opened();
  const tasks = Array.from({ length: 1_500 }, (_, n) => ({ id: `t${n}`, title: n === 1_200 ? NaN : 'x' }));
  const refused = db.tasks.putMany(tasks);
  const one = db.tasks.put({ id: 'a', title: 'x' });
  await assert.rejects(refused, { code: 'invalid-value', field: 'title', message: /index 1200 of the list/ });
  assert.equal(await one, 'a');
  assert.equal(engine.lists.size, 0);
  assert(!module.log.includes(`write put tasks ${refused.receipt}`));
  await db.close();
});

test('ids that cannot be are refused before the engine sees them', async () => {
  const { db, module } = await opened();
  for (const id of [undefined, null, 5, '', {}, ['a'], '__proto__', '\ud800', 1n, Symbol('x')]) {
    await assert.rejects(db.tasks.get(id), holmError('invalid-id'), String(id));
    await assert.rejects(db.tasks.patch(id, {}), holmError('invalid-id'));
    await assert.rejects(db.tasks.delete(id), holmError('invalid-id'));
    if (id !== undefined) await assert.rejects(db.tasks.put({ id, title: 'x' }), holmError('invalid-id'));
  }
  await assert.rejects(db.tasks.patch('a', { id: 'b' }), holmError('invalid-id'));
  await assert.rejects(db.tasks.putMany('a'), holmError('invalid-argument'));
  await assert.rejects(db.tasks.putMany([{ title: 'x' }, NaN]), holmError('invalid-record'));
  await assert.rejects(db.tasks.patchMany(['a']), holmError('invalid-argument'));
  for (const id of ['constructor', 'with\u0000nul', '👩‍👩‍👧', ' space']) assert.equal(await db.tasks.put({ id, title: 'x' }), id);
  assert(!module.log.some(line => line.startsWith('write patch')));
  await db.close();
});

test('a record keeps its identity between reads until it changes', async () => {
  const { db } = await opened();
  const id = await db.tasks.put({ title: 'milk' });
  const before = await db.tasks.get(id);
  assert.equal(await db.tasks.get(id), before);
  assert.equal((await db.tasks.all())[0], before);
  await db.tasks.patch(id, { done: true });
  const after = await db.tasks.get(id);
  assert.notEqual(after, before);
  assert.equal(after.done, true);
  await db.close();
});

test('after close every call fails with closed, and nothing else', async () => {
  const { db, engine } = await opened();
  const seen = [];
  db.tasks.watch(rows => seen.push(rows));
  db.sync.subscribe(() => seen.push('status'));
  const late = db.tasks.put({ title: 'under way' });
  await Promise.all([db.close(), db.close()]);
  await late;
  const told = seen.length;
  for (const call of [
    () => db.tasks.put({ title: 'x' }), () => db.tasks.insertMany([]), () => db.tasks.get('a'), () => db.tasks.getMany(['a']), () => db.tasks.all(),
    () => db.tasks.where({ done: true }).first(), () => db.tasks.count(), () => db.transaction(() => 1), () => db.kv('s').get('k'),
    () => db.kv('s').set('k', 1), () => db.sync.now(), () => db.sync.receipt('r'), () => db.sync.parked(),
  ]) await assert.rejects(call(), holmError('closed'), String(call));
  for (const call of [() => db.sync.status, () => db.sync.pause(), () => db.sync.subscribe(() => {}), () => db.tasks.watch(() => {})]) {
    assert.throws(call, holmError('closed'), String(call));
  }
  assert.equal(db.tasks.put({ title: 'x' }).catch(() => {}) instanceof Promise, true);
  assert.equal(engine.watches.size, 0);
  engine.onEvent('status', '{}');
  engine.tell();
  await Promise.resolve();
  assert.equal(seen.length, told);
});

test('whatever the engine dies of is a HolmError', async () => {
  const { db, engine } = await opened();
  engine.read = async () => { throw new WebAssembly.RuntimeError('unreachable'); };
  const { call } = engine;
  engine.call = () => { throw new WebAssembly.RuntimeError('memory access out of bounds'); };
  await assert.rejects(db.tasks.get('a'), holmError('internal'));
  await assert.rejects(db.tasks.put({ title: 'x' }), holmError('internal'));
  engine.call = call;
  engine.read = async () => { throw 'a string'; };
  await assert.rejects(db.tasks.get('a'), holmError('internal'));
  await db.close();
});

test('JSON shows what an error is', () => {
  const error = new HolmError('already-exists', 'It is there.', { field: 'id', cause: new Error('x') });
  const shown = { name: 'HolmError', code: 'already-exists', message: 'It is there.', retryable: false, field: 'id' };
  assert.deepEqual(JSON.parse(JSON.stringify(error)), shown);
});

test('settings keep any value that a record could', async () => {
  const { db, engine } = await opened();
  const settings = db.kv('settings');
  await settings.set('theme', 'dark', { ttl: 5000 });
  await settings.set('last', { at: new Date(5), n: 3n });
  assert.equal(engine.settings.get('settings/theme').ttl, 5000);
  assert.deepEqual(await settings.get('last'), { at: new Date(5), n: 3n });
  assert.deepEqual(await settings.keys(), ['theme', 'last']);
  await settings.delete('theme');
  assert.equal(await settings.get('theme'), undefined);
  await assert.rejects(settings.set('x', undefined), { code: 'invalid-value', field: 'x' });
  await assert.rejects(settings.set('x', 1, { ttl: -1 }), holmError('invalid-argument'));
  await assert.rejects(settings.get(5), holmError('invalid-argument'));
  assert.throws(() => db.kv(''), holmError('invalid-argument'));
  assert.throws(() => db.kv('\ud800'), holmError('invalid-argument'));
  await assert.rejects(settings.set('\ud800', 1), holmError('invalid-argument'));
  await db.close();
});

test('the status is one frozen object until it changes, with its error as a HolmError', async () => {
  const { db, engine } = await opened();
  const told = [];
  const stop = db.sync.subscribe(status => told.push(status));
  const before = db.sync.status;
  assert.equal(db.sync.getSnapshot(), before);
  assert(Object.isFrozen(before));
  engine.state.error = { code: 'offline', message: 'no way', retryable: true };
  engine.onEvent('status', '{}');
  engine.onEvent('status', '{}');
  await Promise.resolve();
  assert.equal(told.length, 1);
  assert.notEqual(db.sync.status, before);
  assert(told[0].error instanceof HolmError && told[0].error.retryable);
  stop();
  db.sync.pause();
  await Promise.resolve();
  assert.equal(told.length, 1);
  assert.equal(db.sync.status.phase, 'paused');
  engine.offline = true;
  await assert.rejects(db.sync.now(), { code: 'offline', retryable: true });
  assert.deepEqual(await db.sync.parked(), [{ mid: 'm1', reason: 'validation' }]);
  await db.sync.retry('m1');
  await db.sync.discard('m1');
  await assert.rejects(db.sync.receipt(5), holmError('invalid-argument'));
  assert.deepEqual(await db.sync.explain('tasks', 'a'), { collection: 'tasks', id: 'a' });
  await db.close();
});

test('the token is asked for through the function of the app, whatever it gives', async () => {
  const asked = [];
  const { db, engine } = await opened({ sync: { url: 'http://server.test/sync', getToken: reason => { asked.push(reason); return 'secret'; } } });
  assert.equal(engine.options.syncUrl, 'http://server.test/sync');
  assert.equal(await engine.askToken('expired'), 'secret');
  assert.deepEqual(asked, ['expired']);
  await db.close();
});

test('what was read since the last commit is not asked of the engine again', async () => {
  const { db, engine, module } = await opened();
  const asked = () => module.log.filter(line => /^(read|query)/.test(line)).length;
  const id = await db.tasks.put({ title: 'milk' });
  const [record] = await db.tasks.where({ done: false }).all();
  assert.equal(asked(), 1);
  assert.equal(await db.tasks.get(id), record);
  const list = await db.tasks.where({ done: false }).all();
  assert.deepEqual([list, asked()], [[record], 1]);
  list.pop(); // a list belongs to who asked
  assert.deepEqual(await db.tasks.where({ done: false }).all(), [record]);
  assert.deepEqual([await db.tasks.count(), await db.tasks.count(), asked()], [1, 1, 2]);

  engine.apply(engine.records, 'patch', JSON.stringify([[id, { title: 'bread' }]]));
  engine.onEvent('commit', ''); // another tab wrote
  assert.equal((await db.tasks.get(id)).title, 'bread');
  assert.equal((await db.tasks.where({ done: false }).all())[0].title, 'bread');
  assert.equal(asked(), 4);
  await db.close();
});

test('what was read while something was committed is asked for again', async () => {
  const { db, engine } = await opened();
  const id = await db.tasks.put({ title: 'old' });
  for (const read of [() => db.tasks.get(id), () => db.tasks.all()]) {
    const reading = read();
    engine.apply(engine.records, 'patch', JSON.stringify([[id, { title: 'new' }]]));
    engine.onEvent('commit', '');
    await reading;
    engine.apply(engine.records, 'patch', JSON.stringify([[id, { title: 'old' }]])); // seen only by who asks
    const [record] = [await read()].flat();
    assert.equal(record.title, 'old');
    engine.onEvent('commit', '');
  }
  await db.close();
});

test('answers are kept up to a number of rows', async () => {
  const { db, module } = await opened();
  const asked = () => module.log.filter(line => line === 'query').length;
  await db.tasks.putMany(Array.from({ length: 1_500 }, (_, n) => ({ title: `${n}` })));
  await db.tasks.limit(1_200).all();
  await db.tasks.limit(1_100).all(); // no room beside the first
  await db.tasks.limit(1_100).all();
  assert.equal(asked(), 2);
  await db.tasks.limit(1_200).all();
  assert.equal(asked(), 3);
  await db.close();
});

test('a call is a transaction that is committed with the name and the arguments of a function', async () => {
  const { db, engine } = await opened();
  engine.stale = 1;
  let runs = 0;
  const write = db.call('archive', { at: new Date(5) }, async tx => { runs++; await tx.tasks.put({ id: 'a', title: 'shown' }); });
  assert.equal(typeof write.receipt, 'string');
  assert.equal(await write, undefined);
  assert.deepEqual([runs, (await db.tasks.get('a')).title], [2, 'shown']);
  await db.call('purge');
  assert.deepEqual(engine.log.filter(line => line.startsWith('call ')), [...Array(2).fill('call archive {"at":{"$holm":["date",5]}}'), 'call purge null']);
  for (const given of [[], [5], ['f', 1, 'effect']]) await assert.rejects(db.call(...given), { code: 'invalid-argument', message: /call takes the name/ });
  await assert.rejects(db.call('f', () => {}), { code: 'invalid-value', message: /args/ });
});

test('a transaction is as durable as it says, else as the database', async () => {
  for (const durability of ['relaxed', 'strict']) {
    const { db, engine } = await opened({ durability });
    await db.transaction(tx => tx.tasks.put({ title: 'a' }));
    assert.equal(engine.durability, durability);
    for (const own of ['relaxed', 'strict']) {
      await db.transaction(tx => tx.tasks.put({ title: 'b' }), { durability: own });
      assert.equal(engine.durability, own);
    }
    for (const [options, field] of [[{ durability: 'high' }, 'durability'], [{ durable: true }, 'durable'], ['strict', 'transaction'], [null, 'transaction']]) {
      await assert.rejects(db.transaction(() => {}, options), { code: 'invalid-argument', field });
    }
    await db.close();
  }
});

test('the storage says what the browser tells, and null where it tells nothing', async () => {
  const { db } = await opened();
  const storage = answers => Object.defineProperty(globalThis, 'navigator', { value: { storage: answers }, configurable: true });
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const nothing = { usage: null, quota: null, persisted: null };
  for (const [answers, persisted, estimate] of [
    [undefined, null, nothing], [{}, null, nothing],
    [{ persist: async () => true, persisted: async () => true, estimate: async () => ({ usage: 1, quota: 2 }) }, true, { usage: 1, quota: 2, persisted: true }],
    [{ persist: async () => false, estimate: async () => ({ quota: 2 }) }, false, { usage: null, quota: 2, persisted: null }],
    [{ persist: () => { throw new TypeError('no'); }, estimate: async () => { throw new TypeError('no'); } }, null, nothing],
  ]) {
    storage(answers);
    assert.equal(await db.storage.persist(), persisted);
    assert.deepEqual(await db.storage.estimate(), estimate);
  }
  if (before) Object.defineProperty(globalThis, 'navigator', before);
  else delete globalThis.navigator;
  await db.close();
  await assert.rejects(db.storage.persist(), holmError('closed'));
  await assert.rejects(db.storage.estimate(), holmError('closed'));
});

test('the storage says how durable a write is, as far as the browser can', async t => {
  const said = async options => {
    const { db } = await opened(options);
    await db.close();
    return db.storage.durability;
  };
  assert.equal(await said({ durability: 'strict', storage: 'memory' }), 'none');
  assert.equal(await said({ durability: 'strict' }), 'relaxed', 'there is no IndexedDB that would know the word');
  globalThis.IDBTransaction = class { get durability() { return 'default'; } };
  t.after(() => { delete globalThis.IDBTransaction; });
  assert.deepEqual([await said({ durability: 'strict' }), await said({})], ['strict', 'relaxed']);
});
