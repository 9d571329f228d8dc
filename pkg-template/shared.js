// One engine for each database name in this page, however often it is opened.

import { Answers } from './answers.js';
import { HolmError, holmError } from './errors.js';
import { handOver } from './hand-over.js';
import { heard } from './heard.js';
import { load } from './load.js';
import { Records } from './records.js';
import { Room } from './room.js';
import { StatusBoard } from './sync.js';

/** @typedef {import('./engine.d.ts').Engine} Engine */
/** @typedef {typeof import('./engine.d.ts')} EngineModule */
/** @typedef {{ flat: import('./engine.d.ts').EngineOptions, schema: import('./schema.js').Schema, wasm: any, askToken: ((reason: string) => Promise<string | undefined>) | undefined }} Options */

// What all who share a database must give alike, as the app calls it. Functions cannot be compared: the first getToken is asked.
const ALIKE = /** @type {const} */ ({ schema: 'schema', storage: 'storage', durability: 'durability', cacheBytes: 'cacheBytes', syncUrl: 'sync.url', scopes: 'sync.scopes' });

/** @type {Map<string, Shared>} */
const databases = new Map();

/**
 * @param {EngineModule} module
 * @param {Options} options
 * @returns {Promise<Shared>}
 */
export async function share(module, options) {
  const { name } = options.flat;
  for (let known; (known = databases.get(name));) {
    if (known.ending) {
      await known.ending.catch(() => {}); // whoever closed it is told
    } else {
      known.check(options);
      return known.join();
    }
  }
  const shared = new Shared(module, options);
  databases.set(name, shared);
  return shared.join();
}

export class Shared {
  records = new Records();
  answers = new Answers();
  /** How many commits this page has heard of, its own and those of others: nothing that reads show has changed in between. */
  moment = 0;
  board = new StatusBoard(() => this.engine);
  #room = new Room(() => (this.ending ? undefined : this.#engine));
  /** @type {Promise<void> | undefined} */
  ending;
  #users = 0;
  #options;
  /** @type {Promise<void>} */
  #opening;
  /** @type {Engine | undefined} */
  #engine;

  /**
   * @param {EngineModule} module
   * @param {Options} options
   */
  constructor(module, options) {
    this.#options = options;
    this.#opening = this.#open(module);
  }

  get engine() {
    return /** @type {Engine} */ (this.#engine);
  }

  async join() {
    this.#users++;
    await this.#opening;
    return this;
  }

  /** @param {Options} options */
  check({ flat, askToken }) {
    const mine = this.#options;
    for (const [key, field] of /** @type {[keyof typeof ALIKE, string][]} */ (Object.entries(ALIKE))) {
      if (flat[key] !== mine.flat[key]) throw otherwise(flat.name, field);
    }
    if (!askToken !== !mine.askToken) throw otherwise(flat.name, 'sync.getToken');
  }

  /** The last one to leave closes the engine. */
  async leave() {
    this.#users--;
    if (this.#users > 0) return;
    this.ending = this.#end();
    await this.ending;
  }

  async #end() {
    const told = this.#tell();
    try {
      await this.engine.call('close');
      await told;
    } catch (error) {
      throw holmError(error);
    } finally {
      databases.delete(this.#options.flat.name);
    }
  }

  #moved() {
    this.board.changed();
    if (this.#engine && this.#options.flat.syncUrl !== undefined) void this.#room.look();
  }

  #tell() {
    return Promise.all([...heard].map(hear => hear(this.#options.flat, Number(this.board.read().pending))));
  }

  /** @param {EngineModule} module */
  async #open(module) {
    const { flat, wasm, askToken } = this.#options;
    try {
      if (flat.storage === 'indexeddb') void wakeStorage();
      await load(module, wasm);
      const engine = await module.open_engine(JSON.stringify(flat), askToken, kind => {
        if (kind === 'commit') this.moment++;
        else if (kind === 'status') this.#moved();
      });
      if (flat.syncUrl !== undefined && flat.storage === 'indexeddb') void handOver(flat, askToken !== undefined);
      this.#engine = engine;
      void this.#tell();
    } catch (error) {
      databases.delete(flat.name);
      throw holmError(error);
    }
  }
}

/** Has the browser open what it keeps of this origin while the WebAssembly is on its way: else the first database waits for that. */
async function wakeStorage() {
  try {
    await globalThis.indexedDB.databases();
  } catch {
    // Whoever opens the database is told.
  }
}

/**
 * @param {string} name
 * @param {string} field
 */
function otherwise(name, field) {
  return new HolmError('invalid-argument', `"${name}" is open in this page already with another ${field}; give the same options, or close it first.`, { field });
}
