// IndexedDB by hand: a row for each record, three indexes, one transaction for each call. `done` is 0 or 1: booleans are no keys.

import { bench } from '../page/bench.js';
import { completed, openDatabase, result } from './requests.js';

let db;
const watchers = new Set();
const row = record => ({ ...record, done: record.done ? 1 : 0 });
const read = () => db.transaction('tasks').objectStore('tasks');
const open = IDBKeyRange.bound([0], [0, []]); // a list comes after every number

async function write(work) {
  const transaction = db.transaction('tasks', 'readwrite', { durability: 'relaxed' });
  await work(transaction.objectStore('tasks'));
  transaction.commit();
  await completed(transaction);
  for (const tell of watchers) tell();
}

async function change(store, id, fields) {
  const found = await result(store.get(id));
  store.put(row({ ...found, ...fields }));
}

/** The newest rows of an index by a cursor. */
function newest(limit) {
  const rows = [];
  const request = read().index('open').openCursor(open, 'prev');
  return new Promise((resolve, reject) => {
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (!cursor) return resolve(rows);
      rows.push(cursor.value);
      if (rows.length === limit) return resolve(rows);
      cursor.continue();
    };
  });
}

bench({
  async open() {
    db = await openDatabase('bench', made => {
      const tasks = made.createObjectStore('tasks', { keyPath: 'id' });
      tasks.createIndex('open', ['done', 'updatedAt']);
      tasks.createIndex('project', ['projectId', 'done']);
      tasks.createIndex('tags', 'tags', { multiEntry: true });
    });
  },
  insertAll: records => write(store => { for (const record of records) store.put(row(record)); }),
  put: record => write(store => { store.put(row(record)); }),
  patch: (id, fields) => write(store => change(store, id, fields)),
  patchAll: pairs => write(store => Promise.all(pairs.map(([id, fields]) => change(store, id, fields)))),
  get: id => result(read().get(id)),
  getMany(ids) {
    const store = read();
    return Promise.all(ids.map(id => result(store.get(id))));
  },
  newest,
  inProject: projectId => result(read().index('project').getAll([projectId, 0])),
  withWord: async word => (await result(read().getAll())).filter(({ notes }) => notes.includes(word)),
  countOpen: () => result(read().index('open').count(open)),
  exchange: (a, b) => write(async store => {
    const [first, second] = await Promise.all([result(store.get(a)), result(store.get(b))]);
    store.put({ ...first, title: second.title });
    store.put({ ...second, title: first.title });
  }),
  async watch(limit, onRows) {
    const tell = async () => onRows(await newest(limit));
    watchers.add(tell);
    await tell();
    return () => watchers.delete(tell);
  },
});
