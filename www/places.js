// The data of the Places view: a database of its own, so that 135,233 rows on their way never hold a task up, and so that
// who never opens the view never fetches them.

import { openHere } from './open-here.js';
import { defineSchema, t } from './pkg/index.js';

export const schema = defineSchema({ version: 1, collections: {
  sources: { fields: { name: t.string(), rows: t.integer(), countries: t.array(t.string()) } },
  places: {
    fields: {
      name: t.string(), key: t.string(), country: t.string(), admin: t.string(),
      population: t.integer(), lon: t.number(), lat: t.number(),
    },
    indexes: [['country', '-population'], '-population', 'key'],
    conflict: 'last-write',
  },
  notes: {
    fields: { place: t.ref('places'), text: t.string(), updatedAt: t.timestamp() },
    indexes: [['place', '-updatedAt']],
  } } });

/** Opens the places. */
export function openPlaces() {
  return openHere({ name: 'places', schema, sync: { url: '/sync' } });
}

/** A name as it is searched: without accents, in lower case. scripts/places.mjs folds in the same way. */
export function folded(name) {
  return name.normalize('NFD').replace(/\p{Mark}/gu, '').toLowerCase();
}

/** How many places are here; the index is counted, since a count of the records would read them. */
export function countHere(db) {
  return db.places.where({ population: { gte: 0 } }).count();
}
