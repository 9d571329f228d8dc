import Dexie, { liveQuery } from 'dexie';

import { bench } from '../page/bench.js';

let db;
const row = record => ({ ...record, done: record.done ? 1 : 0 });
const openTasks = () => db.tasks.where('[done+updatedAt]').between([0, Dexie.minKey], [0, Dexie.maxKey]);
const newest = limit => openTasks().reverse().limit(limit).toArray();

bench({
  async open() {
    db = new Dexie('bench');
    db.version(1).stores({ tasks: 'id, [done+updatedAt], [projectId+done], *tags' });
    await db.open();
  },
  insertAll: records => db.tasks.bulkAdd(records.map(row)),
  put: record => db.tasks.put(row(record)),
  patch: (id, fields) => db.tasks.update(id, 'done' in fields ? row(fields) : fields),
  get: id => db.tasks.get(id),
  getMany: ids => db.tasks.bulkGet(ids),
  newest,
  inProject: projectId => db.tasks.where({ projectId, done: 0 }).toArray(),
  withWord: word => db.tasks.filter(({ notes }) => notes.includes(word)).toArray(),
  countOpen: () => openTasks().count(),
  exchange: (a, b) => db.transaction('rw', db.tasks, async () => {
    const [first, second] = await db.tasks.bulkGet([a, b]);
    await db.tasks.bulkPut([{ ...first, title: second.title }, { ...second, title: first.title }]);
  }),
  async watch(limit, onRows) {
    const subscription = liveQuery(() => newest(limit)).subscribe(onRows);
    return () => subscription.unsubscribe();
  },
});
