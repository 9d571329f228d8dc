// A turn for whatever else the page has to do.

/** @returns {Promise<unknown>} */
export function turn() {
  const { scheduler } = /** @type {any} */ (globalThis);
  if (scheduler?.yield) return scheduler.yield();
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel(); // a timer would wait for four milliseconds
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(0);
  });
}
