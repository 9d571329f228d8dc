import { createIndexes, createStore } from 'tinybase';
import { createIndexedDbPersister } from 'tinybase/persisters/persister-indexed-db';

import { bench } from '../page/bench.js';

const TABLE = 'tasks';
const store = createStore();
const indexes = createIndexes(store);
const newestFirst = (a, b) => b - a;
let persister;

const row = ({ id: _, ...fields }) => fields;
const record = id => ({ id, ...store.getRow(TABLE, id) });
const openIds = () => indexes.getSliceRowIds('done', 'false');

bench({
  async open() {
    indexes.setIndexDefinition('done', TABLE, 'done', 'updatedAt', undefined, newestFirst);
    indexes.setIndexDefinition('project', TABLE, cell => `${cell('projectId')} ${cell('done')}`);
    persister = createIndexedDbPersister(store, 'bench');
    await persister.load();
  },
  async insertAll(records) {
    store.transaction(() => { for (const record of records) store.setRow(TABLE, record.id, row(record)); });
  },
  async put(record) { store.setRow(TABLE, record.id, row(record)); },
  async patch(id, fields) { store.setPartialRow(TABLE, id, fields); },
  saved: () => persister.save(),
  async get(id) { return record(id); },
  async getMany(ids) { return ids.map(record); },
  async newest(limit) { return openIds().slice(0, limit).map(record); },
  async inProject(projectId) { return indexes.getSliceRowIds('project', `${projectId} false`).map(record); },
  async withWord(word) { return store.getRowIds(TABLE).filter(id => store.getCell(TABLE, id, 'notes').includes(word)).map(record); },
  async countOpen() { return openIds().length; },
  async exchange(a, b) {
    store.transaction(() => {
      const [first, second] = [a, b].map(id => store.getCell(TABLE, id, 'title'));
      store.setCell(TABLE, a, 'title', second);
      store.setCell(TABLE, b, 'title', first);
    });
  },
  async watch(limit, onRows) {
    const listener = indexes.addSliceRowIdsListener('done', 'false', () => onRows(openIds().slice(0, limit).map(record)));
    return () => indexes.delListener(listener);
  },
});
