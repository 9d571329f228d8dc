// One small app, built by each bundler and by none: its page opens, writes, reads and syncs with the real server, and its
// service worker syncs with every page closed.

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { before, test } from 'node:test';
import { promisify } from 'node:util';

import * as esbuild from 'esbuild';
import * as vite from 'vite';
import webpack from 'webpack';

import { Browser, controlled, drained, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { until } from '../harness/process.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';
import { App, html } from './harness/app.js';

const page = (holm, more = '') => `
  import { defineSchema, open, t } from '${holm}';
  ${more && `import wasm from '${more}';`}
  const schema = defineSchema({ version: 1, collections: {
    tasks: { fields: { title: t.string(), updatedAt: t.timestamp() }, indexes: ['-updatedAt'] } } });
  if (!location.search.includes('no-worker')) await navigator.serviceWorker.register('/sw.js', { type: 'module' });
  globalThis.db = await open({ name: 'app', schema, sync: { url: '/sync' }, ${more && 'wasm'} });
  document.documentElement.dataset.ready = 'true';
`;
const worker = holm => `
  import '${holm}';
  self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));
`;
const sources = { 'index.html': html('/src/main.js'), 'src/main.js': page('holm'), 'src/sw.js': worker('holm/service-worker') };

/** @type {Browser} */
let browser;
before(async t => { browser = await Browser.start(t); }, { timeout: 60_000 });

/** Puts a task into an open page; resolves when the server has it. */
function putSynced(app, title) {
  return app.evaluate(async title => {
    const write = globalThis.db.tasks.put({ title, updatedAt: 1 });
    const id = await write;
    await write.synced;
    return (await globalThis.db.tasks.get(id)).title;
  }, title);
}

/** The whole way of a page and a worker that some bundler made. */
async function works(t, folder) {
  const server = await Server.start(t, { HOLM_WWW: folder });
  const proxy = await Proxy.start(t, server);
  const app = await browser.open(`${proxy.url}/`);
  assert.equal(await putSynced(app, 'first'), 'first');
  assert.equal((await server.held()).rows.length, 1);
  await controlled(app);
  await drained(app);
  await until('Background Sync is there', 10_000, () => app.evaluate(() => globalThis.db.sync.status.backgroundSync));

  await proxy.down();
  await app.evaluate(() => globalThis.db.tasks.put({ title: 'offline', updatedAt: 2 }));
  const expected = await tasks(app);
  assert.deepEqual(app.problems, []);
  await app.close();
  await proxy.up();
  await until('the worker sent it', 60_000, async () => (await server.held()).rows.length === 2);
  exactlyOnce(await server.held(), expected);

  const again = await browser.open(`${proxy.url}/`);
  assert.deepEqual(await tasks(again), expected);
  await again.close();
}

test('Vite', { timeout: 120_000 }, async t => {
  const app = await App.create(t, sources);
  const entryFileNames = chunk => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js');
  await vite.build({
    root: app.path, configFile: false, logLevel: 'error',
    build: { rolldownOptions: { input: { main: app.file('index.html'), sw: app.file('src/sw.js') }, output: { entryFileNames } } },
  });
  await works(t, app.file('dist'));
});

test('the development server of Vite', { timeout: 120_000 }, async t => {
  const app = await App.create(t, sources);
  const server = await Server.start(t);
  const development = await vite.createServer({
    root: app.path, configFile: false, logLevel: 'error', server: { port: 0, host: '127.0.0.1', proxy: { '/sync': server.url } },
  });
  await development.listen();
  t.after(() => development.close());
  const { port } = development.httpServer.address();
  const opened = await browser.open(`http://127.0.0.1:${port}/?no-worker`);
  assert.equal(await putSynced(opened, 'developed'), 'developed');
  assert.equal((await server.held()).rows.length, 1);
  await opened.close();
});

test('webpack', { timeout: 120_000 }, async t => {
  const app = await App.create(t, { ...sources, 'dist/index.html': html('/main.js') });
  const stats = await promisify(webpack)({
    mode: 'production', context: app.path, performance: false,
    entry: { main: './src/main.js', sw: './src/sw.js' },
    output: { path: app.file('dist'), publicPath: '/' },
  });
  assert(!stats.hasErrors() && !stats.hasWarnings(), stats.toString());
  await works(t, app.file('dist'));
});

// esbuild does not bring along what `new URL` names: a loader copies the file to beside the scripts, where the worker finds it too.
test('esbuild', { timeout: 120_000 }, async t => {
  const app = await App.create(t, { ...sources, 'src/main.js': page('holm', 'holm/holm.wasm'), 'dist/index.html': html('/main.js') });
  await esbuild.build({
    absWorkingDir: app.path, entryPoints: ['src/main.js', 'src/sw.js'], bundle: true, splitting: true, format: 'esm', outdir: 'dist',
    loader: { '.wasm': 'file' }, assetNames: '[name]', publicPath: '/', logLevel: 'error',
  });
  await works(t, app.file('dist'));
});

test('no bundler at all', { timeout: 120_000 }, async t => {
  const app = await App.create(t, {
    'site/index.html': html('/main.js'), 'site/main.js': page('/holm/index.js'), 'site/sw.js': worker('/holm/service-worker.js'),
  });
  cpSync(app.installed, app.file('site/holm'), { recursive: true });
  await works(t, app.file('site'));
});
