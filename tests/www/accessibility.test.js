// axe-core finds nothing to report, in every state of the demo, light and dark, on a phone and on a desk.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { addTask, allOnServer, makeConflict, openDemo, seedPlaces } from '../harness/demo.js';
import { Proxy } from '../harness/proxy.js';
import { Server } from '../harness/server.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core reports, in short. */
async function violations(page) {
  await page.evaluate(AXE); // the page's own policy lets no foreign script in; the debugger is not bound by it
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`);
  });
}

async function check(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1440]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      assert.deepEqual(await violations(page), [], `${what}, ${colorScheme}, ${width} px`);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wider, 0, `${what}, ${width} px: nothing sticks out sideways`);
    }
  }
}

test('accessibility', { timeout: 300_000 }, async t => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server);
  const seeded = await seedPlaces(server, 600);
  const browser = await Browser.start(t);
  const other = await Browser.start(t);
  const page = await openDemo(browser, proxy.url);
  await check(page, 'no tasks');

  await addTask(page, 'on the server');
  await allOnServer(page);
  await page.getByLabel('Done: on the server').check();
  await allOnServer(page);
  await makeConflict(server, browser, page, other, 'changed twice');
  await page.locator('#waiting summary').click();
  await check(page, 'a conflict');

  await browser.context.setOffline(true);
  await addTask(page, 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen '.repeat(4).trim());
  await page.getByText('The server cannot be reached').waitFor({ timeout: 60_000 });
  await check(page, 'offline, with something that waits');
  await browser.context.setOffline(false);
  await allOnServer(page);

  proxy.fate = ({ body }) => (body.includes('"places"') ? 'hang' : 'pass');
  await page.getByRole('link', { name: 'Places' }).click();
  await page.getByText('Asking for the places…').waitFor();
  await check(page, 'places that are still coming');
  proxy.fate = () => 'pass';
  await page.reload();
  await page.locator(`html[data-dots="${seeded.length}"]`).waitFor({ state: 'attached', timeout: 60_000 });
  await page.getByRole('button', { name: /^Dubai/ }).click();
  await page.getByLabel('New note').fill('Hot in July.');
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.locator('#notes').getByText('on server').waitFor({ timeout: 60_000 });
  await check(page, 'a place with a note');
  assert.deepEqual(page.problems, []);
});
