import { IdbFs, PGlite } from '@electric-sql/pglite';
import { live } from '@electric-sql/pglite/live';

import { bench } from '../page/bench.js';

const TABLES = `
  CREATE TABLE IF NOT EXISTS tasks (id text PRIMARY KEY, title text, done boolean, "projectId" text, "updatedAt" bigint, notes text, tags text[]);
  CREATE INDEX IF NOT EXISTS open ON tasks (done, "updatedAt");
  CREATE INDEX IF NOT EXISTS project ON tasks ("projectId", done);
  CREATE INDEX IF NOT EXISTS tags ON tasks USING gin (tags);`;
const LIST = 'SELECT * FROM tasks WHERE NOT done ORDER BY "updatedAt" DESC LIMIT $1';
const FIELDS = ['title', 'done', 'projectId', 'updatedAt', 'notes', 'tags'].map(field => `"${field}" = excluded."${field}"`);

const files = new IdbFs('bench');
let db;
const rows = async (sql, given) => (await db.query(sql, given)).rows;

async function write(records) {
  await db.query(`INSERT INTO tasks SELECT * FROM json_populate_recordset(null::tasks, $1) ON CONFLICT (id) DO UPDATE SET ${FIELDS}`, [JSON.stringify(records)]);
}

// A flush in the background may meet a temporary file of Postgres that is gone already; it says so to nobody.
addEventListener('unhandledrejection', event => { if (event.reason?.name === 'ErrnoError') event.preventDefault(); });

bench({
  async open() {
    db = await PGlite.create({ fs: files, relaxedDurability: true, extensions: { live } });
    await db.exec(TABLES);
  },
  insertAll: write,
  put: record => write([record]),
  async patch(id, fields) {
    const names = Object.keys(fields).map((field, n) => `"${field}" = $${n + 2}`);
    await db.query(`UPDATE tasks SET ${names} WHERE id = $1`, [id, ...Object.values(fields)]);
  },
  saved: () => files.syncToFs(), // its own syncToFs waits for nothing when durability is relaxed
  get: async id => (await rows('SELECT * FROM tasks WHERE id = $1', [id]))[0],
  async getMany(ids) {
    const found = new Map((await rows('SELECT * FROM tasks WHERE id = ANY($1)', [ids])).map(row => [row.id, row]));
    return ids.map(id => found.get(id));
  },
  newest: limit => rows(LIST, [limit]),
  inProject: projectId => rows('SELECT * FROM tasks WHERE "projectId" = $1 AND NOT done', [projectId]),
  withWord: word => rows('SELECT * FROM tasks WHERE position($1 in notes) > 0', [word]),
  countOpen: async () => Number((await rows('SELECT count(*) FROM tasks WHERE NOT done'))[0].count),
  exchange: (a, b) => db.transaction(async tx => {
    const { rows: found } = await tx.query('SELECT id, title FROM tasks WHERE id = ANY($1)', [[a, b]]);
    const title = new Map(found.map(row => [row.id, row.title]));
    await tx.query('UPDATE tasks SET title = $2 WHERE id = $1', [a, title.get(b)]);
    await tx.query('UPDATE tasks SET title = $2 WHERE id = $1', [b, title.get(a)]);
  }),
  async watch(limit, onRows) {
    const { unsubscribe } = await db.live.query(LIST, [limit], ({ rows: found }) => onRows(found));
    return unsubscribe;
  },
});
