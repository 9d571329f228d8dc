// The types of Holm's test kit. Each thing does its work from `install()` until the function that it gives is called:
// `onTestFinished(server.install())` in Vitest, `t.after(server.install())` in Node's own runner.

import type { ErrorCode } from './index.js';

/** Puts back what was there before. */
export type Restore = () => void;

// ---- Server

/** A mutation as a rule sees it: what a device wants. */
export interface SeenMutation {
  /** What it does; `patch` writes some fields, `put` and `create` all. */
  readonly kind: 'create' | 'put' | 'patch' | 'delete' | 'call' | 'skip';
  /** The collection of the record. */
  readonly collection: string;
  /** The record's id. */
  readonly id: string;
  /** The fields that it writes. */
  readonly data: Readonly<Record<string, any>>;
  /** Its own id: the same when it is sent again. */
  readonly mid: string;
  /** The transaction that it belongs to. */
  readonly tx?: string;
  /** The function that a call calls. */
  readonly name?: string;
  /** What a call gives it. */
  readonly args?: any;
}

/** What a function of the server has: its arguments, and the rows. */
export interface Caller {
  /** What the device gave. */
  readonly args: any;
  /** The living records of a collection, by id. */
  all(collection: string): ServerRecord[];
  /** One of them. */
  read(collection: string, id: string): ServerRecord | undefined;
  /** Makes a record of exactly these fields, new or not. */
  write(collection: string, record: ServerRecord): void;
  /** Removes a record, if it is there. */
  delete(collection: string, id: string): void;
}

/** Gives nothing when it is done; what refuses the call, as a rule of `reject` does; or after how many seconds it shall come again. Then nothing was written. */
export type ServerFunction = (caller: Caller) => void | boolean | string | number | null | undefined | { code?: ErrorCode; field?: string; message?: string };

/** A record as the server has it. */
export type ServerRecord = { readonly id: string; readonly [field: string]: any };

/** A request that the page sent. */
export interface SeenRequest {
  /** The last part of its address: 'push' or 'pull'. */
  readonly kind: string;
  /** Its method. */
  readonly method: string;
  /** What follows the server's address. */
  readonly path: string;
  /** Its bearer token. */
  readonly token: string | undefined;
  /** Its JSON, as docs/protocol.md has it. */
  readonly body: any;
  /** The status of the answer, also of one that was lost; 0 while there is none. */
  readonly status: number;
  /** The JSON of the answer. */
  readonly answer: any;
}

/** Which requests, and how many. */
export interface Next {
  /** Only pushes, or only pulls; whatever comes when it is not said. */
  on?: 'push' | 'pull';
  /** How many requests; one when it is not said. */
  times?: number;
}

/** How a server is to be. */
export interface FakeServerOptions {
  /** Its address, 'http://holm.test/sync' when it is not said; a relative one needs a page. */
  url?: string;
  /** The token that a request must bring. Change `server.token` to let it expire. */
  token?: string;
  /** How edits meet, in all collections or in each; 'merge' when it is not said. 'manual' answers `conflict`. */
  conflict?: 'merge' | 'last-write' | 'manual' | Record<string, 'merge' | 'last-write' | 'manual'>;
  /** The collections that exist; any name when it is not said. */
  collections?: readonly string[];
  /** The scopes that it has beside its collections: which field, of each collection in them, says to which `id` a row belongs. */
  scopes?: Record<string, Record<string, string>>;
  /** The schema versions that it serves; any when it is not said. */
  schema?: { min: number; max: number };
  /** What one push may hold; 200 mutations and 2,000,000 bytes when it is not said. */
  limits?: { mutations?: number; bytes?: number };
  /**
   * What `db.call` calls, by name.
   *
   * ```js
   * const server = new FakeServer({ functions: {
   *   archive({ args, read, write }) {
   *     const task = read('tasks', args.id);
   *     if (!task) return 'There is no such task.';
   *     write('tasks', { ...task, archived: true });
   *   },
   * } });
   * ```
   */
  functions?: Record<string, ServerFunction>;
}

/**
 * A server of the sync protocol in memory: it answers the page's `fetch` under its own address, decides as the reference server
 * does, and keeps all that it was asked. It has one user, no stream, and answers a long poll at once.
 *
 * ```js
 * const server = new FakeServer();
 * onTestFinished(server.install());
 * const db = await open({ name: 'app', schema, wasm, storage: 'memory', sync: { url: server.url } });
 * await db.tasks.put({ id: 'a', title: 'Buy milk' }).synced;
 * expect(server.rows('tasks')).toEqual([{ id: 'a', title: 'Buy milk' }]);
 * ```
 */
export class FakeServer {
  /** A server with no data. */
  constructor(options?: FakeServerOptions);
  /** Its address, for `open({ sync: { url } })`. */
  readonly url: string;
  /** What a request must bring as its bearer token, if anything. */
  token: string | undefined;
  /** Every request that reached it, oldest first. */
  readonly requests: readonly SeenRequest[];
  /** Each mutation that had its effect: a mutation that is sent twice is here once. */
  readonly effects: readonly SeenMutation[];

  /** Answers `fetch` from now on; one server at a time for an address. */
  install(): Restore;

  /** The living records of a collection, by id. */
  rows(collection: string): ServerRecord[];
  /** One of them. */
  row(collection: string, id: string): ServerRecord | undefined;

