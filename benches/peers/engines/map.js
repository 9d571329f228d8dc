// A JavaScript Map that forgets everything: what no database can be faster than.

import { bench } from '../page/bench.js';

const tasks = new Map();

bench({
  async open() {},
  async insertAll(records) { for (const record of records) tasks.set(record.id, record); },
  async get(id) { return tasks.get(id); },
  async getMany(ids) { return ids.map(id => tasks.get(id)); },
  async countOpen() { return [...tasks.values()].filter(({ done }) => !done).length; },
});
