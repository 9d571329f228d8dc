// The tasks of an app. A task is synced when the server has everything of it: the engine knows, so the app stores no flag.

import { defineSchema, open, t } from 'holm';

export const schema = defineSchema({ version: 1, collections: {
  tasks: { fields: { title: t.string(), done: t.boolean().default(false) }, indexes: ['title'] } } });

export class Tasks {
  #db;

  constructor(db) {
    this.#db = db;
  }

  /** `options` are those of `open`, but for name and schema. */
  static async open(options) {
    return new Tasks(await open({ name: 'tasks', schema, ...options }));
  }

  add(title) {
    return this.#db.tasks.insert({ title });
  }

  rename(id, title) {
    return this.#db.tasks.patch(id, { title });
  }

  finish(id) {
    return this.#db.tasks.patch(id, { done: true });
  }

  /** What the list on the screen shows. */
  async list() {
    const [tasks, pending] = await Promise.all([this.#db.tasks.orderBy('title').all(), this.#db.tasks.where({ $pending: true }).all()]);
    const waiting = new Set(pending.map(({ id }) => id));
    return tasks.map(({ id, title, done }) => ({ id, title, done, isSynced: !waiting.has(id) }));
  }

  /** What the line at the bottom says. */
  banner() {
    const { online, pending, parked, error } = this.#db.sync.status;
    if (parked > 0) return `${parked} changes need you`;
    if (error?.code === 'not-a-holm-server') return 'This network wants you to log in';
    if (online === 'offline') return `Offline, ${pending} changes are kept`;
    return pending > 0 ? `Sending ${pending} changes` : 'All is saved';
  }

  /** The changes that the server refused, with what the user can do about each. */
  async refused() {
    const parked = await this.#db.sync.parked();
    return parked.map(({ mid, id, mine, reason }) => ({
      id, title: mine?.title, why: reason.message, code: reason.code,
      again: () => this.#db.sync.retry(mid), giveUp: () => this.#db.sync.discard(mid),
    }));
  }

  /** When it is tried again. */
  get nextAttemptAt() {
    return this.#db.sync.status.nextAttemptAt;
  }

  refresh() {
    return this.#db.sync.now();
  }

  close() {
    return this.#db.close();
  }
}
