// What scripts/part-sizes.js says of a module of two functions.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const [NOP, END] = [0x01, 0x0b];
const number = value => (value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)]);
const sized = content => [...number(content.length), ...content];
const section = (id, ...content) => [id, ...sized(content)];
const text = value => [value.length, ...Buffer.from(value)];

test('each function counts for its crate, of ours for its room; data counts on its own', () => {
  const names = [2, ...[0, ...text('<holm_core[12ab]::query::Query>::run')], ...[1, ...text('core::fmt::write')]];
  const module = Buffer.from([
    0, ...Buffer.from('asm'), 1, 0, 0, 0,
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 2, 0, 0),
    ...section(5, 1, 0, 1),
    ...section(10, 2, ...sized([0, ...Array(2000).fill(NOP), END]), ...sized([0, ...Array(500).fill(NOP), END])),
    ...section(11, 1, 0, 0x41, 0, END, ...sized(Array(1000).fill(7))),
    ...section(0, ...text('name'), 1, names.length, ...names),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'holm-parts-'));
  const file = join(folder, 'named.wasm');
  writeFileSync(file, module);
  const script = new URL('../../scripts/part-sizes.js', import.meta.url).pathname;
  const lines = execFileSync(process.execPath, [script, file], { encoding: 'utf8' }).trimEnd().split('\n');
  rmSync(folder, { recursive: true });
  const rows = lines.map(line => line.trim().split(/ {2,}/).slice(0, 2));
  assert.deepEqual(rows.sort(), [['0 smaller parts', '0.0 KB'], ['core', '0.5 KB'], ['data: texts, tables', '1.0 KB'], ['holm_core::query', '2.0 KB']]);
});
