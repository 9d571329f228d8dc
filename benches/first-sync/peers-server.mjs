// The server of the peers: the same rows as the Holm server's, in plain pages of 1,000, cut and compressed before the first
// request so that it costs them nothing, and the files of their pages.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const PAGE = 1_000;
const TYPES = { html: 'text/html', js: 'text/javascript' };

/** Serves `rows` and the files of `site`; gives the address and a function that ends it. */
export async function servePeers(rows, site) {
  const pages = [];
  for (let n = 0; n * PAGE < rows.length; n++) {
    const next = (n + 1) * PAGE < rows.length ? n + 1 : null;
    pages.push(gzipSync(JSON.stringify({ rows: rows.slice(n * PAGE, (n + 1) * PAGE), next })));
  }
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://peers');
    if (pathname === '/rows') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip', 'cache-control': 'no-store' });
      return response.end(pages[Number(searchParams.get('page'))]);
    }
    const body = await readFile(join(site, pathname)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { 'content-type': TYPES[pathname.split('.').at(-1)] ?? 'text/plain' });
    response.end(body);
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
