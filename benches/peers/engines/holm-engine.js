import { defineSchema, open, t } from '/pkg/index.js';

const schema = defineSchema({ version: 1, collections: { tasks: {
  fields: { title: t.string(), done: t.boolean(), projectId: t.string(), updatedAt: t.timestamp(), notes: t.string(), tags: t.array(t.string()) },
  indexes: [['done', '-updatedAt'], ['projectId', 'done'], 'tags[]'],
} } });

/** Holm, opened with these options besides. */
export function holm(options) {
  let db;
  const list = limit => db.tasks.where({ done: false }).orderBy('-updatedAt').limit(limit);
  return {
    async open() {
      db = await open({ name: 'bench', schema, ...options });
      if (options.sync) db.sync.pause();
    },
    insertAll: records => db.tasks.putMany(records),
    put: record => db.tasks.put(record),
    patch: (id, fields) => db.tasks.patch(id, fields),
    get: id => db.tasks.get(id),
    getMany: ids => db.tasks.getMany(ids),
    newest: limit => list(limit).all(),
    inProject: projectId => db.tasks.where({ projectId, done: false }).all(),
    withWord: word => db.tasks.where({ notes: { contains: word } }).all(),
    countOpen: () => db.tasks.where({ done: false }).count(),
    exchange: (a, b) => db.transaction(async tx => {
      const [first, second] = await tx.tasks.getMany([a, b]);
      await tx.tasks.patch(a, { title: second.title });
      await tx.tasks.patch(b, { title: first.title });
    }),
    watch: async (limit, onRows) => list(limit).watch(onRows),
  };
}
