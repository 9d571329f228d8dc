// Every flow of the demo with the keyboard alone: the mouse is never moved, and the focus is always somewhere to be seen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from '../harness/browser.js';
import { makeConflict, onServer, openDemo, seedPlaces } from '../harness/demo.js';
import { until } from '../harness/process.js';
import { Server } from '../harness/server.js';

const TABS_MAX = 60;

/** Presses Tab until this element has the focus. */
async function tabTo(page, locator, what, key = 'Tab') {
  for (let n = 0; n < TABS_MAX; n++) {
    if (await locator.evaluate(element => element === document.activeElement)) return visibleFocus(page, what);
    await page.keyboard.press(key);
  }
  throw new Error(`${what} is not reached with ${key}`);
}

/** The element with the focus is on the screen, and drawn as such. */
async function visibleFocus(page, what) {
  const seen = await page.evaluate(() => {
    const { activeElement } = document;
    const { width, height, top, bottom } = activeElement.getBoundingClientRect();
    const { outlineStyle } = getComputedStyle(activeElement);
    return { shown: width > 0 && height > 0 && bottom > 0 && top < innerHeight, outlineStyle };
  });
  assert.deepEqual(seen, { shown: true, outlineStyle: 'solid' }, what);
}

const focused = page => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());

test('tasks by keyboard', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const browser = await Browser.start(t);
  const other = await Browser.start(t);
  const page = await openDemo(browser, server.url);
  const task = title => page.locator('.task').filter({ has: page.getByRole('button', { name: `Delete ${title}` }) });

  await tabTo(page, page.getByLabel('New task'), 'the field for a new task');
  await page.keyboard.type('first');
  await page.keyboard.press('Enter');
  await task('first').waitFor();
  assert.equal(await focused(page), 'title', 'the next one can be typed at once');

  await tabTo(page, page.getByLabel('Done: first'), 'its check box');
  await page.keyboard.press('Space');
  await page.locator('.task.is-done').waitFor();
  await tabTo(page, task('first').locator('.name'), 'its title');
  await page.keyboard.press('End');
  await page.keyboard.type(', renamed');
  await page.keyboard.press('Enter');
  await task('first, renamed').waitFor();

  await tabTo(page, page.locator('#waiting summary'), 'what waits', 'Tab');
  await page.keyboard.press('Enter');
  await page.locator('#waiting[open]').waitFor();
  await tabTo(page, page.getByRole('button', { name: 'Sync now' }), 'Sync now');
  await page.keyboard.press('Enter');
  await until('the server has it', 30_000, async () => (await onServer(server, 'tasks'))[0]?.title === 'first, renamed');

  await tabTo(page, page.getByRole('button', { name: 'Delete first, renamed' }), 'its delete button', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await task('first, renamed').waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'title', 'the focus does not get lost with the task');

  for (const [choice, title] of [['Keep yours', 'kept'], ['Take the server’s', 'let go']]) {
    await makeConflict(server, browser, page, other, title);
    await page.getByLabel('New task').focus();
    await tabTo(page, page.getByRole('button', { name: choice }), choice);
    await page.keyboard.press('Enter');
    await page.locator('#refused').waitFor({ state: 'hidden' });
    assert.equal(await focused(page), 'title');
  }
  await until('what was kept is on the server, what was let go is not', 30_000, async () => {
    const titles = (await onServer(server, 'tasks')).map(({ title }) => title);
    return titles.length === 1 && titles[0] === 'kept, mine';
  });
  assert.deepEqual(page.problems, []);
});

test('places by keyboard', { timeout: 240_000 }, async t => {
  const server = await Server.start(t);
  const seeded = await seedPlaces(server, 600);
  const browser = await Browser.start(t);
  const page = await openDemo(browser, server.url);

  await tabTo(page, page.getByRole('link', { name: 'Places' }), 'the link to the places');
  await page.keyboard.press('Enter');
  await until('the heading tells where one is', 10_000, async () => await focused(page) === 'places-heading');
  await page.locator(`html[data-dots="${seeded.length}"]`).waitFor({ state: 'attached', timeout: 60_000 });

  await tabTo(page, page.getByLabel('Name begins with'), 'the name');
  await page.keyboard.type('dub');
  await tabTo(page, page.getByLabel('Country'), 'the country');
  await page.keyboard.type('United Arab');
  await until('the country is chosen', 5_000, async () => await page.getByLabel('Country').inputValue() === 'AE');
  await tabTo(page, page.getByLabel('People'), 'the number of people');
  await page.keyboard.press('ArrowDown');
  await page.locator('#found').getByText('1 place matches').waitFor();

  const dubai = page.getByRole('button', { name: /^Dubai/ });
  await tabTo(page, dubai, 'the match');
  await page.keyboard.press('Enter');
  await until('the focus goes to the place', 10_000, async () => await focused(page) === 'place-heading');
  await tabTo(page, page.getByLabel('New note'), 'the note');
  await page.keyboard.type('Hot in July.');
  await tabTo(page, page.getByRole('button', { name: 'Add note' }), 'its button');
  await page.keyboard.press('Enter');
  await until('the note is on the server', 30_000, async () => (await onServer(server, 'notes'))[0]?.text === 'Hot in July.');
  await tabTo(page, page.getByRole('button', { name: 'Delete the note Hot in July.' }), 'its delete button', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await until('the note is gone', 30_000, async () => (await onServer(server, 'notes')).length === 0);
  assert.equal(await focused(page), 'note');
  assert.deepEqual(page.problems, []);
});
