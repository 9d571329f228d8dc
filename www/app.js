// The page: shows what the databases say, and writes what the person does. It never waits for the network.

import { openPlaces } from './places.js';
import { PlacesView } from './places-view.js';
import { Refusals } from './refusals.js';
import { StatusPanel } from './status.js';
import { openTasks } from './tasks.js';
import { showTasks } from './tasks-view.js';
import { registerWorker } from './update.js';
import { countWords, errorWords } from './words.js';

const part = id => document.getElementById(id);

async function start() {
  const panel = new StatusPanel(showNotice);
  const tasks = await openTasks();
  showTasks(tasks, showFailure);
  new Refusals(tasks, part('refused'), showFailure);
  const views = {
    tasks: () => panel.show(tasks, async () => countWords(await tasks.tasks.count(), 'task')),
    places: lazily(async () => {
      const places = await openPlaces();
      const view = new PlacesView(places, showFailure);
      return () => panel.show(places, () => view.words());
    }),
  };
  part('sync-now').addEventListener('click', () => panel.syncNow());
  addEventListener('hashchange', () => route(views, true).catch(showFailure));
  await route(views, false);
  document.documentElement.dataset.ready = 'true';
}

/** Shows the view that the address names; a person who went there gets the focus along. */
async function route(views, moved) {
  const name = location.hash.slice(2) in views ? location.hash.slice(2) : 'tasks';
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  for (const view of Object.keys(views)) part(`${view}-view`).hidden = view !== name;
  document.title = `${name === 'tasks' ? 'Tasks' : 'Places'} · Holm`;
  if (moved) part(`${name}-heading`).focus();
  await views[name]();
}

/** What is made at the first call, and used at every one. */
function lazily(make) {
  let made;
  return async () => {
    made ??= make().catch(error => { made = undefined; throw error; });
    (await made)();
  };
}

function showFailure(error) {
  showNotice(errorWords(error));
}

function showNotice(words) {
  part('notice').textContent = words;
  part('notice').hidden = false;
}

start().catch(showFailure);
registerWorker().catch(() => showNotice('This browser cannot keep the app for a start without a network.'));
