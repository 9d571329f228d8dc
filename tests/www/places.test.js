// All 135,233 places: imported once, fetched while the tasks go on, searched, noted on, and all there without a server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { checksum, folded, places } from '../../scripts/places.mjs';
import { Browser } from '../harness/browser.js';
import { addTask, onServer, openDemo } from '../harness/demo.js';
import { until } from '../harness/process.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const IMPORT = fileURLToPath(new URL('../../scripts/import-places.mjs', import.meta.url));
const ALL = places().map(({ id, data }) => ({ id, ...data }));
const grouped = number => number.toLocaleString('en');

const FILTERS = [
  { what: 'everything', type: '', country: '', people: 0 },
  { what: 'a country', type: '', country: 'FR', people: 0 },
  { what: 'a number of people', type: '', country: '', people: 1_000_000 },
  { what: 'the beginning of a name, accents or not', type: 'saint-e', country: '', people: 0 },
  { what: 'all three', type: 'Sã', country: 'BR', people: 10_000 },
  { what: 'what nothing matches', type: 'qqq', country: '', people: 0 },
];

async function runImport(url) {
  return (await promisify(execFile)(process.execPath, [IMPORT, url])).stdout;
}

/** Fills the form; waits until the page tells how many match. */
async function search(page, { type, country, people }) {
  await page.getByLabel('Name begins with').fill(type);
  await page.getByLabel('Country').selectOption(country);
  await page.getByLabel('People').selectOption(String(people));
}

function matching({ type, country, people }) {
  return ALL.filter(place => place.key.startsWith(folded(type)) && (!country || place.country === country) && place.population >= people);
}

async function checkSearch(page) {
  for (const filter of FILTERS) {
    await search(page, filter);
    const expected = matching(filter);
    const words = expected.length === 1 ? '1 place matches' : `${grouped(expected.length)} places match`;
    await until(`${filter.what}: ${words}`, 60_000, async () => (await page.locator('#found').textContent()).startsWith(words));
    const listed = await page.locator('#results li').evaluateAll(items => items.map(item => item.dataset.id));
    assert.equal(listed.length, Math.min(24, expected.length), filter.what);
    const ids = new Set(expected.map(({ id }) => id));
    assert(listed.every(id => ids.has(id)), filter.what);
  }
}

/** The pixels of the map in the colour of what matches. */
function matchingPixels(page) {
  return page.evaluate(() => {
    const canvas = document.getElementById('map');
    const accent = getComputedStyle(canvas).getPropertyValue('--accent').trim();
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const hex = at => `#${[...data.slice(at, at + 3)].map(byte => byte.toString(16).padStart(2, '0')).join('')}`;
    let count = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255 && hex(at) === accent) count++;
    return count;
  });
}

test('places', { timeout: 600_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  assert.equal(ALL.length, 135_233);
  assert.match(await runImport(server.url), /135234 records written now/);
  assert.match(await runImport(server.url), / 0 records written now/, 'a second import writes nothing');

  let browser = await Browser.start(t);
  let page = await openDemo(browser, proxy.url, 'places');

  await t.test('the first sync shows how far it is, and does not hold the tasks up', async () => {
    await page.getByText(/ of 135,233 places are here \(\d+ %\), .* left/).waitFor({ timeout: 60_000 });
    await page.getByRole('link', { name: 'Tasks' }).click();
    await addTask(page, 'written meanwhile');
    await until('the server has the task', 60_000, async () => (await onServer(server, 'tasks')).length === 1);
    assert.equal(await page.locator('html[data-dots]').count(), 0, 'the places are still coming');
    await page.getByRole('link', { name: 'Places' }).click();
    await until('a search finds what is here already', 60_000, async () => await page.locator('#results li').count() > 0);
  });

  await t.test('every place is here, and right', async () => {
    await page.locator(`html[data-dots="${ALL.length}"]`).waitFor({ state: 'attached', timeout: 300_000 });
    const here = JSON.parse(await page.evaluate(async () => { // as text: the driver takes a minute for so many objects
      const { openPlaces } = await import('/places.js');
      return JSON.stringify(await (await openPlaces()).places.all());
    }));
    assert.equal(here.length, ALL.length);
    assert.equal(checksum(here), checksum(ALL));
  });

  await t.test('filters find what a filter over the package finds', () => checkSearch(page));

  await t.test('the map has dots for what matches', async () => {
    await search(page, FILTERS[0]);
    await until('the whole world is drawn', 20_000, async () => await matchingPixels(page) > 5_000);
    const world = await matchingPixels(page);
    await search(page, FILTERS[1]);
    await until('only France is drawn', 20_000, async () => { const dots = await matchingPixels(page); return dots > 50 && dots < world / 10; });
  });

  await t.test('without a server, after a new start, all of it works, and a note is kept and sent later', async () => {
    await browser.context.setOffline(true);
    await proxy.down();
    await browser.kill();
    browser = await Browser.start(t, browser.profile);
    await browser.context.setOffline(true);
    page = await browser.open(`${proxy.url}/#/places`);
    await page.locator(`html[data-dots="${ALL.length}"]`).waitFor({ state: 'attached', timeout: 120_000 });
    await checkSearch(page);

    await search(page, { type: 'alesund', country: 'NO', people: 10_000 });
    await page.getByRole('button', { name: /^Ålesund/ }).click();
    await page.getByLabel('New note').fill('Burnt down in 1904, rebuilt in three years.');
    await page.getByRole('button', { name: 'Add note' }).click();
    await page.locator('#notes').getByText('only here').waitFor();
    await proxy.up();
    await browser.context.setOffline(false);
    await page.locator('#notes').getByText('on server').waitFor({ timeout: 60_000 });
    const [note] = await onServer(server, 'notes');
    assert.equal(ALL.find(({ id }) => id === note.place)?.country, 'NO');
    assert.deepEqual(page.problems, []);
  });
});
