// An answer that refuses a whole request: nothing of it had any effect.

/** @type {Record<string, number>} */
const STATUSES = {
  unauthorized: 401, forbidden: 403, 'not-found': 404, timeout: 408, gap: 409, 'seq-reused': 409, 'client-unknown': 409,
  'payload-too-large': 413, 'schema-unsupported': 426, 'rate-limited': 429, 'server-error': 500,
};

export class Refusal extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ status?: number, expected?: number, min?: number, max?: number, limits?: object }} [more]
   */
  constructor(code, message, { status = STATUSES[code] ?? 400, ...more } = {}) {
    super(message);
    this.status = status;
    this.body = { v: 1, error: code, message, ...more };
  }
}

/** @param {string} message */
export function invalid(message) {
  return new Refusal('invalid-request', message);
}