  /** Another device writes a whole record; gives its id. */
  put(collection: string, record: Record<string, any>): string;
  /** Another device changes some fields; undefined removes one. */
  patch(collection: string, id: string, fields: Record<string, any>): void;
  /** Another device deletes a record, if it is there. */
  delete(collection: string, id: string): void;
  /** The server's data was restored or rebuilt: it has another epoch, and every device begins its walk anew. */
  newEpoch(): void;

  /** The user may not see a scope any more: `server.forbid('project', 'p1')`. */
  forbid(scope: string, id: string): void;
  /** He may again. */
  allow(scope: string, id: string): void;

  /**
   * Refuses the mutations for which the rule gives something: true, a sentence, or a code with its field and sentence. Gives what
   * ends the rule. `record` is what the server has.
   *
   * ```js
   * const accept = server.reject(({ data }) => data.title === '' && { code: 'validation', field: 'title', message: 'A task needs a title.' });
   * ```
   */
  reject(rule: (mutation: SeenMutation, record: ServerRecord | undefined) => boolean | string | undefined | null | { code?: ErrorCode; field?: string; message?: string }): Restore;
  /** Has the mutations come again after as many whole seconds as the rule gives; undefined lets them pass. */
  retry(rule: (mutation: SeenMutation, record: ServerRecord | undefined) => number | undefined): Restore;

  /**
   * Refuses the next request as a whole, without any effect.
   *
   * ```js
   * server.fail(503, { retryAfter: 7 });
   * server.fail(401, { on: 'push' });
   * ```
   */
  fail(status: number, how?: Next & { retryAfter?: number | string; error?: ErrorCode; message?: string }): Restore;
  /** Does what the next request wants, and lets the answer get lost. */
  loseAnswer(how?: Next): Restore;
  /** Does what the next request wants, and gives the first half of the answer. */
  truncate(how?: Next): Restore;
  /** Answers the next request with a login page, as a hotel's network does, and does nothing. */
  captivePortal(how?: Next): Restore;
  /** Does what requests want, and keeps the answers back until the function that it gives is called; of all that come when it is not said. */
  hold(how?: Next): Restore;
  /** Forgets everything that was to become of answers, and lets go of those that are held. */
  heal(): void;
}

// ---- Network

/**
 * Whether there is a network. Install it before `open`: Node's global object takes no listeners until then.
 *
 * ```js
 * const network = new FakeConnectivity();
 * onTestFinished(network.install());
 * network.offline();
 * const write = db.tasks.put({ title: 'Buy milk' });
 * await write;                                   // saved
 * network.online();
 * await write.synced;                            // and sent
 * ```
 */
export class FakeConnectivity {
  /** What `navigator.onLine` says. */
  readonly onLine: boolean;
  /** Whether requests get through. */
  readonly reachable: boolean;
  /** Stands between the page and every address but those of WebAssembly, which an app has in its cache; online, until told otherwise. */
  install(): Restore;
  /** No network, and the browser says so: requests fail, also those under way, and `offline` is heard. */
  offline(): void;
  /** The network is there, and `online` is heard. */
  online(): void;
  /** What the browser says and what is true, apart: `{ onLine: true, reachable: false }` is a network without a way out. */
  lie(what: { onLine: boolean; reachable: boolean }): void;
}

// ---- Clock

/**
 * `Date`, `performance.now`, `setTimeout` and `setInterval` that stand still until they are moved. Everything else goes on by itself, and
 * the clock waits for it. The engine gives each of its own waits 50 ms more, for events that a page which was stopped still has to hear.
 *
 * ```js
 * const clock = new FakeClock({ now: Date.UTC(2026, 0, 1) });
 * onTestFinished(clock.install());
 * server.fail(503, { retryAfter: 7 });
 * await db.tasks.put({ title: 'Buy milk' });
 * await clock.advance(7_000 + 50);
 * expect(server.rows('tasks')).toHaveLength(1);
 * ```
 */
export class FakeClock {
  /** `now` is where it begins; the present when it is not said. */
  constructor(options?: { now?: number | Date });
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How many timers wait. */
  readonly timers: number;
  /** Stops the time. Timers that run already are not stopped; those set from now on are gone when it ends. */
  install(): Restore;
  /** Lets so many milliseconds pass: every timer runs when it is due, and what follows from it, before the next. */
  advance(ms: number): Promise<void>;
  /** Waits until nothing happens any more without the time going on: requests answered, transactions ended, promises run. */
  settle(): Promise<void>;
}

// ---- Storage

/** Which transactions that write. */
export interface Writes {
  /** The first that fails, counted from now; 1 when it is not said. */
  nth?: number;
  /** How many fail, one when it is not said. */
  times?: number;
}

/**
 * An IndexedDB that fails: a browser's, or that of fake-indexeddb/auto. What the engine writes by itself counts too: pause sync
 * where a test wants to hit one write of the app.
 *
 * ```js
 * import 'fake-indexeddb/auto';
 * const storage = new FaultyStorage();
 * onTestFinished(storage.install());
 * storage.quota();
 * await expect(db.tasks.put({ title: 'Buy milk' })).rejects.toMatchObject({ code: 'storage-quota' });
 * ```
 */
export class FaultyStorage {
  /** How many transactions that write have begun since it was installed. */
  readonly writes: number;
  /** Hears of every transaction from now on. Fails with `storage-unavailable` where there is no IndexedDB. */
  install(): Restore;
  /** What the next transaction writes does not fit: it aborts with QuotaExceededError, and nothing of it is kept. */
  quota(when?: Writes): Restore;
  /** The next transaction is written, but the page hears that its connection was lost: the engine must look what became of it. */
  loseOutcome(when?: Writes): Restore;
  /** Forgets every fault that has not happened. */
  heal(): void;
}
