import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { openDatabase } from '../../pkg-template/database.js';
import { defineSchema, t } from '../../pkg-template/schema.js';
import { engineError, fakeModule } from './fake-engine.js';

const schema = defineSchema({ version: 1, collections: { tasks: { fields: { title: t.string() } } } });
let names = 0;

async function opened() {
  const module = fakeModule();
  const db = await openDatabase(module, { name: `q${++names}`, schema });
  return { db, engine: module.engines[0], module };
}

/** @returns {[Promise<any>, (value?: any) => void]} */
function deferred() {
  let resolve;
  return [new Promise(done => { resolve = done; }), resolve];
}

test('a query is a value, and its text is what the engine reads', async () => {
  const { db, engine } = await opened();
  const open = db.tasks.where({ done: false, updatedAt: { gt: 1, lte: 2 }, tags: { has: 'home' }, $pending: true });
  const sorted = open.orderBy('-updatedAt', 'title').limit(5);
  await open.all();
  assert.deepEqual(engine.lastQuery.orderBy, []);
  assert.equal(engine.lastQuery.limit, undefined);
  await sorted.where({ big: 5n }).all();
  assert.deepEqual(engine.lastQuery, {
    collection: 'tasks',
    where: { done: false, updatedAt: { gt: 1, lte: 2 }, tags: { has: 'home' }, $pending: true, big: { $holm: ['bigint', '5'] } },
    orderBy: ['-updatedAt', 'title'],
    limit: 5,
  });
  await sorted.first();
  assert.equal(engine.lastQuery.limit, 1);
  await db.tasks.orderBy(['title']).all();
  assert.deepEqual(engine.lastQuery.orderBy, ['title']);
  await db.close();
});

test('conditions that say nothing are refused', async () => {
  const { db } = await opened();
  assert.throws(() => db.tasks.where({ projectId: undefined }), { code: 'invalid-value', field: 'projectId' });
  assert.throws(() => db.tasks.where({ n: { gt: NaN } }), { code: 'invalid-value', field: 'n.gt' });
  for (const wrong of [null, 'x', 5, [], undefined]) assert.throws(() => db.tasks.where(wrong), { code: 'invalid-query' });
  assert.throws(() => db.tasks.where({ a: 1 }).where({ a: 2 }), { code: 'invalid-query', field: 'a' });
  assert.throws(() => db.tasks.where(JSON.parse('{"__proto__":1}')), { code: 'invalid-query', field: '__proto__' });
  assert.throws(() => db.tasks.where({}).subscribe(), { code: 'invalid-argument' });
  assert.throws(() => db.tasks.where({}).watch(() => {}, 5), { code: 'invalid-argument' });
  for (const wrong of [-1, 1.5, NaN, '5']) assert.throws(() => db.tasks.limit(wrong), { code: 'invalid-query' });
  assert.throws(() => db.tasks.orderBy(5), { code: 'invalid-query' });
  await assert.rejects(db.tasks.where({ unknown: 1 }).all(), { name: 'HolmError', code: 'invalid-query' });
  await db.close();
});

test('watch gives frozen rows with their identity, until it is stopped', async () => {
  const { db, engine } = await opened();
  await db.tasks.put({ id: 'a', title: 'first' });
  const seen = [];
  const stop = db.tasks.where({}).watch(rows => seen.push(rows));
  await sleep(1);
  await db.tasks.put({ id: 'b', title: 'second' });
  assert.equal(seen.length, 2);
  assert.equal(seen[1][0], seen[0][0]);
  assert(Object.isFrozen(seen[1]));
  stop();
  stop();
  await db.tasks.put({ id: 'c', title: 'third' });
  assert.equal(seen.length, 2);
  assert.equal(engine.watches.size, 0);
  assert.throws(() => db.tasks.where({ unknown: 1 }).watch(() => {}), { code: 'invalid-query' });
  assert.throws(() => db.tasks.watch('not a function'), { code: 'invalid-argument' });
  await db.close();
});

test('a failing watch tells its own listener, and the app error of one listener harms no other', async () => {
  const { db, engine } = await opened();
  const failures = [];
  db.tasks.watch(() => {}, error => failures.push(error));
  for (const callback of engine.watches.values()) callback(null, engineError('storage-failed', { retryable: true }));
  assert.equal(failures[0].code, 'storage-failed');
  assert.equal(failures[0].name, 'HolmError');
  const reported = [];
  globalThis.reportError = error => reported.push(error.message);
  try {
    const [seen, done] = deferred();
    db.tasks.watch(() => { throw new Error('a bug of the app'); });
    db.tasks.watch(done);
    await seen;
    assert.deepEqual(reported, ['a bug of the app']);
  } finally {
    delete globalThis.reportError;
  }
  await db.close();
});

