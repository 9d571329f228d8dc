// The hand-written types as text: nothing in them goes without a word. What they mean is tested in tests/types.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

/** The lines that declare something for the app and have no comment above them. */
function undocumented(types) {
  const lines = types.split('\n');
  let open = false;
  return lines.filter((line, number) => {
    if (/^\S.*\{$/.test(line)) open = line.startsWith('export');
    const declares = line.startsWith('export ') || (open && /^ {2}(readonly )?[\w$'~]+\??[:(<].*;$/.test(line));
    return declares && !lines[number - 1]?.endsWith('*/') && !/^ {2}(version|collections): /.test(line);
  });
}

for (const file of ['index.d.ts', 'service-worker.d.ts']) {
  test(`everything in ${file} is documented`, async () => {
    const types = await readFile(new URL(`../../pkg-template/${file}`, import.meta.url), 'utf8');
    assert.deepEqual(undocumented(types), []);
  });
}

test('what lacks a word is found', () => {
  const types = '/** A thing. */\nexport interface Thing {\n  /** Its name. */\n  name: string;\n  size?: number;\n}\n\nexport type Other = 1;\n';
  assert.deepEqual(undocumented(types), ['  size?: number;', 'export type Other = 1;']);
});
