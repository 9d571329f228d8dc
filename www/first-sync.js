// The first sync of the places: how many are here, what share, how long it still takes.

import { countHere } from './places.js';
import { durationWords } from './words.js';

const LOOK_EVERY_MS = 1000;
/** The speed is that of the last so many looks: a network that became slow shows, a single slow page does not. */
const LOOKS = 15;

const part = id => document.getElementById(id);
const grouped = number => number.toLocaleString('en');

export class FirstSync {
  #db;
  #onMore;
  #looks = [];

  /**
   * @param {any} db
   * @param {(done: boolean) => void} onMore more rows came, or the last
   */
  constructor(db, onMore) {
    [this.#db, this.#onMore] = [db, onMore];
  }

  /** Shows the progress until everything is here; how many rows that is. */
  async watch() {
    for (;;) {
      const [here, source] = await Promise.all([countHere(this.#db), this.#db.sources.get('places')]);
      const { initialSyncDone, online } = this.#db.sync.status;
      this.#draw(here, source?.rows, initialSyncDone, online);
      this.#onMore(initialSyncDone);
      if (initialSyncDone) return;
      await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  #draw(here, total, done, online) {
    part('first-sync').hidden = done;
    if (done) return;
    const bar = part('first-sync-bar');
    if (total === undefined) {
      bar.removeAttribute('value');
      part('first-sync-words').textContent = online === 'offline'
        ? 'The places are not here yet, and the server cannot be reached. They come when it can.'
        : 'Asking for the places…';
      return;
    }
    [bar.max, bar.value] = [total, here];
    const share = Math.floor((here / total) * 100);
    part('first-sync-words').textContent = `${grouped(here)} of ${grouped(total)} places are here (${share} %), ${this.#left(here, total, online)}.`;
  }

  #left(here, total, online) {
    this.#looks = [...this.#looks, { at: performance.now(), here }].slice(-LOOKS);
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    if (online === 'offline') return 'the rest comes when the server can be reached';
    if (last.here === first.here) return 'more on their way';
    return `${durationWords(((total - here) * (last.at - first.at)) / (last.here - first.here))} left`;
  }
}
