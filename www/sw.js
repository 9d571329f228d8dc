// Keeps the whole app for a start without a network, and lets Holm sync when no page is open.

import './pkg/service-worker.js';
import { SHELL, VERSION } from './shell.js';

const CACHE_PREFIX = 'tasks-';
const CACHE = CACHE_PREFIX + VERSION;

self.addEventListener('install', event => event.waitUntil(keepShell()));
self.addEventListener('activate', event => event.waitUntil(dropOldShells().then(() => self.clients.claim())));
self.addEventListener('message', event => { if (event.data === 'use-new-version') self.skipWaiting(); });
self.addEventListener('fetch', event => {
  const { request } = event;
  const address = new URL(request.url);
  const ours = request.method === 'GET' && address.origin === location.origin;
  if (ours && (request.mode === 'navigate' || SHELL.includes(address.pathname))) event.respondWith(fromShell(request));
});

async function keepShell() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map(address => new Request(address, { cache: 'no-cache' })));
}

async function fromShell(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const start = request.mode === 'navigate' && await cache.match('/');
  return start || fetch(request);
}

async function dropOldShells() {
  for (const name of await caches.keys()) {
    if (name.startsWith(CACHE_PREFIX) && name !== CACHE) await caches.delete(name);
  }
}
