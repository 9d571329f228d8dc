// The chart: for some workloads a bar for each engine, on a logarithmic scale, as SVG.

const SHOWN = [
  ['bulk.savedMs@100000', 'Insert 100,000 records, saved'],
  ['write.savedMs@10000', 'One write, saved'],
  ['patches.savedMs@10000', '1,000 concurrent patches, saved'],
  ['list.afterWriteMs@100000', 'List of 50 out of 100,000, after a write'],
  ['get.warmUs@10000', 'One record by its id'],
  ['reopen.ms@100000', 'Open 100,000 records, to the first list'],
];
const ENGINES = ['holm', 'indexeddb', 'dexie', 'rxdb', 'pouchdb', 'tinybase', 'lokijs', 'sqlite', 'pglite'];
const [PANEL, BAR, GAP, NAME, NUMBER, MARGIN] = [430, 14, 4, 80, 70, 16]; // widths and heights
const [OWN, OTHER, TEXT, PAPER] = ['#0b7a75', '#b9c4c9', '#1d2a30', '#ffffff'];
const COLUMNS = 2;

/** @param {Record<string, { title: string, figures: Record<string, number> }>} engines */
export function chart(engines) {
  const height = 30 + ENGINES.length * (BAR + GAP) + MARGIN;
  const panels = SHOWN.map(([figure, title], at) => {
    const [x, y] = [MARGIN + (at % COLUMNS) * (PANEL + MARGIN), MARGIN + Math.floor(at / COLUMNS) * height];
    return `<g transform="translate(${x} ${y})">${panel(engines, figure, title)}</g>`;
  });
  const [wide, high] = [COLUMNS * (PANEL + MARGIN) + MARGIN, Math.ceil(SHOWN.length / COLUMNS) * height + MARGIN];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" font-family="system-ui, sans-serif" font-size="11" role="img" `
    + `aria-label="Times of Holm and eight other browser databases"><rect width="100%" height="100%" fill="${PAPER}"/>${panels.join('')}</svg>\n`;
}

function panel(engines, figure, title) {
  const microseconds = figure.includes('Us@');
  const bars = ENGINES.map(name => ({ name, title: engines[name]?.title ?? name, value: engines[name]?.figures[figure] })).filter(({ value }) => Number.isFinite(value));
  bars.sort((a, b) => a.value - b.value);
  const [least, most] = [Math.min(...bars.map(({ value }) => value)) / 2, Math.max(...bars.map(({ value }) => value))];
  const room = PANEL - NAME - NUMBER;
  const width = value => Math.max(2, Math.log(value / least) / Math.log(most / least) * room).toFixed(1);
  const drawn = bars.map(({ name, title: engine, value }, at) => {
    const y = 26 + at * (BAR + GAP);
    const weight = name === 'holm' ? ' font-weight="bold"' : '';
    return `<text x="${NAME - 6}" y="${y + 11}" text-anchor="end" fill="${TEXT}"${weight}>${engine}</text>`
      + `<rect x="${NAME}" y="${y}" width="${width(value)}" height="${BAR}" rx="2" fill="${name === 'holm' ? OWN : OTHER}"/>`
      + `<text x="${NAME + Number(width(value)) + 5}" y="${y + 11}" fill="${TEXT}"${weight}>${time(value / (microseconds ? 1_000 : 1))}</text>`;
  });
  return `<text x="${NAME}" y="14" font-size="13" font-weight="bold" fill="${TEXT}">${title}</text>${drawn.join('')}`;
}

function time(ms) {
  if (ms >= 1_000) return `${(ms / 1_000).toPrecision(3)} s`;
  return ms >= 1 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms * 1_000).toPrecision(3))} µs`;
}
