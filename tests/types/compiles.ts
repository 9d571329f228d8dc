// Never run. What an app may write, and the types it gets for it: must compile as it stands.

import { defineSchema, HolmError, open, t } from 'holm';
import type { CollectionName, Collection, Conflict, Database, ErrorCode, Insert, Patch, QueryPlan, Row, Status, Transaction, Value, Where, Write } from 'holm';
import { salvage, type Salvage, type SalvageLine } from 'holm/salvage';
import { provideToken } from 'holm/service-worker';
import { FakeClock, FakeConnectivity, FakeServer, FaultyStorage, type Restore, type SeenMutation, type ServerRecord } from 'holm/testing';

/** Exactly the same type, `any` being no other type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<_A, _B>(_: Same<_A, _B>): void {}

const schema = defineSchema({ version: 1, collections: {
  projects: { fields: { name: t.string() } },
  tasks: {
    fields: {
      title: t.string(), done: t.boolean().default(false), projectId: t.ref('projects').optional(), updatedAt: t.timestamp(),
      tags: t.array(t.string()), state: t.enum(['open', 'shut']).nullable(), due: t.date().optional(), weight: t.bigint().nullable().optional(),
      photo: t.bytes().optional(), size: t.object({ w: t.number(), h: t.number().optional() }), extra: t.json().optional(),
      plan: t.json<{ steps: number }>().optional(), rank: t.integer().default(0), parts: t.array(t.object({ n: t.number() })).default([]),
    },
    indexes: ['updatedAt', ['done', '-updatedAt'], 'tags[]', ['projectId', '-tags[]'], 'tags', { fields: ['title'], unique: true }],
    conflict: 'merge',
  },
  links: { fields: { all: t.array(t.ref('tasks')), self: t.ref('links').optional() }, conflict: 'manual', coalesce: false },
} });

export const votes = defineSchema({ version: 1, collections: {
  votes: { fields: { count: t.integer() }, conflict: ({ base, mine, theirs }) => (mine && theirs && { count: mine['count'] + theirs['count'] - base?.['count'] }) },
} });

export const posts = defineSchema({ version: 1, collections: {
  posts: { fields: {
    votes: t.integer().merge('counter').default(0), score: t.number().nullable().merge('counter').optional(),
    tags: t.array(t.string()).merge('set').default([]), body: t.string().merge('text'),
  }, indexes: ['-votes', 'tags[]'] },
  drafts: { fields: { title: t.string(), updatedAt: t.timestamp() }, conflict: { lastWrite: 'updatedAt' }, parked: 'keep' },
} });
same<Row<typeof posts, 'posts'>['votes'], number>(true);
same<Row<typeof posts, 'posts'>['score'], number | null | undefined>(true);
same<Row<typeof posts, 'posts'>['tags'], string[]>(true);

type Task = Row<typeof schema, 'tasks'>;

same<CollectionName<typeof schema>, 'projects' | 'tasks' | 'links'>(true);
same<Row<typeof schema, 'projects'>, { readonly id: string; readonly name: string }>(true);
same<Insert<typeof schema, 'projects'>, { id?: string | undefined; name: string }>(true);
same<Task['done'], boolean>(true);
same<Task['rank'], number>(true);
same<Task['projectId'], string | undefined>(true);
same<Task['state'], 'open' | 'shut' | null>(true);
same<Task['tags'], string[]>(true);
same<Task['weight'], bigint | null | undefined>(true);
same<Task['size'], { w: number; h?: number | undefined }>(true);
same<Task['extra'], Value | undefined>(true);
same<Task['plan'], { steps: number } | undefined>(true);
same<Task['parts'], { n: number }[]>(true);
same<Row<typeof schema, 'links'>['all'], string[]>(true);
same<Insert<typeof schema, 'tasks'>['done'], boolean | undefined>(true);

const whole: Insert<typeof schema, 'tasks'> = { title: 'x', updatedAt: 1, tags: [], state: null, size: { w: 1 } };
const few: Patch<typeof schema, 'tasks'> = { done: true, projectId: undefined, state: null };
const late: Where<typeof schema, 'tasks'> = { due: { lt: new Date() } };

export async function records(db: Database<typeof schema>): Promise<void> {
  const write = db.tasks.put(whole);
  same<typeof write, Write<string>>(true);
  const id = await write;
  await write.synced;
  const receipt: string = write.receipt;
  await db.sync.receipt(receipt);
  const conflicts: readonly Conflict[] = await db.sync.conflicts();
  for (const { mid, fields } of conflicts) await db.sync.resolve(mid, fields.length > 1 ? 'theirs' : { title: 'both' });
  for (const { mid, reason } of await db.sync.parked()) await (reason.after ? db.sync.discard(mid) : db.sync.edit(mid, { title: undefined }));
  const ids: string[] = await db.tasks.putMany([whole, { ...whole, id: 'b', done: undefined, photo: new Uint8Array(1) }]);
  await db.tasks.insert({ ...whole, extra: { deep: [1, 2n, null] }, weight: 3n });
  await db.tasks.insertMany([]);
  await db.tasks.patch(id, few);
  await db.tasks.patchMany([[id, { done: true }], [ids[0]!, few]]);
  await db.tasks.delete(id);
  await db.tasks.deleteMany(ids);
  const called = db.call('archive', { ids, at: new Date() }, async tx => tx.tasks.patch(ids[0]!, few));
  same<typeof called, Write<void>>(true);
  await called.synced;
  await db.call('purge').synced;
  const row = await db.tasks.get(id);
  same<typeof row, Task | undefined>(true);
  const rows = await db.tasks.getMany(ids);
  same<typeof rows, (Task | undefined)[]>(true);
}

export async function queries(db: Database<typeof schema>): Promise<void> {
  const query = db.tasks
    .where({ done: false, updatedAt: { gt: 1, lte: 5 }, tags: { has: 'home' }, $pending: true })
    .where({ title: { startsWith: 'a', contains: 'b', ne: null }, state: { in: ['open', null] }, projectId: null, id: { gt: 'a' } })
    .orderBy('-updatedAt', ['title', '-id'], 'tags').limit(5);
  const first = await query.first();
  same<typeof first, Task | undefined>(true);
  const count: number = await db.tasks.where(late).count();
  const plan: QueryPlan = await query.explain();
  void [plan.path === 'scan', plan.index];
  await db.tasks.where({ size: { eq: { w: 1 } }, extra: { startsWith: 'a' }, photo: { gt: new Uint8Array(count) }, weight: { lt: 4n } }).all();
  await db.tasks.where({ due: new Date(), tags: ['a'], parts: { has: { n: 1 } }, plan: { eq: { steps: 1 } }, rank: 3 }).all();
  await db.tasks.where({ state: { gte: 'l', startsWith: 'o' }, plan: null }).all();
  const stop: () => void = query.watch((rows, diff) => { void [rows[0]?.title, diff.added]; }, error => { void error.code; });
  stop();
  for await (const rows of query) same<typeof rows, readonly Task[]>(true);
  const snapshot = query.getSnapshot();
  same<typeof snapshot, readonly Task[] | undefined>(true);
  query.subscribe(() => {})();
  db.projects.watch(rows => { void rows[0]?.name; })();
}

export async function besides(db: Database<typeof schema>): Promise<void> {
  const count = await db.transaction(async tx => {
    const open = await tx.tasks.where({ done: true }).orderBy('-updatedAt').first();
    if (open) await tx.tasks.patch(open.id, { done: true });
    return tx.projects.count();
  });
  same<typeof count, number>(true);
  const rename = async (tx: Transaction<typeof schema>): Promise<void> => { await tx.projects.patch('a', { name: 'b' }); };
  await db.transaction(rename);
  await db.kv('settings').set('theme', 'dark', { ttl: 1000 });
  const theme: string | undefined = await db.kv('settings').get<string>('theme');
  const status: Status = db.sync.status;
  same<Status['skew'], number | undefined>(true);
  if (status.error instanceof HolmError) { const code: ErrorCode = status.error.code; void [code, theme]; }
  db.sync.subscribe(({ pending }) => { void pending; })();
  const { standing } = await db.sync.explain('tasks', 'a');
  if (standing === 'parked') for (const { mid, reason } of await db.sync.parked()) { void reason.code; await db.sync.retry(mid); }
  await db.sync.evict('tasks');
  await db.transaction(tx => tx.tasks.delete('a'), { durability: 'strict' });
  const agreed: boolean | null = await db.storage.persist();
  const { usage, quota, persisted } = await db.storage.estimate();
  if (agreed && persisted && usage !== null && quota !== null) same<typeof db.storage.durability, 'none' | 'relaxed' | 'strict'>(true);
  await db.close();
}

export async function salvaged(): Promise<string[]> {
  const { file, counts, lost }: Salvage = await salvage('app');
  if (counts.pending > 0) for (const text of (await file.text()).split('\n')) if (text) read(JSON.parse(text));
  return [...lost];
}

function read(line: SalvageLine): unknown {
  if (line.type === 'record') return line.value.title;
  if (line.type === 'pending') return line.from === 'outbox' ? line.mid : line.orders;
  return line.type === 'parked' ? line.reason.code : undefined;
}

export async function opening(): Promise<void> {
  const db = await open({
    name: 'app', schema, durability: 'strict', wasm: new URL('https://cdn.test/holm.wasm'),
    sync: { url: '/sync', getToken: async reason => reason, scopes: [{ name: 'project', args: { id: 'p1' } }] },
  });
  same<typeof db, Database<typeof schema>>(true);
  await records(db);
  const memory = await open({ name: 'test', schema: defineSchema({ version: 2, collections: { notes: { fields: {} } } }), storage: 'memory' });
  same<keyof typeof memory, 'notes' | 'name' | 'sync' | 'scopes' | 'storage' | 'transaction' | 'call' | 'kv' | 'close'>(true);
  provideToken(() => undefined);
  provideToken(async reason => reason);
}

/** Code that works on any database or collection. */
export async function anything(db: Database, collection: Collection): Promise<unknown> {
  await collection.put({ whatever: 1 });
  await collection.where({ some: { gt: 1 } }).orderBy('-some').all();
  return db.tasks?.all();
}

