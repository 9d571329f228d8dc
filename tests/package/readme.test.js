// The README of the package: its commands are run, its scripts built and opened, its types compiled. Its React is in react.test.js, its test in testing.test.js.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as vite from 'vite';

import { Browser, controlled } from '../harness/browser.js';
import { until } from '../harness/process.js';
import { Server } from '../harness/server.js';
import { App, html } from './harness/app.js';
import { snippet, snippets, typed } from './harness/readme.js';

test('every snippet is one that is run, and the first ones are short', () => {
  assert.deepEqual(snippets.map(({ info }) => info), ['sh', 'js main.js', 'js sw.js', 'js main.js', 'js full.js', 'js catalog.js', 'js storage.js', 'js scopes.js', 'js salvage.js', 'js tasks.test.js', 'ts types.ts', 'jsx notes.jsx']);
  const [install, page, worker, register] = snippets;
  assert(typed(install, page) <= 20, 'from install to the first synced record');
  assert(typed(worker, register) <= 3, 'the service worker');
});

test('from install to the first synced record, and the service worker', { timeout: 120_000 }, async t => {
  const app = await App.create(t, { 'index.html': html('/main.js'), 'main.js': snippet('js main.js'), 'sw.js': snippet('js sw.js') });
  assert.equal(snippet('sh'), 'npm install holm\n', 'which the app did, with the tarball for the name');
  const entryFileNames = chunk => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js');
  await vite.build({
    root: app.path, configFile: false, logLevel: 'error',
    build: { target: 'es2022', rolldownOptions: { input: { main: app.file('index.html'), sw: app.file('sw.js') }, output: { entryFileNames } } },
  });
  const server = await Server.start(t, { HOLM_WWW: app.file('dist') });
  const browser = await Browser.start(t);
  const page = await browser.context.newPage();
  const said = [];
  // What it says again after the reload is not asked for: the page may be gone before it answers.
  page.on('console', message => { if (message.type() === 'log' && said.length === 0) said.push(message.args()[0].jsonValue()); });
  const problems = [];
  page.on('pageerror', error => problems.push(String(error)));
  await page.goto(server.url);
  await until('the page shows its record', 30_000, () => said.length > 0);
  const [row] = (await server.held()).rows;
  assert.deepEqual(await said[0], { id: row.id, ...row.data });
  assert.equal(row.data.text, 'Buy milk');
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await page.reload();
  await controlled(page);
  assert.deepEqual(problems, []);
});

test('the catalog, in the file that Vite makes of it', { timeout: 60_000 }, async t => {
  const app = await App.create(t, {
    'index.html': html('/main.js'),
    'main.js': `
      import 'holm/catalog';
      import { defineSchema, open, t } from 'holm';
      const schema = defineSchema({ version: 1, collections: { notes: { fields: { text: t.string() } } } });
      const db = await open({ name: 'notebook', schema, sync: { url: '/nowhere' } });
      await db.notes.put({ text: 'Buy milk' });
      await db.close();
      document.documentElement.dataset.ready = 'true';
    `,
    'catalog.html': html('/catalog.js'),
    'catalog.js': snippet('js catalog.js'),
  });
  await vite.build({
    root: app.path, configFile: false, logLevel: 'error',
    build: { target: 'es2022', rolldownOptions: { input: [app.file('index.html'), app.file('catalog.html')] } },
  });
  const server = await Server.start(t, { HOLM_WWW: app.file('dist') });
  const browser = await Browser.start(t);
  const page = await browser.open(server.url);
  const said = [];
  page.on('console', message => said.push(message.text()));
  await until('the catalog tells of it', 30_000, async () => {
    await page.goto(`${server.url}/catalog.html`);
    await page.waitForLoadState('networkidle');
    return said.includes('notebook: 1 writes wait for the server');
  });
});

