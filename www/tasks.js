// The data of the demo: what a task is, and how the database is opened.

import { defineSchema, open, t } from './pkg/index.js';

export const schema = defineSchema({ version: 1, collections: {
  tasks: {
    fields: { title: t.string(), done: t.boolean().default(false), updatedAt: t.timestamp() },
    indexes: ['-updatedAt', ['done', '-updatedAt']],
    conflict: 'merge',
  } } });

const options = { name: 'tasks', schema, sync: { url: '/sync' } };

/** Opens the tasks; where the browser keeps nothing, in memory. */
export async function openTasks() {
  try {
    return await open(options);
  } catch (error) {
    if (error.code !== 'storage-unavailable') throw error;
    return open({ ...options, storage: 'memory' });
  }
}
