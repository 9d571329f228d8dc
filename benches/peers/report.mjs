// From all rounds to medians, targets met or missed, and a table to read.

import { median } from '../median.js';
import { ROWS } from './rows.mjs';

const TIE = 1.3; // nearer than this the machine's noise decides
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
    return { ...target, value, limit, ratio, verdict: verdict(of ? times : 1, ratio) };
  });
}

function verdict(wanted, ratio) {
  if (wanted === undefined) return 'told';
  if (ratio <= wanted) return 'met';
  return ratio <= wanted * TIE ? 'tie' : 'missed';
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
  const row = (what, cell) => `| ${what} | ${names.map(name => cell(engines[name])).join(' | ')} |`;
  const figure = ([key, what, show]) => row(what, ({ figures }) => (Number.isFinite(figures[key]) ? show(figures[key]) : NOT_RUN));
  const titles = Object.fromEntries(names.map(name => [name, engines[name].title]));
  return [
    '# Databases side by side, measured',
    '',
    `${at.slice(0, 10)}, Chromium ${chromium}, headless, profile on disk, one page for each engine, ${cores} cores, load ${load.before} before and ${load.after} after; `
      + `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, engines in turn, medians. Records of 300 bytes (uuid, title, done, one of 100 projects, time, notes, 3 tags), indexes as each `
      + 'recommends. Every result was compared with brute force. Ratios carry over to other machines, times do not; differences under 30 % are ties.',
    '',
    `| | ${names.map(name => titles[name]).join(' | ')} |`,
    `|---|${names.map(() => '---').join('|')}|`,
    row('version', ({ version }) => version),
    ...ROWS.map(figure),
    row('download, gzip (KB)', ({ downloadBytes }) => (downloadBytes / 1e3).toFixed(0)),
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
