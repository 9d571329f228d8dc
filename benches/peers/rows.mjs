// The rows of the table: which figure, what to call it, how to show it.

const ms = value => (value >= 100 ? Math.round(value).toLocaleString('en') : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const megabytes = value => (value / 1e6).toFixed(1);

/** @type {[figure: string, what: string, show: (value: number) => string][]} */
export const ROWS = [
  ['empty.ms@0', 'open empty, insert, read (ms)', ms],
  ['bulk.savedMs@10000', 'bulk insert 10k, saved (ms)', ms],
  ['bulk.savedMs@100000', 'bulk insert 100k, saved (ms)', ms],
  ['bulk.longestTaskMs@100000', 'longest task of the page while it does (ms)', ms],
  ['tidy.p99Ms@100000', 'tasks of the page in the pause after it, 99th percentile (ms)', ms],
  ['tidy.longestMs@100000', 'tasks of the page in the pause after it, longest (ms)', ms],
  ['write.acknowledgedMs@10000', 'one write, acknowledged (ms)', ms],
  ['write.savedMs@10000', 'one write, saved (ms)', ms],
  ['patches.savedMs@10000', '1,000 concurrent patches, saved (ms)', ms],
  ['transaction.ms@10000', 'read-modify-write of 2 records (ms)', ms],
  ['live.ms@10000', 'write to live-query callback (ms)', ms],
  ['get.firstUs@10000', 'get by id, first time (µs)', ms],
  ['get.warmUs@10000', 'get by id, warm (µs)', ms],
  ['get.warmUs@100000', 'get by id, warm, of 100k (µs)', ms],
  ['same.us@10000', 'get of the same object again (µs)', ms],
  ['getMany.ms@10000', '1,000 gets in one call (ms)', ms],
  ['list.firstMs@10000', 'not done, newest 50 of 10k, first time (ms)', ms],
  ['list.firstMs@100000', 'not done, newest 50 of 100k, first time (ms)', ms],
  ['list.repeatedMs@100000', 'not done, newest 50 of 100k, repeated (ms)', ms],
  ['list.afterWriteMs@10000', 'not done, newest 50 of 10k, after a write (ms)', ms],
  ['list.afterWriteMs@100000', 'not done, newest 50 of 100k, after a write (ms)', ms],
  ['filter.ms@10000', 'filter to 50 of 10k (ms)', ms],
  ['scan.ms@10000', 'text scan of 10k (ms)', ms],
  ['count.ms@10000', 'count half of 10k (ms)', ms],
  ['count.ms@100000', 'count half of 100k (ms)', ms],
  ['reopen.ms@1000', 'reopen 1k, script start to first list (ms)', ms],
  ['reopen.ms@10000', 'reopen 10k, script start to first list (ms)', ms],
  ['reopen.ms@100000', 'reopen 100k, script start to first list (ms)', ms],
  ['memory.openedHeapBytes@100000', 'JS heap with 100k open (MB)', megabytes],
  ['memory.openedWasmBytes@100000', 'wasm memory with 100k open (MB)', megabytes],
  ['memory.scannedBytes@100000', 'heap and wasm when all 100k were read (MB)', megabytes],
  ['bytes.bytesPerByte@10000', 'bytes to IndexedDB per byte of random updates', value => value.toFixed(1)],
];

/** What the README shows. */
export const README_ROWS = ROWS.filter(([figure]) => [
  'empty.ms@0', 'bulk.savedMs@100000', 'write.savedMs@10000', 'patches.savedMs@10000', 'get.warmUs@100000', 'list.afterWriteMs@100000', 'scan.ms@10000', 'count.ms@100000',
  'live.ms@10000', 'reopen.ms@100000', 'bytes.bytesPerByte@10000',
].includes(figure));
export const README_ENGINES = ['holm', 'indexeddb', 'dexie', 'rxdb', 'pouchdb', 'tinybase', 'lokijs', 'sqlite', 'pglite'];
