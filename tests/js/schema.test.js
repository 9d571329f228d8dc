import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineSchema, t } from '../../pkg-template/schema.js';

const text = declaration => JSON.parse(defineSchema(declaration).text);

test('a schema becomes the text that the engine reads', () => {
  const schema = text({ version: 2, collections: {
    projects: { fields: { name: t.string() } },
    tasks: {
      fields: {
        title: t.string(), done: t.boolean().default(false), projectId: t.ref('projects').optional(), updatedAt: t.timestamp(),
        tags: t.array(t.string()), size: t.object({ w: t.number(), h: t.number().nullable() }), state: t.enum(['open', 'shut']),
        big: t.bigint().default(5n), votes: t.integer().merge('counter').optional(),
      },
      indexes: [['done', '-updatedAt'], 'tags[]', { fields: ['title'], unique: true }],
      conflict: 'merge',
    } } });
  assert.deepEqual(schema, { version: 2, collections: {
    projects: { fields: { name: { type: 'string' } }, indexes: [] },
    tasks: {
      fields: {
        title: { type: 'string' }, done: { type: 'boolean', default: false }, projectId: { type: 'ref', to: 'projects', optional: true },
        updatedAt: { type: 'timestamp' }, tags: { type: 'array', of: { type: 'string' } },
        size: { type: 'object', fields: { w: { type: 'number' }, h: { type: 'number', nullable: true } } },
        state: { type: 'enum', values: ['open', 'shut'] }, big: { type: 'bigint', default: { $holm: ['bigint', '5'] } },
        votes: { type: 'integer', merge: 'counter', optional: true },
      },
      indexes: [['done', '-updatedAt'], ['tags[]'], { fields: ['title'], unique: true }],
      conflict: 'merge',
    } } });
});

test('a field is a value: its steps make new ones', () => {
  const title = t.string();
  title.optional();
  assert.deepEqual(title.shape, { type: 'string' });
  assert(Object.isFrozen(title) && Object.isFrozen(t));
});

test('every declaration that cannot be meant is refused by name', () => {
  const fields = { title: t.string() };
  for (const [declaration, where] of [
    [undefined, undefined], [{ version: 0, collections: {} }, undefined], [{ version: 1 }, undefined],
    [{ version: 1, collections: { sync: { fields } } }, 'sync'],
    [{ version: 1, collections: { then: { fields } } }, 'then'],
    [{ version: 1, collections: { constructor: { fields } } }, 'constructor'],
    [{ version: 1, collections: { _x: { fields } } }, '_x'],
    [{ version: 1, collections: { 'a b': { fields } } }, 'a b'],
    [{ version: 1, collections: { tasks: {} } }, 'tasks'],
    [{ version: 1, collections: { tasks: { fields: { id: t.string() } } } }, 'tasks.id'],
    [{ version: 1, collections: { tasks: { fields: { title: 'string' } } } }, 'tasks.title'],
    [{ version: 1, collections: { tasks: { fields: { $pending: t.string() } } } }, 'tasks.$pending'],
    [{ version: 1, collections: { tasks: { fields: JSON.parse('{"__proto__":1}') } } }, 'tasks.__proto__'],
    [{ version: 1, collections: { tasks: { fields, indexes: 'title' } } }, 'tasks.indexes'],
    [{ version: 1, collections: {}, colections: {} }, 'colections'],
    [{ version: 1, collections: { tasks: { fields: { '\ud800': t.string() } } } }, 'tasks.\ud800'],
  ]) {
    assert.throws(() => defineSchema(declaration), { name: 'HolmError', code: 'invalid-schema', field: where }, JSON.stringify(declaration));
  }
  assert.throws(() => t.enum([]), { code: 'invalid-schema' });
  assert.throws(() => t.enum(['\ud800']), { code: 'invalid-schema' });
  assert.throws(() => t.ref(), { code: 'invalid-schema' });
  assert.throws(() => t.array('string'), { code: 'invalid-schema' });
  assert.throws(() => t.number().default(NaN), { code: 'invalid-value' });
});
