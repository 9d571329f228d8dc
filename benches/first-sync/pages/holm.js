import { measure } from '/measure.js';
import { openPlaces } from '/places.js';

let db;

measure({
  async open() {
    db = await openPlaces();
  },
  sync: () => new Promise(resolve => {
    const look = () => { if (db.sync.status.initialSyncDone) resolve(); };
    db.sync.subscribe(look);
    look();
  }),
  count: () => db.places.where({ population: { gte: 0 } }).count(),
  countOf: country => db.places.where({ country }).count(),
  rows: () => db.places.all(),
});
