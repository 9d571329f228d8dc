// SQLite in a worker, which OPFS asks for: each call is a message and an answer.

import { bench } from '../page/bench.js';

const worker = new Worker('/sqlite-worker.js', { type: 'module' });
const waiting = new Map();
let calls = 0;
const watchers = new Set();

worker.onmessage = ({ data: { call, answer, error } }) => {
  const { resolve, reject } = waiting.get(call);
  waiting.delete(call);
  if (error) reject(new Error(error));
  else resolve(answer);
};

function ask(what, ...given) {
  return new Promise((resolve, reject) => {
    waiting.set(++calls, { resolve, reject });
    worker.postMessage({ call: calls, what, given });
  });
}

async function write(...asked) {
  await ask(...asked);
  for (const tell of watchers) tell();
}

bench({
  open: () => ask('open'),
  insertAll: records => write('putAll', records),
  put: record => write('putAll', [record]),
  patch: (id, fields) => write('patchAll', [[id, fields]]),
  patchAll: pairs => write('patchAll', pairs),
  get: async id => (await ask('getMany', [id]))[0],
  getMany: ids => ask('getMany', ids),
  newest: limit => ask('newest', limit),
  inProject: projectId => ask('inProject', projectId),
  withWord: word => ask('withWord', word),
  countOpen: () => ask('countOpen'),
  exchange: (a, b) => write('exchange', a, b),
  async watch(limit, onRows) {
    const tell = async () => onRows(await ask('newest', limit));
    watchers.add(tell);
    await tell();
    return () => watchers.delete(tell);
  },
  close: () => ask('close'),
  wasmBytes: () => ask('wasmBytes'),
});
