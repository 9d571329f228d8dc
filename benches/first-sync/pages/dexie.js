import Dexie from 'dexie';

import { measure, page } from './measure.js';

let db;

measure({
  async open() {
    db = new Dexie('places');
    db.version(1).stores({ places: 'id, [country+population], population, key' });
    await db.open();
  },
  async sync() {
    for (let next = 0; next !== null;) {
      const answer = await page(next);
      await db.places.bulkPut(answer.rows);
      next = answer.next;
    }
  },
  count: () => db.places.count(),
  countOf: country => db.places.where('[country+population]').between([country, Dexie.minKey], [country, Dexie.maxKey]).count(),
  rows: () => db.places.toArray(),
});
