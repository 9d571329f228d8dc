// Every failure that leaves this package is a HolmError; nothing else is thrown.

/** @typedef {import('./index.d.ts').ErrorCode} ErrorCode */

/** What went wrong, in a code from the closed list, and whether the same call may succeed later. */
export class HolmError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{ retryable?: boolean, field?: string, cause?: unknown }} [details]
   */
  constructor(code, message, details = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'HolmError';
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.field = details.field;
  }

  /** As the lines of a log want it: an error's own message and cause are in no JSON. */
  toJSON() {
    const { name, code, message, retryable, field } = this;
    return { name, code, message, retryable, field };
  }
}

/**
 * The error as a HolmError: what the engine threw, or what the browser did to it.
 * @param {any} error
 * @returns {HolmError}
 */
export function holmError(error) {
  if (error instanceof HolmError) return error;
  if (typeof error?.code === 'string') {
    const { code, retryable, field } = error;
    return new HolmError(code, error.message, { retryable: retryable === true, field, cause: error.cause ?? error });
  }
  const text = error instanceof Error ? error.message : String(error);
  return new HolmError('internal', `Holm stopped: ${text}`, { cause: error });
}

/**
 * @param {string} sentence
 * @returns {HolmError}
 */
export function closedError(sentence) {
  return new HolmError('closed', `${sentence}.`);
}

/**
 * An error nobody waits for: shown like any uncaught one, without stopping the caller.
 * @param {unknown} error
 */
export function report(error) {
  if (typeof reportError === 'function') reportError(error);
  else queueMicrotask(() => { throw error; });
}
