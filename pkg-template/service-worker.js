// Sync without a page. In the app's service worker: `import 'holm/service-worker'`; or register this file itself.
// It adds listeners and answers no fetches, so it lives beside any other worker code.

import * as engine from './engine.js';
import { BUILD } from './build.js';
import { handedOver } from './hand-over.js';
import { load, wasmBeside } from './load.js';
import { isShort } from './room.js';
import './together.js';

const TAG = 'holm';
const CACHE_PREFIX = 'holm-engine-';
const CACHE = CACHE_PREFIX + BUILD;
const WASM = wasmBeside().href;

const worker = /** @type {any} */ (globalThis);

/** @type {((reason: string) => Promise<string | undefined>) | undefined} */
let askToken;

/**
 * Where the worker gets a token when no page is open. Databases opened with `getToken` are left alone without it.
 * @param {(reason: string) => Promise<string | undefined>} getToken
 */
export function provideToken(getToken) {
  askToken = async reason => getToken(reason);
}

worker.addEventListener('install', (/** @type {any} */ event) => event.waitUntil(keepWasm()));
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(dropOldWasm()));
worker.addEventListener('sync', (/** @type {any} */ event) => {
  if (event.tag === TAG) event.waitUntil(syncAll());
});
worker.addEventListener('message', (/** @type {any} */ event) => {
  // A page asks where Background Sync is missing; nobody hears a failure, and the page syncs at its next chance.
  if (event.data === 'holm-sync') event.waitUntil(syncAll().catch(() => {}));
});

/** @type {Promise<void> | undefined} */
let syncing;

/** Syncs every database that a page left here; rejects if one did not finish, so that the browser tries again. */
function syncAll() {
  return syncing ??= runAll().finally(() => { syncing = undefined; });
}

async function runAll() {
  const databases = (await handedOver()).filter(({ wantsToken }) => !wantsToken || askToken !== undefined);
  if (databases.length === 0) return;
  await load(engine, await storedWasm());
  const short = Number(await isShort());
  const outcomes = await Promise.allSettled(databases.map(({ options }) => engine.run_sync_event(JSON.stringify(options), askToken, short)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** The WebAssembly as installed with this worker, so that it starts with the network off. */
async function storedWasm() {
  const cache = await caches.open(CACHE);
  return (await cache.match(WASM)) ?? keepWasm();
}

/** @returns {Promise<Response>} */
async function keepWasm() {
  const response = await fetch(WASM, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`The engine could not be fetched: ${response.status}`);
  const cache = await caches.open(CACHE);
  await cache.put(WASM, response.clone());
  return response;
}

async function dropOldWasm() {
  for (const name of await caches.keys()) {
    if (name.startsWith(CACHE_PREFIX) && name !== CACHE) await caches.delete(name);
  }
}
