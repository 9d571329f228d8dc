// The salvage, in a real browser, as npm delivers it: of a database with a flipped byte the rest comes out, and nothing is changed.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Site } from './harness/site.js';

const MAIN = `
  import { defineSchema, open, t } from '/holm/index.js';
  const schema = defineSchema({ version: 3, collections: { notes: { fields: { text: t.string(), on: t.date().optional() } } } });
  globalThis.opened = (name, more) => open({ name, schema, sync: { url: '/nowhere' }, ...more });
  globalThis.salvaged = async name => {
    const { salvage } = await import('/holm/salvage.js');
    const { file, counts, lost } = await salvage(name).catch(({ name, code, message }) => { throw new Error(name + ' ' + code + ' ' + message); });
    const lines = (await file.text()).trimEnd().split('\\n').map(line => JSON.parse(line));
    return { lines, counts, lost, type: file.type };
  };
  const asked = request => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  /** Everything that is stored, and a flipped byte in some of it. */
  globalThis.stored = async (name, store, flip) => {
    const db = await asked(indexedDB.open('holm.' + name + '.1'));
    const objects = db.transaction(store, 'readwrite').objectStore(store);
    const [keys, values] = await Promise.all([asked(objects.getAllKeys()), asked(objects.getAll())]);
    for (const [at, key] of keys.entries()) {
      const bytes = values[at].bytes ?? values[at];
      if (!flip || !flip(bytes, at, keys.length)) continue;
      await asked(objects.put(values[at], key));
    }
    db.close();
    return values.map(value => [...value.bytes ?? value].join());
  };
  globalThis.entries = async name => {
    const db = await asked(indexedDB.open('holm.' + name + '.1'));
    const count = await asked(db.transaction('log').objectStore('log').count());
    db.close();
    return count;
  };
  document.documentElement.dataset.ready = 'true';
`;

/** @type {Browser} */
let browser;
/** @type {Site} */
let site;
before(async t => {
  browser = await Browser.start(t);
  site = await Site.withPackage(t, MAIN);
}, { timeout: 60_000 });

async function openPage(t) {
  const page = await browser.open(site.url);
  t.after(() => page.close());
  return page;
}

/** Writes notes that wait for a server, and settings; with so much text that the log is folded into blocks. */
function write(page, name, { folded = false } = {}) {
  return page.evaluate(async ([name, folded]) => {
    const db = await globalThis.opened(name);
    if (folded) {
      for (let n = 0; n < 10; n++) await db.notes.putMany(Array.from({ length: 10 }, (_, k) => ({ id: `n${n}-${k}`, text: 'x'.repeat(50_000) })));
      while (await globalThis.entries(name) > 9) await new Promise(resolve => { setTimeout(resolve, 100); });
    }
    await db.notes.put({ id: 'a', text: 'Buy milk', on: new Date(0) });
    await db.notes.put({ id: 'b', text: 'bread' });
    await db.notes.patch('b', { text: 'rye bread' });
    await db.kv('settings').set('theme', 'dark');
    await db.close();
  }, [name, folded]);
}

/** What `open` says. */
const opening = (page, name) => page.evaluate(name => globalThis.opened(name).then(db => db.close().then(() => 'opens'), ({ code }) => code), name);

const waits = (lines, wanted) => lines.filter(({ type, id }) => type === 'pending' && id === wanted);

test('of a whole database everything comes out, beside whoever has it open', { timeout: 60_000 }, async t => {
  const page = await openPage(t);
  await write(page, 'whole');
  const { found, alone, modes } = await page.evaluate(async () => {
    const db = await globalThis.opened('whole');
    const found = await globalThis.salvaged('whole');
    await db.notes.put({ id: 'after', text: 'still open' });
    await db.notes.delete('after');
    await db.close();
    const begin = IDBDatabase.prototype.transaction;
    const modes = new Set();
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      modes.add(mode);
      return begin.call(this, stores, mode, options);
    };
    const alone = await globalThis.salvaged('whole');
    return { found, alone, modes: [...modes] };
  });
  assert.deepEqual([modes, alone.counts.records], [['readonly'], 2]);
  assert.deepEqual([found.counts, found.lost, found.type], [{ records: 2, pending: 3, parked: 0, orphans: 0, kv: 1 }, [], 'application/x-ndjson']);
  const [head] = found.lines;
  assert.deepEqual([head.type, head.format, head.database, head.schema, typeof head.at], ['salvage', 1, 'whole', 3, 'number']);
  assert.deepEqual(found.lines.find(({ id }) => id === 'a'), { type: 'record', collection: 'notes', id: 'a', pending: true, value: { text: 'Buy milk', on: { $holm: ['date', 0] } } });
  assert.deepEqual(waits(found.lines, 'b').map(({ from, kind, data }) => [from, kind, data.text]), [['outbox', 'put', 'bread'], ['outbox', 'patch', 'rye bread']]);
  assert.deepEqual(found.lines.filter(({ type }) => type === 'kv'), [{ type: 'kv', namespace: 'settings', key: 'theme', value: 'dark' }]);
  assert.deepEqual(found.lines.at(-1), { type: 'end', counts: found.counts, lost: [] });
});

