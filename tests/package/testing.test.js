// The test kit of the package: as an app's tests use it in Vitest and in a page, and its server against the real one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { dice, seeds } from '../harness/dice.js';
import { Server } from '../harness/server.js';
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
    for (const scope of own.scopes ?? []) if (scope.checkpoint !== null) scope.checkpoint = this.#checkpoints.get(`${client.id} ${scope.name}`) ?? null;
    const { status, answer } = await this.send(kind, own);
    if (status !== 200) return { status, told: { ...answer, message: '' }, nowMs: 0 };
    for (const scope of answer.scopes ?? []) {
      this.#checkpoints.set(`${client.id} ${scope.key}`, scope.checkpoint);
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
    const real = await Server.start(t);
    const fake = new FakeServer();
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
