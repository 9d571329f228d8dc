// The one `fetch` that stands in for the page's while a server or a connectivity is installed, in whatever order they came.

import { activity } from './activity.js';
import { replaced, value, wrong } from './patches.js';

/** @typedef {{ url: string, takes(url: string): boolean, answer(request: Request): Promise<Response> }} Place */
/** @typedef {{ readonly open: boolean, broken(): Promise<never> }} Way */

// An app that starts without a network has this from its service worker.
const IN_THE_CACHE = /\.wasm$/;

/** @type {Set<Place>} */
const places = new Set();
/** @type {Set<Way>} */
const ways = new Set();
let restore = () => {};

/** @param {Place} place */
export function putPlace(place) {
  if ([...places].some(({ url }) => url === place.url)) throw wrong(`Another server is installed at ${place.url}: take it away first, or give this one another url.`, 'url');
  return put(places, place);
}

/** @param {Way} way */
export const putWay = way => put(ways, way);

/**
 * @template T
 * @param {Set<T>} those
 * @param {T} one
 * @returns {() => void}
 */
function put(those, one) {
  if (!places.size && !ways.size) restore = replaceFetch();
  those.add(one);
  return () => {
    those.delete(one);
    if (!places.size && !ways.size) restore();
  };
}

function replaceFetch() {
  const beneath = globalThis.fetch;
  return replaced(globalThis, { fetch: value((/** @type {any} */ input, /** @type {any} */ init) => {
    const request = new Request(input, init);
    return go(request, () => activity.during(beneath.call(globalThis, request)));
  }) });
}

/**
 * @param {Request} request
 * @param {() => Promise<Response>} beneath
 */
async function go(request, beneath) {
  request.signal.throwIfAborted();
  if (IN_THE_CACHE.test(new URL(request.url).pathname)) return beneath();
  if ([...ways].some(way => !way.open)) throw failedToFetch();
  const place = [...places].find(one => one.takes(request.url));
  const answer = place ? place.answer(request) : beneath();
  return Promise.race([answer, given(request.signal), ...[...ways].map(way => way.broken())]);
}

/**
 * Rejects when a signal says so.
 * @param {AbortSignal} signal
 * @returns {Promise<never>}
 */
function given(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => { reject(signal.reason); }, { once: true });
  });
}

/** What `fetch` rejects with where no answer comes. */
export function failedToFetch() {
  return new TypeError('Failed to fetch');
}
