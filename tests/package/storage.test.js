// How durable a write is, as IndexedDB is told by the package; and what the browser tells of its storage.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Site } from './harness/site.js';

const MAIN = `
  import { defineSchema, open, t } from '/holm/index.js';
  const schema = defineSchema({ version: 1, collections: { notes: { fields: { text: t.string() } } } });
  globalThis.opened = (name, more) => open({ name, schema, ...more });
  /** What the transactions that write are told while some work is done, and what the browser makes of it. */
  globalThis.kept = async work => {
    const begin = IDBDatabase.prototype.transaction;
    const kept = [];
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      const transaction = begin.call(this, stores, mode, options);
      if (mode === 'readwrite') kept.push(options.durability, transaction.durability);
      return transaction;
    };
    try {
      await work();
    } finally {
      IDBDatabase.prototype.transaction = begin;
    }
    return kept.join();
  };
  document.documentElement.dataset.ready = 'true';
`;

/** @type {import('playwright-core').Page} */
let page;
before(async t => {
  const browser = await Browser.start(t);
  const site = await Site.withPackage(t, MAIN);
  page = await browser.open(site.url);
}, { timeout: 60_000 });

test('a database, and a transaction, are as durable as they say, and so is what shares a commit', { timeout: 60_000 }, async () => {
  const told = await page.evaluate(async () => {
    const { kept, opened } = globalThis;
    const strictly = db => db.transaction(tx => tx.notes.put({ text: 'c' }), { durability: 'strict' });
    const relaxed = await opened('relaxed');
    const strict = await opened('strict', { durability: 'strict' });
    const told = {
      durability: [relaxed.storage.durability, strict.storage.durability],
      relaxed: await kept(() => relaxed.notes.put({ text: 'a' })),
      strict: await kept(() => strict.notes.put({ text: 'a' })),
      setting: await kept(() => strict.kv('s').set('k', 1)),
      transaction: await kept(() => strictly(relaxed)),
      less: await kept(() => strict.transaction(tx => tx.notes.put({ text: 'c' }), { durability: 'relaxed' })),
      // The first is appended while the others come together.
      shared: await kept(() => Promise.all([relaxed.notes.put({ text: 'd' }), relaxed.notes.put({ text: 'e' }), strictly(relaxed), relaxed.notes.put({ text: 'f' })])),
    };
    await Promise.all([relaxed.close(), strict.close()]);
    return told;
  });
  const { shared, ...rest } = told;
  assert.deepEqual(rest, {
    durability: ['relaxed', 'strict'], relaxed: 'relaxed,relaxed', strict: 'strict,strict', setting: 'strict,strict',
    transaction: 'strict,strict', less: 'relaxed,relaxed',
  });
  assert.match(shared, /strict/, 'the commit that the strict one is in');
});

test('a strict database folds as it writes', { timeout: 60_000 }, async () => {
  const told = await page.evaluate(async () => {
    const db = await globalThis.opened('folds', { durability: 'strict' });
    const told = await globalThis.kept(async () => {
      for (let n = 0; n < 12; n++) await db.notes.putMany(Array.from({ length: 8 }, (_, k) => ({ id: `${n}-${k}`, text: 'x'.repeat(50_000) })));
      await new Promise(resolve => { setTimeout(resolve, 4_000); });
    });
    await db.close();
    return told;
  });
  assert(told.split(',').length > 2 * 12, 'it folded too');
  assert.deepEqual([...new Set(told.split(','))], ['strict']);
});

test('so is a large transaction that goes into blocks at once', { timeout: 60_000 }, async () => {
  const told = await page.evaluate(async () => {
    const db = await globalThis.opened('large');
    const rows = Array.from({ length: 120 }, (_, k) => ({ id: `${k}`, text: 'x'.repeat(50_000) }));
    const told = await globalThis.kept(() => db.transaction(tx => tx.notes.putMany(rows), { durability: 'strict' }));
    await db.close();
    return told;
  });
  assert(told.split(',').length > 2 * 2, 'blocks and a manifest');
  assert.deepEqual([...new Set(told.split(','))], ['strict']);
});

test('what the browser grants and tells', { timeout: 60_000 }, async () => {
  const told = await page.evaluate(async () => {
    const db = await globalThis.opened('told');
    const agreed = await db.storage.persist();
    const estimate = await db.storage.estimate();
    const memory = await globalThis.opened('memory', { storage: 'memory' });
    const { durability } = memory.storage;
    await Promise.all([db.close(), memory.close()]);
    return { agreed, estimate, durability };
  });
  assert.equal(typeof told.agreed, 'boolean');
  const { usage, quota, persisted } = told.estimate;
  assert(usage > 0 && quota > usage, JSON.stringify(told.estimate));
  assert.equal(persisted, told.agreed);
  assert.equal(told.durability, 'none');
});
