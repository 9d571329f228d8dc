// Whether there is a network: what requests meet, what `navigator.onLine` says, and the events that tell of it.

import { activity } from './activity.js';
import { failedToFetch, putWay } from './network.js';
import { Installed, checkNames, replaced, value, wrong } from './patches.js';

export class FakeConnectivity {
  #installed = new Installed('FakeConnectivity');
  #onLine = true;
  #open = true;
  #cut = /** @type {PromiseWithResolvers<never>} */ (deferred());

  /** What `navigator.onLine` says. */
  get onLine() {
    return this.#onLine;
  }

  /** Whether requests get through. */
  get reachable() {
    return this.#open;
  }

  install() {
    return this.#installed.put(() => {
      const self = this;
      const undo = [
        putWay({ get open() { return self.#open; }, broken: () => self.#cut.promise }),
        replaceNavigator({ onLine: { get: () => self.#onLine, enumerable: true } }),
        replaceEvents(),
      ];
      return () => {
        for (const each of undo.toReversed()) each();
        this.#onLine = this.#open = true;
      };
    });
  }

  /** No network, and the browser knows. Requests that are under way break. */
  offline() {
    this.#set('offline', false, false);
  }

  /** The network is there, and the browser knows. */
  online() {
    this.#set('online', true, true);
  }

  /** @param {any} what */
  lie(what) {
    checkNames(what, ['onLine', 'reachable'], 'lie');
    const { onLine, reachable } = what;
    if (typeof onLine !== 'boolean' || typeof reachable !== 'boolean') throw wrong('lie takes { onLine, reachable }, both true or false.');
    this.#set('lie', onLine, reachable);
  }

  /**
   * @param {string} call
   * @param {boolean} onLine
   * @param {boolean} open
   */
  #set(call, onLine, open) {
    this.#installed.check(call);
    const isNews = onLine !== this.#onLine;
    this.#onLine = onLine;
    this.#open = open;
    activity.happened();
    if (!open) {
      this.#cut.reject(failedToFetch());
      this.#cut = deferred();
    }
    if (isNews) globalThis.dispatchEvent(new Event(onLine ? 'online' : 'offline'));
  }
}

/** @returns {any} */
function deferred() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((_, reject) => { made.reject = reject; });
  made.promise.catch(() => {}); // nobody needs to wait for it
  return made;
}

/** @param {PropertyDescriptorMap} properties */
function replaceNavigator(properties) {
  if (globalThis.navigator) return replaced(globalThis.navigator, properties);
  return replaced(globalThis, { navigator: value(Object.defineProperties({}, properties)) });
}

/** Node's global object takes no listeners; the engine listens where it finds that it can. */
function replaceEvents() {
  if (typeof globalThis.addEventListener === 'function') return () => {};
  const target = new EventTarget();
  const method = (/** @type {'addEventListener' | 'removeEventListener' | 'dispatchEvent'} */ name) => value(/** @type {any} */ (target[name]).bind(target));
  return replaced(globalThis, {
    addEventListener: method('addEventListener'), removeEventListener: method('removeEventListener'), dispatchEvent: method('dispatchEvent'),
  });
}
