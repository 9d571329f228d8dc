// Never run. What must not compile: each `@ts-expect-error` stands over one mistake and names its error, which the
// test compares with what the compiler says once the comments are gone.

import { defineSchema, HolmError, open, t } from 'holm';
import type { Database, ErrorCode, Row } from 'holm';
import { FakeClock, FakeConnectivity, FakeServer, FaultyStorage } from 'holm/testing';

const schema = defineSchema({ version: 1, collections: {
  projects: { fields: { name: t.string() } },
  tasks: {
    fields: {
      title: t.string(), done: t.boolean().default(false), projectId: t.ref('projects').optional(), updatedAt: t.timestamp(),
      tags: t.array(t.string()), state: t.enum(['open', 'shut']).nullable(), size: t.object({ w: t.number() }), extra: t.json().optional(),
    },
  } } });
declare const db: Database<typeof schema>;
const whole = { title: 'x', updatedAt: 1, tags: [], state: null, size: { w: 1 } };

export async function rows(row: Row<typeof schema, 'tasks'>): Promise<void> {
  // @ts-expect-error TS2540 rows are read-only
  row.title = 'new';
  // @ts-expect-error TS2339 not a field
  void row.colour;
  // @ts-expect-error TS2322 an optional field may be missing
  const project: string = row.projectId;
  // @ts-expect-error TS2322 a nullable field may be null
  const state: 'open' | 'shut' = row.state;
  // @ts-expect-error TS2532 a record may be missing
  void (await db.tasks.get('a')).title;
  void [project, state];
}

export function inserts(): void {
  // @ts-expect-error TS2739 required fields are missing
  void db.tasks.put({ title: 'x' });
  // @ts-expect-error TS2322 a string field
  void db.tasks.put({ ...whole, title: 5 });
  // @ts-expect-error TS2353 not a field
  void db.tasks.insert({ ...whole, colour: 'red' });
  // @ts-expect-error TS2322 not nullable
  void db.tasks.insert({ ...whole, updatedAt: null });
  // @ts-expect-error TS2322 not one of the enum
  void db.tasks.putMany([{ ...whole, state: 'ajar' }]);
  // @ts-expect-error TS2741 a field of the object is missing
  void db.tasks.put({ ...whole, size: {} });
  // @ts-expect-error TS2322 the elements are strings
  void db.tasks.put({ ...whole, tags: [1] });
  // @ts-expect-error TS2322 an id is a string
  void db.tasks.put({ ...whole, id: 1 });
  // @ts-expect-error TS2322 a function is no value
  void db.tasks.put({ ...whole, extra: () => 1 });
}

export function patches(): void {
  // @ts-expect-error TS2322 not one of the enum
  void db.tasks.patch('a', { state: 'ajar' });
  // @ts-expect-error TS2353 not a field
  void db.tasks.patch('a', { colour: 'red' });
  // @ts-expect-error TS2353 an id does not change
  void db.tasks.patch('a', { id: 'b' });
  // @ts-expect-error TS2322 not nullable
  void db.tasks.patch('a', { title: null });
  // @ts-expect-error TS2345 an id is a string
  void db.tasks.patch(1, { done: true });
  // @ts-expect-error TS2322 not a boolean
  void db.tasks.patchMany([['a', { done: 'yes' }]]);
}

export function filters(): void {
  // @ts-expect-error TS2353 not a field
  void db.tasks.where({ nothing: 1 });
  // @ts-expect-error TS2322 a boolean field
  void db.tasks.where({ done: 'yes' });
  // @ts-expect-error TS2322 a number is compared with numbers
  void db.tasks.where({ updatedAt: { gt: 'x' } });
  // @ts-expect-error TS2353 not an operator
  void db.tasks.where({ title: { sounds: 'like' } });
  // @ts-expect-error TS2353 a boolean has no order
  void db.tasks.where({ done: { gt: false } });
  // @ts-expect-error TS2353 a number has no beginning
  void db.tasks.where({ updatedAt: { startsWith: '1' } });
  // @ts-expect-error TS2353 a number has no text
  void db.tasks.where({ updatedAt: { contains: '1' } });
  // @ts-expect-error TS2353 a string has no elements
  void db.tasks.where({ title: { has: 'x' } });
  // @ts-expect-error TS2322 the elements are strings
  void db.tasks.where({ tags: { has: 1 } });
  // @ts-expect-error TS2322 null has no place in an order
  void db.tasks.where({ updatedAt: { gt: null } });
  // @ts-expect-error TS2322 not one of the enum
  void db.tasks.where({ state: { in: ['ajar'] } });
  // @ts-expect-error TS2353 an object is compared with eq
  void db.tasks.where({ size: { w: 1 } });
  // @ts-expect-error TS2322 pending or not
  void db.tasks.where({ $pending: 1 });
}

