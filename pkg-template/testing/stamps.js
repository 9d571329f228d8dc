// Stamps of the hybrid clock as text, which sorts as they do: `mmmmmmmmmmmm-cccc-client`, in hexadecimal.

const MS_MAX = 2 ** 48 - 1;
const COUNTER_MAX = 0xffff;
const STAMP = /^([0-9a-f]{12})-([0-9a-f]{4})-(.*)$/su;

/** @typedef {{ ms: number, counter: number, client: string }} Stamp */

/**
 * @param {unknown} text
 * @returns {Stamp | undefined}
 */
export function parseStamp(text) {
  const parts = typeof text === 'string' ? STAMP.exec(text) : null;
  return parts ? { ms: Number.parseInt(parts[1], 16), counter: Number.parseInt(parts[2], 16), client: parts[3] } : undefined;
}

/** @param {Stamp} stamp */
export function stampText({ ms, counter, client }) {
  return `${ms.toString(16).padStart(12, '0')}-${counter.toString(16).padStart(4, '0')}-${client}`;
}

/** @param {string} text */
export function read(text) {
  return /** @type {Stamp} */ (parseStamp(text));
}

/**
 * Moved by the difference of two clocks, and no later than the server's.
 * @param {string} text
 * @param {number} offsetMs
 * @param {Stamp} notAfter
 */
export function shifted(text, offsetMs, notAfter) {
  const { counter, client, ...from } = read(text);
  const ms = Math.max(0, from.ms + offsetMs);
  const late = ms > notAfter.ms || (ms === notAfter.ms && counter > notAfter.counter);
  const at = late ? notAfter : { ms, counter };
  return stampText({ ms: Math.min(at.ms, MS_MAX), counter: at.counter, client });
}

/**
 * The stamp right after another one.
 * @param {string} text
 * @param {string} client
 */
export function nextBy(text, client) {
  const { ms, counter } = read(text);
  if (counter === COUNTER_MAX && ms < MS_MAX) return stampText({ ms: ms + 1, counter: 0, client });
  return stampText({ ms, counter: Math.min(counter + 1, COUNTER_MAX), client });
}

/**
 * Texts compare as stamps do, but for the client's, which compares by bytes on a server.
 * @param {string} one
 * @param {string} other
 */
export function compare(one, other) {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
