// Random histories of batches; the browser is killed at a random call of IndexedDB, started again, and killed again. What was saved
// is there whole, what was not answered whole or not at all, and at last the server has all of it once.
//
//   HOLM_SEED=3 node --test tests/e2e/storage-kill.test.js     one history, as scripts/test.sh --only e2e sets it up
//   HOLM_LONG=1                                                300 kills instead of 20

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser, drained, tasks } from '../harness/browser.js';
import { exactlyOnce } from '../harness/check.js';
import { dice, seeds } from '../harness/dice.js';
import { folder } from '../harness/process.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const KILLS = 10; // of each history
const GROUPS = 14; // of each life
const WRITES = 60; // calls of IndexedDB in which a life can end
const FOLDED = 20; // the same, of those that only folds make
const LARGE = 12_000; // records of a batch that goes into blocks at once
const LARGE_WRITES = 220; // calls in which a life with one can end

/** What one life writes: batches of some records, one to three of them at the same time, on records of their own. */
function plan(roll, from) {
  let number = from;
  return Array.from({ length: GROUPS }, () => Array.from({ length: 1 + roll(3) }, (_, place) => {
    number++;
    const id = () => `${place}-${roll(12)}`;
    const rows = Array.from({ length: 2 + roll(4) }, () => ({
      id: id(), title: `${number}:`.padEnd(roll(4) === 0 ? 40_000 : 60, String(number)), done: roll(2) === 0, updatedAt: number,
    }));
    const gone = roll(2) === 0 ? [id(), id()] : [];
    return { number, rows: [...new Map(rows.map(row => [row.id, row])).values()], gone };
  }));
}

/** @param {Map<string, any>} model */
function applied(model, { rows, gone }) {
  const after = new Map(model);
  for (const row of rows) after.set(row.id, row);
  for (const id of gone) after.delete(id);
  return after;
}

function sorted(model) {
  const rows = [...model.values()].map(({ id, title, done, updatedAt }) => ({ id, title, done, updatedAt }));
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** The content that fits what was saved: of the batches after the last that were saved before them, any may be there. */
function fitting(model, groups, saved, found) {
  const first = groups.findIndex(group => group.some(({ number }) => !saved.has(number)));
  const whole = first < 0 ? groups : groups.slice(0, first);
  let candidates = [whole.flat().reduce(applied, model)];
  for (const batch of first < 0 ? [] : groups[first]) {
    const after = candidates.map(candidate => applied(candidate, batch));
    candidates = saved.has(batch.number) ? after : [...candidates, ...after];
  }
  assert(groups.slice(first < 0 ? groups.length : first + 1).flat().every(({ number }) => !saved.has(number)));
  const fits = candidates.find(candidate => isEqual(candidate, found));
  if (!fits) {
    const open = first < 0 ? [] : groups[first].map(({ number }) => `${number}${saved.has(number) ? ' saved' : ''}`);
    const short = rows => sorted(rows).map(({ id, title }) => `${id} ${title.slice(0, 6)}`);
    assert.deepEqual(short(found), short(candidates[0]), `a saved batch is lost, or one is torn, of ${open.join(', ')}`);
  }
  return fits;
}

function isEqual(one, two) {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(two));
}

/** What is read by id, by an index and by counting is the same. */
async function agree(page, found) {
  const [done, count] = await page.evaluate(async () => {
    const { db } = globalThis;
    return [(await db.tasks.where({ done: true }).all()).map(task => task.id), await db.tasks.count()];
  });
  assert.deepEqual(done.toSorted(), sorted(found).filter(row => row.done).map(row => row.id));
  assert.equal(count, found.size);
}

/** Plays groups until the browser is killed; tells which batches were saved, and how it ended. */
async function dying(browser, page, proxy, groups, death) {
  const saved = new Set();
  const died = new Promise(resolve => {
    proxy.told = async what => {
      if (what.startsWith('saved-')) return void saved.add(Number(what.slice('saved-'.length)));
      // The page stands still, but what it asked for goes on.
      await new Promise(later => setTimeout(later, death?.lag ?? 50));
      await browser.kill();
      resolve(what);
    };
  });
  const played = page.evaluate(async ([groups, death]) => {
    const { play } = await import('/e2e/history.js');
    await play(globalThis.db, groups, death);
  }, [groups, death]);
  const how = await Promise.race([died, played.then(() => died, () => died)]);
  return { groups, saved, how };
}

