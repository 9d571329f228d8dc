// Fails when the built engine lacks what the package's JavaScript calls: pkg-template/engine.d.ts lists it, and each name
// is tried on an engine in memory; those of FullCalls where `FullCalls` is given too. With no arguments a call may fail in any way but by not being known.

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [types, built, wasm, isFull] = process.argv.slice(2);
const text = readFileSync(types, 'utf8');
const functions = [...text.matchAll(/^export function (\w+)\(/gm)].map(match => match[1]);

const module = await import(pathToFileURL(built));
const missing = functions.filter(name => typeof module[name] !== 'function');
if (missing.length === 0) missing.push(...await unknown());
if (missing.length > 0) {
  console.error(`The engine lacks what the package calls: ${missing.join(', ')}`);
  process.exit(1);
}
process.exit();

async function unknown() {
  await module.default({ module_or_path: readFileSync(wasm) });
  const schema = '{"version":1,"collections":{}}';
  const engine = await module.open_engine(JSON.stringify({ name: 'seam', schema, storage: 'memory' }), undefined, () => {});
  const isUnknown = error => error.message.startsWith('the engine knows no');
  const found = [];
  for (const name of members('Instants')) {
    try {
      engine.now(name);
    } catch (error) {
      if (isUnknown(error)) found.push(name);
    }
  }
  // What waits for a server never settles here.
  for (const name of [...members('Calls'), ...members('Reads'), ...(isFull ? members('FullCalls') : [])]) {
    await Promise.race([(async () => engine.call(name))(), new Promise(resolve => { setTimeout(resolve, 100); })])
      .catch(error => { if (isUnknown(error)) found.push(name); });
  }
  return found;
}

/** The names that an interface of engine.d.ts lists. */
function members(name) {
  const [, body] = text.match(new RegExp(`^export interface ${name} {\\n(.*?)^}`, 'ms'));
  return [...body.matchAll(/^ {2}(\w+)\(/gm)].map(match => match[1]);
}
