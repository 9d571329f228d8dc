// The limit that IndexedDB sets an engine like Holm, by hand and without any reading: the records and the entries of three
// indexes as text in blocks of 256, all in one transaction; a write is as many bytes as Holm's entry, added to a log under the guard of its key.

import { bench } from '../page/bench.js';
import { completed, openDatabase, result } from './requests.js';

const BLOCK = 256;
const entryBytes = Number(new URLSearchParams(location.search).get('bytes'));

let db;
let tail = 0;

const begin = store => db.transaction(store, 'readwrite', { durability: 'relaxed' });

/** Every object's text in its order, 256 to a block. */
function* blocks(list) {
  const encoder = new TextEncoder();
  for (let start = 0; start < list.length; start += BLOCK) yield encoder.encode(JSON.stringify(list.slice(start, start + BLOCK)));
}

/** The entries of an index in their order. */
function entries(records, keysOf) {
  return records.flatMap(record => keysOf(record).map(key => `${key} ${record.id}`)).sort();
}

bench({
  async open() {
    db = await openDatabase('bench', made => {
      made.createObjectStore('blocks');
      made.createObjectStore('log', { autoIncrement: true });
    });
  },
  async insertAll(records) {
    const sorted = [...records].sort((a, b) => (a.id < b.id ? -1 : 1));
    const lists = [
      sorted, entries(records, ({ done, updatedAt }) => [`${done} ${updatedAt}`]), entries(records, ({ projectId, done }) => [`${projectId} ${done}`]),
      entries(records, ({ tags }) => tags),
    ];
    const transaction = begin('blocks');
    lists.forEach((list, at) => {
      let block = 0;
      for (const bytes of blocks(list)) transaction.objectStore('blocks').put(bytes, [at, block++]);
    });
    transaction.commit();
    await completed(transaction);
  },
  /** Reads every block of records, which shows that they are there. */
  async countOpen() {
    const found = await result(db.transaction('blocks').objectStore('blocks').getAll(IDBKeyRange.bound([0], [0, []])));
    return found.flatMap(bytes => JSON.parse(new TextDecoder().decode(bytes))).filter(({ done }) => !done).length;
  },
  async put(record) {
    const entry = new Uint8Array(entryBytes);
    new TextEncoder().encodeInto(JSON.stringify(record), entry);
    const transaction = begin('log');
    const request = transaction.objectStore('log').add(entry);
    request.onsuccess = () => {
      if (request.result === tail + 1) transaction.commit();
      else transaction.abort();
    };
    await completed(transaction);
    tail = request.result;
  },
});
