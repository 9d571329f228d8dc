// The types of the installed package, as an app's compiler sees them: tests/types says what must and must not compile.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';

import { App, ROOT } from './harness/app.js';

const source = name => readFileSync(join(ROOT, 'tests/types', name), 'utf8');
const EXPECTED = /^\s*\/\/ @ts-expect-error (TS\d+) \S/;
const STRICTER = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };

/** @type {App} */
let app;
before(async t => {
  app = await App.create(t, { 'compiles.ts': source('compiles.ts'), 'refused.ts': source('refused.ts') });
});

/** What the compiler says of some files: [file, line, code]. */
function complaints(files, options = {}) {
  const compilerOptions = {
    noEmit: true, strict: true, target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'], types: [], module: 'esnext', moduleResolution: 'bundler', ...options,
  };
  app.write({ 'tsconfig.json': JSON.stringify({ compilerOptions, files }) });
  let told = '';
  try {
    app.runTool('tsc', ['-p', 'tsconfig.json', '--pretty', 'false']);
  } catch (error) {
    told = error.message;
    assert.match(told, /error TS/);
  }
  return [...told.matchAll(/^(\S+)\((\d+),\d+\): error (TS\d+): /gm)].map(([, file, line, code]) => [file, Number(line), code]);
}

for (const [name, options] of [
  ['strict, for a bundler', {}],
  ['strict, for Node', { module: 'nodenext', moduleResolution: 'nodenext' }],
  ['stricter than strict', STRICTER],
]) {
  test(`what an app may write compiles, and what it may not does not: ${name}`, () => {
    assert.deepEqual(complaints(['compiles.ts', 'refused.ts'], options), []);
  });
}

test('every mistake is refused for its own reason', () => {
  const lines = source('refused.ts').split('\n');
  const expected = lines.flatMap((line, at) => (EXPECTED.test(line) ? [['bare.ts', at + 2, EXPECTED.exec(line)[1]]] : []));
  assert(expected.length > 50);
  assert.equal(expected.length, lines.filter(line => line.includes('@ts-expect-error')).length - 1, 'each names its error; one more is in the head');
  app.write({ 'bare.ts': lines.map(line => (EXPECTED.test(line) ? '' : line)).join('\n') });
  assert.deepEqual(complaints(['bare.ts']), expected);
});

test('an expected error that does not come is one', () => {
  app.write({ 'fine.ts': "import { t } from 'holm';\n// @ts-expect-error TS2345 nothing is wrong with it\nt.number().default(1);\n" });
  assert.deepEqual(complaints(['fine.ts']), [['fine.ts', 2, 'TS2578']]);
});
