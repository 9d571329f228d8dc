// The catalog: which databases this origin has, and how much of each the server lacked. Importing this has every database
// noted that this page opens: when it was opened, and when it is closed. It decides nothing, so what fails here stops nobody.

import * as engine from './catalog_engine.js';
import { holmError } from './errors.js';
import { heard } from './heard.js';
import { load } from './load.js';
import './together.js';

const WASM = new URL('./catalog_engine_bg.wasm', import.meta.url);

heard.add((flat, pending) => note(flat, pending).catch(() => {}));

/**
 * @param {import('./engine.d.ts').EngineOptions} flat
 * @param {number} pending
 */
async function note({ name, schema, storage }, pending) {
  if (storage !== 'indexeddb') return;
  await load(engine, WASM);
  await engine.note_database({ name, schema: JSON.parse(schema).version, openedAt: Date.now(), pending });
}

export async function databases() {
  try {
    await load(engine, WASM);
    return await engine.list_databases();
  } catch (error) {
    throw holmError(error);
  }
}
