// Every offline flow of the app, each with a server, a network, a clock and a storage of its own.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { FakeClock, FakeConnectivity, FakeServer, FaultyStorage } from 'holm/testing';
import { beforeEach, expect, onTestFinished, test } from 'vitest';

import { Tasks } from './tasks.js';

const wasm = await readFile(fileURLToPath(import.meta.resolve('holm/holm.wasm')));
const CATCH_UP_MS = 50; // which the engine gives to each of its waits

let server, network, clock, storage;

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory(); // a device that has nothing
  [server, network, clock, storage] = [new FakeServer(), new FakeConnectivity(), new FakeClock({ now: Date.UTC(2026, 0, 1) }), new FaultyStorage()];
  for (const each of [server, network, clock, storage]) onTestFinished(each.install());
});

async function openTasks(more) {
  const tasks = await Tasks.open({ wasm, sync: { url: server.url }, ...more });
  onTestFinished(() => tasks.close().catch(() => {}));
  await clock.settle();
  return tasks;
}

const shown = async tasks => (await tasks.list()).map(({ title, isSynced }) => `${title}${isSynced ? '' : ' *'}`);

test('a task that is added offline is there at once, and is sent when the network comes', async () => {
  network.offline();
  const tasks = await openTasks();
  const write = tasks.add('Buy milk');
  await write;
  expect(await shown(tasks)).toEqual(['Buy milk *']);
  await clock.advance(60_000);
  expect([tasks.banner(), server.requests.length]).toEqual(['Offline, 1 changes are kept', 0]);

  network.online();
  await write.synced;
  await clock.settle();
  expect([await shown(tasks), tasks.banner()]).toEqual([['Buy milk'], 'All is saved']);
  expect(server.rows('tasks')).toMatchObject([{ title: 'Buy milk', done: false }]);
});

test('an answer that gets lost does nothing twice', async () => {
  const tasks = await openTasks();
  server.loseAnswer({ on: 'push' });
  const write = tasks.add('Buy milk');
  await write;
  await clock.settle();
  expect([server.rows('tasks').length, await shown(tasks)]).toEqual([1, ['Buy milk *']]);
  await clock.advance(tasks.nextAttemptAt - clock.now + CATCH_UP_MS);
  await write.synced;
  expect([server.effects.length, await shown(tasks)]).toEqual([1, ['Buy milk']]);
});

test('a server that is busy is left alone for as long as it asks', async () => {
  const tasks = await openTasks();
  server.fail(503, { retryAfter: 7 });
  await tasks.add('Buy milk');
  await clock.settle();
  const asked = server.requests.length;
  await clock.advance(7_000 + CATCH_UP_MS - 1);
  expect(server.requests.length).toBe(asked);
  await clock.advance(1);
  expect(server.rows('tasks')).toHaveLength(1);
});

test('what another device changes comes by itself, and both edits of one task live', async () => {
  const tasks = await openTasks();
  const id = await tasks.add('Buy milk');
  await clock.settle();
  server.patch('tasks', id, { title: 'Buy oat milk' });
  await tasks.finish(id);
  await clock.settle();
  await clock.advance(30_000 + CATCH_UP_MS);
  expect(await tasks.list()).toEqual([{ id, title: 'Buy oat milk', done: true, isSynced: true }]);
  expect(server.rows('tasks')).toEqual([{ id, title: 'Buy oat milk', done: true }]);
});

test('a task that somebody deleted meanwhile is a conflict, which the user settles', async () => {
  const tasks = await openTasks();
  const id = await tasks.add('Buy milk');
  await clock.settle();
  network.offline();
  server.delete('tasks', id);
  await tasks.rename(id, 'Buy oat milk');
  network.online();
  await clock.settle();
  const [refused] = await tasks.refused();
  expect(refused).toMatchObject({ id, title: 'Buy oat milk', code: 'conflict' });
  expect(tasks.banner()).toBe('1 changes need you');
  await refused.giveUp();
  await clock.settle();
  expect([await tasks.list(), tasks.banner()]).toEqual([[], 'All is saved']);
});

test('a change that the server refuses is kept, shown with its reason, and sent again', async () => {
  const tasks = await openTasks();
  const accept = server.reject(({ data }) => data.title === '' && { code: 'validation', field: 'title', message: 'A task needs a title' });
  await expect(tasks.add('').synced).rejects.toMatchObject({ code: 'validation', message: 'A task needs a title' });
  await tasks.add('Buy milk').synced;
  const [refused] = await tasks.refused();
  expect(refused).toMatchObject({ title: '', why: 'A task needs a title' });
  accept();
  await refused.again();
  await clock.settle();
  expect([server.rows('tasks').map(({ title }) => title).toSorted(), await tasks.refused()]).toEqual([['', 'Buy milk'], []]);
});

test('a reload keeps what waits, and sends it once', async () => {
  network.offline();
  const before = await openTasks();
  await before.add('Buy milk');
  await before.close();

  const after = await openTasks();
  expect(await shown(after)).toEqual(['Buy milk *']);
  network.online();
  await clock.settle();
  expect([await shown(after), server.effects.length]).toEqual([['Buy milk'], 1]);
});

test('a full disk is told, and keeps nothing by halves', async () => {
  const tasks = await openTasks();
  storage.quota();
  await expect(tasks.add('Buy milk')).rejects.toMatchObject({ code: 'storage-quota', retryable: true });
  expect(await tasks.list()).toEqual([]);
  await tasks.add('Buy bread').synced;
  expect(server.rows('tasks')).toMatchObject([{ title: 'Buy bread' }]);
});

test('a storage that breaks off in the middle of a write loses nothing', async () => {
  const tasks = await openTasks();
  storage.loseOutcome();
  await tasks.add('Buy milk').synced;
  expect([await shown(tasks), server.effects.length]).toEqual([['Buy milk'], 1]);
});

test('a server that is restored from a backup takes nothing away that waits', async () => {
  server.put('tasks', { id: 'old', title: 'Buy bread', done: false });
  const tasks = await openTasks();
  network.offline();
  await tasks.add('Buy milk');
  server.delete('tasks', 'old');
  server.put('tasks', { id: 'other', title: 'Buy eggs', done: false });
  server.newEpoch();
  network.online();
  await clock.settle();
  expect(await shown(tasks)).toEqual(['Buy eggs', 'Buy milk']);
  expect(server.rows('tasks').map(({ title }) => title).toSorted()).toEqual(['Buy eggs', 'Buy milk']);
});

test("a hotel's login page is told apart from the server", async () => {
  server.captivePortal({ times: Infinity });
  const tasks = await openTasks();
  await tasks.add('Buy milk');
  await clock.settle();
  expect(tasks.banner()).toBe('This network wants you to log in');
  server.heal();
  await tasks.refresh();
  expect(await shown(tasks)).toEqual(['Buy milk']);
});

test('a browser that is wrong about the network costs time, and nothing else', async () => {
  const tasks = await openTasks();
  network.lie({ onLine: true, reachable: false });
  const write = tasks.add('Buy milk');
  await write;
  await clock.settle();
  expect(tasks.banner()).toBe('Offline, 1 changes are kept');
  network.lie({ onLine: false, reachable: true });
  await clock.advance(60_000);
  await write.synced;
});

test('a token that is over is asked for anew', async () => {
  server.token = 'new';
  const asked = [];
  const getToken = reason => {
    asked.push(reason);
    return asked.length > 1 ? 'new' : 'old';
  };
  const tasks = await openTasks({ sync: { url: server.url, getToken } });
  await tasks.add('Buy milk').synced;
  expect([asked.length, server.rows('tasks').length]).toEqual([2, 1]);
});
