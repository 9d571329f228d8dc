// Holm: offline-first records for web apps. Importing this does nothing; `open` loads the engine.

import * as engine from './engine.js';
import { openDatabase } from './database.js';
import './together.js';

export { HolmError } from './errors.js';
export { defineSchema, t } from './schema.js';

/**
 * Opens a database, creating it the first time. Opening a name again shares the same engine.
 * @param {any} options
 * @returns {Promise<any>}
 */
export function open(options) {
  return openDatabase(engine, options);
}
