import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Records } from '../../pkg-template/records.js';

test('a record is the same object until it is touched', () => {
  const records = new Records();
  const first = records.show('tasks', ['a', '1', { title: 'x' }]);
  assert.deepEqual(first, { id: 'a', title: 'x' });
  assert.equal(records.show('tasks', ['a', '1', { title: 'x' }]), first);
  assert.notEqual(records.show('notes', ['a', '1', { title: 'x' }]), first);
  const next = records.show('tasks', ['a', '2', { title: 'y' }]);
  assert.notEqual(next, first);
  assert.equal(next.title, 'y');
  assert.equal(first.title, 'x');
});

test('records are frozen all the way down, with carried values revived', () => {
  const record = new Records().show('tasks', ['a', '1', { tags: ['x'], big: { $holm: ['bigint', '7'] }, when: { $holm: ['date', 5] } }]);
  assert(Object.isFrozen(record) && Object.isFrozen(record.tags));
  assert.equal(record.big, 7n);
  assert.deepEqual(record.when, new Date(5));
  assert.throws(() => { record.title = 'new'; }, TypeError);
});

test('a __proto__ from a server stays a property', () => {
  const record = new Records().show('tasks', ['a', '1', JSON.parse('{"__proto__":{"admin":true}}')]);
  assert.equal(record.admin, undefined);
  assert.equal(Object.getPrototypeOf(record), Object.prototype);
});

test('records that the app has let go are forgotten', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const records = new Records();
  const kept = records.show('tasks', ['kept', '1', {}]);
  for (let index = 0; index < 500; index++) records.show('tasks', [`t${index}`, '1', { index }]);
  assert.equal(records.size, 501);
  for (let round = 0; round < 20 && records.size > 1; round++) {
    collect();
    await sleep(10);
  }
  assert.equal(records.size, 1);
  assert.equal(records.show('tasks', ['kept', '1', {}]), kept);
});
