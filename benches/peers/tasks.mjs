// How long the tasks of a page's thread are while something runs, short ones too: the browser's own trace tells.

const CATEGORIES = ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'].join();
const SOME_MS = 0.5; // what takes less is no slice of anything

/**
 * Runs, and gives the 99th percentile and the longest of the tasks that the page's thread had meanwhile.
 * @param {() => Promise<void>} run
 */
export async function tasksDuring(context, page, run) {
  const devtools = await context.newCDPSession(page);
  const events = [];
  devtools.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await devtools.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: CATEGORIES.split(',') } });
  await run();
  const complete = new Promise(resolve => devtools.once('Tracing.tracingComplete', resolve));
  await devtools.send('Tracing.end');
  await complete;
  await devtools.detach();
  return figures(events);
}

function figures(events) {
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  const pages = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(thread));
  const tasks = events.filter(event => event.name === 'RunTask' && pages.has(thread(event))).map(({ dur = 0 }) => dur / 1_000)
    .filter(ms => ms >= SOME_MS).sort((a, b) => a - b);
  if (tasks.length === 0) return { tasks: 0, p99Ms: 0, longestMs: 0 };
  return { tasks: tasks.length, p99Ms: tasks[Math.ceil(tasks.length * 0.99) - 1], longestMs: tasks.at(-1) };
}
