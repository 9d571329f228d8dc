// The data of the demo: what a task is, and how the database is opened.

import { openHere } from './open-here.js';
import { defineSchema, t } from './pkg/index.js';

export const schema = defineSchema({ version: 1, collections: {
  tasks: {
    fields: { title: t.string(), done: t.boolean().default(false), updatedAt: t.timestamp() },
    indexes: ['-updatedAt', ['done', '-updatedAt']],
    conflict: 'merge',
  } } });

/** Opens the tasks. */
export function openTasks() {
  return openHere({ name: 'tasks', schema, sync: { url: '/sync' } });
}
