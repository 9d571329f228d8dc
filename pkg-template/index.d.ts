// The types of Holm's JavaScript API. Rows are inferred from the schema.

/** Why something failed: one closed list, shared with the engine and the wire. */
export type ErrorCode =
  | 'invalid-argument' | 'invalid-schema' | 'unknown-collection' | 'invalid-id' | 'invalid-record' | 'invalid-value'
  | 'record-too-large' | 'transaction-too-large' | 'invalid-query' | 'already-exists' | 'not-found' | 'closed'
  | 'storage-unavailable' | 'storage-quota' | 'storage-blocked' | 'storage-corrupt' | 'storage-failed' | 'outcome-unknown'
  | 'newer-version-in-use' | 'contention' | 'conflict' | 'offline' | 'timeout' | 'not-a-holm-server' | 'redirected'
  | 'unauthorized' | 'forbidden' | 'rate-limited' | 'payload-too-large' | 'server-error' | 'server-rejected'
  | 'schema-unsupported' | 'invalid-request' | 'gap' | 'seq-reused' | 'client-unknown' | 'tx-incomplete' | 'tx-aborted'
  | 'validation' | 'undeliverable' | 'internal';

/** Every failure of this package. */
export class HolmError extends Error {
  constructor(code: ErrorCode, message: string, details?: { retryable?: boolean; field?: string; cause?: unknown });
  readonly name: 'HolmError';
  readonly code: ErrorCode;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** The path to the value that was refused. */
  readonly field: string | undefined;
  readonly cause?: unknown;
}

// ---- Schema

/** What plain JSON can hold, with what Holm carries beside it. */
export type Value = null | boolean | number | string | bigint | Date | Uint8Array | Value[] | { [key: string]: Value };

/** One field: the type it holds, whether it may be missing, whether a default fills it. */
export interface Field<T = any, Missing extends boolean = boolean, Filled extends boolean = boolean> {
  /** The field may be missing. */
  optional(): Field<T, true, Filled>;
  /** The field may be null. */
  nullable(): Field<T | null, Missing, Filled>;
  /** What a new record gets when the field is missing. */
  default(value: T): Field<T, Missing, true>;
  /** Only for types. */
  readonly '~type'?: { value: T; missing: Missing; filled: Filled };
}

type Plain<T> = () => Field<T, false, false>;
type FieldValue<F> = F extends Field<infer T, boolean, boolean> ? T : never;
type MissingKeys<Fields> = { [K in keyof Fields]: Fields[K] extends Field<any, true, false> ? K : never }[keyof Fields];
type LooseKeys<Fields> = { [K in keyof Fields]: Fields[K] extends Field<any, false, false> ? never : K }[keyof Fields];
type Together<T> = { [K in keyof T]: T[K] };
type Shape<Fields, Loose extends keyof Fields> = Together<
  & { [K in Exclude<keyof Fields, Loose>]: FieldValue<Fields[K]> }
  & { [K in Loose]?: FieldValue<Fields[K]> }
>;

/** The types a field can have. */
export const t: {
  readonly string: Plain<string>;
  readonly number: Plain<number>;
  readonly integer: Plain<number>;
  readonly boolean: Plain<boolean>;
  /** Milliseconds since 1970, as Date.now() gives them. */
  readonly timestamp: Plain<number>;
  readonly date: Plain<Date>;
  readonly bigint: Plain<bigint>;
  readonly bytes: Plain<Uint8Array>;
  readonly json: <T = Value>() => Field<T, false, false>;
  readonly array: <F extends Field>(of: F) => Field<FieldValue<F>[], false, false>;
  readonly object: <Fields extends Record<string, Field>>(fields: Fields) => Field<Shape<Fields, MissingKeys<Fields>>, false, false>;
  /** The id of a record in another collection. */
  readonly ref: (collection: string) => Field<string, false, false>;
  readonly enum: <const V extends readonly string[]>(values: V) => Field<V[number], false, false>;
};

/** How two people's edits of one record are settled. */
export type Conflict = 'merge' | 'last-write';

/** One collection as the app declares it. */
export interface CollectionDeclaration<Fields extends Record<string, Field> = Record<string, Field>> {
  fields: Fields;
  /** Each a field, or several: 'done', ['done', '-updatedAt'], 'tags[]', { fields: ['email'], unique: true }. */
  indexes?: readonly (string | readonly string[] | { fields: readonly string[]; unique?: boolean })[];
  conflict?: Conflict;
}

type Declarations = Record<string, CollectionDeclaration>;

/** A declared schema. */
export interface Schema<C extends Declarations = any> {
  readonly version: number;
  readonly collections: readonly (keyof C & string)[];
}

/** Declares collections. Raise the version whenever a declaration changes. */
export function defineSchema<const C extends Declarations>(declaration: { version: number; collections: C }): Schema<C>;