test('subscribe and getSnapshot share one watch', async () => {
  const { db, engine } = await opened();
  const query = db.tasks.where({});
  assert.equal(query.getSnapshot(), undefined);
  let told = 0;
  const stops = [query.subscribe(() => told++), query.subscribe(() => told++)];
  await sleep(1);
  assert.equal(engine.watches.size, 1);
  assert.equal(told, 2);
  assert.deepEqual(query.getSnapshot(), []);
  assert.equal(query.getSnapshot(), query.getSnapshot());
  stops[0]();
  assert.equal(engine.watches.size, 1);
  stops[1]();
  assert.equal(engine.watches.size, 0);
  await db.close();
});

test('the async iterator yields the newest rows and stops with the loop', async () => {
  const { db, engine } = await opened();
  const lengths = [];
  for await (const rows of db.tasks.where({})) {
    lengths.push(rows.length);
    if (rows.length === 3) break;
    if (rows.length === 0) await db.tasks.putMany([{ title: '1' }, { title: '2' }]);
    else await db.tasks.put({ title: '3' });
  }
  assert.deepEqual(lengths, [0, 2, 3]);
  assert.equal(engine.watches.size, 0);
  await db.close();
});

test('an iterator that waits ends when the database is closed', async () => {
  const { db } = await opened();
  const rows = db.tasks.where({})[Symbol.asyncIterator]();
  assert.deepEqual(await rows.next(), { value: [], done: false });
  const waiting = rows.next();
  await db.close();
  assert.deepEqual(await waiting, { value: undefined, done: true });
  await assert.rejects(db.tasks.where({})[Symbol.asyncIterator]().next(), { code: 'closed' });
});

test('a count counts whatever the limit, and a query tells how it is answered', async () => {
  const { db, engine } = await opened();
  await db.tasks.putMany([{ id: 'a', title: 'x' }, { id: 'b', title: 'y' }]);
  assert.equal(await db.tasks.limit(1).count(), 2);
  assert.equal(engine.lastQuery.limit, undefined);
  assert.equal(await db.transaction(tx => tx.tasks.limit(1).count()), 2);
  assert.deepEqual(await db.tasks.where({}).explain(), { path: 'scan', index: null, ranges: 1, filters: [], sorts: false });
  await assert.rejects(db.transaction(tx => tx.tasks.where({}).explain()), { code: 'invalid-argument' });
  await db.close();
});

test('a transaction commits once, with one receipt, and reads its own writes', async () => {
  const { db, module } = await opened();
  const write = db.transaction(async tx => {
    await tx.tasks.put({ id: 'a', title: 'x' });
    assert.equal((await tx.tasks.get('a')).title, 'x');
    assert.equal(await tx.tasks.count(), 1);
    assert.equal(await db.tasks.get('a'), undefined);
    return 'the result';
  });
  assert.equal(await write, 'the result');
  assert(write.receipt);
  assert.equal((await db.tasks.get('a')).title, 'x');
  assert.deepEqual(module.log.filter(line => line.startsWith('commit')), [`commit ${write.receipt}`]);
  await db.close();
});

test('a transaction runs again when what it read has changed', async () => {
  const { db, engine, module } = await opened();
  engine.stale = 3;
  let runs = 0;
  await db.transaction(async tx => { runs++; await tx.tasks.put({ id: 'a', title: `run ${runs}` }); });
  assert.equal(runs, 4);
  engine.staleRead = true;
  await db.transaction(async tx => { runs++; await tx.tasks.get('a'); });
  assert.equal(runs, 6);
  assert.equal(module.log.filter(line => line === 'again').length, 4, 'each run after the first waits for its turn');
  assert.equal(engine.transactions.size, 0, 'and nothing of it stays in the engine');
  engine.stale = 1000;
  await assert.rejects(db.transaction(tx => tx.tasks.put({ title: 'x' })), { name: 'HolmError', code: 'contention', retryable: true });
  assert.equal(engine.transactions.size, 0);
  await db.close();
});

test('what a transaction throws rolls it back and is thrown as it is', async () => {
  const { db, engine } = await opened();
  const mine = new Error('mine');
  await assert.rejects(db.transaction(async tx => { await tx.tasks.put({ title: 'x' }); throw mine; }), error => error === mine);
  assert.equal(await db.tasks.count(), 0);
  await assert.rejects(db.transaction(async tx => tx.tasks.put({ title: NaN })), { code: 'invalid-value', field: 'title' });
  assert.equal(engine.transactions.size, 0);
  await assert.rejects(db.transaction('not a function'), { code: 'invalid-argument' });
  await db.close();
});

test('steps that nobody awaited belong to the transaction; later ones fail', async () => {
  const { db } = await opened();
  let kept;
  await db.transaction(tx => { kept = tx; void tx.tasks.put({ id: 'a', title: 'x' }); });
  assert.equal((await db.tasks.get('a')).title, 'x');
  await assert.rejects(kept.tasks.put({ title: 'late' }), { code: 'closed' });
  await assert.rejects(db.transaction(tx => { tx.tasks.insert({ id: 'a', title: 'again' }).catch(() => {}); }), { code: 'already-exists' });
  assert.throws(() => kept.tasks.where({}).watch(() => {}), { code: 'invalid-argument' });
  await db.close();
});
