// Writes shell.js into an assembled site: the files its service worker keeps for a start without network, and their version.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEPT = /\.(html|css|js|svg|png|wasm|webmanifest)$/;
const LEFT_OUT = ['sw.js', 'shell.js', 'pkg/service-worker.js'];
const UNUSED = 'pkg/full/';

const site = process.argv[2];
const files = readdirSync(site, { recursive: true }).map(file => file.replaceAll('\\', '/'))
  .filter(file => KEPT.test(file) && !LEFT_OUT.includes(file) && !file.startsWith(UNUSED)).sort();
const hash = createHash('sha256');
for (const file of files) hash.update(file).update(readFileSync(join(site, file)));

const addresses = ['/', ...files.filter(file => file !== 'index.html').map(file => `/${file}`)];
const version = hash.digest('hex').slice(0, 16);
writeFileSync(join(site, 'shell.js'), `export const VERSION = ${JSON.stringify(version)};\nexport const SHELL = ${JSON.stringify(addresses, null, 2)};\n`);