export async function testKit(): Promise<void> {
  const server = new FakeServer({ token: 'a', conflict: { tasks: 'manual' }, schema: { min: 1, max: 2 }, limits: { mutations: 10 }, functions: { archive: ({ args, read, write }) => { const task = read('tasks', args.id); if (!task) return 'no'; write('tasks', { ...task, done: true }); return; } } });
  const [network, clock, storage] = [new FakeConnectivity(), new FakeClock({ now: new Date() }), new FaultyStorage()];
  const restores: Restore[] = [server, network, clock, storage].map(each => each.install());
  await open({ name: 'app', schema, sync: { url: server.url } });
  same<ReturnType<typeof server.rows>, ServerRecord[]>(true);
  const title: string = server.rows('tasks')[0]!.title;
  server.put('tasks', { title });
  server.patch('tasks', 'a', { title: undefined });
  const accept = server.reject((mutation: SeenMutation, record) => record?.id === mutation.id && { code: 'validation', field: 'title' });
  server.reject(({ kind }) => (kind === 'delete' ? 'no' : undefined));
  server.retry(({ data }) => (data.title ? 5 : undefined));
  accept();
  server.fail(503, { retryAfter: 7, on: 'push', times: Infinity });
  const release: Restore = server.hold({ on: 'pull' });
  release();
  same<typeof server.requests[number]['status'], number>(true);
  network.lie({ onLine: true, reachable: false });
  await clock.advance(clock.now - 5);
  storage.quota({ nth: 2 })();
  restores.forEach(restore => restore());
}
