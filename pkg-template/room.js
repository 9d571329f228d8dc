// Room for what the app writes: while storage is short, a pull of many pages waits, and pushes go on.

import { ask } from './storage.js';

const RESERVE_BYTES = 16 * 1024 * 1024;
const RESERVE_PART = 10; // a tenth, where the whole quota is small
const LOOK_MS = 1_000;
const SHORT_LOOK_MS = 5_000; // nothing tells when room was made

/** Whether there is hardly room for what the app writes. */
export async function isShort() {
  const found = await ask('estimate');
  const free = found?.quota - found?.usage; // NaN, which is never short, where the browser tells nothing
  return free < Math.min(RESERVE_BYTES, found?.quota / RESERVE_PART);
}

/** Looks how much room there is while sync moves, and tells the engine when it is short. */
export class Room {
  #engine;
  #looking = false;
  #short = false;

  /** @param {() => import('./engine.d.ts').Engine | undefined} engine undefined once it is closed */
  constructor(engine) {
    this.#engine = engine;
  }

  /** Looks, but not more often than makes sense. */
  async look() {
    if (this.#looking) return;
    this.#looking = true;
    const short = await isShort();
    const engine = this.#engine();
    if (!engine) return;
    if (short !== this.#short) engine.now('short', Number(short));
    this.#short = short;
    setTimeout(() => {
      this.#looking = false;
      if (this.#short) void this.look();
    }, short ? SHORT_LOOK_MS : LOOK_MS);
  }
}
