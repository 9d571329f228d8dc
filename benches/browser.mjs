// A fresh Chromium with a fresh profile on disk, for as long as something is measured in it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

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
    return await measure(context);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
