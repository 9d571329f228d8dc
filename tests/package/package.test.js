// The package as npm would deliver it: packed, installed into an empty app, imported where there is no browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const app = mkdtempSync(join(tmpdir(), 'holm-app-'));
const installed = join(app, 'node_modules/holm');

const run = (command, args) => execFileSync(command, args, { cwd: app, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

before(() => {
  run('npm', ['pack', join(root, 'pkg'), '--pack-destination', app, '--loglevel=error']);
  writeFileSync(join(app, 'package.json'), '{"name":"app","private":true,"type":"module"}');
  const [tarball] = readdirSync(app).filter(name => name.endsWith('.tgz'));
  run('npm', ['install', `./${tarball}`, '--offline', '--loglevel=error']);
});
after(() => rmSync(app, { recursive: true, force: true }));

test('importing it does nothing, and works without a browser', () => {
  writeFileSync(join(app, 'ssr.js'), `
    const before = Object.getOwnPropertyNames(globalThis).sort().join();
    const holm = await import('holm');
    if (Object.getOwnPropertyNames(globalThis).sort().join() !== before) throw new Error('it left something behind');
    const schema = holm.defineSchema({ version: 1, collections: { tasks: { fields: { title: holm.t.string() } } } });
    const code = await holm.open({ name: 'x', schema, wasm: new Uint8Array() }).then(() => 'opened', error => error.code);
    console.log(JSON.stringify({ names: Object.keys(holm).sort(), code }));
  `);
  assert.deepEqual(JSON.parse(run('node', ['ssr.js'])), { names: ['HolmError', 'defineSchema', 'open', 't'], code: 'internal' });
});

test('its exports resolve, to files that are there', () => {
  const { exports, sideEffects, version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const targets = Object.values(exports).flatMap(target => (typeof target === 'string' ? [target] : Object.values(target)));
  for (const target of targets) assert(readFileSync(join(installed, target)).length > 0, target);
  assert.deepEqual(sideEffects, ['./service-worker.js']);
  assert.match(readFileSync(join(root, 'Cargo.toml'), 'utf8'), new RegExp(`^version = "${version}"$`, 'm'), 'one version everywhere');
  const wasm = readFileSync(join(installed, exports['./holm.wasm']));
  assert(WebAssembly.validate(wasm));
});

test('an app in TypeScript gets its rows from its schema', () => {
  writeFileSync(join(app, 'app.ts'), `
    import { defineSchema, open, t } from 'holm';
    import { provideToken } from 'holm/service-worker';
    const schema = defineSchema({ version: 1, collections: { tasks: { fields: { title: t.string(), done: t.boolean().default(false) } } } });
    const db = await open({ name: 'app', schema });
    const title: string | undefined = (await db.tasks.where({ done: false }).first())?.title;
    // @ts-expect-error not a field
    await db.tasks.put({ title: 'x', colour: 'red' });
    provideToken(async () => title);
  `);
  for (const resolution of ['nodenext', 'bundler']) {
    const module = resolution === 'nodenext' ? 'nodenext' : 'esnext';
    run(join(root, 'node_modules/.bin/tsc'), ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom', '--types', '', '--module', module, '--moduleResolution', resolution, 'app.ts']);
  }
});

test('a bundler that shakes trees keeps the worker and drops the rest', () => {
  writeFileSync(join(app, 'unused.js'), "import { open } from 'holm'; console.log('nothing of it is used');");
  writeFileSync(join(app, 'worker.js'), "import 'holm/service-worker';");
  const bundle = file => run(join(root, 'node_modules/.bin/esbuild'), [file, '--bundle', '--format=esm', '--log-level=error']);
  assert(bundle('unused.js').length < 4000, 'an import that is not used costs nothing');
  assert(bundle('worker.js').includes('holm-sync'));
});
