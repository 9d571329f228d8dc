// One place and its notes. A note is saved here at once, network or not.

const part = id => document.getElementById(id);

export class PlaceCard {
  #db;
  #showFailure;
  #place;
  #stop = () => {};

  constructor(db, showFailure) {
    [this.#db, this.#showFailure] = [db, showFailure];
    part('add-note').addEventListener('submit', event => {
      event.preventDefault();
      this.#add().catch(showFailure);
    });
  }

  show(place) {
    this.#stop();
    this.#place = place;
    part('place').hidden = false;
    part('place-heading').textContent = place.name;
    part('place-facts').textContent = `${countryName(place.country)} · ${peopleWords(place.population)} · ${degrees(place.lat, 'N', 'S')}, ${degrees(place.lon, 'E', 'W')}`;
    const mine = this.#db.notes.where({ place: place.id });
    let [notes, waiting] = [[], new Set()];
    const draw = () => part('notes').replaceChildren(...notes.map(note => this.#item(note, waiting.has(note.id))));
    const stops = [
      mine.orderBy('-updatedAt').watch(rows => { notes = rows; draw(); }, this.#showFailure),
      mine.where({ $pending: true }).watch(rows => { waiting = new Set(rows.map(row => row.id)); draw(); }, this.#showFailure),
    ];
    this.#stop = () => stops.forEach(stop => stop());
  }

  async #add() {
    const text = part('note').value.trim();
    if (!text) return;
    part('note').value = '';
    try {
      await this.#db.notes.put({ place: this.#place.id, text, updatedAt: Date.now() });
    } catch (error) {
      part('note').value ||= text;
      throw error;
    }
  }

  #item({ id, text }, waits) {
    const [item, words, mark, remove] = ['li', 'span', 'span', 'button'].map(name => document.createElement(name));
    words.textContent = text;
    words.className = 'note-text';
    mark.className = 'mark';
    mark.dataset.waits = waits;
    mark.textContent = waits ? 'only here' : 'on server';
    remove.type = 'button';
    remove.className = 'delete';
    remove.ariaLabel = `Delete the note ${text}`;
    remove.textContent = '×';
    remove.addEventListener('click', () => {
      this.#db.notes.delete(id).catch(this.#showFailure);
      part('note').focus();
    });
    item.append(words, mark, remove);
    return item;
  }
}

const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' });

export function countryName(code) {
  try {
    return names.of(code) ?? code;
  } catch {
    return code; // not every code in the data is one of ISO 3166
  }
}

export function peopleWords(population) {
  return population > 0 ? `${population.toLocaleString('en')} people` : 'number of people unknown';
}

function degrees(value, plus, minus) {
  return `${Math.abs(value).toFixed(2)}° ${value < 0 ? minus : plus}`;
}
