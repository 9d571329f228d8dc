// The engine as this package calls it: what the build puts into engine.js. All text is JSON, apart from names.

export interface EngineOptions {
  name: string;
  schema: string;
  storage: 'indexeddb' | 'memory';
  durability: 'relaxed' | 'strict';
  cacheBytes?: number;
  syncUrl?: string;
  scopes?: string;
}

export type AskToken = (reason: string) => Promise<string | undefined>;

/** Instantiates the WebAssembly. */
export default function init(source?: { module_or_path: unknown }): Promise<unknown>;

/** `options` are EngineOptions as JSON. An event is 'commit' when reads show something new, 'status', or of the storage. */
export function open_engine(
  options: string,
  askToken: AskToken | undefined,
  onEvent: (kind: string, json: string) => void,
): Promise<Engine>;

/** Opens, syncs until the outbox is drained, closes. */
export function run_sync_event(options: string, askToken: AskToken | undefined, short: number): Promise<void>;

export class Engine {
  call<Name extends keyof Calls>(name: Name, ...given: Parameters<Calls[Name]>): Promise<ReturnType<Calls[Name]>>;
  call<Name extends keyof FullCalls>(name: Name, ...given: Parameters<FullCalls[Name]>): Promise<ReturnType<FullCalls[Name]>>;
  call<Name extends keyof Reads>(name: Name, ...given: Parameters<Reads[Name]>): Promise<string> | string;
  now<Name extends keyof Instants>(name: Name, ...given: Parameters<Instants[Name]>): ReturnType<Instants[Name]>;
}

/** What takes time. */
export interface Calls {
  /** The rows that were given by `rows` for this receipt come first. */
  write(op: string, collection: string, json: string, receipt: string): string;
  plan(query: string): string;
  /** Once a step or the commit said `contention`: waits for the transaction's turn, and gives the number of its next run. */
  txAgain(tx: number): string;
  txWrite(tx: number, op: string, collection: string, json: string): string;
  txCommit(tx: number, receipt: string, durability: 'relaxed' | 'strict'): void;
  kvSet(namespace: string, key: string, json: string, ttlMs: number | undefined): void;
  kvRead(namespace: string, key: string): string | undefined;
  kvDelete(namespace: string, key: string): void;
  kvKeys(namespace: string): string;
  receipt(id: string): string;
  synced(id: string): void;
  syncNow(): void;
  parked(): string;
  /** Fields that go over its own stand in the JSON. */
  retryParked(mid: string, json: string): void;
  discardParked(mid: string): void;
  /** Some records at a time. */
  evict(collection: string): void;
  explain(collection: string, id: string): string;
  close(): void;
}

/** What takes time, and only the engine of holm/full knows. */
export interface FullCalls {
  /** Where every scope stands. */
  scopes(): string;
  subscribe(key: string): void;
  /** Some records at a time: until `scopes` does not tell of it. */
  unsubscribe(key: string): void;
  orphans(limit: number): string;
  adopt(collection: string, id: string): void;
  forgetOrphan(collection: string, id: string): void;
  /** Commits a call of the server's function, with what the transaction wrote as its effect here. */
  txCall(tx: number, receipt: string, durability: 'relaxed' | 'strict', name: string, args: string): void;
}

/** What takes time unless it is in memory: then it is answered without a promise, and fails by throwing. */
export interface Reads {
  read(collection: string, ids: string): string;
  query(query: string): string;
  count(query: string): string;
  txRead(tx: number, collection: string, ids: string): string;
  txQuery(tx: number, query: string): string;
  txCount(tx: number, query: string): string;
}

/** What takes none. */
export interface Instants {
  /** Reads part of a long list, ahead of the `write` with this receipt. */
  rows(op: string, json: string, receipt: string): void;
  /** Lets go of what `rows` read: the list is not written. */
  forget(receipt: string): void;
  status(): string;
  watch(query: string, callback: (json: string | null, error?: unknown) => void): number;
  unwatch(handle: number): void;
  begin(): number;
  end(tx: number): void;
  pause(): void;
  resume(): void;
  /** 1 while storage is short, else 0. */
  short(is: number): void;
}
