// What keeps the WebAssembly from loading, each in a real page: the error has its code, and says in one sentence what is wrong.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Site } from './harness/site.js';

const WASM = '/holm/engine_bg.wasm';
const MAIN = `
  import { defineSchema, HolmError, open, t } from '/holm/index.js';
  const schema = defineSchema({ version: 1, collections: { notes: { fields: { text: t.string() } } } });
  globalThis.opens = async (more = {}) => {
    try {
      const db = await open({ name: 'app', schema, storage: 'memory', ...more });
      const id = await db.notes.put({ text: 'kept' });
      const { text } = await db.notes.get(id);
      await db.close();
      return { text };
    } catch (error) {
      const { code, message, retryable } = error;
      return error instanceof HolmError ? { code, message, retryable } : { code: 'not a HolmError', message: String(error) };
    }
  };
  document.documentElement.dataset.ready = 'true';
`;
// A module with a section that no browser knows yet.
const FUTURE = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0, 200, 1, 0]);
const KEPT = { text: 'kept' };

/** @type {Browser} */
let browser;
/** @type {Site} */
let site;
before(async t => {
  browser = await Browser.start(t);
  site = await Site.withPackage(t, MAIN);
}, { timeout: 60_000 });

/** A page of the site, with a script before all others. */
async function opened(instead, first) {
  site.instead = instead;
  const page = await browser.context.newPage();
  page.said = [];
  page.on('console', message => page.said.push(message.text()));
  if (first) await page.addInitScript(first);
  await page.goto(site.url);
  await page.locator('html[data-ready=true]').waitFor({ state: 'attached' });
  return page;
}

/** @param {import('./harness/site.js').Answer} answer */
const wasmIs = answer => path => (path === WASM ? answer : undefined);
const policy = text => path => (path === '/index.html' ? { headers: { 'content-security-policy': text } } : undefined);

/** Asserts a failure: its code, whether it may be tried again, and one sentence that says this. */
function failed(told, code, retryable, ...says) {
  assert.equal(told.code, code, JSON.stringify(told));
  assert.equal(told.retryable, retryable);
  for (const said of says) assert(told.message.includes(said), `${told.message} says ${said}`);
  assert.match(told.message, /^[A-Z].*[^.]\.$/);
  assert.doesNotMatch(told.message, /[.!?] [A-Z]/, 'one sentence');
}

/** A test of a page in which loading fails once. */
function fails(name, { instead = () => undefined, first, options }, ...expected) {
  test(name, { timeout: 60_000 }, async () => {
    const page = await opened(instead, first);
    failed(await page.evaluate(more => globalThis.opens(more), options), ...expected);
    await page.close();
  });
}

fails('the file is not there', { instead: wasmIs({ status: 404 }) }, 'engine-unavailable', false, WASM, 'answers 404', 'open its address as "wasm"');
fails('the server gives its start page for every address', { instead: wasmIs({ headers: { 'content-type': 'text/html' }, body: '<!doctype html>' }) },
  'engine-unavailable', false, WASM, 'text/html', 'something else');
fails('the server fails', { instead: wasmIs({ status: 503 }) }, 'server-error', true, WASM, '503');
fails('a policy without wasm-unsafe-eval', { instead: policy("script-src 'self'") }, 'engine-unavailable', false, "'wasm-unsafe-eval'", 'script-src');
fails('a policy that forbids the request', { instead: policy("connect-src 'none'") }, 'offline', true, WASM, 'connect-src');
fails('a browser without WebAssembly', { first: () => { delete globalThis.WebAssembly; } }, 'engine-unavailable', false, 'This browser has no WebAssembly');
fails('a browser that is too old for it', { instead: wasmIs({ body: FUTURE }) }, 'engine-unavailable', false, 'too old', WASM);
fails('an address that is none', { options: { wasm: 'http://' } }, 'engine-unavailable', false, 'did not start');
fails('another address, where nothing is', { options: { wasm: '/elsewhere.wasm' } }, 'engine-unavailable', false, '/elsewhere.wasm', '404');

test('an engine of another build does not fit by chance', { timeout: 60_000 }, async () => {
  const page = await opened(async (path, file) => {
    if (path !== WASM) return undefined;
    const { imports, bytes } = await withOtherDigest(await file());
    assert(imports > 50, 'only one of many imports is named otherwise');
    return { body: bytes };
  });
  failed(await page.evaluate(() => globalThis.opens()), 'engine-unavailable', false, 'different versions');
  await page.close();
});

/** The engine with the digest in the name of its first import changed, as another build would have it. */
async function withOtherDigest(bytes) {
  const imports = WebAssembly.Module.imports(await WebAssembly.compile(bytes));
  const { name } = imports[0];
  assert.match(name, /^__i[0-9a-f]{8}$/);
  const at = bytes.indexOf(name) + name.length - 1;
  bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
  return { imports: imports.length, bytes };
}

test('what is given as wasm is no WebAssembly', { timeout: 60_000 }, async () => {
  const page = await opened(() => undefined);
  failed(await page.evaluate(() => globalThis.opens({ wasm: new Uint8Array([1, 2, 3]) })), 'engine-unavailable', false, 'given as "wasm"');
  const asResponse = await page.evaluate(async () => globalThis.opens({ wasm: await fetch('/main.js') }));
  failed(asResponse, 'engine-unavailable', false, '/main.js', 'text/javascript');
  const given = await page.evaluate(async () => globalThis.opens({ wasm: await (await fetch('/holm/engine_bg.wasm')).arrayBuffer() }));
  assert.deepEqual(given, KEPT);
  await page.close();
});

test('the wrong type of content works, with a warning of what to repair', { timeout: 60_000 }, async () => {
  const page = await opened(wasmIs({ headers: { 'content-type': 'text/plain' } }));
  assert.deepEqual(await page.evaluate(() => globalThis.opens()), KEPT);
  assert(page.said.some(text => text.includes('application/wasm') && text.includes('MIME')), page.said.join());
  await page.close();
});

test('a policy with wasm-unsafe-eval works', { timeout: 60_000 }, async () => {
  const page = await opened(policy("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"));
  assert.deepEqual(await page.evaluate(() => globalThis.opens()), KEPT);
  await page.close();
});

test('without a network it fails as offline, and the same call works once it is back', { timeout: 60_000 }, async () => {
  const page = await opened(wasmIs('break'));
  failed(await page.evaluate(() => globalThis.opens()), 'offline', true, WASM, 'no network');
  site.instead = () => undefined;
  assert.deepEqual(await page.evaluate(() => globalThis.opens()), KEPT);
  await page.close();
});
