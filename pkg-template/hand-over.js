// What a page leaves for the service worker, which has no app to ask: which databases to sync, and how.
// It lies in the Cache API, the one storage that both reach without opening a database.

const CACHE = 'holm';
const FOLDER = '/.holm/database/';

/** @typedef {{ options: import('./engine.d.ts').EngineOptions, wantsToken: boolean }} Left */

/**
 * @param {import('./engine.d.ts').EngineOptions} options
 * @param {boolean} wantsToken
 */
export async function handOver(options, wantsToken) {
  try {
    const cache = await caches.open(CACHE);
    const body = JSON.stringify({ options, wantsToken });
    await cache.put(FOLDER + encodeURIComponent(options.name), new Response(body, { headers: { 'content-type': 'application/json' } }));
  } catch {
    // No Cache API, or no room: the service worker will not sync this database, the page does.
  }
}

/** @returns {Promise<Left[]>} */
export async function handedOver() {
  const cache = await caches.open(CACHE);
  const found = [];
  for (const request of await cache.keys()) {
    if (!new URL(request.url).pathname.startsWith(FOLDER)) continue;
    const response = await cache.match(request);
    if (response) found.push(await response.json());
  }
  return found;
}
