// The view of the tasks: the list, what waits, and the form.

import { TaskList } from './list.js';

const part = id => document.getElementById(id);

export function showTasks(db, showFailure) {
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
  showWaiting(db, list, showFailure);
  takeNewTasks(db, showFailure);
}

/** What the server does not have yet, the newest first. */
function showWaiting(db, list, showFailure) {
  db.tasks.where({ $pending: true }).orderBy('-updatedAt').watch(rows => {
    list.mark(new Set(rows.map(row => row.id)));
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

function takeNewTasks(db, showFailure) {
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
