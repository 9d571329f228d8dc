import { createRxDatabase } from 'rxdb/plugins/core';
import { replicateRxCollection } from 'rxdb/plugins/replication';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';

import { measure, page } from './measure.js';

const text = maxLength => ({ type: 'string', maxLength });
const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: text(20), name: text(200), key: text(200), country: text(2), admin: text(20),
    population: { type: 'integer', minimum: 0, maximum: 100_000_000, multipleOf: 1 },
    lon: { type: 'number' }, lat: { type: 'number' },
  },
  required: ['id', 'name', 'key', 'country', 'admin', 'population', 'lon', 'lat'],
  indexes: [['country', 'population'], 'population', 'key'],
};

let places;

measure({
  async open() {
    const db = await createRxDatabase({ name: 'places', storage: getRxStorageDexie(), multiInstance: false, eventReduce: true });
    ({ places } = await db.addCollections({ places: { schema } }));
  },
  async sync() {
    const replication = replicateRxCollection({
      collection: places,
      replicationIdentifier: 'places-over-http',
      live: false,
      waitForLeadership: false,
      pull: {
        batchSize: 1000, // what the server's pages hold
        async handler(checkpoint) {
          if (checkpoint?.next === null) return { documents: [], checkpoint };
          const { rows, next } = await page(checkpoint?.next ?? 0);
          return { documents: rows.map(row => ({ ...row, _deleted: false })), checkpoint: { next } };
        },
      },
    });
    replication.error$.subscribe(error => { throw error; });
    await replication.awaitInitialReplication();
  },
  count: () => places.count().exec(),
  countOf: country => places.count({ selector: { country } }).exec(),
  rows: async () => (await places.find().exec()).map(document => document.toJSON()),
});
