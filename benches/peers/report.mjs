// From all rounds to medians, targets met or missed, and a table to read.

import { median } from '../median.js';
import { verdict } from '../verdict.js';
import { README_ENGINES, README_ROWS, ROWS } from './rows.mjs';

const NOT_RUN = '–';

/** The medians of every figure of an engine. */
export function medians(figures) {
  return Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, median(values.filter(Number.isFinite))]));
}

/**
 * Each target with what was measured.
 * @param {object[]} targets of targets.json
 * @param {Record<string, Record<string, number>>} engines medians
 * @param {Record<string, Record<string, number>>} firstSync medians of the other benchmark
 */
export function judge(targets, engines, firstSync) {
  return targets.map(target => {
    const { engine = 'holm', figure, from, of, against = figure, times, atMost } = target;
    const measured = from ? firstSync : engines;
    const limit = of ? measured[of]?.[against] : atMost;
    const value = measured[engine]?.[figure];
    if (!Number.isFinite(value) || !Number.isFinite(limit)) return { ...target, verdict: 'not run' };
    const ratio = value / limit;
    return { ...target, value, limit, ratio, verdict: of && times === undefined ? 'told' : verdict(of ? times : 1, ratio) };
  });
}

/** One line for each target. */
export function targetLines(judged, titles) {
  return judged.map(({ work, of, against, figure, times, atMost, ratio, value, verdict, why }) => {
    const whose = of && `${titles[of]}${against && against !== figure ? ` (${against})` : ''}`;
    const wanted = of ? (times === undefined ? `against ${whose}` : `at most ${times} × ${whose}`) : `at most ${amount(atMost)}`;
    const measured = ratio === undefined ? '' : `: ${of ? `${ratio.toPrecision(2)} ×` : amount(value)}`;
    return `${verdict === 'missed' ? '**missed**' : verdict}: ${work}, ${wanted}${measured} (${why})`;
  });
}

const amount = value => (value > 10_000 ? `${(value / 1e6).toFixed(1)} MB` : value.toFixed(2));

/** The table and the targets as Markdown. */
export function markdown({ at, chromium, cores, load, rounds, engines, judged }) {
  const names = Object.keys(engines);
  const titles = Object.fromEntries(names.map(name => [name, engines[name].title]));
  return [
    '# Databases side by side, measured',
    '',
    `${at.slice(0, 10)}, Chromium ${chromium}, headless, profile on disk, one page for each engine, ${cores} cores, load ${load.before} before and ${load.after} after; `
      + `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, engines in turn, medians. Records of 300 bytes (uuid, title, done, one of 100 projects, time, notes, 3 tags), indexes as each `
      + 'recommends. Every result was compared with brute force. Ratios carry over to other machines, times do not; differences under 30 % are ties.',
    '',
    ...table(names.map(name => engines[name]), ROWS, [['version', ({ version }) => version]]),
    '',
    '## Targets',
    '',
    ...targetLines(judged, titles).map(line => `- ${line}`),
    '',
    '## What “saved” means',
    '',
    ...names.map(name => `- ${titles[name]}: ${engines[name].saved}.`),
    '',
  ].join('\n');
}

/** The section of the README: some rows, the chart, where and when. */
export function readmeSection({ at, chromium, cores, rounds, engines }) {
  const shown = README_ENGINES.map(name => engines[name]);
  const versions = shown.filter(({ version }) => /^\d/.test(version)).map(({ title, version }) => `${title} ${version}`);
  return [
    '![Times of Holm and eight other browser databases](benches/peers/chart.svg)',
    '',
    ...table(shown, README_ROWS, []),
    '',
    `Measured on ${at.slice(0, 10)} in Chromium ${chromium}, headless, with a profile on disk, on ${cores} cores; ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, medians, every result`,
    'checked; the bars are logarithmic. Ratios carry over to other machines, times do not.',
    `${versions.join(', ')}.`,
    '[All rows, the targets met and missed, and what each engine means by “saved”](benches/peers/RESULT.md).',
  ].join('\n');
}

/** Rows of figures, a column for each engine. */
function table(engines, rows, before) {
  const row = (what, cell) => `| ${what} | ${engines.map(cell).join(' | ')} |`;
  return [
    row('', ({ title }) => title),
    `|---|${engines.map(() => '---').join('|')}|`,
    ...before.map(([what, cell]) => row(what, cell)),
    ...rows.map(([key, what, show]) => row(what, ({ figures }) => (Number.isFinite(figures[key]) ? show(figures[key]) : NOT_RUN))),
    row('download, gzip (KB)', ({ downloadBytes }) => (downloadBytes / 1e3).toFixed(0)),
  ];
}
