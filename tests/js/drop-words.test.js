// What scripts/drop-words.js makes of an engine's texts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { DATA, number, section, sections } from '../../scripts/wasm-reader.js';

const MEMORY = 5;

/** A module with such texts from place 8 on, as `drop-words` leaves its data; and what it says. */
function dropped(texts) {
  const bytes = Buffer.from(texts);
  const module = Buffer.concat([
    Buffer.from('\0asm\x01\0\0\0'),
    section({ id: MEMORY, body: Buffer.of(1, 0, 1) }),
    section({ id: DATA, body: Buffer.concat([Buffer.of(1, 0, 0x41, 8, 0x0b), number(bytes.length), bytes]) }),
  ]);
  assert(WebAssembly.validate(module));
  const folder = mkdtempSync(join(tmpdir(), 'holm-words-'));
  const [from, to] = ['built.wasm', 'less.wasm'].map(name => join(folder, name));
  writeFileSync(from, module);
  const { status, stderr } = spawnSync(process.execPath, [new URL('../../scripts/drop-words.js', import.meta.url).pathname, from, to]);
  const less = status === 0 ? readFileSync(to) : undefined;
  rmSync(folder, { recursive: true });
  return { less, said: stderr.toString() };
}

test('words of wasm-bindgen are blank, and all else stands where it stood', () => {
  const [before, words, after] = ['the database is closed', 'null pointer passed to rust', 'pointer'];
  const { less } = dropped(before + words + after);
  assert(less && WebAssembly.validate(less));
  const data = [...sections(less)].find(({ id }) => id === DATA).body;
  assert.equal(data.subarray(6).toString('latin1'), before + '\0'.repeat(words.length) + after);
});

test('an engine without any of them is no engine of this wasm-bindgen', () => {
  assert.match(dropped('the database is closed').said, /None of the words of this wasm-bindgen was found/);
});
