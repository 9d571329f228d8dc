import Loki from 'lokijs';
import IncrementalIndexedDBAdapter from 'lokijs/src/incremental-indexeddb-adapter';

import { bench } from '../page/bench.js';

let db;
let tasks;
const called = ask => new Promise((resolve, reject) => ask(error => (error ? reject(error) : resolve())));

/** Along its index by time from the newest; its own sorting would go over all records each time. */
function newest(limit) {
  tasks.ensureIndex('updatedAt');
  const { values } = tasks.binaryIndices.updatedAt;
  const found = [];
  for (let at = values.length - 1; at >= 0 && found.length < limit; at--) {
    const record = tasks.data[values[at]];
    if (!record.done) found.push(record);
  }
  return found;
}

async function change(id, fields) {
  const record = tasks.by('id', id);
  tasks.update(Object.assign(record, fields));
}

bench({
  async open() {
    db = new Loki('bench', { adapter: new IncrementalIndexedDBAdapter(), autosave: false });
    await called(done => db.loadDatabase({}, done));
    tasks = db.getCollection('tasks') ?? db.addCollection('tasks', { unique: ['id'], indices: ['updatedAt', 'projectId'] });
  },
  async insertAll(records) { tasks.insert(records.map(record => ({ ...record }))); }, // it keeps and changes the objects it is given
  async put(record) {
    if (tasks.by('id', record.id)) await change(record.id, record);
    else tasks.insert({ ...record });
  },
  patch: change,
  saved: () => called(done => db.saveDatabase(done)),
  async get(id) { return tasks.by('id', id); },
  async getMany(ids) { return ids.map(id => tasks.by('id', id)); },
  async newest(limit) { return newest(limit); },
  async inProject(projectId) { return tasks.find({ projectId, done: false }); },
  async withWord(word) { return tasks.find({ notes: { $contains: word } }); },
  async countOpen() { return tasks.count({ done: false }); },
  async exchange(a, b) {
    const [first, second] = [a, b].map(id => tasks.by('id', id).title);
    await change(a, { title: second });
    await change(b, { title: first });
  },
  async watch(limit, onRows) {
    const tell = () => onRows(newest(limit));
    tasks.on('update', tell);
    return () => tasks.removeListener('update', tell);
  },
});
