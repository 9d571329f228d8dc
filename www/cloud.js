// All places as columns of numbers, for drawing: one record is a dot, and 135,233 objects would weigh a hundred times as much.

const PAGE = 1000;

export class Cloud {
  lons = new Float32Array(0);
  lats = new Float32Array(0);
  people = new Uint32Array(0);
  countries = new Uint16Array(0);
  keys = [];
  ids = [];
  length = 0;
  #codes = new Map();

  /**
   * Reads all places, a page at a time, in the order of their ids; the page stays responsive in between.
   * @param {() => void} onPage
   */
  async read(db, onPage) {
    const next = new Cloud();
    next.#reserve(this.length || 1 << 14);
    for (let rows; rows === undefined || rows.length === PAGE;) {
      const last = next.ids.at(-1);
      const query = last === undefined ? db.places : db.places.where({ id: { gt: last } });
      rows = await query.limit(PAGE).all();
      for (const row of rows) next.#add(row);
      // Until the first walk is done what was read is shown as it comes; later walks replace the whole.
      if (next.length > this.length) { this.#take(next); onPage(); }
      await new Promise(resolve => setTimeout(resolve));
    }
    this.#take(next);
    onPage();
  }

  /** Calls back with the position of each dot that matches. */
  each({ key, country, people }, show) {
    const code = country ? this.#codes.get(country) ?? -1 : undefined;
    for (let n = 0; n < this.length; n++) {
      if (this.people[n] < people || (code !== undefined && this.countries[n] !== code)) continue;
      if (key && !this.keys[n].startsWith(key)) continue;
      show(n);
    }
  }

  #take(other) {
    const { lons, lats, people, countries, keys, ids, length } = other;
    Object.assign(this, { lons, lats, people, countries, keys, ids, length });
    this.#codes = other.#codes;
  }

  #add({ id, key, country, population, lon, lat }) {
    if (this.length === this.lons.length) this.#reserve(this.length * 2);
    const n = this.length++;
    if (!this.#codes.has(country)) this.#codes.set(country, this.#codes.size);
    [this.lons[n], this.lats[n], this.people[n]] = [lon, lat, population];
    this.countries[n] = this.#codes.get(country);
    this.keys.push(key);
    this.ids.push(id);
  }

  #reserve(length) {
    for (const column of ['lons', 'lats', 'people', 'countries']) {
      const grown = new this[column].constructor(length);
      grown.set(this[column]);
      this[column] = grown;
    }
  }
}
