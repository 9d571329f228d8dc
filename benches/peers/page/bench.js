// What every engine's page has: the driver runs one workload after another in it, or opens it again to see how soon it answers.

import './start.js';
import { Truth, randomNumbers, records, rareWord } from './data.js';
import { WORKLOADS } from './workloads.js';

const FIRST_RESULT = 50;

/**
 * An engine. What it cannot do at all it leaves out, with the workload.
 * @typedef {object} Engine
 * @property {() => Promise<void>} open
 * @property {(records: Task[]) => Promise<void>} insertAll
 * @property {(record: Task) => Promise<void>} put writes it whole, over the one that is there
 * @property {(id: string, fields: Partial<Task>) => Promise<void>} patch
 * @property {(pairs: [string, Partial<Task>][]) => Promise<void>} [patchAll] many changes asked for at once, when `patch` for each is not how
 * @property {() => Promise<void>} [saved] resolves when what was acknowledged is saved; left out where that is the same
 * @property {(id: string) => Promise<Task>} get
 * @property {(ids: string[]) => Promise<Task[]>} getMany
 * @property {(limit: number) => Promise<Task[]>} newest not done, newest first
 * @property {(projectId: string) => Promise<Task[]>} inProject of the project, not done
 * @property {(word: string) => Promise<Task[]>} withWord the word is somewhere in the notes
 * @property {() => Promise<number>} countOpen not done
 * @property {(a: string, b: string) => Promise<void>} exchange reads two records and exchanges their titles
 * @property {(limit: number, onRows: (rows: Task[]) => void) => Promise<() => void>} watch the list of `newest`
 * @property {() => Promise<void>} [close] where closing the page does not free the database at once
 * @property {() => Promise<number>} [wasmBytes] of a worker; what the page has is seen without it
 */
/** @typedef {import('./data.js').Task} Task */

/** Gives the driver an engine as `globalThis.bench`. */
export function bench(/** @type {Engine} */ engine) {
  engine.patchAll ??= pairs => Promise.all(pairs.map(([id, fields]) => engine.patch(id, fields)));
  let truth;
  const random = randomNumbers(2);
  globalThis.bench = {
    /** Fills in the records; `size` of them. */
    prepare(size) { truth = new Truth(records(size)); },
    run: name => WORKLOADS[name]({ engine, truth, random }),
    /** Saves everything; the ids that a page opened again has to show first. */
    async newest() {
      await engine.saved?.();
      return truth.newest(FIRST_RESULT).map(({ id }) => id);
    },
    async reopen() {
      await engine.open();
      const rows = await engine.newest(FIRST_RESULT);
      const ms = performance.now() - globalThis.scriptStart;
      return { ms, ids: rows.map(({ id, _id = id }) => _id) };
    },
    close: async () => engine.close?.(),
    /** Reads everything once. */
    async scan() { await engine.withWord(rareWord(0)); },
    wasmBytes: async () => globalThis.wasmMemories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0) + (await engine.wasmBytes?.() ?? 0),
  };
  if (new URLSearchParams(location.search).has('reopen')) globalThis.reopened = globalThis.bench.reopen();
}
