// What scripts/like-order.js makes of three functions, of which the first and the last are alike.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { number, section, sections } from '../../scripts/wasm-reader.js';

const [CONST, DROP, END] = [0x41, 0x1a, 0x0b];
const [CUSTOM, TYPES, FUNCTIONS, CODE] = [0, 1, 3, 10];

const body = (...numbers) => {
  const code = [0, ...numbers.flatMap(value => [CONST, value, DROP]), END];
  return [...number(code.length), ...code];
};
const written = (id, ...content) => section({ id, body: Buffer.from(content) });

test('like functions follow each other; what has names already loses them, to a list', () => {
  const module = Buffer.concat([
    Buffer.from('\0asm\x01\0\0\0'),
    written(TYPES, 1, 0x60, 0, 0),
    written(FUNCTIONS, 3, 0, 0, 0),
    written(CODE, 3, ...body(1, 2, 3, 4), ...body(50, 51, 52, 53), ...body(2, 3, 4, 5)),
    written(CUSTOM, 4, ...Buffer.from('name'), 1, 4, 1, 0, 1, 97),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'holm-order-'));
  const [from, to, list] = ['named.wasm', 'ordered.wasm', 'functions.txt'].map(name => join(folder, name));
  writeFileSync(from, module);
  execFileSync(process.execPath, [new URL('../../scripts/like-order.js', import.meta.url).pathname, from, to, list]);
  const names = [...sections(readFileSync(to))].filter(({ id }) => id === CUSTOM).map(({ body }) => body.toString('latin1'));
  const called = readFileSync(list, 'utf8');
  rmSync(folder, { recursive: true });
  assert.deepEqual(names, ['\x04name\x01\x19\x03\0\x06000000\x01\x06000002\x02\x06000001']);
  assert.equal(called, '0 a\n1 \n2 \n');
});
