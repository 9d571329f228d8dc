// The view of the places: what the form asks for, as a list, a number and dots on a map.

import { Cloud } from './cloud.js';
import { FirstSync } from './first-sync.js';
import { DotMap } from './map.js';
import { PlaceCard, countryName, peopleWords } from './place-card.js';
import { countHere } from './places.js';
import { countOf, filterOf, listQuery } from './search.js';
import { countWords } from './words.js';

/** Rows of the list. */
const LISTED = 24;
/** During the first sync the search is repeated so often. */
const REPEAT_MS = 2000;

const part = id => document.getElementById(id);

export class PlacesView {
  #db;
  #showFailure;
  #cloud = new Cloud();
  #map;
  #card;
  #filter;
  #searches = 0;
  #stop = () => {};

  constructor(db, showFailure) {
    [this.#db, this.#showFailure] = [db, showFailure];
    this.#card = new PlaceCard(db, showFailure);
    this.#map = new DotMap(part('map'), this.#cloud, id => this.#choose(id).catch(showFailure));
    part('search').addEventListener('submit', event => event.preventDefault());
    part('search').addEventListener('input', () => this.#search());
    this.#search();
    this.#follow().catch(showFailure);
  }

  /** What this device holds, in words. */
  async words() {
    const [here, notes] = await Promise.all([countHere(this.#db), this.#db.notes.count()]);
    return `${countWords(here, 'place')}, ${countWords(notes, 'note')}`;
  }

  /** While the first sync runs the search is repeated as rows come; then the list is live and all dots are read. */
  async #follow() {
    let searched = performance.now();
    await new FirstSync(this.#db, done => {
      this.#fillCountries().catch(this.#showFailure);
      const waits = performance.now() - searched < REPEAT_MS && part('results').childElementCount > 0;
      if (!done && waits) return;
      searched = performance.now();
      this.#search();
    }).watch();
    await this.#cloud.read(this.#db, () => this.#map.redraw());
    document.documentElement.dataset.dots = this.#cloud.length;
  }

  #search() {
    this.#filter = filterOf(part('search'));
    this.#stop();
    const search = ++this.#searches;
    const show = async rows => {
      if (search !== this.#searches) return;
      this.#map.show(this.#filter, rows);
      this.#list(rows.slice(0, LISTED));
      const found = await countOf(this.#db, this.#filter);
      if (search === this.#searches) this.#tellFound(found);
    };
    const query = listQuery(this.#db, this.#filter);
    // A watch would run again at each of the hundreds of commits of the first sync.
    if (!this.#db.sync.status.initialSyncDone) query.all().then(show).catch(this.#showFailure);
    else this.#stop = query.watch(rows => show(rows).catch(this.#showFailure), this.#showFailure);
  }

  #tellFound(found) {
    const words = `${countWords(found, 'place')} ${found === 1 ? 'matches' : 'match'}`;
    // During the first sync the number changes every other second: nobody wants to hear it.
    part('found').ariaLive = this.#db.sync.status.initialSyncDone ? 'polite' : 'off';
    part('found').textContent = found > LISTED ? `${words}; the list shows the first ${LISTED}.` : `${words}.`;
    part('map').setAttribute('aria-label', `Map of the places: ${words}`);
  }

  #list(rows) {
    const focused = document.activeElement?.closest('#results li')?.dataset.id;
    part('results').replaceChildren(...rows.map(row => this.#item(row)));
    if (focused) part('results').querySelector(`li[data-id="${focused}"] button`)?.focus();
  }

  #item(row) {
    const [item, button, name, facts] = ['li', 'button', 'span', 'span'].map(tag => document.createElement(tag));
    item.dataset.id = row.id;
    button.type = 'button';
    name.textContent = row.name;
    facts.className = 'facts';
    facts.textContent = `${countryName(row.country)} · ${peopleWords(row.population)}`;
    button.append(name, facts);
    button.addEventListener('click', () => this.#choose(row.id).catch(this.#showFailure));
    item.append(button);
    return item;
  }

  async #choose(id) {
    const place = await this.#db.places.get(id);
    if (!place) return;
    this.#card.show(place);
    this.#map.choose(place);
    part('place-heading').focus();
  }

  async #fillCountries() {
    const source = await this.#db.sources.get('places');
    if (!source || part('country').length > 1) return;
    part('source').textContent = source.name;
    const named = source.countries.map(code => ({ code, name: countryName(code) })).sort((a, b) => a.name.localeCompare(b.name, 'en'));
    part('country').append(...named.map(({ code, name }) => new Option(name, code)));
  }
}
