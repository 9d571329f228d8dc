// The first sync of 135,233 rows, Holm against RxDB and Dexie: engines in turn, every result checked, medians, met or missed.
// Started by run.sh, which builds what this needs. An argument is the number of rounds (3).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { checksum, places } from '../../scripts/places.mjs';
import { Process } from '../../tests/harness/process.js';
import { chromiumVersion, cores, load } from '../machine.mjs';
import { measured } from './browser.mjs';
import { servePeers } from './peers-server.mjs';
import { markdown, medians, targets } from './report.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const COUNTRY = 'FR';
const ENGINES = ['holm', 'rxdb', 'dexie'];
const rounds = Number(process.argv[2] ?? 3);

const expected = places().map(({ id, data }) => ({ id, ...data }));
const right = { count: expected.length, ofCountry: expected.filter(({ country }) => country === COUNTRY).length, checksum: checksum(expected) };

const folder = await mkdtemp(join(tmpdir(), 'holm-bench-'));
const holm = await startHolm();
const peers = await servePeers(await rowsOf(holm.url), await buildPages(join(folder, 'peers')));
try {
  const before = load();
  const runs = await measureAll();
  const all = medians(runs);
  const version = async name => JSON.parse(await readFile(join(HERE, 'node_modules', name, 'package.json'), 'utf8')).version;
  const report = {
    at: new Date().toISOString(), rows: right.count, rounds,
    chromium: chromiumVersion(),
    versions: { rxdb: await version('rxdb'), dexie: await version('dexie'), cpus: cores() },
    load: { before, after: load() }, medians: all, targets: targets(all), runs,
  };
  await writeFile(join(HERE, 'result.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(HERE, 'RESULT.md'), markdown(report));
  console.log(markdown(report));
} finally {
  peers.close();
  await holm.process.kill();
  await rm(folder, { recursive: true, force: true });
}

/** Each engine once per round, beginning with another one each time. */
async function measureAll() {
  const runs = Object.fromEntries(ENGINES.map(engine => [engine, []]));
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < ENGINES.length; n++) {
      const engine = ENGINES[(round + n) % ENGINES.length];
      const url = engine === 'holm' ? `${holm.url}/bench-holm.html` : `${peers.url}/${engine}.html`;
      const { figures, rows } = await measured(url, COUNTRY);
      const found = { count: figures.count, ofCountry: figures.ofCountry, checksum: checksum(rows) };
      assert.deepEqual(found, right, `${engine} holds what the server holds`);
      runs[engine].push(figures);
      console.error(`round ${round + 1}, ${engine}: ${(figures.totalMs / 1000).toFixed(1)} s, load ${load()}`);
    }
  }
  return runs;
}

/** The real server with all places, and the demo's files with one page more. */
async function startHolm() {
  const site = join(folder, 'site');
  await cp(process.env.HOLM_WWW, site, { recursive: true });
  await cp(join(HERE, 'pages/measure.js'), join(site, 'measure.js'));
  await cp(join(HERE, 'pages/holm.js'), join(site, 'bench-holm.js'));
  await writeFile(join(site, 'bench-holm.html'), html('/bench-holm.js'));
  const server = new Process(process.env.HOLM_SERVER, [], { HOLM_PORT: '0', HOLM_DATA: join(folder, 'holm.sqlite'), HOLM_WWW: site });
  const [, port] = await server.line(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  execFileSync(process.execPath, [join(HERE, '../../scripts/import-places.mjs'), url]);
  return { url, process: server };
}

/** What the Holm server holds, as plain rows in its order: the peers get the same. */
async function rowsOf(url) {
  const rows = [];
  for (let [checkpoint, more] = [null, true]; more;) {
    const request = { v: 1, client: 'bench', schema: 1, seen: 0, limit: 1000, wait: 0, scopes: [{ name: 'places', checkpoint }] };
    const response = await fetch(`${url}/sync/pull`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) });
    const [scope] = (await response.json()).scopes;
    ({ checkpoint, more } = scope);
    rows.push(...scope.changes.map(({ id, data }) => ({ id, ...data })));
  }
  assert.equal(checksum(rows), right.checksum);
  return rows;
}

/** The pages of the peers, each with its engine in one minified file. */
async function buildPages(site) {
  const entryPoints = ['rxdb', 'dexie'].map(name => join(HERE, `pages/${name}.js`));
  await build({ entryPoints, bundle: true, minify: true, format: 'esm', target: 'es2022', outdir: site, define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' }, logLevel: 'error' });
  for (const name of ['rxdb', 'dexie']) await writeFile(join(site, `${name}.html`), html(`/${name}.js`));
  return site;
}

function html(script) {
  return `<!doctype html><meta charset="utf-8"><title>A first sync</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;
}
