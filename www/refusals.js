// What the server did not take: each write with its reason, both versions, and the two ways out.

import { refusalWords } from './words.js';

export class Refusals {
  #db;
  #section;
  #showFailure;
  #shown = '';
  #stops = [];

  constructor(db, section, showFailure) {
    [this.#db, this.#section, this.#showFailure] = [db, section, showFailure];
    db.sync.subscribe(() => this.#look().catch(showFailure));
    this.#look().catch(showFailure);
  }

  async #look() {
    const parked = this.#db.sync.status.parked > 0 ? await this.#db.sync.parked() : [];
    const now = parked.map(({ mid }) => mid).join();
    if (now === this.#shown) return;
    this.#shown = now;
    this.#stops.forEach(stop => stop());
    this.#stops = [];
    this.#section.querySelector('ul').replaceChildren(...parked.map(mutation => this.#item(mutation)));
    this.#section.hidden = parked.length === 0;
  }

  #item(parked) {
    const item = document.getElementById('refusal').content.firstElementChild.cloneNode(true);
    const write = (selector, text) => { item.querySelector(selector).textContent = text; };
    write('.mine p', parked.mine ? version(parked.mine) : 'Deleted');
    write('.keep', 'Keep yours');
    write('.drop', 'Take the server’s');
    this.#choice(item.querySelector('.keep'), () => this.#keep(parked));
    this.#choice(item.querySelector('.drop'), () => this.#db.sync.discard(parked.mid));
    // The refusal comes before the pull that brings the server's version.
    this.#stops.push(this.#db[parked.collection].where({ id: parked.id }).watch(([theirs]) => {
      write('h3', parked.mine?.title ?? theirs?.title ?? 'A task');
      write('.reason', refusalWords(parked, theirs));
      write('.theirs p', theirs ? version(theirs) : 'Deleted');
    }, this.#showFailure));
    return item;
  }

  /** The person's version goes again as a write of its own, in sight of the server's; only then is the refused one let go. */
  async #keep({ mid, collection, id, mine }) {
    if (mine) await this.#db[collection].put({ ...mine, id });
    else await this.#db[collection].delete(id);
    await this.#db.sync.discard(mid);
  }

  #choice(button, act) {
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        await act();
        document.getElementById('title').focus(); // the button is gone, and the focus with it
      } catch (error) {
        button.disabled = false;
        this.#showFailure(error);
      }
    });
  }
}

function version({ title, done }) {
  return `${title} (${done ? 'done' : 'not done'})`;
}
