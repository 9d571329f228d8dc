// Where a page's time goes while something runs in it.

import { writeFile } from 'node:fs/promises';

const SHOWN = 20;

/**
 * Runs with the CPU profiler on; writes the profile to a file and prints the functions that take most.
 * @template R
 * @param {() => Promise<R>} run
 * @param {string} file
 */
export async function profiled(context, page, run, file) {
  const devtools = await context.newCDPSession(page);
  await devtools.send('Profiler.enable');
  await devtools.send('Profiler.setSamplingInterval', { interval: 200 });
  await devtools.send('Profiler.start');
  const result = await run();
  const { profile } = await devtools.send('Profiler.stop');
  await writeFile(file, JSON.stringify(profile));
  console.error(`${file}\n${hottest(profile).join('\n')}`);
  return result;
}

/** The functions with the most time of their own. */
function hottest({ nodes, samples, timeDeltas }) {
  const named = new Map(nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [id, functionName || `${url.split('/').at(-1)}:${lineNumber + 1}`]));
  const own = new Map();
  samples.forEach((id, at) => {
    const name = named.get(id);
    own.set(name, (own.get(name) ?? 0) + timeDeltas[at] / 1_000);
  });
  return [...own].sort(([, a], [, b]) => b - a).slice(0, SHOWN).map(([name, ms]) => `${ms.toFixed(1).padStart(9)} ms  ${name}`);
}
