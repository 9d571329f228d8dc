// A fresh Chromium with a fresh profile on disk, for as long as something is measured in it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

// Chromium loads a page of its own (the pop-up of its address field, 108 modules) right after its start, on the cores that are to
// be measured: 1.5 s later it is done.
const STARTED_MS = 1_500;
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];

/**
 * @template R
 * @param {(context: import('playwright-core').BrowserContext) => Promise<R>} measure
 * @returns {Promise<R>}
 */
export async function inFreshBrowser(measure) {
  const profile = await mkdtemp(join(tmpdir(), 'holm-bench-'));
  const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.HOLM_CHROMIUM, args: ARGUMENTS });
  try {
    await new Promise(resolve => setTimeout(resolve, STARTED_MS));
    return await measure(context);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