/** One life: opens, compares, writes until it is killed at a random call. */
async function live(t, { proxy, profile, roll, from }, check) {
  const browser = await Browser.start(t, profile);
  const page = await browser.openBare(proxy.url, '?no-worker');
  await check(await tasks(page), page);
  const [of, calls] = [[null, WRITES], [null, WRITES], ['put', FOLDED], ['delete', 4]][roll(4)];
  const death = { call: 1 + roll(calls), of, before: roll(2) === 0, lag: roll(3) * 5 };
  return dying(browser, page, proxy, plan(roll, from), death);
}

/** Opens a database that has no server. */
async function openHere(browser, { url }) {
  const page = await browser.open(`${url}/e2e/index.html?no-worker`);
  await page.evaluate(async () => { globalThis.db = await globalThis.holm.open({ name: 'here', schema: globalThis.schema }); });
  return page;
}

test('a killed append and a killed write of blocks together lose nothing', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const browser = await Browser.start(t);
  const title = 'x'.repeat(40_000);
  const groups = Array.from({ length: 15 }, (_, n) => [{
    number: n + 1, gone: [], rows: Array.from({ length: 20 }, (_, k) => ({ id: `${n}-${k}`, title, done: true, updatedAt: n })),
  }]);
  const { saved, how } = await dying(browser, await openHere(browser, proxy), proxy, groups, null);
  assert.equal(how, 'die-in-both');
  const again = await Browser.start(t, browser.profile);
  fitting(new Map(), groups, saved, await tasks(await openHere(again, proxy)));
  await again.kill();
});

for (const seed of seeds(1, 10)) {
  test(`large commits that are killed are there whole or not at all: HOLM_SEED=${seed}`, { timeout: 240_000 }, async t => {
    const server = await Server.start(t);
    const proxy = await Proxy.start(t, server);
    const roll = dice(seed);
    const profile = await folder(t, 'profile');
    let [model, last] = [new Map(), { groups: [], saved: new Set() }];
    const ends = [];
    for (let number = 1; number < 10; number += 3) {
      const browser = await Browser.start(t, profile);
      const page = await openHere(browser, proxy);
      model = fitting(model, last.groups, last.saved, await tasks(page));
      const batch = (number, count) => [{ number, gone: [], rows: Array.from({ length: count }, (_, n) => (
        { id: `${n}`, title: `${number}:`.padEnd(400, 'x'), done: roll(2) === 0, updatedAt: number })) }];
      const groups = [batch(number, 5), batch(number + 1, LARGE), batch(number + 2, 5)];
      const death = { call: 1 + roll(LARGE_WRITES), of: roll(3) > 0 ? 'put' : null, before: roll(2) === 0, lag: roll(3) * 5 };
      last = await dying(browser, page, proxy, groups, death);
      ends.push(`${last.how} with ${last.saved.size} saved`);
    }
    const browser = await Browser.start(t, profile);
    fitting(model, last.groups, last.saved, await tasks(await openHere(browser, proxy)));
    t.diagnostic(`seed ${seed}: ${ends.join(', ')}`);
    await browser.kill();
  });
}

for (const seed of seeds(2, 30)) {
  test(`history ${seed}: HOLM_SEED=${seed}`, { timeout: 240_000 }, async t => {
    const server = await Server.start(t);
    const proxy = await Proxy.start(t, server);
    const roll = dice(seed);
    const profile = await folder(t, 'profile');
    let model = new Map();
    let last = { groups: [], saved: new Set() };
    const check = async (found, page) => {
      model = fitting(model, last.groups, last.saved, found);
      await agree(page, found);
    };
    const ends = new Map();
    for (let kill = 0; kill < KILLS; kill++) {
      const from = last.groups.flat().at(-1)?.number ?? 0;
      last = await live(t, { proxy, profile, roll, from }, check);
      ends.set(last.how, (ends.get(last.how) ?? 0) + 1);
    }
    const browser = await Browser.start(t, profile);
    const page = await browser.openBare(proxy.url, '?no-worker');
    await check(await tasks(page), page);
    await drained(page);
    exactlyOnce(await server.held(), await tasks(page));
    t.diagnostic(`seed ${seed}: ${KILLS} kills: ${JSON.stringify(Object.fromEntries(ends))}, ${last.groups.flat().at(-1).number} batches planned`);
    await browser.kill();
  });
}
