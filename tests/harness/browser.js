// A real Chromium with a profile on disk, started by hand so that it can be killed like one.

import { chromium } from 'playwright-core';

import { Process, folder, until } from './process.js';

// A failed background sync is tried again after 2 seconds instead of 5 minutes, and is not given up after three times.
const FAST_BACKGROUND_SYNC = [
  '--force-fieldtrials=BackgroundSync/Fast/',
  '--force-fieldtrial-params=BackgroundSync.Fast:initial_retry_delay_sec/2/retry_delay_factor/1/max_sync_attempts/100',
];
const ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-port=0',
  ...FAST_BACKGROUND_SYNC,
];

export class Browser {
  #process;
  #connection;
  context;

  /**
   * @param {import('node:test').TestContext} t
   * @param {string} [profile] the folder of one that was killed
   */
  static async start(t, profile) {
    const browser = new Browser();
    browser.profile = profile ?? await folder(t, 'profile');
    await browser.#start();
    t.after(() => browser.kill());
    return browser;
  }

  async #start() {
    this.#process = new Process(process.env.HOLM_CHROMIUM, [...ARGUMENTS, `--user-data-dir=${this.profile}`, 'about:blank'], {});
    const [, address] = await this.#process.line(/DevTools listening on (ws:\S+)/);
    this.#connection = await chromium.connectOverCDP(address);
    [this.context] = this.#connection.contexts();
  }

  /** kill -9 of every process of it. */
  async kill() {
    await this.#process.kill();
    await this.#connection.close().catch(() => {});
  }

  /** A page of the site, when its script has run. */
  async open(url) {
    const page = await this.context.newPage();
    page.problems = [];
    page.on('pageerror', error => page.problems.push(String(error)));
    await page.goto(url);
    await page.locator('html[data-ready=true]').waitFor({ timeout: 30_000, state: 'attached' });
    return page;
  }

  /** A page without an app, with the tasks open as `db`. */
  async openBare(url, query = '') {
    const page = await this.open(`${url}/e2e/index.html${query}`);
    await page.evaluate(async () => { globalThis.db = await globalThis.openTasks(); });
    return page;
  }
}

/** Waits until the service worker controls the page, with everything it keeps. */
export async function controlled(page) {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await until('the service worker controls the page', 30_000, () => page.evaluate(() => navigator.serviceWorker.controller?.state === 'activated'));
}

/** Makes the demo's own database reachable as `db`: opening its name again shares its engine. */
export async function reach(page) {
  await page.evaluate(async () => {
    const { openTasks } = await import('/tasks.js');
    globalThis.db = await openTasks();
  });
}

/** The status, without what a page cannot hand over. */
export function status(page) {
  return page.evaluate(() => {
    const { error, ...rest } = globalThis.db.sync.status;
    return { ...rest, error: error && { code: error.code, message: error.message, retryable: error.retryable } };
  });
}

/** Waits until nothing waits for the server. */
export async function drained(page, ms = 60_000) {
  let last;
  await until('the outbox is empty', ms, async () => {
    last = await status(page);
    return last.pending === 0 && last.initialSyncDone;
  }).catch(error => { throw new Error(`${error.message}; ${JSON.stringify(last)}`); });
}

/** Every task of the page's database, by id. */
export async function tasks(page) {
  return new Map((await page.evaluate(() => globalThis.db.tasks.all())).map(task => [task.id, task]));
}
