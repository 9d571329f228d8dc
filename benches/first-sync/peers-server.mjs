// The server of the peers: the same rows as the Holm server's, in plain pages of 1,000, cut and compressed before the first
// request so that it costs them nothing, and the files of their pages.

import { gzipSync } from 'node:zlib';

import { serveFiles } from '../files-server.mjs';

const PAGE = 1_000;

/** Serves `rows` and the files of `site`; gives the address and a function that ends it. */
export function servePeers(rows, site) {
  const pages = [];
  for (let n = 0; n * PAGE < rows.length; n++) {
    const next = (n + 1) * PAGE < rows.length ? n + 1 : null;
    pages.push(gzipSync(JSON.stringify({ rows: rows.slice(n * PAGE, (n + 1) * PAGE), next })));
  }
  return serveFiles(site, (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://peers');
    if (pathname !== '/rows') return false;
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip', 'cache-control': 'no-store' });
    response.end(pages[Number(searchParams.get('page'))]);
    return true;
  });
}
