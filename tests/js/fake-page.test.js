// The test kit's network, clock and storage: what they do, and that nothing of it is left.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import 'fake-indexeddb/auto';

import { FakeClock, FakeConnectivity, FakeServer, FaultyStorage } from '../../pkg-template/testing.js';

/** All that the kit may touch. */
function touched() {
  const own = object => Reflect.ownKeys(object).map(key => [key, Object.getOwnPropertyDescriptor(object, key)]);
  const { Date: date, fetch: network, setTimeout: timer } = globalThis;
  return { names: Reflect.ownKeys(globalThis), values: [date, network, timer], performance: own(performance), navigator: own(globalThis.navigator ?? {}), storage: own(IDBDatabase.prototype) };
}

const request = result => new Promise((resolve, reject) => {
  result.onsuccess = () => { resolve(result.result); };
  result.onerror = () => { reject(result.error); };
});

async function openDatabase(t, name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => { opening.result.createObjectStore('rows', { autoIncrement: true }); };
  const db = await request(opening);
  t.after(() => { db.close(); });
  return db;
}

/** Writes in a transaction of its own, and how that ended. */
function write(db, { commits }) {
  const transaction = db.transaction(['rows'], 'readwrite');
  const adding = transaction.objectStore('rows').add('row');
  if (commits) transaction.commit();
  return new Promise(resolve => {
    adding.onerror = event => { event.preventDefault(); };
    transaction.oncomplete = () => { resolve('complete'); };
    transaction.onabort = () => { resolve(transaction.error?.name); };
  });
}

const count = db => request(db.transaction(['rows']).objectStore('rows').count());

test('in whatever order they come and go, nothing is left', async () => {
  const before = touched();
  const kinds = [FakeClock, FakeConnectivity, FakeServer, FaultyStorage, class extends FakeServer { constructor() { super({ url: 'http://other.test' }); } }];
  for (let turn = 0; turn < kinds.length; turn++) {
    const restores = kinds.map(Kind => new Kind().install());
    assert.notDeepEqual(touched(), before);
    for (let at = 0; at < restores.length; at++) restores[(at * 2 + turn) % restores.length]();
    for (const restore of restores) restore();
    assert.deepEqual(touched(), before);
  }
});

test('installed again after a test, they begin anew', async () => {
  const [network, storage, clock] = [new FakeConnectivity(), new FaultyStorage(), new FakeClock({ now: 5 })];
  const first = [network, storage, clock].map(each => each.install());
  network.offline();
  storage.quota({ nth: 9 });
  setTimeout(() => assert.fail('its time is over'), 1);
  for (const restore of first) restore();
  const second = [network, storage, clock].map(each => each.install());
  await clock.advance(10);
  assert.deepEqual([network.onLine, network.reachable, storage.writes, clock.timers, clock.now], [true, true, 0, 0, 15]);
  for (const restore of second) restore();
});

test('a network that goes, comes, and lies', async t => {
  const [network, server] = [new FakeConnectivity(), new FakeServer()];
  t.after(network.install());
  t.after(server.install());
  const heard = [];
  for (const kind of ['online', 'offline']) globalThis.addEventListener(kind, event => heard.push(event.type));
  const ask = () => fetch(`${server.url}/pull`).then(response => response.status, error => `${error.name}: ${error.message}`);
  const states = [];
  const look = async () => states.push([navigator.onLine, await ask()]);
  await look();
  network.offline();
  network.offline();
  await look();
  network.online();
  await look();
  network.lie({ onLine: true, reachable: false });
  await look();
  network.lie({ onLine: false, reachable: true });
  await look();
  const failed = 'TypeError: Failed to fetch';
  assert.deepEqual(states, [[true, 405], [false, failed], [true, 405], [true, failed], [false, 405]]);
  assert.deepEqual(heard, ['offline', 'online', 'offline']);
  network.online();
  server.hold();
  const broken = ask();
  await new Promise(resolve => { setTimeout(resolve, 10); });
  network.offline();
  assert.equal(await broken, failed, 'what is under way breaks');
  assert.equal(server.requests.length, 4, 'and the server had it');
});

test('a fetch beneath goes on, unless there is no way', async t => {
  const beneath = t.mock.method(globalThis, 'fetch', async asked => new Response(asked.url));
  const network = new FakeConnectivity();
  const restores = [new FakeServer().install(), network.install()];
  assert.equal(await (await fetch('http://other.test/')).text(), 'http://other.test/');
  network.offline();
  await assert.rejects(fetch('http://other.test/'), TypeError);
  assert.equal((await fetch('http://other.test/engine_bg.wasm')).status, 200, 'as from the cache');
  for (const restore of restores) restore();
  assert.equal(beneath.mock.callCount(), 2);
});

