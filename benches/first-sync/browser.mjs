// One measured run: a fresh Chromium with a fresh profile on disk, one page, and what the page cannot see of itself.

import { readFile } from 'node:fs/promises';

import { inFreshBrowser } from '../browser.mjs';

const RUN_MS_MAX = 30 * 60_000;

/** Opens `url`, has it sync, and gives the figures and the rows. */
export function measured(url, country) {
  return inFreshBrowser(async context => {
    const page = await context.newPage();
    page.setDefaultTimeout(RUN_MS_MAX);
    const failed = new Promise((_, reject) => page.on('pageerror', reject));
    const devtools = await context.newCDPSession(page);
    const received = await countReceived(devtools);
    await page.goto(url);
    await page.waitForFunction('globalThis.bench !== undefined');
    const before = await rendererBytes(context);
    received.reset();
    const run = await Promise.race([page.evaluate(country => globalThis.bench.run(country), country), failed]);
    const after = await rendererBytes(context);
    const rows = JSON.parse(await page.evaluate(() => globalThis.bench.rows()));
    return { figures: { ...run, receivedBytes: received.bytes(), memoryBytes: after - before }, rows };
  });
}

/** Counts what comes over the network, compressed as it came. */
async function countReceived(devtools) {
  let bytes = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength; });
  await devtools.send('Network.enable');
  return { bytes: () => bytes, reset: () => { bytes = 0; } };
}

/** The highest resident memory that the page's process has had: the JavaScript heap, WebAssembly and all that is beside them. */
async function rendererBytes(context) {
  const devtools = await context.browser()?.newBrowserCDPSession() ?? await context.newCDPSession(context.pages().at(-1));
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  const peaks = processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) => {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  });
  return Math.max(...await Promise.all(peaks));
}
