// Medians, ratios and targets: as data, and as a table to read.

import { median } from '../median.js';
import { verdict } from '../verdict.js';

const COLUMNS = ['holm', 'rxdb', 'dexie'];
const NAMES = { holm: 'Holm', rxdb: 'RxDB (HTTP replication, Dexie storage)', dexie: 'fetch + Dexie bulkPut' };
const ROWS = [
  ['totalMs', 'all rows saved, a country query right (s)', ms => (ms / 1000).toFixed(1)],
  ['firstRowsMs', 'first 1,000 rows queryable (s)', ms => (ms / 1000).toFixed(2)],
  ['receivedBytes', 'received, compressed (MB)', bytes => (bytes / 1e6).toFixed(1)],
  ['longestTaskMs', 'longest task on the page’s thread (ms)', ms => (ms < 50 ? 'none over 50' : ms.toFixed(0))],
  ['longTasksMs', 'tasks over 50 ms, together (s)', ms => (ms / 1000).toFixed(1)],
  ['memoryBytes', 'memory of the page’s process at its highest, beyond an empty page (MB)', bytes => (bytes / 1e6).toFixed(0)],
  ['diskBytes', 'on disk (MB)', bytes => (bytes / 1e6).toFixed(0)],
];

/** The medians of each engine's runs. */
export function medians(runs) {
  const figures = names => Object.fromEntries(ROWS.map(([key]) => [key, median(names.map(run => run[key]))]));
  return Object.fromEntries(Object.entries(runs).map(([engine, all]) => [engine, figures(all)]));
}

/** Each target with what was measured, met or missed. */
export function targets({ holm, rxdb, dexie }) {
  const ratio = holm.totalMs / rxdb.totalMs;
  const first = holm.firstRowsMs / dexie.firstRowsMs;
  const isSmooth = holm.longestTaskMs < 50;
  return [
    { target: 'all rows in at most 0.1 × the time of RxDB', measured: `${ratio.toFixed(2)} ×`, verdict: verdict(0.1, ratio) },
    { target: 'the first 1,000 rows queryable as soon as with Dexie', measured: `${first.toFixed(2)} ×`, verdict: verdict(1, first) },
    { target: 'the longest task is under 50 ms', measured: isSmooth ? 'none over 50 ms' : `${holm.longestTaskMs.toFixed(0)} ms`, verdict: isSmooth ? 'met' : 'missed' },
  ];
}

export function markdown({ rows, rounds, chromium, versions, load, medians, targets }) {
  const cell = (key, show) => COLUMNS.map(engine => show(medians[engine][key])).join(' | ');
  return [
    '# First sync, measured',
    '',
    `${rows.toLocaleString('en')} rows from a server on the same machine, ${rounds} ${rounds === 1 ? 'run' : 'runs'} of each engine in turn, medians; Chromium ${chromium}, `
      + `profile on disk, ${versions.cpus} cores, load ${load.before} before and ${load.after} after. rxdb ${versions.rxdb}, dexie ${versions.dexie}. The same three indexes everywhere. `
      + 'Count, country query and a checksum of all rows were right in every run. Ratios carry over to other machines, times do not; differences under 30 % are ties.',
    '',
    `| | ${COLUMNS.map(engine => NAMES[engine]).join(' | ')} |`,
    '|---|---|---|---|',
    ...ROWS.map(([key, what, show]) => `| ${what} | ${cell(key, show)} |`),
    '',
    ...targets.map(({ target, measured, verdict }) => `- ${verdict === 'missed' ? '**missed**' : verdict}: ${target} (${measured})`),
    '',
  ].join('\n');
}
