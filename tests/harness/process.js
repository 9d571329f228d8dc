// Processes that a test starts, and ends itself by their id.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;

export class Process {
  #child;
  #exit;
  /** What it wrote last, for failures. */
  tail = [];

  constructor(command, args, env) {
    // A group of its own: a browser is many processes, and all of them end together.
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#exit = new Promise(resolve => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', error => resolve({ error }));
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** The first match of a pattern in what the process writes. */
  async line(pattern) {
    const found = new Promise(resolve => {
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        createInterface({ input: stream }).on('line', line => {
          this.tail = [...this.tail, line].slice(-20);
          const match = pattern.exec(line);
          if (match) resolve(match);
        });
      }
    });
    const match = await within(START_MS_MAX, Promise.race([found, this.#exit]));
    if (!Array.isArray(match)) throw new Error(`It did not start: ${JSON.stringify(match ?? 'too slow')}\n${this.tail.join('\n')}`);
    return match;
  }

  /** kill -9, the whole group. */
  async kill() {
    this.#signal('SIGKILL');
    await this.#exit;
  }

  /** Asks it to end; the way it ended, or null when it had to be killed. */
  async stop() {
    this.#signal('SIGTERM');
    const ended = await within(STOP_MS_MAX, this.#exit);
    await this.kill();
    return ended ?? null;
  }

  #signal(signal) {
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

/** The value of a promise, or undefined when it takes too long. */
export async function within(ms, promise) {
  let timer;
  const late = new Promise(resolve => { timer = setTimeout(resolve, ms); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a question is answered with something true; its last answer is in the failure. */
export async function until(what, ms, question) {
  const end = Date.now() + ms;
  for (let answer; ;) {
    answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`Waited ${ms} ms in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** A folder that is gone after the test. */
export async function folder(t, name) {
  const path = await mkdtemp(join(tmpdir(), `holm-${name}-`));
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return path;
}
