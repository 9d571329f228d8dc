// Databases side by side. Started by run.sh, which builds what this needs; what was measured before is not measured again.
//   --only holm,dexie      these engines
//   --sizes 0,1000,10000   these numbers of records
//   --workloads list,get   these workloads
//   --rounds 3             how often each is measured
//   --pkg DIR              another build of Holm
//   --fresh                forgets what was measured of these engines
//   --profile              also writes CPU profiles of the page, and prints where the time goes
//   --readme               puts the table into the README
// Only a run of everything writes its report beside this file; any other leaves it in dist/.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { serveFiles } from '../files-server.mjs';
import { chromiumVersion, cores, load } from '../machine.mjs';
import { chart } from './chart.mjs';
import { ENGINES } from './engines.mjs';
import { judge, markdown, medians, readmeSection, targetLines } from './report.mjs';
import { Runs } from './runs.mjs';
import { runSession } from './session.mjs';
import { buildSite, downloadBytes, versionOf } from './site.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const WORK = join(HERE, 'dist');
const SITE = join(WORK, 'site');
const ENTRY_BYTES = 1_000; // a log entry of Holm, when none was measured

const { values: given } = parseArgs({ options: {
  only: { type: 'string' }, sizes: { type: 'string' }, workloads: { type: 'string' }, rounds: { type: 'string', default: '3' },
  pkg: { type: 'string', default: join(HERE, '../../pkg') }, fresh: { type: 'boolean' }, profile: { type: 'boolean' }, readme: { type: 'boolean' },
} });
const out = given.only || given.sizes || given.workloads || given.profile ? WORK : HERE;
const rounds = Number(given.rounds);
const chosen = given.only?.split(',') ?? Object.keys(ENGINES);
const unknown = chosen.filter(engine => !(engine in ENGINES));
if (unknown.length) throw new Error(`There is no engine ${unknown}; there are ${Object.keys(ENGINES)}.`);

await mkdir(WORK, { recursive: true });
await buildSite({ here: HERE, site: SITE, pkg: given.pkg, engines: Object.keys(ENGINES) });
const runs = await Runs.open(join(WORK, 'runs.json'));
const versions = Object.fromEntries(await Promise.all(Object.keys(ENGINES).map(async engine => [engine, await versionOf(HERE, given.pkg, engine)])));
for (const engine of Object.keys(ENGINES)) runs.keepOnly(engine, given.fresh && chosen.includes(engine) ? undefined : versions[engine]);

const before = load();
const server = await serveFiles(SITE);
try {
  for (let round = 1; round <= rounds; round++) {
    for (const engine of turn(chosen, round)) {
      for (const size of Object.keys(ENGINES[engine].workloads).map(Number)) await measure(round, engine, size);
    }
  }
} finally {
  server.close();
}
await report();

/** Beginning with another engine in each round. */
function turn(list, round) {
  const first = (round - 1) % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

async function measure(round, engine, size) {
  if (given.sizes && !given.sizes.split(',').map(Number).includes(size)) return;
  const workloads = ENGINES[engine].workloads[size]
    .filter(name => (!given.workloads || given.workloads.split(',').includes(name)) && !runs.has(round, engine, size, name));
  if (!workloads.length) return;
  const entryBytes = runs.figuresOf('holm-outbox')['write.bytes@10000']?.[0] ?? ENTRY_BYTES;
  await runSession({
    url: `${server.url}/${engine}.html?bytes=${entryBytes}`, size, workloads,
    profile: given.profile ? name => join(WORK, `${engine}-${size}-${name}.cpuprofile`) : undefined,
    async done(workload, figures) {
      await runs.add({ round, engine, size, workload, version: versions[engine], load: load(), at: new Date().toISOString(), figures });
      const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toPrecision(4)}`).join(', ');
      console.error(`round ${round}, ${engine}, ${size}, ${workload}: ${shown}`);
    },
  });
}

async function report() {
  const engines = {};
  for (const [engine, { title, saved }] of Object.entries(ENGINES)) {
    const all = runs.figuresOf(engine);
    const downloaded = await downloadBytes({ here: HERE, site: SITE, pkg: given.pkg, engine });
    engines[engine] = { title, version: versions[engine], saved, downloadBytes: downloaded, figures: medians(all), all };
  }
  const figures = Object.fromEntries(Object.entries(engines).map(([engine, { figures }]) => [engine, figures]));
  const { medians: firstSync } = await readJson('../first-sync/result.json');
  const judged = judge(await readJson('targets.json'), figures, firstSync);
  const result = { at: new Date().toISOString(), chromium: chromiumVersion(), cores: cores(), load: { before, after: load() }, rounds, engines, judged };
  await writeFile(join(out, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
  await writeFile(join(out, 'RESULT.md'), markdown(result));
  await writeFile(join(out, 'chart.svg'), chart(engines));
  if (given.readme) await writeReadme(readmeSection(result));
  console.log(targetLines(judged, Object.fromEntries(Object.entries(ENGINES).map(([engine, { title }]) => [engine, title]))).join('\n'));
}

/** Between its two marks. */
async function writeReadme(section) {
  const file = join(HERE, '../../README.md');
  const text = await readFile(file, 'utf8');
  const marked = /(<!-- bench:peers -->\n)[^]*?(\n<!-- end of bench:peers -->)/;
  if (!marked.test(text)) throw new Error('README.md has no place for the table.');
  await writeFile(file, text.replace(marked, (_, begin, end) => begin + section + end));
}

async function readJson(file) {
  return JSON.parse(await readFile(join(HERE, file), 'utf8'));
}
