// Who is measured, in what, and what each of them means by "saved".

const EVERYTHING = {
  0: ['empty'],
  1_000: ['bulk', 'reopen'],
  10_000: ['bulk', 'get', 'same', 'getMany', 'list', 'filter', 'scan', 'count', 'write', 'patches', 'transaction', 'live', 'bytes', 'reopen'],
  100_000: ['bulk', 'tidy', 'get', 'same', 'getMany', 'list', 'count', 'reopen', 'memory'],
};

const without = workload => Object.fromEntries(Object.entries(EVERYTHING).map(([size, workloads]) => [size, workloads.filter(name => name !== workload)]));

const COMPLETE = 'at the transaction’s `complete`, relaxed durability';

/**
 * @typedef {object} Peer
 * @property {string} title
 * @property {string} [npm] its package, whose version is told
 * @property {string} saved what a resolved write means, and how "saved" is reached when that is later
 * @property {Record<number, string[]>} workloads what is measured at which number of records
 * @property {string[]} [files] what its page needs beside its script, from its package
 * @property {string} [worker] a second script
 */

/** @type {Record<string, Peer>} */
export const ENGINES = {
  holm: { title: 'Holm', saved: `${COMPLETE}; no sync, so no outbox`, workloads: EVERYTHING },
  'holm-outbox': {
    title: 'Holm with outbox', saved: `${COMPLETE}; each write with its mutation for the server`,
    workloads: { 10_000: ['bulk', 'write', 'patches', 'transaction', 'live', 'bytes'] },
  },
  packed: {
    title: 'bare blocks', saved: `${COMPLETE}; a write is a log entry as long as Holm’s with outbox, under the same guard`,
    workloads: { 10_000: ['bulk', 'write'], 100_000: ['bulk'] },
  },
  indexeddb: { title: 'bare rows', saved: COMPLETE, workloads: EVERYTHING },
  dexie: { title: 'Dexie', npm: 'dexie', saved: COMPLETE, workloads: EVERYTHING },
  rxdb: { title: 'RxDB', npm: 'rxdb', saved: COMPLETE, workloads: EVERYTHING },
  pouchdb: { title: 'PouchDB', npm: 'pouchdb-core', saved: COMPLETE, workloads: EVERYTHING },
  tinybase: { title: 'TinyBase', npm: 'tinybase', saved: 'a write is in memory; saved when its persister has written everything', workloads: EVERYTHING },
  lokijs: { title: 'LokiJS', npm: 'lokijs', saved: 'a write is in memory; saved when its adapter has written the changed chunks', workloads: EVERYTHING },
  sqlite: {
    title: 'SQLite', npm: '@sqlite.org/sqlite-wasm', saved: 'written to its OPFS file (write-ahead log, `synchronous = normal`), not flushed; in a worker',
    workloads: without('bytes'), worker: 'sqlite-worker', files: ['dist/sqlite3.wasm'],
  },
  pglite: {
    title: 'PGlite', npm: '@electric-sql/pglite', saved: 'a write is in memory (`relaxedDurability`); saved when its files are in IndexedDB',
    workloads: EVERYTHING, files: ['dist/pglite.wasm', 'dist/pglite.data', 'dist/initdb.wasm'],
  },
  map: { title: 'JS Map, no disk', saved: 'never', workloads: { 10_000: ['bulk', 'get', 'same', 'getMany'] } },
};
