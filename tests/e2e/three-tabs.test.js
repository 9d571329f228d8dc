// Three tabs write, read and count at the same time, so much that one or the other folds again and again: whoever reads sees whole
// batches only, never an older one than before, and in the end all have the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, tasks } from '../harness/browser.js';
import { Server } from '../harness/server.js';

const TABS = 3;
const ROUNDS = 60;
const RECORDS = 40; // of 3 KB in each batch, so that 35 batches are a fold

/** What a tab does: writes its records anew in each round, counts in a record of all, and reads everything meanwhile. */
async function race([tab, rounds, records]) {
  const { db } = globalThis;
  let writing = true;
  const write = async () => {
    for (let round = 1; round <= rounds; round++) {
      const title = `${round} `.padEnd(3_000, String(tab));
      await db.tasks.putMany(Array.from({ length: records }, (_, n) => ({ id: `${tab}-${n}`, title, updatedAt: round })));
      await db.transaction(async tx => {
        const { title: before } = await tx.tasks.get('count') ?? { title: '0' };
        await tx.tasks.put({ id: 'count', title: String(Number(before) + 1), updatedAt: 0 });
      });
    }
    writing = false;
  };
  const read = async () => {
    const last = new Map();
    let reads = 0;
    for (; writing; reads++) {
      // What is held already is answered at once: without a pause nothing else would run.
      await new Promise(later => setTimeout(later));
      const batches = new Map();
      for (const { id, updatedAt } of await db.tasks.all()) {
        if (id === 'count') continue;
        const [of] = id.split('-');
        batches.set(of, [...batches.get(of) ?? [], Number(updatedAt)]);
      }
      for (const [of, found] of batches) {
        if (found.length !== records || new Set(found).size !== 1) throw new Error(`Half a batch of tab ${of}: ${found}`);
        if (found[0] < (last.get(of) ?? 0)) throw new Error(`Tab ${of} went back from ${last.get(of)} to ${found[0]}`);
        last.set(of, found[0]);
      }
    }
    return reads;
  };
  const [, reads] = await Promise.all([write(), read()]);
  return reads;
}

/** How often anybody folded, and which blocks there are. */
function folded(page) {
  return page.evaluate(async () => {
    const done = request => new Promise((resolve, reject) => { Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }); });
    const raw = await done(indexedDB.open('holm.race.1'));
    const stores = raw.transaction(['manifest', 'blocks']);
    const [manifest, blocks] = await Promise.all([done(stores.objectStore('manifest').get(0)), done(stores.objectStore('blocks').count())]);
    raw.close();
    return { generation: Number(manifest.generation), blocks };
  });
}

test('three-tabs', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  const pages = [];
  for (let tab = 0; tab < TABS; tab++) {
    const page = await browser.open(`${server.url}/e2e/index.html?no-worker`);
    await page.evaluate(async () => {
      // Hardly any block stays in memory, so that each read asks for those that a fold of another tab may have dropped.
      globalThis.db = await globalThis.holm.open({ name: 'race', schema: globalThis.schema, cacheBytes: 65_536 });
    });
    pages.push(page);
  }
  const reads = await Promise.all(pages.map((page, tab) => page.evaluate(race, [tab, ROUNDS, RECORDS])));
  assert(reads.every(count => count > 0), 'everybody read meanwhile');
  const found = [];
  for (const page of pages) {
    await page.evaluate(() => globalThis.db.tasks.put({ id: 'end', title: 'all are heard', updatedAt: 1 }));
    found.push(await tasks(page));
    assert.equal(found.at(-1).get('count').title, String(TABS * ROUNDS), 'no increment is lost');
    assert.equal(found.at(-1).size, TABS * RECORDS + 2);
    assert.deepEqual(page.problems, []);
  }
  for (const rows of found) assert.deepEqual(rows, found[0]);
  const { generation, blocks } = await folded(pages[0]);
  assert(generation > 2 && blocks > 0, `folded ${generation - 1} times into ${blocks} blocks`);
  t.diagnostic(`${reads.join(', ')} reads beside ${generation - 1} folds`);
});
