#!/usr/bin/env node
// Pictures of the demo at three widths, light and dark: scripts/screenshots.mjs http://127.0.0.1:8787 pictures
// The demo runs already, with the places imported. HOLM_CHROMIUM is the browser.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const [url = 'http://127.0.0.1:8787', folder = 'pictures'] = process.argv.slice(2);
const WIDTHS = [{ width: 360, height: 740 }, { width: 768, height: 1024 }, { width: 1440, height: 900 }];
const SCHEMES = ['light', 'dark'];
const TASKS = ['Buy milk', 'Water the plants', 'Write to Ada', 'Mend the bicycle before the weekend, the chain slips on every hill'];

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.HOLM_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await opened();
  await pictures(page, 'empty');
  await shootTasks(page);
  await shootPlaces(page);
} finally {
  await browser.close();
}

/** A device of its own with the demo open. */
async function opened() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('html[data-ready=true]').waitFor({ state: 'attached' });
  return page;
}

async function pictures(page, name) {
  for (const size of WIDTHS) {
    await page.setViewportSize(size);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(300); // the canvas follows the size at the next frame
      await page.screenshot({ path: join(folder, `${name}-${size.width}-${colorScheme}.png`), fullPage: true });
    }
  }
}

/** Tasks on the server, one that waits, and one that another device deleted meanwhile. */
async function shootTasks(page) {
  for (const title of TASKS) {
    await page.getByLabel('New task').fill(title);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.locator('#tasks .task').filter({ has: page.getByRole('button', { name: `Delete ${title}` }) }).waitFor();
  }
  await page.locator('#waiting-count[data-count="0"]').waitFor({ timeout: 60_000 });
  await page.getByLabel(`Done: ${TASKS[1]}`).check();
  await page.locator('#waiting-count[data-count="0"]').waitFor({ timeout: 60_000 });

  const other = await opened();
  await other.getByRole('button', { name: `Delete ${TASKS[0]}` }).waitFor();
  await page.context().setOffline(true);
  await page.locator(`#tasks .name`).last().fill('Buy milk and bread');
  await page.locator(`#tasks .name`).last().press('Enter');
  await other.getByRole('button', { name: `Delete ${TASKS[0]}` }).click();
  await other.getByRole('button', { name: `Delete ${TASKS[0]}` }).waitFor({ state: 'detached' });
  await other.locator('#waiting-count[data-count="0"]').waitFor({ timeout: 60_000 });
  await other.context().close();
  await page.getByText('Offline', { exact: true }).waitFor({ timeout: 60_000 });
  await pictures(page, 'tasks-offline');

  await page.context().setOffline(false);
  await page.locator('#refused').waitFor({ timeout: 60_000 });
  await page.locator('.theirs').getByText('Deleted').waitFor({ timeout: 60_000 });
  await pictures(page, 'tasks-conflict');
  await page.getByRole('button', { name: 'Keep yours' }).click();
  await page.locator('#refused').waitFor({ state: 'hidden' });
}

async function shootPlaces(page) {
  await page.getByRole('link', { name: 'Places' }).click();
  await page.locator('#first-sync-bar[value]').waitFor();
  await pictures(page, 'places-first-sync');
  await page.locator('html[data-dots]').waitFor({ state: 'attached', timeout: 300_000 });
  await pictures(page, 'places-all');
  await page.getByLabel('Country').selectOption('FR');
  await page.getByLabel('Name begins with').fill('saint-é');
  await page.locator('#results button').filter({ hasText: /^Saint-Étienne\D/ }).first().click();
  await page.getByLabel('New note').fill('The museum of coal mining is worth a day.');
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.locator('#notes li').first().waitFor();
  await pictures(page, 'places-search');
}
