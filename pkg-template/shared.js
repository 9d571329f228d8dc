// One engine for each database name in this page, however often it is opened.

import { HolmError, holmError } from './errors.js';
import { handOver } from './hand-over.js';
import { Records } from './records.js';
import { Schema } from './schema.js';
import { StatusBoard } from './sync.js';

/** @typedef {import('./engine.d.ts').Engine} Engine */
/** @typedef {typeof import('./engine.d.ts')} EngineModule */
/** @typedef {{ flat: import('./engine.d.ts').EngineOptions, schema: Schema, wasm: any, askToken: ((reason: string) => Promise<string | undefined>) | undefined }} Options */

/** @type {WeakMap<EngineModule, Promise<unknown>>} */
const loaded = new WeakMap();
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
      await known.ending;
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
  board = new StatusBoard(() => this.engine);
  /** @type {Promise<void> | undefined} */
  ending;
  #users = 0;
  #options;
  /** @type {Promise<Engine>} */
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
    this.#engine = await this.#opening;
    return this;
  }

  /** @param {Options} options */
  check({ flat }) {
    for (const key of /** @type {const} */ (['schema', 'storage', 'syncUrl'])) {
      if (flat[key] !== this.#options.flat[key]) {
        throw new HolmError('invalid-argument', `"${flat.name}" is open already with another ${key}.`, { field: key });
      }
    }
  }

  /** The last one to leave closes the engine. */
  async leave() {
    this.#users--;
    if (this.#users > 0) return;
    this.ending = this.#end();
    await this.ending;
  }

  async #end() {
    try {
      await this.engine.close();
    } catch (error) {
      throw holmError(error);
    } finally {
      databases.delete(this.#options.flat.name);
    }
  }

  /** @param {EngineModule} module */
  async #open(module) {
    const { flat, wasm, askToken } = this.#options;
    try {
      await load(module, wasm);
      const engine = await module.open_engine(flat, askToken, kind => {
        if (kind === 'status') this.board.changed();
      });
      if (flat.syncUrl !== undefined && flat.storage === 'indexeddb') void handOver(flat, askToken !== undefined);
      return engine;
    } catch (error) {
      databases.delete(flat.name);
      throw holmError(error);
    }
  }
}

/**
 * Instantiates the WebAssembly once; a failure may be tried again.
 * @param {EngineModule} module
 * @param {any} [wasm] where it is, when it is not beside this file
 */
export async function load(module, wasm) {
  let loading = loaded.get(module);
  if (!loading) {
    loading = module.default(wasm === undefined ? undefined : { module_or_path: wasm });
    loaded.set(module, loading);
  }
  try {
    await loading;
  } catch (cause) {
    loaded.delete(module);
    throw loadError(cause);
  }
}

/** @param {any} cause */
function loadError(cause) {
  if (cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError) {
    return new HolmError('internal', "The browser refused Holm's WebAssembly; a Content-Security-Policy needs script-src 'wasm-unsafe-eval'.", { cause });
  }
  return new HolmError('offline', "Holm's WebAssembly file could not be loaded.", { retryable: true, cause });
}
