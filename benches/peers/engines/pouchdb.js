import PouchDB from 'pouchdb-core';
import indexeddb from 'pouchdb-adapter-indexeddb';
import find from 'pouchdb-find';

import { bench } from '../page/bench.js';

PouchDB.plugin(indexeddb).plugin(find);

const ALL = 1_000_000; // without a limit it gives 25

let db;
const document = ({ id, ...fields }) => ({ _id: id, ...fields });

async function newest(limit) {
  const sort = [{ done: 'desc' }, { updatedAt: 'desc' }];
  return (await db.find({ selector: { done: false, updatedAt: { $gt: 0 } }, sort, limit })).docs;
}

async function change(id, fields) {
  await db.put({ ...await db.get(id), ...fields });
}

bench({
  async open() {
    db = new PouchDB('bench', { adapter: 'indexeddb' });
    for (const fields of [['done', 'updatedAt'], ['projectId', 'done']]) await db.createIndex({ index: { fields } });
  },
  async insertAll(records) {
    const answers = await db.bulkDocs(records.map(document));
    if (answers.some(({ ok }) => !ok)) throw new Error('a record was not inserted');
  },
  async put(record) {
    const known = await db.get(record.id).catch(error => { if (error.status !== 404) throw error; });
    await db.put({ ...document(record), _rev: known?._rev });
  },
  patch: change,
  get: id => db.get(id),
  getMany: async ids => (await db.allDocs({ keys: ids, include_docs: true })).rows.map(({ doc }) => doc),
  newest,
  inProject: async projectId => (await db.find({ selector: { projectId, done: false }, limit: ALL })).docs,
  async withWord(word) {
    const { rows } = await db.allDocs({ include_docs: true });
    return rows.map(({ doc }) => doc).filter(({ notes }) => notes?.includes(word)); // the indexes are documents too
  },
  countOpen: async () => (await db.find({ selector: { done: false }, fields: ['_id'], limit: ALL })).docs.length,
  // It has no transactions over several records: a bulk write may fail in part.
  async exchange(a, b) {
    const { rows } = await db.allDocs({ keys: [a, b], include_docs: true });
    const [first, second] = rows.map(({ doc }) => doc);
    await db.bulkDocs([{ ...first, title: second.title }, { ...second, title: first.title }]);
  },
  async watch(limit, onRows) {
    const tell = async () => onRows(await newest(limit));
    const changes = db.changes({ since: 'now', live: true }).on('change', tell);
    await tell();
    return () => changes.cancel();
  },
});
