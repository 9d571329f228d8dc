// The page: shows what the database says, and writes what the person does. It never waits for the network.

import { openTasks } from './tasks.js';
import { TaskList } from './list.js';
import { errorWords, connectionWords, phaseWords } from './words.js';

const part = id => document.getElementById(id);

async function start() {
  const db = await openTasks();
  showTasks(db);
  showWaiting(db);
  showStatus(db);
  takeNewTasks(db);
  part('sync-now').addEventListener('click', () => db.sync.now().catch(() => {})); // a failure shows in the status
  document.documentElement.dataset.ready = 'true';
}

function showTasks(db) {
  const list = new TaskList(part('tasks'), part('task'), {
    change: (id, fields) => db.tasks.patch(id, { ...fields, updatedAt: Date.now() }).catch(showFailure),
    remove: id => {
      db.tasks.delete(id).catch(showFailure);
      part('title').focus();
    },
  });
  db.tasks.orderBy('-updatedAt').watch(rows => {
    list.show(rows);
    part('empty').hidden = rows.length > 0;
  }, showFailure);
  db.tasks.where({ $pending: true }).watch(rows => list.mark(new Set(rows.map(row => row.id))), showFailure);
}

/** What the server does not have yet, the newest first. */
function showWaiting(db) {
  db.tasks.where({ $pending: true }).orderBy('-updatedAt').watch(rows => {
    part('waiting-count').textContent = rows.length;
    part('waiting-count').dataset.count = rows.length;
    part('waiting-empty').hidden = rows.length > 0;
    part('waiting-list').replaceChildren(...rows.map(row => {
      const item = document.createElement('li');
      item.textContent = row.title;
      return item;
    }));
  }, showFailure);
}

function showStatus(db) {
  const show = () => {
    const status = db.sync.status;
    part('connection').dataset.state = status.online;
    part('connection').textContent = connectionWords(status);
    part('pending').textContent = status.pending;
    part('phase').textContent = phaseWords(status, Date.now());
    part('error').hidden = !status.error;
    part('error').textContent = status.error ? errorWords(status.error) : '';
    if (!status.durable) showNotice('This browser keeps nothing for this page: what you write is gone when you close it.');
  };
  db.sync.subscribe(show);
  setInterval(() => { if (db.sync.status.phase === 'waiting') show(); }, 1000);
  show();
}

function takeNewTasks(db) {
  part('add').addEventListener('submit', async event => {
    event.preventDefault();
    const title = part('title').value.trim();
    if (!title) return;
    part('title').value = '';
    try {
      await db.tasks.put({ title, updatedAt: Date.now() });
    } catch (error) {
      part('title').value ||= title;
      showFailure(error);
    }
  });
}

function showFailure(error) {
  showNotice(errorWords(error));
}

function showNotice(words) {
  part('notice').textContent = words;
  part('notice').hidden = false;
}

/** The service worker makes the page start without a network, and sends what waits when the page is gone. */
async function registerWorker() {
  if (!('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.register('sw.js', { type: 'module' });
  const offer = () => {
    if (!registration.waiting || !navigator.serviceWorker.controller) return;
    part('update').hidden = false;
    part('reload').addEventListener('click', () => {
      navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
      registration.waiting?.postMessage('use-new-version');
    }, { once: true });
  };
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', offer));
  offer();
}

start().catch(showFailure);
registerWorker().catch(() => showNotice('This browser cannot keep the app for a start without a network.'));