test('a flipped byte in any entry of the log: open tells of it, and all that waits comes out', { timeout: 120_000 }, async t => {
  const page = await openPage(t);
  for (const part of ['begin', 'middle', 'end']) {
    for (const entry of [1, 2, 3, 4]) {
      const name = `log-${part}-${entry}`;
      await write(page, name);
      const before = await page.evaluate(([name, part, entry]) => globalThis.stored(name, 'log', (bytes, at, count) => {
        if (at !== count - entry) return false;
        bytes[{ begin: 20, middle: bytes.length >> 1, end: bytes.length - 10 }[part]] ^= 0x10;
        return true;
      }), [name, part, entry]);
      assert.equal(await opening(page, name), 'storage-corrupt', name);
      const { lines, lost } = await page.evaluate(name => globalThis.salvaged(name), name);
      assert.equal(lost.length, 1, name);
      assert.match(lost[0], /^log entry \d+: /, name);
      const told = id => Object.assign({}, ...waits(lines, id).map(({ data }) => data)).text;
      assert.deepEqual([told('a'), told('b')], ['Buy milk', 'rye bread'], name);
      assert.deepEqual(await page.evaluate(name => globalThis.stored(name, 'log'), name), before, 'nothing is changed');
    }
  }
});

test('a flipped byte in the manifest, or in a block', { timeout: 120_000 }, async t => {
  const page = await openPage(t);
  await write(page, 'folded', { folded: true });
  const whole = await page.evaluate(() => globalThis.salvaged('folded').then(({ counts, lost }) => ({ counts, lost })));
  assert.deepEqual(whole, { counts: { records: 102, pending: 103, parked: 0, orphans: 0, kv: 1 }, lost: [] });
  const flipped = (store, at) => page.evaluate(([store, at]) => globalThis.stored('folded', store, (bytes, n) => {
    if (n !== at) return false;
    bytes[50] ^= 0x10;
    return true;
  }), [store, at]);

  await flipped('manifest', 0);
  assert.equal(await opening(page, 'folded'), 'storage-corrupt');
  const damaged = await page.evaluate(() => globalThis.salvaged('folded'));
  assert.match(damaged.lost.join(), /^the manifest: the checksum differs/);
  assert.deepEqual(damaged.counts, whole.counts);
  await flipped('manifest', 0);

  const blocks = (await page.evaluate(() => globalThis.stored('folded', 'blocks'))).length;
  let seen = 0;
  for (let block = 0; block < blocks; block += block < blocks - 8 ? 12 : 1) {
    await flipped('blocks', block);
    const { lines, lost } = await page.evaluate(() => globalThis.salvaged('folded'));
    if (lost.length > 0) assert.match(lost.join(), /^block \d+\.\d+\.\d+: the checksum differs[^,]*$/);
    seen += lost.length; // none for a block that the manifest no longer names
    const known = new Set(lines.filter(({ type }) => type === 'pending').map(({ id }) => id));
    assert.equal(known.size, 102, 'each note is told, by the outbox or by its record');
    await flipped('blocks', block);
  }
  assert(seen > 3, `${seen} of ${blocks}`);
  assert.equal(await opening(page, 'folded'), 'opens', 'each byte is as it was');
});

test('what cannot be salvaged is refused by name, and leaves nothing behind', { timeout: 60_000 }, async t => {
  const page = await openPage(t);
  const said = await page.evaluate(async () => {
    const of = name => globalThis.salvaged(name).then(() => 'salvaged', ({ message }) => message);
    const foreign = indexedDB.open('holm.foreign.1');
    await new Promise(resolve => { foreign.onsuccess = resolve; });
    foreign.result.close();
    const said = [];
    for (const name of [undefined, 7, '', 'nowhere', 'foreign']) said.push(await of(name));
    const names = (await indexedDB.databases()).map(({ name }) => name);
    Object.defineProperty(globalThis, 'indexedDB', { value: undefined });
    said.push(await of('nowhere'));
    return { said, left: names.filter(name => name.includes('nowhere')) };
  });
  for (const [at, expected] of [/^HolmError invalid-argument name /, /^HolmError invalid-argument name /, /^HolmError invalid-argument name /,
    /^HolmError not-found there is no database "nowhere" here/, /^HolmError storage-unavailable .*object stores/, /^HolmError storage-unavailable .*no IndexedDB/].entries()) {
    assert.match(said.said[at], expected);
  }
  assert.deepEqual(said.left, []);
});
