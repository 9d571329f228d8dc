// db.call of the built package against the test kit's server, in Node.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as small from '../../pkg/index.js';
import * as full from '../../pkg/full/index.js';
import { FakeConnectivity, FakeServer } from '../../pkg/testing.js';

const wasm = path => readFileSync(new URL(`../../pkg/${path}`, import.meta.url));
let names = 0;

async function opened(t, { defineSchema, open, t: types }, path, url) {
  const schema = defineSchema({ version: 1, collections: { tasks: { fields: { title: types.string(), archived: types.boolean().default(false) } } } });
  const db = await open({ name: `calls${++names}`, schema, wasm: wasm(path), storage: 'memory', sync: { url } });
  t.after(() => db.close());
  return db;
}

test('a function of the server runs once, its effect is seen at once, and taken back when the server refuses', async t => {
  const server = new FakeServer({ functions: {
    archive({ args, read, write }) {
      const task = read('tasks', args.id);
      if (task.title === 'mine') return 'not yours to archive';
      write('tasks', { ...task, title: `${task.title} (${args.at.toISOString()})`, archived: true });
      return undefined;
    },
  } });
  const network = new FakeConnectivity();
  t.after(server.install());
  t.after(network.install());
  const db = await opened(t, full, 'full/engine_bg.wasm', server.url);
  await db.tasks.putMany([{ id: 'a', title: 'milk' }, { id: 'b', title: 'mine' }]);
  await db.sync.now();
  network.offline();
  const effect = id => async tx => { await tx.tasks.patch(id, { archived: true }); };
  const calls = ['a', 'b'].map(id => db.call('archive', { id, at: new Date(0) }, effect(id)));
  await Promise.all(calls);
  assert.deepEqual(await db.tasks.where({ archived: true }).count(), 2);
  assert.equal(db.sync.status.pending, 2);
  server.loseAnswer({ on: 'push' });
  network.online();
  await calls[0].synced;
  await assert.rejects(calls[1].synced, { code: 'validation', message: /not yours/ });
  await db.sync.now();
  assert.deepEqual(await db.tasks.get('a'), { id: 'a', title: 'milk (1970-01-01T00:00:00.000Z)', archived: true });
  assert.equal((await db.tasks.get('b')).archived, false);
  assert.equal(server.effects.filter(({ kind }) => kind === 'call').length, 1, 'although its answer was lost');
  const [{ mid, kind, call }] = await db.sync.parked();
  assert.deepEqual([kind, call.name, call.args], ['call', 'archive', { id: 'b', at: new Date(0) }]);
  server.patch('tasks', 'b', { title: 'ours' });
  await db.sync.retry(mid);
  assert.equal((await db.tasks.get('b')).archived, true, 'shown again');
  await db.sync.now();
  assert.equal((await db.tasks.get('b')).title, 'ours (1970-01-01T00:00:00.000Z)');
  assert(Math.abs(db.sync.status.skew) < 1_000, `${db.sync.status.skew}`);
});

test('the smaller engine says where calls are', async t => {
  const server = new FakeServer();
  t.after(server.install());
  const db = await opened(t, small, 'engine_bg.wasm', server.url);
  await assert.rejects(db.call('archive', {}), { code: 'invalid-argument', message: /holm\/full/ });
});
