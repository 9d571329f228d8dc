// The demo can be installed, starts without a network, and asks before it becomes a new version.

import assert from 'node:assert/strict';
import { appendFile, cp, readFile, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Browser } from '../harness/browser.js';
import { addTask, openDemo } from '../harness/demo.js';
import { folder } from '../harness/process.js';
import { Server } from '../harness/server.js';

const SHELL_LIST = fileURLToPath(new URL('../../scripts/shell-list.js', import.meta.url));

test('install', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  const page = await openDemo(browser, server.url);
  const devtools = await browser.context.newCDPSession(page);
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  // A window of a browser without a screen is private to it; nothing else stands in the way.
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito'), []);
  const { errors, data } = await devtools.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  for (const { src, sizes, type } of JSON.parse(data).icons) {
    const size = await page.evaluate(async src => {
      const image = new Image();
      image.src = src;
      await image.decode();
      return `${image.naturalWidth}x${image.naturalHeight}`;
    }, `/${src}`);
    if (type === 'image/png') assert.equal(size, sizes, src);
  }

  await addTask(page, 'written before');
  await page.close();
  await server.kill();
  const again = await browser.open(`${server.url}/`);
  await again.getByRole('button', { name: 'Delete written before' }).waitFor();
  assert.deepEqual(again.problems, []);
});

test('an update asks before it reloads', { timeout: 120_000 }, async t => {
  const site = await folder(t, 'site');
  await cp(process.env.HOLM_WWW, site, { recursive: true });
  const server = await Server.start(t, { HOLM_WWW: site });
  const browser = await Browser.start(t);
  const page = await openDemo(browser, server.url);
  await page.evaluate(() => { globalThis.notReloaded = true; });
  assert.equal(await page.locator('#update').isVisible(), false);

  await writeFile(`${site}/index.html`, (await readFile(`${site}/index.html`, 'utf8')).replace('>Tasks</h1>', '>My tasks</h1>'));
  await appendFile(`${site}/style.css`, '\n/* the next version */\n');
  execFileSync(process.execPath, [SHELL_LIST, site]);
  await page.getByLabel('New task').fill('half a sen');
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  await page.getByText('A new version of this app is ready').waitFor({ timeout: 30_000 });
  assert.equal(await page.evaluate(() => globalThis.notReloaded), true, 'it did not reload by itself');
  assert.equal(await page.getByLabel('New task').inputValue(), 'half a sen');
  assert.equal(await page.locator('#tasks-heading').textContent(), 'Tasks');

  await page.getByRole('button', { name: 'Reload and use it' }).click();
  await page.getByRole('heading', { name: 'My tasks' }).waitFor({ timeout: 30_000 });
  assert.equal(await page.evaluate(() => globalThis.notReloaded), undefined);
  assert.deepEqual(page.problems, []);
});
