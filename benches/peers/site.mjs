// The pages: each engine in one minified file with what it needs beside it, and the built Holm package as it is.

import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

import { ENGINES } from './engines.mjs';

const HOLM = /^holm/;

/**
 * Builds the pages of some engines into a folder.
 * @param {{ here: string, site: string, pkg: string, engines: string[] }} options
 */
export async function buildSite({ here, site, pkg, engines }) {
  await rm(site, { recursive: true, force: true });
  await mkdir(site, { recursive: true });
  await cp(pkg, join(site, 'pkg'), { recursive: true });
  const scripts = engines.flatMap(engine => [engine, ENGINES[engine].worker].filter(Boolean));
  await build({
    entryPoints: scripts.map(script => join(here, 'engines', `${script}.js`)), outdir: site, bundle: true, minify: true, format: 'esm', target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' }, external: ['/pkg/*', 'node:*'], logLevel: 'error',
  });
  for (const engine of engines) {
    await writeFile(join(site, `${engine}.html`), html(`/${engine}.js`));
    for (const file of filesOf(here, engine)) await cp(file, join(site, basename(file)));
  }
}

function html(script) {
  return `<!doctype html><meta charset="utf-8"><title>A database at work</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;
}

function filesOf(here, engine) {
  const { npm, files = [] } = ENGINES[engine];
  return files.map(file => join(here, 'node_modules', npm, file));
}

/** Which release an engine is; of Holm, which build. */
export async function versionOf(here, pkg, engine) {
  if (HOLM.test(engine)) {
    const hash = createHash('sha256');
    for (const file of await downloads(pkg)) hash.update(await readFile(file));
    return `${JSON.parse(await readFile(join(pkg, 'package.json'), 'utf8')).version}, build ${hash.digest('hex').slice(0, 8)}`;
  }
  const { npm } = ENGINES[engine];
  return npm ? JSON.parse(await readFile(join(here, 'node_modules', npm, 'package.json'), 'utf8')).version : '–';
}

/** What an app downloads for an engine, with gzip: its page without what every page has, and the files beside it. */
export async function downloadBytes({ here, site, pkg, engine }) {
  const gzip = async file => gzipSync(await readFile(file), { level: 9 }).length;
  const sum = async files => (await Promise.all(files.map(gzip))).reduce((all, bytes) => all + bytes, 0);
  const { worker } = ENGINES[engine];
  const own = await sum([`${engine}.js`, ...worker ? [`${worker}.js`] : []].map(file => join(site, file))) - await sum([join(site, 'map.js')]);
  return Math.max(0, own) + await sum(HOLM.test(engine) ? await downloads(pkg) : filesOf(here, engine));
}

/** What of the package a page loads. */
async function downloads(pkg) {
  const page = await readFile(join(pkg, 'index.js'), 'utf8');
  const shared = [...page.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)].map(([, name]) => name);
  return ['engine_bg.wasm', 'index.js', ...new Set(shared)].map(name => join(pkg, name));
}
