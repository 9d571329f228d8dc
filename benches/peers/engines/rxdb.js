import { createRxDatabase } from 'rxdb/plugins/core';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';

import { bench } from '../page/bench.js';

const text = maxLength => ({ type: 'string', maxLength });
const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: text(36), title: text(200), done: { type: 'boolean' }, projectId: text(20), notes: text(400),
    updatedAt: { type: 'integer', minimum: 0, maximum: 9_999_999_999_999, multipleOf: 1 },
    tags: { type: 'array', items: text(20) },
  },
  required: ['id', 'title', 'done', 'projectId', 'updatedAt', 'notes', 'tags'],
  indexes: [['done', 'updatedAt'], ['projectId', 'done']], // none over the elements of a list in this storage
};

let tasks;
const list = limit => tasks.find({ selector: { done: false }, sort: [{ updatedAt: 'desc' }], limit });

bench({
  async open() {
    const db = await createRxDatabase({ name: 'bench', storage: getRxStorageDexie(), multiInstance: false, eventReduce: true });
    ({ tasks } = await db.addCollections({ tasks: { schema } }));
  },
  async insertAll(records) {
    const { error } = await tasks.bulkInsert(records);
    if (error.length) throw new Error(`${error.length} records were not inserted`);
  },
  put: record => tasks.incrementalUpsert(record),
  async patch(id, fields) { await (await tasks.findOne(id).exec()).incrementalPatch(fields); },
  get: id => tasks.findOne(id).exec(),
  async getMany(ids) {
    const found = await tasks.findByIds(ids).exec();
    return ids.map(id => found.get(id));
  },
  newest: limit => list(limit).exec(),
  inProject: projectId => tasks.find({ selector: { projectId, done: false } }).exec(),
  withWord: word => tasks.find({ selector: { notes: { $regex: word } } }).exec(),
  countOpen: () => tasks.count({ selector: { done: false } }).exec(),
  // It has no transactions over several records.
  async exchange(a, b) {
    const found = await tasks.findByIds([a, b]).exec();
    const [first, second] = [found.get(a).title, found.get(b).title];
    await Promise.all([found.get(a).incrementalPatch({ title: second }), found.get(b).incrementalPatch({ title: first })]);
  },
  async watch(limit, onRows) {
    const subscription = list(limit).$.subscribe(onRows);
    return () => subscription.unsubscribe();
  },
});