test('a clock moves from timer to timer', async t => {
  const clock = new FakeClock({ now: new Date(1_000) });
  t.after(clock.install());
  const seen = [];
  const note = name => seen.push([name, Date.now(), performance.now()]);
  setTimeout(note, 30, 'late');
  setTimeout(async () => {
    note('early');
    await new Promise(resolve => { setImmediate(resolve); });
    setTimeout(note, 5, 'nested');
  }, 10);
  const ticking = setInterval(note, 12, 'tick');
  const never = setTimeout(note, 1, 'never');
  clearTimeout(never);
  await clock.advance(29);
  clearInterval(ticking);
  await clock.advance(1);
  assert.deepEqual(seen, [['early', 1_010, 10], ['tick', 1_012, 12], ['nested', 1_015, 15], ['tick', 1_024, 24], ['late', 1_030, 30]]);
  assert.deepEqual([new Date().getTime(), Date.now(), clock.timers, new Date(7).getTime(), new Date() instanceof Date, typeof Date()], [1_030, 1_030, 0, 7, true, 'string']);
  assert.equal(setTimeout(note, 1, 'x').unref().hasRef(), true);
});

test('a clock leaves timers alone that it did not set, but for clearing them', async () => {
  const clock = new FakeClock();
  const fired = [];
  const [, cleared] = ['kept', 'cleared'].map(name => setTimeout(() => fired.push(name), 10));
  const restore = clock.install();
  clearTimeout(cleared);
  const own = setTimeout(() => fired.push('own'), 5);
  restore();
  clearTimeout(own);
  await new Promise(resolve => { setTimeout(resolve, 30); });
  assert.deepEqual(fired, ['kept']);
});

test('a clock waits for transactions and answers', async t => {
  const [clock, server] = [new FakeClock(), new FakeServer()];
  const db = await openDatabase(t, 'clock');
  t.after(clock.install());
  t.after(server.install());
  const done = [];
  setTimeout(async () => { done.push(await write(db, { commits: false }), (await fetch(`${server.url}/x`)).status); }, 5);
  await clock.advance(5);
  assert.deepEqual(done, ['complete', 404]);
});

for (const commits of [true, false]) {
  test(`a storage that is full and loses what became of a write; commit() is called: ${commits}`, async t => {
    const db = await openDatabase(t, `faults ${commits}`);
    const storage = new FaultyStorage();
    t.after(storage.install());
    storage.quota({ nth: 2, times: 2 });
    const ends = [];
    for (let n = 0; n < 4; n++) ends.push(await write(db, { commits }));
    assert.deepEqual(ends, ['complete', 'QuotaExceededError', 'QuotaExceededError', 'complete']);
    assert.equal(await count(db), 2);
    storage.loseOutcome();
    assert.equal(await write(db, { commits }), 'UnknownError');
    assert.equal(await count(db), 3, 'it is there');
    const forget = storage.quota();
    forget();
    storage.quota();
    storage.heal();
    assert.equal(await write(db, { commits }), 'complete');
    assert.equal(storage.writes, 6);
  });
}

test('what a test misspells is told by its name', async t => {
  const [clock, network, storage] = [new FakeClock(), new FakeConnectivity(), new FaultyStorage()];
  for (const [call, words] of [
    [() => new FakeClock({ at: 1 }), /at is no option of FakeClock; there are now/],
    [() => new FakeClock({ now: '2026' }), /now is a Date/],
    [() => new FakeClock({ now: new Date('x') }), /now is a Date, or whole/],
    [() => network.offline(), /offline needs install\(\) first/],
    [() => storage.quota(), /quota needs install\(\) first/],
  ]) assert.throws(call, error => error.code === 'invalid-argument' && words.test(error.message), String(call));
  await assert.rejects(clock.advance(1), /advance needs install/);
  await assert.rejects(clock.advance(-1), /advance takes milliseconds/);
  for (const each of [clock, network, storage]) t.after(each.install());
  for (const [call, words] of [
    [() => network.lie({ onLine: true }), /lie takes \{ onLine, reachable \}/],
    [() => storage.quota({ after: 1 }), /after is no option of quota; there are nth, times/],
    [() => storage.loseOutcome({ nth: 0 }), /nth of loseOutcome is a whole number from 1/],
    [() => clock.install(), /This FakeClock is installed already/],
  ]) assert.throws(call, error => error.code === 'invalid-argument' && words.test(error.message), String(call));
});

test('without IndexedDB a faulty storage says what to do', t => {
  const { IDBDatabase: kept } = globalThis;
  t.after(() => { globalThis.IDBDatabase = kept; });
  delete globalThis.IDBDatabase;
  assert.throws(() => new FaultyStorage().install(), /import 'fake-indexeddb\/auto' first/);
});
