// The README's React in StrictMode: however often it is mounted, the page has one connection, and none when all is unmounted.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import * as esbuild from 'esbuild';

import { Browser } from '../harness/browser.js';
import { until } from '../harness/process.js';
import { App, ROOT, html } from './harness/app.js';
import { snippet } from './harness/readme.js';
import { Site } from './harness/site.js';

const MAIN = `
  import { StrictMode } from 'react';
  import { createRoot } from 'react-dom/client';
  import { defineSchema, open, t } from 'holm';
  import wasm from 'holm/holm.wasm';
  import { Notes, useDatabase } from './notes.jsx';

  const schema = defineSchema({ version: 1, collections: {
    notes: { fields: { text: t.string(), done: t.boolean().default(false) }, indexes: ['text'] } } });
  const options = { name: 'notebook', schema, wasm };
  function App() {
    const db = useDatabase(options);
    return db ? <Notes db={db} /> : null;
  }
  const root = createRoot(document.getElementById('root'));
  globalThis.show = (keys) => root.render(<StrictMode>{keys.map(key => <App key={key} />)}</StrictMode>);
  globalThis.add = async text => {
    const db = await open(options);
    await db.notes.put({ text });
    await db.close();
  };
  document.documentElement.dataset.ready = 'true';
`;

/** Counts the connections of the page to its own database: how many there are, and how many there were at most. */
function countConnections() {
  const open = new Set();
  const count = globalThis.connections = { opened: 0, most: 0, get now() { return open.size; } };
  const { open: plain } = IDBFactory.prototype;
  IDBFactory.prototype.open = function opening(name, ...more) {
    const request = plain.call(this, name, ...more);
    if (name.includes('notebook')) {
      request.addEventListener('success', () => {
        open.add(request.result);
        count.opened++;
        count.most = Math.max(count.most, open.size);
      });
    }
    return request;
  };
  const { close } = IDBDatabase.prototype;
  IDBDatabase.prototype.close = function closing() {
    open.delete(this);
    return close.call(this);
  };
}

/** @type {Browser} */
let browser;
/** @type {Site} */
let site;
before(async t => {
  browser = await Browser.start(t);
  const app = await App.create(t, { 'main.jsx': MAIN, 'notes.jsx': snippet('jsx notes.jsx'), 'dist/index.html': html('/main.js') });
  await esbuild.build({
    absWorkingDir: app.path, entryPoints: ['main.jsx'], bundle: true, format: 'esm', outdir: 'dist', jsx: 'automatic', logLevel: 'error',
    nodePaths: [`${ROOT}/node_modules`], define: { 'process.env.NODE_ENV': '"development"' }, // StrictMode mounts twice only there
    loader: { '.wasm': 'file' }, assetNames: '[name]', publicPath: '/',
  });
  site = await Site.start(t, app.file('dist'));
}, { timeout: 60_000 });

async function opened() {
  const page = await browser.context.newPage();
  page.problems = [];
  page.on('pageerror', error => page.problems.push(String(error)));
  await page.addInitScript(countConnections);
  await page.goto(site.url);
  await page.locator('html[data-ready=true]').waitFor({ state: 'attached' });
  return page;
}

const connections = page => page.evaluate(() => globalThis.connections.now);
const lists = page => page.evaluate(() => [...document.querySelectorAll('ul')].map(list => list.textContent));

/** Unmounts all: the last connection is closed. */
async function ends(page) {
  await page.evaluate(() => globalThis.show([]));
  await until('no connection is left', 10_000, async () => (await connections(page)) === 0);
  assert.deepEqual(page.problems, []);
  await page.close();
}

test('100 mounts at once are one connection, and all show the same rows', { timeout: 60_000 }, async () => {
  const page = await opened();
  await page.evaluate(() => globalThis.show(Array.from({ length: 100 }, (_, key) => key)));
  await until('all are shown', 30_000, async () => (await lists(page)).length === 100);
  assert.equal(await connections(page), 1);
  await page.evaluate(() => globalThis.add('milk'));
  await until('all show the note', 30_000, async () => (await lists(page)).every(text => text === 'milk'));
  assert.deepEqual(await page.evaluate(() => ({ ...globalThis.connections })), { opened: 1, most: 1, now: 1 });
  await ends(page);
});

test('100 mounts one after another leave one connection, and never are two', { timeout: 60_000 }, async () => {
  const page = await opened();
  await page.evaluate(async () => {
    for (let key = 0; key < 100; key++) {
      globalThis.show([key]);
      await new Promise(resolve => setTimeout(resolve, key % 10)); // some are gone before they are open
    }
  });
  await until('the last is shown', 30_000, async () => (await lists(page)).length === 1);
  const count = await page.evaluate(() => ({ ...globalThis.connections }));
  assert.equal(count.now, 1);
  assert.equal(count.most, 1);
  await page.evaluate(() => globalThis.add('bread'));
  await until('it shows the note', 10_000, async () => (await lists(page))[0].includes('bread'));
  await ends(page);
});
