// eslint.config.js can fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ESLint } from 'eslint';

const complaints = async text => {
  const [{ messages }] = await new ESLint({ cwd: new URL('../../', import.meta.url).pathname }).lintText(text, { filePath: 'www/app.js' });
  return messages.map(({ ruleId }) => ruleId);
};
const functionOf = lines => `export function long() {\n${'  call();\n'.repeat(lines - 2)}}\n`;

test('a function has fewer than 70 lines', async () => {
  assert.deepEqual(await complaints(functionOf(70)), ['max-lines-per-function']);
  assert.deepEqual(await complaints(functionOf(69)), []);
});

test('what is declared is used', async () => {
  assert.deepEqual(await complaints("import { a } from './a.js';\n"), ['no-unused-vars']);
});
