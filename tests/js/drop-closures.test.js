// What scripts/drop-closures.js makes of a table of five functions, two of which call closures.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { number, section, sections, text } from '../../scripts/wasm-reader.js';

const [CUSTOM, TYPES, FUNCTIONS, TABLES, ELEMENTS, CODE] = [0, 1, 3, 4, 9, 10];
const written = (id, ...content) => section({ id, body: Buffer.from(content) });
const INVOKE = 'wasm_bindgen[a1]::convert::closures::_::invoke::<js_sys[b2]::Array, (), true>';

/** A module whose functions of such names stand in a table from place 1 on, without `drop-closures` and after it; and what it says. */
function dropped(...names) {
  const all = Buffer.concat(names.map((name, at) => Buffer.concat([Buffer.of(at), text(name)])));
  const module = Buffer.concat([
    Buffer.from('\0asm\x01\0\0\0'),
    written(TYPES, 1, 0x60, 0, 0),
    written(FUNCTIONS, names.length, ...names.map(() => 0)),
    written(TABLES, 1, 0x70, 0, names.length + 1),
    written(ELEMENTS, 1, 0, 0x41, 1, 0x0b, names.length, ...names.keys()),
    written(CODE, names.length, ...names.flatMap(() => [2, 0, 0x0b])),
    section({ id: CUSTOM, body: Buffer.concat([text('name'), Buffer.of(1), number(all.length + 1), Buffer.of(names.length), all]) }),
  ]);
  assert(WebAssembly.validate(module));
  const folder = mkdtempSync(join(tmpdir(), 'holm-closures-'));
  const [from, to] = ['built.wasm', 'less.wasm'].map(name => join(folder, name));
  writeFileSync(from, module);
  const { status, stderr } = spawnSync(process.execPath, [new URL('../../scripts/drop-closures.js', import.meta.url).pathname, from, to]);
  const less = status === 0 ? readFileSync(to) : undefined;
  rmSync(folder, { recursive: true });
  return { module, less, said: stderr.toString() };
}

test('what calls closures is in the table once, in the place of each; all else stays as it is', () => {
  const { module, less } = dropped('one', INVOKE, 'core[c3]::ptr::drop_in_place', INVOKE.replace('Array', 'Set'), 'holm[d4]::invoke::<()>');
  assert(less && WebAssembly.validate(less));
  const of = wasm => new Map([...sections(wasm)].map(({ id, body }) => [id, [...body]]));
  const [before, after] = [of(module), of(less)];
  assert.deepEqual(after.get(ELEMENTS), [1, 0, 0x41, 1, 0x0b, 5, 0, 1, 2, 1, 4]);
  assert.deepEqual(after, before.set(ELEMENTS, after.get(ELEMENTS)));
});

test('an engine in which none is found is no engine of this wasm-bindgen', () => {
  assert.match(dropped('one', 'two').said, /No function that calls a closure was found by its name/);
});
