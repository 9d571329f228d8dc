// One engine with one number of records in a fresh browser: its workloads one after another, then the page opened again.

import assert from 'node:assert/strict';

import { inFreshBrowser } from '../browser.mjs';
import { profiled } from './profile.mjs';
import { tasksDuring } from './tasks.mjs';

const WORKLOAD_MS_MAX = 20 * 60_000;
const REOPENS = 3;
const IDLE_MS = 5_000; // after the bulk insert, and between two visits, an engine has time to tidy up
const IN_A_NEW_PAGE = ['reopen', 'memory'];
const BESIDE_THE_PAGE = ['tidy'];

/**
 * Runs the workloads; gives each one's figures to `done` as soon as they are there.
 * @param {{ url: string, size: number, workloads: string[], done: (workload: string, figures: Record<string, number>) => Promise<void>, profile?: (workload: string) => string, idleMs?: number }} session
 */
export function runSession({ url, size, workloads, done, profile, idleMs = IDLE_MS }) {
  return inFreshBrowser(async context => {
    const page = await openPage(context, url);
    await page.evaluate(size => globalThis.bench.prepare(size), size);
    const here = workloads.filter(name => !IN_A_NEW_PAGE.includes(name) && !BESIDE_THE_PAGE.includes(name));
    if (size > 0 && !here.includes('bulk')) here.unshift('bulk'); // measured already: only to have the records there
    for (const name of here) {
      const run = () => within(name, page, page.evaluate(name => globalThis.bench.run(name), name));
      const figures = profile ? await profiled(context, page, run, profile(name)) : await run();
      if (workloads.includes(name)) await done(name, figures);
      if (name !== 'bulk') continue;
      // What the page's thread does in the pause after the insert.
      const tasks = await tasksDuring(context, page, () => page.waitForTimeout(idleMs));
      if (workloads.includes('tidy')) await done('tidy', tasks);
    }
    if (!IN_A_NEW_PAGE.some(name => workloads.includes(name))) return;
    const newest = await page.evaluate(() => globalThis.bench.newest());
    await page.waitForTimeout(idleMs);
    await closePage(page);
    const { figures, memory } = await openAgain(context, url, newest);
    if (workloads.includes('reopen')) await done('reopen', figures);
    if (workloads.includes('memory')) await done('memory', memory);
  });
}

/** New pages on what is stored: how soon the first list is there, and what memory the last one then has. */
async function openAgain(context, url, newest) {
  const times = [];
  for (let n = 1; ; n++) {
    const page = await openPage(context, `${url}&reopen`);
    const { ms, ids } = await within('reopen', page, page.evaluate(() => globalThis.reopened));
    assert.deepEqual(ids, newest, 'the page opened again shows the newest records');
    times.push(ms);
    const memory = n === REOPENS ? await memoryOf(context, page) : undefined;
    await closePage(page);
    if (memory) return { figures: { ms: times.sort((a, b) => a - b)[REOPENS >> 1], firstMs: times[0] }, memory };
  }
}

async function memoryOf(context, page) {
  const devtools = await context.newCDPSession(page);
  const bytes = async () => {
    for (let n = 0; n < 3; n++) await devtools.send('HeapProfiler.collectGarbage');
    const { usedSize } = await devtools.send('Runtime.getHeapUsage');
    return { heap: usedSize, wasm: await page.evaluate(() => globalThis.bench.wasmBytes()) };
  };
  const opened = await bytes();
  await within('scan', page, page.evaluate(() => globalThis.bench.scan()));
  const scanned = await bytes();
  return {
    openedHeapBytes: opened.heap, openedWasmBytes: opened.wasm, openedBytes: opened.heap + opened.wasm, scannedBytes: scanned.heap + scanned.wasm,
  };
}

async function openPage(context, url) {
  const page = await context.newPage();
  page.failed = new Promise((_, reject) => page.on('pageerror', reject));
  page.failed.catch(() => {}); // told by `within`
  await page.goto(url);
  await Promise.race([page.waitForFunction('globalThis.bench !== undefined'), page.failed]);
  return page;
}

async function closePage(page) {
  await page.evaluate(() => globalThis.bench.close());
  await page.close();
}

/** What a page answers, unless it fails on the side or takes too long. */
async function within(what, page, answer) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what} takes too long`)), WORKLOAD_MS_MAX); });
  try {
    return await Promise.race([answer, page.failed, late]);
  } finally {
    clearTimeout(timer);
  }
}
