// The catalog, in a real browser, as npm delivers it: a file of its own that knows each database that a page opened.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Site } from './harness/site.js';

const MAIN = `
  import { defineSchema, open, t } from '/holm/index.js';
  globalThis.catalog = () => import('/holm/catalog.js');
  globalThis.opened = (name, version, more) =>
    open({ name, schema: defineSchema({ version, collections: { notes: { fields: { text: t.string() } } } }), ...more });
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

test('it knows what was opened since it was imported, and how much of it waits for the server', { timeout: 60_000 }, async t => {
  const page = await browser.open(site.url);
  t.after(() => page.close());
  const from = Date.now();
  const found = await page.evaluate(async () => {
    await (await globalThis.opened('before', 1)).close();
    const { databases } = await globalThis.catalog();
    await (await globalThis.opened('gone', 1, { storage: 'memory' })).close();
    const db = await globalThis.opened('app', 7, { sync: { url: '/nowhere' } });
    await db.notes.put({ text: 'waits' });
    await db.close();
    await globalThis.opened('second', 1);
    const names = async () => (await databases()).map(({ name }) => name).join();
    while (await names() !== 'app,second') await new Promise(resolve => { setTimeout(resolve, 20); });
    return databases();
  });
  assert.deepEqual(found.map(({ name, schema, pending }) => [name, schema, pending]), [['app', 7, 1], ['second', 1, 0]]);
  for (const { openedAt } of found) assert(openedAt >= from && openedAt <= Date.now(), String(openedAt));
});

test('without its file it says so, and databases open all the same', { timeout: 60_000 }, async t => {
  site.instead = path => (path === '/holm/catalog_engine_bg.wasm' ? { status: 404 } : undefined);
  const page = await browser.open(site.url);
  t.after(() => page.close());
  const said = await page.evaluate(async () => {
    const { databases } = await globalThis.catalog();
    await (await globalThis.opened('without', 1)).close();
    return databases().catch(error => `${error.code}: ${error.message}`);
  });
  assert.match(said, /^engine-unavailable: .*catalog_engine_bg\.wasm/);
});
