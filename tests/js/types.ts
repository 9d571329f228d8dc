// Checked by tsc, never run: the types an app gets from its schema.

import { defineSchema, HolmError, open, t } from '../../pkg-template/index.js';
import type { ErrorCode, Status } from '../../pkg-template/index.js';

const schema = defineSchema({ version: 1, collections: {
  projects: { fields: { name: t.string() } },
  tasks: {
    fields: {
      title: t.string(), done: t.boolean().default(false), projectId: t.ref('projects').optional(), updatedAt: t.timestamp(),
      tags: t.array(t.string()), state: t.enum(['open', 'shut']).nullable(), size: t.object({ w: t.number(), h: t.number().optional() }),
    },
    indexes: [['done', '-updatedAt'], 'tags[]', { fields: ['title'], unique: true }],
    conflict: 'merge',
  } } });

export async function example() {
  const db = await open({ name: 'app', schema, sync: { url: '/sync', getToken: async reason => reason } });
  const size = { w: 1 };
  const write = db.tasks.put({ title: 'x', updatedAt: 1, tags: [], state: null, size });
  const id: string = await write;
  await write.synced;
  const row = await db.tasks.get(id);
  if (row) {
    const title: string = row.title;
    const done: boolean = row.done;
    const project: string | undefined = row.projectId;
    const state: 'open' | 'shut' | null = row.state;
    const height: number | undefined = row.size.h;
    void [title, done, project, state, height, row.id];
    // @ts-expect-error rows are read-only
    row.title = 'new';
  }
  // @ts-expect-error a required field is missing
  db.tasks.put({ title: 'x' });
  // @ts-expect-error no such value
  db.tasks.patch(id, { state: 'ajar' });
  db.tasks.patch(id, { done: true, projectId: undefined });
  // @ts-expect-error no such collection
  void db.notes;
  // @ts-expect-error no such field
  db.tasks.where({ nothing: 1 });
  const query = db.tasks.where({ done: false, updatedAt: { gt: 1 }, tags: { has: 'home' }, $pending: true }).orderBy('-updatedAt').limit(5);
  const stop: () => void = query.watch((rows, diff) => { void [rows[0]?.title, diff.added]; });
  for await (const rows of query) void rows.length;
  const count: number = await db.transaction(async tx => {
    await tx.tasks.patch(id, { done: true });
    // @ts-expect-error a transaction cannot watch
    void tx.tasks.watch;
    return tx.tasks.where({ done: true }).count();
  });
  await db.kv('settings').set('theme', 'dark', { ttl: 1000 });
  const status: Status = db.sync.status;
  if (status.error instanceof HolmError) { const code: ErrorCode = status.error.code; void code; }
  const plain = await db.projects.all();
  const name: string | undefined = plain[0]?.name;
  return [stop, count, name, db.name];
}
