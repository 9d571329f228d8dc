// The engine as this package calls it: what the build puts into engine.js. All text is JSON.

export interface EngineOptions {
  name: string;
  schema: string;
  storage: 'indexeddb' | 'memory';
  durability: 'relaxed' | 'strict';
  syncUrl?: string;
  scopes?: string;
}

export type AskToken = (reason: string) => Promise<string | undefined>;

/** Instantiates the WebAssembly. */
export default function init(source?: { module_or_path: unknown }): Promise<unknown>;

export function open_engine(
  options: EngineOptions,
  askToken: AskToken | undefined,
  onEvent: (kind: string, json: string) => void,
): Promise<Engine>;

/** Opens, syncs until the outbox is drained, closes. */
export function run_sync_event(options: EngineOptions, askToken: AskToken | undefined): Promise<void>;

export class Engine {
  draw(): string;
  newId(): string;
  write(op: string, collection: string, json: string, receipt: string): Promise<string>;
  read(collection: string, ids: string): Promise<string>;
  query(query: string): Promise<string>;
  count(query: string): Promise<number>;
  watch(query: string, callback: (json: string | null, error?: unknown) => void): number;
  unwatch(handle: number): void;
  begin(): number;
  txRead(tx: number, collection: string, ids: string): Promise<string>;
  txQuery(tx: number, query: string): Promise<string>;
  txWrite(tx: number, op: string, collection: string, json: string): Promise<string>;
  txCommit(tx: number, receipt: string): Promise<string>;
  txRollback(tx: number): void;
  kvSet(namespace: string, key: string, json: string, ttlMs: number | undefined): Promise<void>;
  kvRead(namespace: string, key: string): Promise<string | undefined | null>;
  kvDelete(namespace: string, key: string): Promise<void>;
  kvKeys(namespace: string): Promise<string | string[]>;
  status(): Record<string, unknown>;
  receipt(id: string): Promise<string>;
  synced(id: string): Promise<void>;
  syncNow(): Promise<void>;
  pause(): void;
  resume(): void;
  nudge(hint: 'online' | 'offline' | 'visible' | 'hidden' | 'message'): void;
  parked(): Promise<string>;
  retryParked(mid: string): Promise<void>;
  discardParked(mid: string): Promise<void>;
  explain(collection: string, id: string): Promise<string>;
  close(): Promise<void>;
}
