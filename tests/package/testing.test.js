// The test kit of the package: as an app's tests use it in Vitest and in a page, and its server against the real one.

import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { dice, seeds } from '../harness/dice.js';
import { Server } from '../harness/server.js';
import { App, ROOT } from './harness/app.js';
import { snippet } from './harness/readme.js';
import { Site } from './harness/site.js';
import { keyOf } from '../../pkg-template/testing/members.js';
import { FakeServer } from '../../pkg/testing.js';
import { History } from './testing/history.js';

const STEPS = 300;

/** One of the two servers: what is its own name for revisions and checkpoints is put in, and taken out of its answers. */
class Side {
  #checkpoints = new Map();
  #life = '';

  constructor(send) {
    this.send = send;
  }

  async ask({ kind, client, body }) {
    const own = JSON.parse(JSON.stringify(body).replaceAll('-LIFE"', `-${this.#life}"`));
    for (const scope of own.scopes ?? []) if (scope.checkpoint !== null) scope.checkpoint = this.#checkpoints.get(`${client.id} ${keyOf(scope.name, scope.args ?? {})}`) ?? null;
    const { status, answer } = await this.send(kind, own);
    if (status !== 200) return { status, told: { ...answer, message: '' }, nowMs: 0 };
    for (const scope of answer.scopes ?? []) {
      if (scope.forbidden) assert.equal(scope.checkpoint, '');
      else this.#checkpoints.set(`${client.id} ${scope.key}`, scope.checkpoint);
      delete scope.checkpoint;
    }
    const text = JSON.stringify(answer);
    this.#life ||= /"rev":"\d+-(\w+)"/.exec(text)?.[1] ?? '';
    const { epoch, now, ...told } = JSON.parse(this.#life ? text.replaceAll(`-${this.#life}"`, '-LIFE"') : text);
    assert.equal(typeof epoch, 'string');
    return { status, told, nowMs: Number.parseInt(now.slice(0, 12), 16) };
  }
}

const post = async (url, kind, body) => {
  const response = await fetch(`${url}/${kind}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return { status: response.status, answer: await response.json() };
};

test('the fake server answers a random history as the real one does', { timeout: process.env.HOLM_LONG ? 900_000 : 120_000 }, async t => {
  const met = new Map();
  for (const seed of seeds(2, 100)) {
    console.log(`seed ${seed}; again: HOLM_SEED=${seed} scripts/test.sh --only package`);
    const real = await Server.start(t, { HOLM_SCOPES: 'titled=tasks.title,titled=notes.title,noted=tasks.note' });
    const fake = new FakeServer({ scopes: { titled: { tasks: 'title', notes: 'title' }, noted: { tasks: 'note' } } });
    const restore = fake.install();
    t.after(restore);
    const sides = [new Side((kind, body) => post(`${real.url}/sync`, kind, body)), new Side((kind, body) => post(fake.url, kind, body))];
    const history = new History(dice(seed));
    const { now } = Date;
    for (let step = 0; step < STEPS; step++) {
      const request = history.next();
      const expected = await sides[0].ask(request);
      // The time that the real one had: it is in the stamps.
      Date.now = () => expected.nowMs;
      const found = await sides[1].ask(request).finally(() => { Date.now = now; });
      assert.deepEqual(found, expected, `seed ${seed}, step ${step}: ${request.kind} ${JSON.stringify(request.body)}`);
      history.heard(request, expected.status, expected.told);
      for (const word of [expected.told.error, ...(expected.told.results ?? []).map(({ status, code }) => code ?? status)]) met.set(word, (met.get(word) ?? 0) + 1);
    }
    const rows = (await real.held()).rows.filter(({ deleted }) => !deleted);
    assert.deepEqual(['tasks', 'notes'].flatMap(name => fake.rows(name)).length, rows.length);
    restore();
    await real.kill();
  }
  for (const word of ['ok', 'conflict', 'undeliverable', 'server-rejected', 'tx-aborted', 'gap', 'seq-reused', 'tx-incomplete', 'invalid-request']) {
    assert(met.get(word) > 0, `met no ${word}: ${JSON.stringify([...met])}`);
  }
});

/** Runs an app's tests with Vitest, where nothing but the package and what tests need is installed: the names of those that passed. */
async function vitest(t, files) {
  const app = await App.create(t, files);
  for (const name of ['vitest', 'fake-indexeddb']) symlinkSync(join(ROOT, 'node_modules', name), app.file(`node_modules/${name}`));
  const report = JSON.parse(app.runTool('vitest', ['run', '--reporter=json']));
  return report.testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === 'passed').map(({ title }) => title);
}

const example = name => readFileSync(join(ROOT, 'examples/vitest', name), 'utf8');

test("an app's offline flows in Vitest", { timeout: 60_000 }, async t => {
  const files = { 'tasks.js': example('tasks.js'), 'tasks.test.js': example('tasks.test.js') };
  const passed = await vitest(t, files);
  assert.equal(passed.length, files['tasks.test.js'].match(/^test\(/gm).length);
  for (const word of ['offline', 'lost', 'another device', 'conflict', 'refuses', 'reload', 'full disk']) assert(passed.some(title => title.includes(word)), word);
  const { devDependencies } = JSON.parse(example('package.json'));
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).devDependencies;
  for (const [name, version] of Object.entries(devDependencies)) assert.equal(own[name], version, `the example pins the ${name} that it is tested with`);
});

test("the README's test in Vitest", { timeout: 60_000 }, async t => {
  assert.deepEqual(await vitest(t, { 'tasks.test.js': snippet('js tasks.test.js') }), ['a note that is written offline is sent when the network comes']);
});

test('importing it does nothing, and its errors are those of the package', { timeout: 60_000 }, async t => {
  const app = await App.create(t, { 'ssr.js': `
    const before = Reflect.ownKeys(globalThis).map(String).sort().join();
    const kept = [fetch, setTimeout, Date, performance.now];
    const { FakeServer, ...others } = await import('holm/testing');
    const { HolmError } = await import('holm');
    let refused;
    try { new FakeServer({ url: 5 }); } catch (error) { refused = error; }
    console.log(refused instanceof HolmError, refused.code, refused.field, Object.keys(others).join());
    console.log(before === Reflect.ownKeys(globalThis).map(String).sort().join(), [fetch, setTimeout, Date, performance.now].every((each, at) => each === kept[at]));
  ` });
  assert.equal(app.run('node', ['ssr.js']), 'true invalid-argument url FakeClock,FakeConnectivity,FaultyStorage\ntrue true\n');
});

const MAIN = `
  import { HolmError, defineSchema, open, t } from '/holm/index.js';
  import { FakeClock, FakeConnectivity, FakeServer, FaultyStorage } from '/holm/testing.js';
  const schema = defineSchema({ version: 1, collections: { notes: { fields: { text: t.string() } } } });
  globalThis.holm = { HolmError, FakeClock, FakeConnectivity, FakeServer, FaultyStorage, open: more => open({ name: 'notes', schema, ...more }) };
  document.documentElement.dataset.ready = 'true';
`;

test('in a page, with its own IndexedDB and its own events', { timeout: 60_000 }, async t => {
  const browser = await Browser.start(t);
  const site = await Site.withPackage(t, MAIN);
  const page = await browser.open(site.url);
  const told = await page.evaluate(async () => {
    const { FakeClock, FakeConnectivity, FakeServer, FaultyStorage, open } = globalThis.holm;
    const kept = [fetch, setTimeout, Date, IDBDatabase.prototype.transaction];
    const [server, network, clock, storage] = [new FakeServer({ url: '/sync' }), new FakeConnectivity(), new FakeClock({ now: 1e12 }), new FaultyStorage()];
    const restores = [server, network, clock, storage].map(each => each.install());
    const heard = [];
    for (const kind of ['online', 'offline']) addEventListener(kind, event => { heard.push(event.type); });
    network.offline();
    const db = await open({ sync: { url: '/sync' } });
    const write = db.notes.put({ id: 'a', text: 'Buy milk' });
    await write;
    await clock.advance(600_000);
    const offline = [navigator.onLine, db.sync.status.online, db.sync.status.pending, Date.now(), server.requests.length];
    network.online();
    await write.synced;
    await clock.settle();
    const online = [navigator.onLine, db.sync.status.online, db.sync.status.pending, server.rows('notes')];
    const own = server.requests.length;
    await clock.advance(30_049);
    const early = server.requests.length - own;
    await clock.advance(1);
    const polled = server.requests.length - own;
    storage.quota();
    const full = await db.notes.put({ text: 'no room' }).catch(error => error.code);
    storage.loseOutcome();
    const found = await db.notes.put({ id: 'b', text: 'Buy bread' }).catch(error => error.code);
    const count = await db.notes.count();
    await clock.settle();
    await db.close();
    for (const restore of restores) restore();
    const same = [fetch, setTimeout, Date, IDBDatabase.prototype.transaction].every((each, at) => each === kept[at]);
    return { heard, offline, online, early, polled, full, found, count, same, onLine: Object.hasOwn(navigator, 'onLine') };
  });
  assert.deepEqual(told, {
    heard: ['offline', 'online'], offline: [false, 'offline', 1, 1e12 + 600_000, 0], online: [true, 'online', 0, [{ id: 'a', text: 'Buy milk' }]],
    early: 0, polled: 1, full: 'storage-quota', found: 'b', count: 2, same: true, onLine: false,
  });
  assert.deepEqual(page.problems, []);
});