test('the full engine, with a conflict', { timeout: 60_000 }, async t => {
  const app = await App.create(t, {
    'index.html': html('/main.js'),
    'main.js': `
      import { defineSchema, open, t } from 'holm/full';
      const schema = defineSchema({ version: 1, collections: { notes: { fields: { text: t.string() }, conflict: 'manual' } } });
      const [mine, theirs] = await Promise.all(['full', 'other'].map(name => open({ name, schema, sync: { url: '/sync' } })));
      await mine.notes.put({ id: 'a', text: 'milk' }).synced;
      await theirs.sync.now();
      mine.sync.pause();
      await mine.notes.patch('a', { text: 'soy milk' });
      await theirs.notes.patch('a', { text: 'oat milk' }).synced;
      mine.sync.resume();
      while (mine.sync.status.conflicts === 0) await new Promise(resolve => mine.sync.subscribe(resolve));
      await import('./full.js');
      while (mine.sync.status.pending > 0) await new Promise(resolve => mine.sync.subscribe(resolve));
      await theirs.sync.now();
      console.log(await theirs.notes.get('a'));
    `,
    'full.js': snippet('js full.js'),
  });
  await vite.build({ root: app.path, configFile: false, logLevel: 'error', build: { target: 'es2022' } });
  const server = await Server.start(t, { HOLM_WWW: app.file('dist'), HOLM_CONFLICTS: 'notes=manual' });
  const browser = await Browser.start(t);
  const page = await browser.context.newPage();
  const said = [];
  page.on('console', async message => { if (message.type() === 'log') said.push(await Promise.all(message.args().map(arg => arg.jsonValue()))); });
  page.on('pageerror', error => said.push(String(error)));
  await page.goto(server.url);
  await until('it is settled', 20_000, () => said.length >= 2);
  assert.deepEqual(said, [[['text'], { text: 'soy milk' }, { text: 'oat milk' }], [{ id: 'a', text: 'soy milk' }]]);
});

test('the parts of the server\'s data, in the files that Vite makes of them', { timeout: 60_000 }, async t => {
  const app = await App.create(t, { 'index.html': html('/main.js'), 'main.js': "import './scopes.js';\n", 'scopes.js': snippet('js scopes.js') });
  await vite.build({ root: app.path, configFile: false, logLevel: 'error', build: { target: 'es2022' } });
  const server = await Server.start(t, { HOLM_WWW: app.file('dist'), HOLM_SCOPES: 'project=tasks.project' });
  const browser = await Browser.start(t);
  const page = await browser.context.newPage();
  const said = [];
  page.on('console', async message => { if (message.type() === 'log') said.push(await message.args()[0].jsonValue()); });
  page.on('pageerror', error => said.push(String(error)));
  await page.goto(server.url);
  await until('it says so', 20_000, () => said.length > 0);
  const [[{ complete, ...scope }]] = said;
  assert.deepEqual([scope, typeof complete], [{ name: 'project', args: { id: 'p1' }, forbidden: false, leaving: false }, 'boolean']);
});

test('the storage and the salvage, in the files that Vite makes of them', { timeout: 60_000 }, async t => {
  const app = await App.create(t, {
    'index.html': html('/main.js'),
    'main.js': "await import('./storage.js');\nawait import('./salvage.js');\n",
    'storage.js': snippet('js storage.js'),
    'salvage.js': snippet('js salvage.js'),
  });
  await vite.build({ root: app.path, configFile: false, logLevel: 'error', build: { target: 'es2022' } });
  const server = await Server.start(t, { HOLM_WWW: app.file('dist') });
  const browser = await Browser.start(t);
  const page = await browser.context.newPage();
  const said = [];
  page.on('console', message => { if (message.type() === 'log') said.push(message.text()); });
  page.on('pageerror', error => said.push(String(error)));
  const download = page.waitForEvent('download', { timeout: 30_000 });
  await page.goto(server.url);
  assert.equal((await download).suggestedFilename(), 'notebook.ndjson');
  assert.deepEqual(said, ['relaxed true true', '1 records, 0 writes that wait, lost: 0']);
});

test('the types', { timeout: 60_000 }, async t => {
  const app = await App.create(t, { 'types.ts': snippet('ts types.ts') });
  app.runTool('tsc', ['--noEmit', '--strict', '--noUnusedLocals', '--target', 'es2022', '--lib', 'es2022,dom', '--types', '', '--module', 'esnext', '--moduleResolution', 'bundler', 'types.ts']);
});
