// Filters as they are typed. The list and the count are queries of the engine; an answer that comes late is dropped.

import { folded } from './places.js';

/** The largest matches are dots before the map has all; the list shows the first of them. */
const ROWS_MAX = 300;

/**
 * What the form asks for.
 * @typedef {{ key: string, country: string, people: number }} Filter
 */

/** @returns {Filter} */
export function filterOf(form) {
  return {
    key: folded(form.querySelector('#prefix').value.trim()),
    country: form.querySelector('#country').value,
    people: Number(form.querySelector('#people').value),
  };
}

/** The query of the list: the largest places first, or by name where a name is asked for. */
export function listQuery(db, filter) {
  const { key } = filter;
  return db.places.where(conditions(filter)).orderBy(key ? 'key' : '-population').limit(ROWS_MAX);
}

/** How many places match. */
export function countOf(db, filter) {
  return db.places.where(conditions(filter)).count();
}

function conditions({ key, country, people }) {
  const where = {};
  if (key) where.key = { startsWith: key };
  if (country) where.country = country;
  if (people > 0) where.population = { gte: people };
  return where;
}
