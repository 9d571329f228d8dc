// Everything readable of a database as a file: for one that `open` calls damaged, or for whoever wants all of it.

import { HolmError, holmError } from './errors.js';
import { load } from './load.js';
import * as engine from './salvage_engine.js';
import './together.js';

const WASM = new URL('./salvage_engine_bg.wasm', import.meta.url);
const TYPE = 'application/x-ndjson';

/** @param {string} name */
export async function salvage(name) {
  if (typeof name !== 'string' || name === '') {
    throw new HolmError('invalid-argument', 'name is that of a database, a string that is not empty.', { field: 'name' });
  }
  /** @type {Blob[]} The browser keeps what they hold, and need not in memory. */
  const parts = [];
  try {
    await load(engine, WASM);
    const { counts, lost } = JSON.parse(await engine.salvage_database(name, lines => { parts.push(new Blob([lines])); }));
    return { counts, lost, file: new Blob(parts, { type: TYPE }) };
  } catch (error) {
    throw holmError(error);
  }
}
