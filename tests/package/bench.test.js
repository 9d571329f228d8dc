// The benchmark beside other databases still runs, and a database that stores something else than it was given ends it.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { serveFiles } from '../../benches/files-server.mjs';
import { runSession } from '../../benches/peers/session.mjs';
import { buildSite } from '../../benches/peers/site.mjs';
import { folder } from '../harness/process.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RECORDS = 200;
const WORKLOADS = ['bulk', 'get', 'same', 'getMany', 'list', 'filter', 'scan', 'count', 'write', 'patches', 'transaction', 'live', 'reopen', 'memory'];
const LIE = '<script>{ const { put } = IDBObjectStore.prototype; IDBObjectStore.prototype.put = function (record) { return put.call(this, { ...record, title: "another" }); }; }</script>';

/** The pages of Holm and of plain IndexedDB, and what the latter is when it lies. */
async function serve(t) {
  const site = await folder(t, 'bench');
  await buildSite({ here: join(ROOT, 'benches/peers'), site, pkg: join(ROOT, 'pkg'), engines: ['holm', 'indexeddb'] });
  await writeFile(join(site, 'liar.html'), LIE + await readFile(join(site, 'indexeddb.html'), 'utf8'));
  const server = await serveFiles(site);
  t.after(() => server.close());
  return server.url;
}

async function measure(url, workloads) {
  const measured = {};
  await runSession({ url: `${url}?`, size: RECORDS, workloads, idleMs: 0, done: async (workload, figures) => { measured[workload] = figures; } });
  return measured;
}

test('every workload is measured', async t => {
  const url = await serve(t);
  for (const engine of ['holm', 'indexeddb']) {
    const measured = await measure(`${url}/${engine}.html`, WORKLOADS);
    assert.deepEqual(Object.keys(measured), WORKLOADS);
    const figures = Object.values(measured).flatMap(Object.values);
    assert.ok(figures.every(Number.isFinite), `${engine}: ${JSON.stringify(measured)}`);
  }
});

test('a wrong record ends the run', async t => {
  const url = await serve(t);
  await assert.rejects(measure(`${url}/liar.html`, ['bulk', 'get']), /a record after the insert: found .*another/);
});