export function sortKeys(): void {
  // @ts-expect-error TS2345 not a field
  void db.tasks.orderBy('colour');
  // @ts-expect-error TS2345 one minus
  void db.tasks.orderBy('--updatedAt');
  // @ts-expect-error TS2345 an object has no order
  void db.tasks.orderBy('size');
  // @ts-expect-error TS2345 json has no order
  void db.tasks.where({ done: true }).orderBy('-extra');
  // @ts-expect-error TS2345 not a field
  void db.tasks.orderBy(['done', 'colour']);
  // @ts-expect-error TS2345 a column of an index, not a field
  void db.tasks.orderBy('tags[]');
}

export function besides(): void {
  // @ts-expect-error TS2339 no such collection
  void db.notes;
  // @ts-expect-error TS2540 collections stay
  db.tasks = db.tasks;
  // @ts-expect-error TS2551 a transaction cannot watch
  void db.transaction(tx => { void tx.tasks.watch; });
  // @ts-expect-error TS2339 nor can its queries
  void db.transaction(tx => { void tx.tasks.where({ done: true }).watch; });
  // @ts-expect-error TS2345 no such collection
  void db.sync.explain('notes', 'a');
  // @ts-expect-error TS2345 a function is called by its name
  void db.call(() => {});
  // @ts-expect-error TS2345 not a value
  void db.kv('settings').set('f', () => 1);
  // @ts-expect-error TS2345 not a code
  void new HolmError('oops', 'x');
  // @ts-expect-error TS2820 a near miss
  const code: ErrorCode = 'not-fund';
  void code;
}

export function options(): void {
  // @ts-expect-error TS2741 a schema is needed
  void open({ name: 'a' });
  // @ts-expect-error TS2740 what defineSchema takes is not what it gives
  void open({ name: 'a', schema: { version: 1, collections: {} } });
  // @ts-expect-error TS2322 no such storage
  void open({ name: 'a', schema, storage: 'disk' });
  // @ts-expect-error TS2322 no such durability
  void db.transaction(() => {}, { durability: 'high' });
  // @ts-expect-error TS2741 sync has an address
  void open({ name: 'a', schema, sync: {} });
}

const fields = { title: t.string(), tags: t.array(t.string()), size: t.object({ w: t.number() }) };

export function schemas(): void {
  // @ts-expect-error TS2741 a version is needed
  defineSchema({ collections: {} });
  // @ts-expect-error TS2322 a field has a type
  defineSchema({ version: 1, collections: { a: { fields: { title: 'string' } } } });
  // @ts-expect-error TS2322 an index of a field that is not there
  defineSchema({ version: 1, collections: { a: { fields, indexes: ['colour'] } } });
  // @ts-expect-error TS2322 an index over something without order
  defineSchema({ version: 1, collections: { a: { fields, indexes: [['title', '-size']] } } });
  // @ts-expect-error TS2820 only a list has elements
  defineSchema({ version: 1, collections: { a: { fields, indexes: ['title[]'] } } });
  // @ts-expect-error TS2322 no such policy
  defineSchema({ version: 1, collections: { a: { fields, conflict: 'newest' } } });
  // @ts-expect-error TS2322 no such way to show what was refused
  defineSchema({ version: 1, collections: { a: { fields, parked: 'hide' } } });
  // @ts-expect-error TS2820 no such field
  defineSchema({ version: 1, collections: { a: { fields, conflict: { lastWrite: 'titel' } } } });
  // @ts-expect-error TS2322 a reference to a collection that is not there
  defineSchema({ version: 1, collections: { a: { fields: { b: t.ref('b') } } } });
  // @ts-expect-error TS2345 a default of another type
  t.number().default('x');
  // @ts-expect-error TS2345 a text is not counted
  t.string().merge('counter');
  // @ts-expect-error TS2345 a list is put into and taken out of
  t.array(t.number()).merge('text');
  // @ts-expect-error TS2345 a boolean is the later one
  t.boolean().merge('set');
  // @ts-expect-error TS2345 an enum has values
  t.enum([]);
  // @ts-expect-error TS2345 elements are never missing
  t.array(t.string().optional());
}

export function testKit(server: FakeServer, network: FakeConnectivity, storage: FaultyStorage): void {
  // @ts-expect-error TS2353 no such option
  void new FakeServer({ adress: '/sync' });
  // @ts-expect-error TS2322 no way to settle conflicts
  void new FakeServer({ conflict: 'theirs' });
  // @ts-expect-error TS2322 a date or a number
  void new FakeClock({ now: '2026' });
  // @ts-expect-error TS2741 both are said
  network.lie({ onLine: true });
  // @ts-expect-error TS2322 pushes or pulls
  server.loseAnswer({ on: 'sync' });
  // @ts-expect-error TS2322 no error code
  server.reject(() => ({ code: 'wrong' }));
  // @ts-expect-error TS2540 its records are read-only
  server.rows('tasks')[0]!.id = 'b';
  // @ts-expect-error TS2353 no such option
  storage.quota({ after: 1 });
}
