// What the browser keeps of this origin, and what a saved write means here.

/** @typedef {'none' | 'relaxed' | 'strict'} Durability */

export class Storage {
  #session;

  /**
   * @param {import('./database.js').Session} session
   * @param {import('./engine.d.ts').EngineOptions} options
   */
  constructor(session, { storage, durability }) {
    this.#session = session;
    // A browser that does not know the word reads over it, and may answer before the disk does.
    const known = 'durability' in (globalThis.IDBTransaction?.prototype ?? {});
    /** @type {Durability} */
    this.durability = storage === 'memory' ? 'none' : known ? durability : 'relaxed';
    Object.freeze(this);
  }

  /** @returns {Promise<boolean | null>} */
  persist() {
    return this.#session.run(() => ask('persist'));
  }

  estimate() {
    return this.#session.run(async () => {
      const [found, persisted] = await Promise.all([ask('estimate'), ask('persisted')]);
      return { usage: found?.usage ?? null, quota: found?.quota ?? null, persisted };
    });
  }
}

/**
 * Null where the browser has no such thing, or refuses to say.
 * @param {'persist' | 'persisted' | 'estimate'} what
 * @returns {Promise<any>}
 */
export async function ask(what) {
  try {
    return await navigator.storage[what]();
  } catch {
    return null;
  }
}
