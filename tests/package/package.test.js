// The package as npm delivers it: what is in it, its types, and that it can be imported where there is no browser.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';

import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

import { App, ROOT } from './harness/app.js';

/** @type {App} */
let app;
before(async t => { app = await App.create(t); });

const read = name => readFileSync(join(app.installed, name), 'utf8');

test('importing it does nothing, and works without a browser', () => {
  app.write({ 'ssr.js': `
    const names = () => Reflect.ownKeys(globalThis).map(String).sort().join();
    const before = names();
    for (const name of ['fetch', 'setTimeout', 'setInterval', 'queueMicrotask']) {
      const call = globalThis[name];
      globalThis[name] = (...given) => { process.exitCode = 3; return call(...given); };
    }
    const holm = await import('holm');
    const schema = holm.defineSchema({ version: 1, collections: { tasks: { fields: { title: holm.t.string() } } } });
    if (names() !== before) process.exitCode = 4;
    console.log(Object.keys(holm).sort().join());
  ` });
  assert.equal(app.run('node', ['ssr.js']), 'HolmError,defineSchema,open,t\n');
});

test('CommonJS may require it', () => {
  app.write({ 'old.cjs': "const { open } = require('holm'); console.log(typeof open);" });
  assert.equal(app.run('node', ['--no-warnings', 'old.cjs']), 'function\n');
});

test('opening without a browser says what to do, and with the bytes in memory it works', () => {
  app.write({ 'node.js': `
    import { readFile } from 'node:fs/promises';
    import { fileURLToPath } from 'node:url';
    import { defineSchema, HolmError, open, t } from 'holm';
    const schema = defineSchema({ version: 1, collections: { tasks: { fields: { title: t.string() } } } });
    const failure = await open({ name: 'x', schema, storage: 'memory' }).catch(error => error);
    console.log(failure instanceof HolmError, failure.code, failure.message);
    const wasm = await readFile(fileURLToPath(import.meta.resolve('holm/holm.wasm')));
    const db = await open({ name: 'x', schema, storage: 'memory', wasm });
    const id = await db.tasks.put({ title: 'rendered on a server' });
    console.log((await db.tasks.get(id)).title);
    await db.close();
  ` });
  assert.deepEqual(app.run('node', ['node.js']).trim().split('\n'), [
    'true engine-unavailable Holm opens databases in browsers; elsewhere, give open the bytes of its WebAssembly as "wasm".',
    'rendered on a server',
  ]);
});

test('the full engine knows policies that the other refuses by name', () => {
  app.write({ 'full.js': `
    import { readFile } from 'node:fs/promises';
    import { fileURLToPath } from 'node:url';
    for (const [entry, bytes] of [['holm', 'holm/holm.wasm'], ['holm/full', 'holm/full/holm.wasm']]) {
      const { defineSchema, open, t } = await import(entry);
      const wasm = await readFile(fileURLToPath(import.meta.resolve(bytes)));
      const fields = { title: t.string() };
      const ways = [
        { fields, conflict: 'merge' }, { fields, conflict: 'manual' }, { fields, conflict: 'client' }, { fields, conflict: () => null },
        { fields, parked: 'keep' }, { fields: { title: t.string().merge('text') } },
      ];
      for (const tasks of ways) {
        const schema = defineSchema({ version: 1, collections: { tasks } });
        const opened = open({ name: 'x', schema, storage: 'memory', wasm });
        console.log(entry, await opened.then(db => db.close().then(() => 'opened'), error => error.code + ': ' + error.message));
      }
    }
  ` });
  const refused = 'holm invalid-schema: collections.tasks.conflict: must be merge, last-write or manual, without holm/full';
  assert.deepEqual(app.run('node', ['full.js']).trim().split('\n'), [
    'holm opened', 'holm opened', refused, refused,
    'holm invalid-schema: collections.tasks.parked: is unknown here; known are fields, indexes, conflict, coalesce',
    'holm invalid-schema: collections.tasks.fields.title.merge: is unknown here; known are type, optional, nullable, default',
    ...Array(6).fill('holm/full opened'),
  ]);
});

test('it holds what its exports name, and nothing else', () => {
  const { exports, version } = JSON.parse(read('package.json'));
  const targets = Object.values(exports).flatMap(target => (typeof target === 'string' ? [target] : Object.values(target)));
  for (const target of targets) assert(read(target).length > 0, target);
  assert.match(readFileSync(join(ROOT, 'Cargo.toml'), 'utf8'), new RegExp(`^version = "${version}"$`, 'm'), 'one version everywhere');
  assert(WebAssembly.validate(readFileSync(join(app.installed, 'engine_bg.wasm'))));
  const unnamed = (folder, prefix) => readdirSync(folder).filter(name => !targets.includes(`${prefix}${name}`)).map(name => name.replace(/^shared-\w+/, 'shared'));
  const [besides, inFull] = [unnamed(app.installed, './'), unnamed(join(app.installed, 'full'), './full/')];
  assert.deepEqual(inFull.toSorted(), ['engine_functions.txt', 'shared.js']);
  assert.deepEqual(besides.toSorted(), ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'catalog_engine_bg.wasm', 'catalog_engine_functions.txt', 'engine_functions.txt', 'full', 'salvage_engine_bg.wasm', 'salvage_engine_functions.txt', 'shared.js']);
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: app.installed, strict: true, pack: false });
  assert.deepEqual(messages.map(message => formatMessage(message, pkg)), []);
});

test('the types are right, says arethetypeswrong', () => {
  // For the package is one of modules: what `require` gets of it are the types of modules.
  app.runTool('attw', [process.env.HOLM_TARBALL, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii']);
});

test('a bundler that shakes trees keeps the worker and drops the rest', () => {
  app.write({
    'unused.js': "import { open } from 'holm'; console.log('nothing of it is used');",
    'worker.js': "import 'holm/service-worker';",
  });
  const bundle = file => app.runTool('esbuild', [file, '--bundle', '--format=esm', '--log-level=error']);
  assert(bundle('unused.js').length < 4000, 'an import that is not used costs nothing');
  assert(bundle('worker.js').includes('holm-sync'));
});
