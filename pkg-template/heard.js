/**
 * Who hears of each database that this page opened, and again of one that is to be closed: with how many writes the server lacks.
 * Closing waits for them: the page may go right after it.
 * @type {Set<(flat: import('./engine.d.ts').EngineOptions, pending: number) => Promise<void>>}
 */
export const heard = new Set();
