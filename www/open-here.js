// How the demo's databases are opened.

import { open } from './pkg/index.js';

/** Opens a database; where the browser keeps nothing, in memory. */
export async function openHere(options) {
  try {
    return await open(options);
  } catch (error) {
    if (error.code !== 'storage-unavailable') throw error;
    return open({ ...options, storage: 'memory' });
  }
}
