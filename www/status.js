// What is saved where: the status of the database in view, in words, as it changes.

import { connectionWords, errorWords, nowWords, whyWords } from './words.js';

const part = id => document.getElementById(id);

export class StatusPanel {
  #notice;
  #db;
  #here;
  #stop = () => {};

  /** @param {(words: string) => void} notice */
  constructor(notice) {
    this.#notice = notice;
    setInterval(() => this.#draw(), 1000); // the seconds until the next attempt
  }

  /**
   * @param {any} db
   * @param {() => Promise<string>} here what this device holds, in words
   */
  show(db, here) {
    this.#stop();
    [this.#db, this.#here] = [db, here];
    this.#stop = db.sync.subscribe(() => this.#draw());
    this.#draw();
  }

  syncNow() {
    this.#db.sync.now().catch(() => {}); // a failure shows in the status
  }

  #draw() {
    if (!this.#db || document.hidden) return;
    const { status } = this.#db.sync;
    part('connection').dataset.state = status.online;
    write('connection', connectionWords(status));
    write('pending', String(status.pending));
    write('phase', nowWords(status, Date.now()));
    write('why', whyWords(status));
    write('heard', status.lastPullAt ? new Date(status.lastPullAt).toLocaleTimeString('en') : 'never');
    part('error-row').hidden = !status.error;
    write('error', status.error ? errorWords(status.error) : '');
    if (!status.durable) this.#notice('This browser keeps nothing for this page: what you write is gone when you close it.');
    this.#here().then(words => write('here', words), () => {}); // a database that closes has nothing to tell
  }
}

/** Only what changed, so that a screen reader is not told the same again. */
function write(id, words) {
  if (part(id).textContent !== words) part(id).textContent = words;
}
