// A database that a newer release wrote: refused, and not a byte of it is touched.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { crc32 } from 'node:zlib';

import { Browser } from '../harness/browser.js';
import { Server } from '../harness/server.js';

/** @type {Server} */
let server;
/** @type {Browser} */
let browser;

before(async t => {
  server = await Server.start(t);
  browser = await Browser.start(t);
}, { timeout: 60_000 });

/** A page without a database, in which `dump` gives all bytes of one, and `opening` the code with which one is refused. */
async function page() {
  const page = await browser.open(`${server.url}/e2e/index.html?no-worker`);
  await page.evaluate(() => {
    const { defineSchema, open, t } = globalThis.holm;
    const done = request => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const bytes = value => [...new Uint8Array(value.buffer ?? value)];
    globalThis.notes = version => defineSchema({ version, collections: { notes: { fields: { text: t.string() } } } });
    globalThis.opening = (name, version) => open({ name, schema: globalThis.notes(version) }).then(() => 'it opened', error => error.code);
    globalThis.connect = name => done(indexedDB.open(`holm.${name}.1`));
    globalThis.dump = async name => {
      const connection = await globalThis.connect(name);
      const stores = {};
      for (const store of connection.objectStoreNames) {
        const all = connection.transaction(store).objectStore(store);
        const [keys, values] = await Promise.all([done(all.getAllKeys()), done(all.getAll())]);
        stores[store] = keys.map((key, at) => [key, values[at].bytes ? { ...values[at], bytes: bytes(values[at].bytes) } : bytes(values[at])]);
      }
      connection.close();
      return stores;
    };
    globalThis.overwrite = async (name, store, key, value) => {
      const connection = await globalThis.connect(name);
      await done(connection.transaction(store, 'readwrite').objectStore(store).put(value, key));
      connection.close();
    };
  });
  return page;
}

test('a database of a newer schema is refused, and untouched', { timeout: 60_000 }, async () => {
  const told = await (await page()).evaluate(async () => {
    const newer = await globalThis.holm.open({ name: 'ages', schema: globalThis.notes(2) });
    await newer.notes.put({ id: 'a', text: 'from the future' });
    await newer.close();
    const before = JSON.stringify(await globalThis.dump('ages'));
    const code = await globalThis.opening('ages', 1);
    const after = JSON.stringify(await globalThis.dump('ages'));
    const again = await globalThis.holm.open({ name: 'ages', schema: globalThis.notes(2) });
    return { code, untouched: before === after, size: before.length, text: (await again.notes.get('a'))?.text };
  });
  assert.equal(told.code, 'newer-version-in-use');
  assert(told.size > 100, 'something was compared');
  assert(told.untouched);
  assert.equal(told.text, 'from the future');
});

/** The same frame, as an engine of the next storage format would have written it. */
function ofNextFormat(frame) {
  const body = Buffer.from(frame.slice(0, -4));
  assert.equal(crc32(body), Buffer.from(frame).readUInt32LE(body.length), 'a frame ends with its checksum');
  body[2] += 1;
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return [...body, ...sum];
}

test('a database of a newer format is refused, and untouched', { timeout: 60_000 }, async () => {
  const there = await page();
  const manifest = await there.evaluate(async () => {
    const db = await globalThis.holm.open({ name: 'formats', schema: globalThis.notes(1) });
    await db.notes.put({ id: 'a', text: 'from the past' });
    await db.close();
    return (await globalThis.dump('formats')).manifest[0][1];
  });
  const [newer, same] = [{ ...manifest, bytes: ofNextFormat(manifest.bytes) }, manifest];
  const told = await there.evaluate(async ({ newer, same }) => {
    const write = value => globalThis.overwrite('formats', 'manifest', 0, { ...value, bytes: new Uint8Array(value.bytes) });
    await write(newer);
    const before = JSON.stringify(await globalThis.dump('formats'));
    const code = await globalThis.opening('formats', 1);
    const after = JSON.stringify(await globalThis.dump('formats'));
    await write(same);
    const again = await globalThis.holm.open({ name: 'formats', schema: globalThis.notes(1) });
    return { code, untouched: before === after, size: before.length, text: (await again.notes.get('a'))?.text };
  }, { newer, same });
  assert.equal(told.code, 'newer-version-in-use');
  assert(told.size > 100, 'something was compared');
  assert(told.untouched);
  assert.equal(told.text, 'from the past', 'what was refused opens once it is of this format');
});
