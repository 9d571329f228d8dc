// Loads the engine's WebAssembly. When that fails, says in one sentence what is wrong: the file, the page or the browser.

import { HolmError } from './errors.js';

/** @typedef {{ default: (source?: { module_or_path: unknown }) => Promise<unknown> }} EngineModule */

const EMPTY_MODULE = [0, 97, 115, 109, 1, 0, 0, 0]; // what every WebAssembly file begins with, and the shortest there is

/** @type {WeakMap<EngineModule, Promise<void>>} */
const loaded = new WeakMap();

/** Where the WebAssembly is: beside this file. Bundlers know this form and bring it along. */
export const wasmBeside = () => new URL('./engine_bg.wasm', import.meta.url);

/**
 * Instantiates the WebAssembly once; a failure may be tried again.
 * @param {EngineModule} module
 * @param {any} [wasm] where it is, when it is not beside this file
 */
export async function load(module, wasm = wasmBeside()) {
  let loading = loaded.get(module);
  if (!loading) loaded.set(module, loading = start(module, wasm));
  try {
    await loading;
  } catch (error) {
    loaded.delete(module);
    throw error;
  }
}

/**
 * @param {EngineModule} module
 * @param {any} wasm
 */
async function start(module, wasm) {
  try {
    await module.default({ module_or_path: wasm });
  } catch (cause) {
    throw await diagnosed(wasm, cause);
  }
}

/**
 * Looks again at everything that may be wrong, in the order in which one hides the other.
 * @param {any} wasm
 * @param {unknown} cause
 */
async function diagnosed(wasm, cause) {
  if (typeof WebAssembly !== 'object') return unavailable('This browser has no WebAssembly, or it is switched off', cause);
  if (!allowed()) {
    return unavailable("The Content-Security-Policy of this page forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src", cause);
  }
  if (cause instanceof WebAssembly.LinkError) {
    return unavailable("Holm's WebAssembly and its JavaScript are of different versions; deliver both from the same package", cause);
  }
  if (wasm instanceof ArrayBuffer || ArrayBuffer.isView(wasm)) return wrongBytes(wasm, 'what was given as "wasm"', cause);
  const address = wasm instanceof Response ? wasm.url : wasm;
  if (typeof address === 'string' ? address !== '' : address instanceof URL || address instanceof Request) return wrongFile(address, cause);
  return unknown(cause);
}

/** Whether the page may compile any WebAssembly. */
function allowed() {
  try {
    return new WebAssembly.Module(new Uint8Array(EMPTY_MODULE)) !== null;
  } catch {
    return false;
  }
}

/**
 * @param {string | URL | Request} address
 * @param {unknown} cause
 */
async function wrongFile(address, cause) {
  let url = '';
  try {
    url = address instanceof Request ? address.url : new URL(address, globalThis.location?.href).href;
  } catch {
    return unknown(cause);
  }
  if (url.startsWith('file:')) return unavailable('Holm opens databases in browsers; elsewhere, give open the bytes of its WebAssembly as "wasm"', cause);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(address);
  } catch {
    return new HolmError('offline', `Holm's WebAssembly at ${url} could not be fetched: there is no network, or connect-src or CORS forbid it.`, { retryable: true, cause });
  }
  const { ok, status } = response;
  if (status >= 500) return new HolmError('server-error', `The server failed with ${status} on Holm's WebAssembly at ${url}.`, { retryable: true, cause });
  if (!ok) return unavailable(`Holm's WebAssembly is not at ${url}: the server answers ${status}; put it there or give open its address as "wasm"`, cause);
  const type = response.headers.get('content-type') ?? 'no type';
  return wrongBytes(await response.arrayBuffer(), `what the server gives for ${url} (${type})`, cause);
}

/**
 * @param {any} source an ArrayBuffer or a view of one
 * @param {string} what
 * @param {unknown} cause
 */
function wrongBytes(source, what, cause) {
  const bytes = new Uint8Array(source.buffer ?? source, source.byteOffset, source.byteLength);
  if (EMPTY_MODULE.some((byte, at) => bytes[at] !== byte)) {
    return unavailable(`Not Holm's WebAssembly: ${what} is something else; put the file there or give open its address as "wasm"`, cause);
  }
  if (!WebAssembly.validate(bytes)) {
    return unavailable(`This browser is too old for Holm's WebAssembly, or the file is damaged: it refuses ${what}`, cause);
  }
  return unknown(cause);
}

/** @param {unknown} cause */
function unknown(cause) {
  return unavailable(`Holm's WebAssembly did not start: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
}

/**
 * @param {string} sentence
 * @param {unknown} cause
 */
function unavailable(sentence, cause) {
  return new HolmError('engine-unavailable', `${sentence}.`, { cause });
}