/** A record as it is read: frozen, and the same object until it changes. */
export type RowOf<C extends CollectionDeclaration> = Together<{ readonly id: string } & Readonly<Shape<C['fields'], MissingKeys<C['fields']>>>>;
/** A record as it is written: an id is drawn when it is missing. */
export type NewOf<C extends CollectionDeclaration> = Together<{ id?: string } & Shape<C['fields'], LooseKeys<C['fields']>>>;
/** Some fields of a record; undefined unsets an optional one. */
export type PatchOf<C extends CollectionDeclaration> = { [K in keyof C['fields']]?: FieldValue<C['fields'][K]> | undefined };

// ---- Reading

/** What a field is compared with. */
export interface Comparison<T> {
  eq?: T;
  ne?: T;
  lt?: T;
  lte?: T;
  gt?: T;
  gte?: T;
  in?: readonly T[];
  startsWith?: T extends string ? string : never;
  has?: T extends readonly (infer E)[] ? E : never;
}

/** Conditions that must all hold; `$pending` = not yet on the server. */
export type Filter<Row> = { [K in keyof Row]?: Row[K] | Comparison<NonNullable<Row[K]>> } & { $pending?: boolean };
type SortKey<Row> = (keyof Row & string) | `-${keyof Row & string}`;

/** What changed since the rows before, by id. */
export interface Diff {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** A query that a transaction can run: a value, each step makes a new one. */
export interface SnapshotQuery<Row> {
  where(filter: Filter<Row>): this;
  orderBy(...keys: (SortKey<Row> | readonly SortKey<Row>[])[]): this;
  limit(count: number): this;
  all(): Promise<Row[]>;
  first(): Promise<Row | undefined>;
  count(): Promise<number>;
}

/** A query on a database, which can also be watched. */
export interface Query<Row> extends SnapshotQuery<Row>, AsyncIterable<readonly Row[]> {
  /** Calls back now and after every change, until the function it returns is called. */
  watch(onRows: (rows: readonly Row[], diff: Diff) => void, onError?: (error: HolmError) => void): () => void;
  /** With getSnapshot, what React's useSyncExternalStore and its like take. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => readonly Row[] | undefined;
}

// ---- Writing

/** A write: resolves when it is saved on this device. */
export interface Write<R> extends Promise<R> {
  /** Asks what became of this write, also after a reload. */
  readonly receipt: string;
  /** Resolves when the server has acknowledged it; rejects when the server refused it. */
  readonly synced: Promise<void>;
}

/** A collection inside a transaction. */
export interface TransactionCollection<C extends CollectionDeclaration = any> {
  put(record: NewOf<C>): Promise<string>;
  putMany(records: readonly NewOf<C>[]): Promise<string[]>;
  insert(record: NewOf<C>): Promise<string>;
  insertMany(records: readonly NewOf<C>[]): Promise<string[]>;
  patch(id: string, fields: PatchOf<C>): Promise<void>;
  patchMany(patches: readonly (readonly [id: string, fields: PatchOf<C>])[]): Promise<void>;
  delete(id: string): Promise<void>;
  deleteMany(ids: readonly string[]): Promise<void>;
  get(id: string): Promise<RowOf<C> | undefined>;
  getMany(ids: readonly string[]): Promise<(RowOf<C> | undefined)[]>;
  where(filter: Filter<RowOf<C>>): SnapshotQuery<RowOf<C>>;
  orderBy(...keys: (SortKey<RowOf<C>> | readonly SortKey<RowOf<C>>[])[]): SnapshotQuery<RowOf<C>>;
  limit(count: number): SnapshotQuery<RowOf<C>>;
  all(): Promise<RowOf<C>[]>;
  count(): Promise<number>;
}

/** A collection of a database. */
export interface Collection<C extends CollectionDeclaration = any> {
  /** Writes the whole record, over one with the same id. */
  put(record: NewOf<C>): Write<string>;
  putMany(records: readonly NewOf<C>[]): Write<string[]>;
  /** Writes a new record; fails with `already-exists` over one with the same id. */
  insert(record: NewOf<C>): Write<string>;
  insertMany(records: readonly NewOf<C>[]): Write<string[]>;
  /** Changes some fields; fails with `not-found` when there is no such record. */
  patch(id: string, fields: PatchOf<C>): Write<void>;
  patchMany(patches: readonly (readonly [id: string, fields: PatchOf<C>])[]): Write<void>;
  delete(id: string): Write<void>;
  deleteMany(ids: readonly string[]): Write<void>;
  get(id: string): Promise<RowOf<C> | undefined>;
  /** The records in the order of the ids, undefined for each that is not there. */
  getMany(ids: readonly string[]): Promise<(RowOf<C> | undefined)[]>;
  where(filter: Filter<RowOf<C>>): Query<RowOf<C>>;
  orderBy(...keys: (SortKey<RowOf<C>> | readonly SortKey<RowOf<C>>[])[]): Query<RowOf<C>>;
  limit(count: number): Query<RowOf<C>>;
  all(): Promise<RowOf<C>[]>;
  count(): Promise<number>;
  watch(onRows: (rows: readonly RowOf<C>[], diff: Diff) => void, onError?: (error: HolmError) => void): () => void;
}

/** What a transaction is given. */
export type Transaction<C extends Declarations> = { readonly [K in keyof C]: TransactionCollection<C[K]> };

/** Settings and flags, on this device only. */
export interface KeyValue {
  set(key: string, value: Value, options?: { /** milliseconds */ ttl?: number }): Promise<void>;
  get<T = Value>(key: string): Promise<T | undefined>;
  delete(key: string): Promise<void>;
  keys(): Promise<string[]>;
}

// ---- Sync

/** The truth about sync, as of now. Times are milliseconds since 1970. */
export interface Status {
  readonly online: 'unknown' | 'online' | 'offline';
  readonly phase: 'idle' | 'pushing' | 'pulling' | 'waiting' | 'paused' | 'disabled';
  readonly leader: boolean;
  /** Mutations that the server has not acknowledged. */
  readonly pending: number;
  readonly inFlight: number;
  readonly parked: number;
  readonly conflicts: number;
  readonly lastPushAt: number | null;
  readonly lastPullAt: number | null;
  readonly nextAttemptAt: number | null;
  readonly why: string | null;
  readonly error: HolmError | null;
  /** Whether what is saved survives this page. */
  readonly durable: boolean;
  readonly storage: 'indexeddb' | 'memory';
  readonly backgroundSync: boolean;
  readonly initialSyncDone: boolean;
}

/** What became of a write: the worst of its mutations. */
export interface Receipt {
  readonly state: 'pending' | 'acknowledged' | 'parked' | 'discarded' | 'unknown';
  /** When the server's answer came. */
  readonly at?: number;
  readonly code?: ErrorCode;
  readonly message?: string;
  readonly mutations: number;
}

/** Why a record is not on the server yet. */
export interface Explanation {
  readonly standing: 'synced' | 'local-only' | 'in-flight' | 'queued' | 'offline' | 'waiting' | 'parked';
  readonly why: string | null;
  readonly nextAttemptAt: number | null;
  readonly mutations: readonly { readonly mid: string; readonly kind: string; readonly state: string; readonly at: number; readonly code?: ErrorCode; readonly message?: string }[];
}

/** A mutation that the server refused. */
export interface Parked {
  readonly mid: string;
  readonly collection: string;
  readonly id: string;
  readonly reason: { readonly code: ErrorCode; readonly message: string; readonly field?: string };
  /** The whole record as the app saw it; absent after a delete. */
  readonly mine?: Record<string, unknown>;
  /** When (wall clock, milliseconds). */
  readonly parkedAt: number;
}

/** Sync of one database. */
export interface Sync {
  readonly status: Status;
  readonly subscribe: (listener: (status: Status) => void) => () => void;
  readonly getSnapshot: () => Status;
  /** Pushes and pulls now, whatever the backoff says. */
  now(): Promise<void>;
  pause(): void;
  resume(): void;
  /** What has become of a write, also after a reload. */
  receipt(receipt: string): Promise<Receipt>;
  /** Resolves when the server has acknowledged the write. */
  synced(receipt: string): Promise<void>;
  /** Why this record is not on the server yet. */
  explain(collection: string, id: string): Promise<Explanation>;
  /** The mutations that the server refused, each with its reason and its data. */
  parked(): Promise<readonly Parked[]>;
  retry(mid: string): Promise<void>;
  discard(mid: string): Promise<void>;
}

// ---- Database

/** A database: its collections by name, and what is beside them. */
export type Database<C extends Declarations = any> = DatabaseBase<C> & { readonly [K in keyof C]: Collection<C[K]> };

export interface DatabaseBase<C extends Declarations> {
  readonly name: string;
  readonly sync: Sync;
  /** Writes all or nothing; the function may run again when what it read has changed. */
  transaction<R>(work: (tx: Transaction<C>) => Promise<R> | R): Write<R>;
  kv(namespace: string): KeyValue;
  /** Ends this handle; the last one closes the database. */
  close(): Promise<void>;
}

/** How to open a database. */
export interface OpenOptions<C extends Declarations> {
  name: string;
  schema: Schema<C>;
  /** 'memory' keeps nothing: for tests, and where IndexedDB is missing. */
  storage?: 'indexeddb' | 'memory';
  /** 'strict' waits for the disk, 'relaxed' for the operating system. */
  durability?: 'relaxed' | 'strict';
  sync?: {
    url: string;
    getToken?: (reason: string) => Promise<string | undefined> | string | undefined;
    scopes?: readonly { name: string; args?: Record<string, unknown> }[];
  };
  /** Where the WebAssembly is, when it is not beside the package's files. */
  wasm?: URL | string | Request | Response | BufferSource | WebAssembly.Module;
}

/** Opens a database, creating it the first time. Opening a name again shares the same engine. */
export function open<C extends Declarations>(options: OpenOptions<C>): Promise<Database<C>>;
