// What every engine's page does alike: the clock, the long tasks, when the first 1,000 rows can be queried, when all can.

const FIRST_ROWS = 1_000;
const LOOK_EVERY_MS = 25;

/**
 * One engine at its first sync.
 * @typedef {object} Engine
 * @property {() => Promise<void>} open
 * @property {() => Promise<void>} sync resolves when every row is saved
 * @property {() => Promise<number>} count how many rows a query finds
 * @property {(country: string) => Promise<number>} countOf how many rows of a country an index finds
 * @property {() => Promise<object[]>} rows every row, to check them
 */

/** Measures an engine; the driver calls `globalThis.bench.run` and then `globalThis.bench.rows`. */
export function measure(/** @type {Engine} */ engine) {
  globalThis.bench = { run: country => run(engine, country), rows: async () => JSON.stringify(await engine.rows()) };
}

async function run(engine, country) {
  const tasks = [];
  const observer = new PerformanceObserver(list => tasks.push(...list.getEntries()));
  observer.observe({ type: 'longtask' });
  const start = performance.now();
  const since = () => performance.now() - start;
  await engine.open();
  const openMs = since();
  const done = engine.sync();
  let over = false;
  const firstRows = (async () => {
    while (!over && await engine.count() < FIRST_ROWS) await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS));
    return since();
  })();
  await done;
  const savedMs = since();
  over = true;
  const [count, ofCountry] = [await engine.count(), await engine.countOf(country)];
  const totalMs = since();
  await new Promise(resolve => setTimeout(resolve, 200)); // the last tasks are told late
  tasks.push(...observer.takeRecords());
  const durations = tasks.map(task => task.duration);
  const { usage } = await navigator.storage.estimate();
  return {
    openMs, savedMs, totalMs, firstRowsMs: await firstRows, count, ofCountry, diskBytes: usage,
    longestTaskMs: Math.max(0, ...durations), longTasksMs: durations.reduce((sum, ms) => sum + ms, 0),
  };
}

/** One page of plain rows from the server of the peers. */
export async function page(from) {
  const response = await fetch(`/rows?page=${from}`);
  return response.json();
}
