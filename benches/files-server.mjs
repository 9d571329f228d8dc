// A server for the pages of a benchmark: the files of a folder, and what else is given.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

const TYPES = { html: 'text/html', js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm' };

// An isolated page has a clock of 5 µs instead of 100, and what was compiled once may be kept.
const HEADERS = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp', 'cache-control': 'max-age=600' };

/**
 * Serves a folder; gives the address and a function that ends it.
 * @param {string} site
 * @param {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => boolean} [answer] whether it answered itself
 */
export async function serveFiles(site, answer = () => false) {
  const server = createServer(async (request, response) => {
    if (answer(request, response)) return;
    const { pathname } = new URL(request.url, 'http://files');
    const body = await readFile(join(site, pathname)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { ...HEADERS, 'content-type': TYPES[pathname.split('.').at(-1)] ?? 'application/octet-stream' });
    response.end(body);
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
