// Every ```js block of the README runs, one after another, in a page of a real browser.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { Server } from '../harness/server.js';

const READMES = ['README.md'];

test('the snippets of the READMEs', { timeout: 120_000 }, async t => {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  for (const readme of READMES) {
    await t.test(readme, async () => {
      const text = await readFile(new URL(`../../${readme}`, import.meta.url), 'utf8');
      const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(match => match[1]);
      assert(blocks.length > 0);
      const script = `${blocks.join('\n').replaceAll("from 'holm'", "from '/pkg/index.js'")}\nglobalThis.ranToTheEnd = true;`;
      const page = await browser.open(`${server.url}/e2e/index.html?no-worker`);
      await page.route('**/e2e/snippets.js', route => route.fulfill({ contentType: 'text/javascript', body: script }));
      const failure = await page.evaluate(() => import('/e2e/snippets.js').then(() => null, error => `${error.code ?? ''} ${error.stack}`));
      assert.equal(failure, null, script);
      assert.deepEqual(page.problems, []);
      await page.close();
    });
  }
});
