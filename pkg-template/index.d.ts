// The types of Holm's JavaScript API. Rows are inferred from the schema.

/** Why something failed: one closed list, shared with the engine and the wire. */
export type ErrorCode =
  /** An argument has the wrong shape: the message names it. */
  | 'invalid-argument'
  /** The schema contradicts itself, or changed without a new version. */
  | 'invalid-schema'
  /** The schema declares no such collection. */
  | 'unknown-collection'
  /** A record id is a string of 1 to 512 bytes. */
  | 'invalid-id'
  /** A field is missing, unknown or of the wrong type: `field` names it. */
  | 'invalid-record'
  /** The value cannot be stored without changing it (NaN, a cycle, a function). */
  | 'invalid-value'
  /** A record holds at most 1 MB. */
  | 'record-too-large'
  /** A transaction must fit into one push. */
  | 'transaction-too-large'
  /** The query names an unknown field or operator. */
  | 'invalid-query'
  /** `insert` met a record with this id; `put` replaces. */
  | 'already-exists'
  /** There is no record with this id. */
  | 'not-found'
  /** The database was closed; open it again. */
  | 'closed'
  /** No IndexedDB here, or the database was deleted; open it again, with `storage: 'memory'` to go on without durability. */
  | 'storage-unavailable'
  /** The browser's quota is reached; nothing of this write was kept. */
  | 'storage-quota'
  /** The browser did not answer in time; another tab may hold the storage. */
  | 'storage-blocked'
  /** Stored bytes are damaged; export what is readable. */
  | 'storage-corrupt'
  /** The browser's storage failed; nothing of this write was kept. */
  | 'storage-failed'
  /** Storage was lost while it wrote; read before you write again. */
  | 'outcome-unknown'
  /** A newer version of this app uses the database; reload. */
  | 'newer-version-in-use'
  /** Other writers changed the same records again and again. */
  | 'contention'
  /** The record changed on the server; the edit is kept, parked. */
  | 'conflict'
  /** The server could not be reached. */
  | 'offline'
  /** The server did not answer in time. */
  | 'timeout'
  /** The answer is not this protocol: a captive portal, a proxy, a wrong address. */
  | 'not-a-holm-server'
  /** The sync address redirects; give the final one. */
  | 'redirected'
  /** The server wants another token. */
  | 'unauthorized'
  /** The server does not allow it. */
  | 'forbidden'
  /** The server asks for patience. */
  | 'rate-limited'
  /** The request was too large; it is split. */
  | 'payload-too-large'
  /** The server failed. */
  | 'server-error'
  /** The server refuses the request. */
  | 'server-rejected'
  /** The server does not serve this schema version; update the app. */
  | 'schema-unsupported'
  /** The server could not read the request. */
  | 'invalid-request'
  /** The server misses mutations before these. */
  | 'gap'
  /** A seq was used for another mutation. */
  | 'seq-reused'
  /** The server does not know this client, or knows it as another's. */
  | 'client-unknown'
  /** A transaction came in parts. */
  | 'tx-incomplete'
  /** Another member of the transaction failed. */
  | 'tx-aborted'
  /** The server finds the record invalid: `field` names where. */
  | 'validation'
  /** The server failed on this one again and again; it is parked. */
  | 'undeliverable'
  /** The WebAssembly cannot be loaded: the message says what is wrong with its file, the page or the browser. */
  | 'engine-unavailable'
  /** A bug in Holm; please report it. */
  | 'internal';

/** Every failure of this package. */
export class HolmError extends Error {
  /** For tests of an app: the package makes its own. */
  constructor(code: ErrorCode, message: string, details?: { retryable?: boolean; field?: string; cause?: unknown });
  /** 'HolmError'. */
  readonly name: 'HolmError';
  /** What went wrong. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** The path to the value that was refused. */
  readonly field: string | undefined;
  /** What it was before it was a HolmError. */
  readonly cause?: unknown;
  /** What `JSON.stringify` shows of it: all but the cause. */
  toJSON(): { name: 'HolmError'; code: ErrorCode; message: string; retryable: boolean; field: string | undefined };
}

// ---- Schema

/** What plain JSON can hold, with what Holm carries beside it. */
export type Value = null | boolean | number | string | bigint | Date | Uint8Array | Value[] | { [key: string]: Value };

/** What can be done with a field: a list's elements, a tree and json have no order. */
type Kind = 'value' | 'list' | 'trees' | 'tree' | 'json';

/**
 * How a field merges: of a number what each adds counts, of a list what each puts in and takes out, of a text what each types and deletes.
 */
export type MergeOf<T> = NonNullable<T> extends number ? 'counter' : NonNullable<T> extends string ? 'text' : NonNullable<T> extends readonly any[] ? 'set' : never;

/** One field: the type it holds, whether it may be missing, whether a default fills it. */
export interface Field<T = any, Missing extends boolean = boolean, Filled extends boolean = boolean, K extends Kind = any, To extends string = any> {
  /** The field may be missing. */
  optional(): Field<T, true, Filled, K, To>;
  /** The field may be null. */
  nullable(): Field<T | null, Missing, Filled, K, To>;
  /** What a new record gets when the field is missing. */
  default(value: T): Field<T, Missing, true, K, To>;
  /** How edits of it merge that are made at the same time, where it is not by taking the later one; with `holm/full`. */
  merge(way: MergeOf<T>): Field<T, Missing, Filled, K, To>;
  /** Only for types. */
  readonly '~type'?: { value: T; missing: Missing; filled: Filled; kind: K; to: To };
}

/** The fields of a collection, by name. */
export type Fields = Record<string, Field>;
/** The fields of every collection, by the collection's name. */
export type Collections = Record<string, Fields>;

type Plain<T> = () => Field<T, false, false, 'value', never>;
type ValueOf<F> = F extends Field<infer T> ? T : never;
type KindOf<F> = F extends Field<any, boolean, boolean, infer K> ? K : never;
type TargetOf<F> = F extends Field<any, boolean, boolean, any, infer To> ? To : never;
type ListOf<K extends Kind> = K extends 'tree' | 'json' ? 'trees' : 'list';
type MissingKeys<F> = { [K in keyof F]: F[K] extends Field<any, true> ? K : never }[keyof F];
type LooseKeys<F> = { [K in keyof F]: F[K] extends Field<any, false, false> ? never : K }[keyof F];
// Through `infer`, so that messages show the fields and not these names.
type Together<T> = T extends infer O ? { [K in keyof O]: O[K] } : never;
type Shape<F, Loose extends keyof F> = Together<
  & { [K in Exclude<keyof F, Loose>]: ValueOf<F[K]> }
  & { [K in Loose]?: ValueOf<F[K]> | undefined }
>;

/** The types a field can have. */
export const t: {
  /** A string. */
  readonly string: Plain<string>;
  /** A finite number. */
  readonly number: Plain<number>;
  /** A whole number that JavaScript holds exactly. */
  readonly integer: Plain<number>;
  /** true or false. */
  readonly boolean: Plain<boolean>;
  /** Milliseconds since 1970, as Date.now() gives them. */
  readonly timestamp: Plain<number>;
  /** A Date. */
  readonly date: Plain<Date>;
  /** A bigint. */
  readonly bigint: Plain<bigint>;
  /** Bytes. */
  readonly bytes: Plain<Uint8Array>;
  /** Anything; it is neither indexed nor sorted by. */
  readonly json: <T = Value>() => Field<T, false, false, 'json', never>;
  /** A list of one type. */
  readonly array: <T, K extends Kind, To extends string>(of: Field<T, false, false, K, To>) => Field<T[], false, false, ListOf<K>, To>;
  /** An object with declared fields; settled as a whole, neither indexed nor sorted by. */
  readonly object: <F extends Record<string, Field<any, boolean, false>>>(fields: F) => Field<Shape<F, MissingKeys<F>>, false, false, 'tree', never>;
  /** The id of a record in another collection. */
  readonly ref: <To extends string>(collection: To) => Field<string, false, false, 'value', To>;
  /** One of these strings. */
  readonly enum: <const V extends readonly [string, ...string[]]>(values: V) => Field<V[number], false, false, 'value', never>;
};

/** The two sides of a conflict, and what was there before; null where there is no record. */
export interface Conflict {
  /** The parked mutation, for `resolve`. */
  readonly mid: string;
  /** The collection of the record. */
  readonly collection: string;
  /** The record's id. */
  readonly id: string;
  /** What the server had when the record was written here, where that is still known. */
  readonly base: Readonly<Record<string, any>> | null;
  /** As this device wrote it; null is a delete. */
  readonly mine: Readonly<Record<string, any>> | null;
  /** As the server has it; null is a delete. */
  readonly theirs: Readonly<Record<string, any>> | null;
  /** The fields in which the two differ. */
  readonly fields: readonly string[];
}

/** Makes one record of two: gives its fields, or null for the server's. It must not wait, and give the same for the same. */
export type Resolver = (conflict: Conflict) => Record<string, unknown> | null;

/**
 * How two people's edits of one record are settled.
 *
 * - `'merge'`: field by field, the later edit of each.
 * - `'last-write'`: the later edit as a whole.
 * - `{ lastWrite: 'updatedAt' }`: the record with the greater value in that field.
 * - `'server'`: the server's record; this device's edit is given up.
 * - `'client'`: this device's edit, sent again.
 * - `'manual'`: by a person; see `db.sync.conflicts()`.
 * - a function: as it says, on a page that is open.
 *
 * The first two are settled by the server. For the others it must be told to settle nothing itself (`docs/conflicts.md`).
 */
export type ConflictPolicy<F extends Fields = any> = 'merge' | 'last-write' | { lastWrite: keyof F & string } | 'server' | 'client' | 'manual' | Resolver;

type Signed<Name extends string> = Name | `-${Name}`;
type IndexColumn<F> = { [N in keyof F & string]: KindOf<F[N]> extends 'tree' | 'json' ? never : KindOf<F[N]> extends 'list' ? N | `${N}[]` : N }[keyof F & string];

/** A column of an index: 'done', '-updatedAt' turned round, 'tags[]' for each element of a list. */
export type IndexKey<F extends Fields = any> = Signed<IndexColumn<F>>;

/** One collection as the app declares it; `Names` are the collections that its fields may refer to. */
export interface CollectionDeclaration<F extends Fields = any, Names = any> {
  /** The type of each field. Every record has an `id` besides. */
  fields: F & { [N in keyof F]: [TargetOf<F[N]>] extends [Names] ? unknown : Field<any, boolean, boolean, any, Names & string> };
  /** Each a column, or several: 'done', ['done', '-updatedAt'], 'tags[]', { fields: ['email'], unique: true }. */
  indexes?: readonly (IndexKey<F> | readonly IndexKey<F>[] | { fields: readonly IndexKey<F>[]; unique?: boolean })[];
  /** How edits meet; 'merge' when it is not said. */
  conflict?: ConflictPolicy<F>;
  /** What is shown of a write that the server refused, until somebody decides: the server's record, or with 'keep' the write still. */
  parked?: 'revert' | 'keep';
  /** False sends each write on its own: else those of one record that were not sent yet go as one. */
  coalesce?: boolean;
}

/** A declared schema. */
export interface Schema<C extends Collections = any> {
  /** The number given to defineSchema. */
  readonly version: number;
  /** The names of the collections. */
  readonly collections: readonly (keyof C & string)[];
  /** Only for types. */
  readonly '~type'?: C;
}

/** Declares collections. Raise the version whenever a declaration changes. */
export function defineSchema<C extends Collections>(declaration: {
  version: number;
  collections: { [N in keyof C]: CollectionDeclaration<C[N], keyof C> };
}): Schema<C>;

type CollectionsOf<S extends Schema> = S extends Schema<infer C> ? C : never;

/** The names of a schema's collections: `CollectionName<typeof schema>`. */
export type CollectionName<S extends Schema> = keyof CollectionsOf<S> & string;
/** The fields of one collection: `FieldsOf<typeof schema, 'tasks'>`. */
export type FieldsOf<S extends Schema, N extends CollectionName<S>> = CollectionsOf<S>[N];
/** A record as it is read: `Row<typeof schema, 'tasks'>`. */
export type Row<S extends Schema, N extends CollectionName<S>> = RowOf<FieldsOf<S, N>>;
/** A record as it is written whole: `Insert<typeof schema, 'tasks'>`. */
export type Insert<S extends Schema, N extends CollectionName<S>> = InsertOf<FieldsOf<S, N>>;
/** Some fields of a record: `Patch<typeof schema, 'tasks'>`. */
export type Patch<S extends Schema, N extends CollectionName<S>> = PatchOf<FieldsOf<S, N>>;
/** What `where` takes: `Where<typeof schema, 'tasks'>`. */
export type Where<S extends Schema, N extends CollectionName<S>> = Filter<FieldsOf<S, N>>;

/** A record as it is read: frozen, and the same object until it changes. */
export type RowOf<F extends Fields> = Together<{ readonly id: string } & Readonly<Shape<F, MissingKeys<F>>>>;
/** A record as it is written: an id is drawn when it is missing, a default fills its field. */
export type InsertOf<F extends Fields> = Together<{ id?: string | undefined } & Shape<F, LooseKeys<F>>>;
/** Some fields of a record; undefined unsets an optional one. */
export type PatchOf<F extends Fields> = { [N in keyof F]?: F[N] extends Field<any, true> ? ValueOf<F[N]> | undefined : ValueOf<F[N]> };

// ---- Reading

/** Comparisons for every field; null stands for a field that is missing or null. */
export interface Equality<T> {
  /** Equal, also in depth. */
  eq?: T | null;
  /** Not equal. */
  ne?: T | null;
  /** Equal to one of these, 10,000 at most. */
  in?: readonly (T | null)[];
}

/** Comparisons for fields that have an order; a missing field is in no range. */
export interface Ordered<T> {
  /** Before. */
  lt?: T;
  /** Before, or equal. */
  lte?: T;
  /** After. */
  gt?: T;
  /** After, or equal. */
  gte?: T;
}

/** For fields that hold a string; case and accents count. */
export interface Texts {
  /** Begins with this. */
  startsWith?: string;
  /** Has this somewhere in it; every record is looked at that no other condition leaves out. */
  contains?: string;
}

/** For fields that hold a list. */
export interface Listed<E> {
  /** One of the elements is this. */
  has?: E;
}

type Operators<T, K extends Kind> = Equality<T> & (
  K extends 'json' ? Ordered<Value> & Texts
  : [T] extends [readonly (infer E)[]] ? Listed<E>
  : [T] extends [string] ? Ordered<string> & Texts
  : [T] extends [number | bigint | Date | Uint8Array] ? Ordered<T>
  : unknown);
type Asked<T, K extends Kind> = (K extends 'tree' | 'json' ? null : T | null) | Operators<T, K>;

/** Conditions that must all hold; a plain value asks for equality. */
export type Filter<F extends Fields> = { [N in keyof F]?: Asked<NonNullable<ValueOf<F[N]>>, KindOf<F[N]>> } & {
  /** The record's id. */
  id?: Asked<string, 'value'>;
  /** Whether something of the record is not on the server yet. */
  $pending?: boolean;
};

type SortField<F> = { [N in keyof F & string]: KindOf<F[N]> extends 'tree' | 'json' ? never : N }[keyof F & string];

/** A field to sort by; a minus in front turns the order round. */
export type SortKey<F extends Fields> = Signed<SortField<F> | 'id'>;

/** What changed since the rows before, by id. */
export interface Diff {
  /** Records that came in. */
  readonly added: readonly string[];
  /** Records that are in as before, with other fields. */
  readonly changed: readonly string[];
  /** Records that went out. */
  readonly removed: readonly string[];
}

/** The start of a query: what a collection and a query have in common. */
export interface Queryable<F extends Fields, Q> {
  /** Keeps the records that match; several calls must all match. */
  where(filter: Filter<F>): Q;
  /** Sorts by these fields, in this order of weight. */
  orderBy(...keys: (SortKey<F> | readonly SortKey<F>[])[]): Q;
  /** Keeps the first records only. */
  limit(count: number): Q;
  /** Every record that matches. */
  all(): Promise<RowOf<F>[]>;
  /** How many records match, whatever the limit. All records are counted over the smallest index; without one, each is read. */
  count(): Promise<number>;
}

/** A query that a transaction can run: a value, each step makes a new one. */
export interface SnapshotQuery<F extends Fields = any> extends Queryable<F, SnapshotQuery<F>> {
  /** The first record that matches. */
  first(): Promise<RowOf<F> | undefined>;
}

/** Calls back now and after every change, until the function that it returns is called. */
export type Watch<F extends Fields = any> = (
  onRows: (rows: readonly RowOf<F>[], diff: Diff) => void,
  onError?: (error: HolmError) => void,
) => () => void;

/** How the engine finds the records of a query. */
export interface QueryPlan {
  /** By id, over the records with unsent changes, through an index, or over all records. */
  readonly path: 'ids' | 'outbox' | 'index' | 'scan';
  /** The index, with commas between its fields. */
  readonly index: string | null;
  /** How many ids, or stretches of the index, it looks at. */
  readonly ranges: number;
  /** Fields that it looks at in each record found so far. */
  readonly filters: readonly string[];
  /** It finds all records before it knows the first. */
  readonly sorts: boolean;
}

/** A query on a database, which can also be watched; `for await` yields the rows now and after every change. */
export interface Query<F extends Fields = any> extends Queryable<F, Query<F>>, AsyncIterable<readonly RowOf<F>[]> {
  /** The first record that matches. */
  first(): Promise<RowOf<F> | undefined>;
  /** How the engine finds the records: why this is fast, or slow. */
  explain(): Promise<QueryPlan>;
  /** Calls back now and after every change, until the function that it returns is called. */
  watch: Watch<F>;
  /** With getSnapshot, what React's useSyncExternalStore and its like take; keep the query itself between renders. */
  readonly subscribe: (listener: () => void) => () => void;
  /** The rows that subscribe told of last; undefined before the first. */
  readonly getSnapshot: () => readonly RowOf<F>[] | undefined;
}

// ---- Writing

/** A write: resolves when it is saved on this device. */
export interface Write<R> extends Promise<R> {
  /** Asks what became of this write, also after a reload. */
  readonly receipt: string;
  /** Resolves when the server has acknowledged it; rejects when the server refused it. */
  readonly synced: Promise<void>;
}

/** Reading and writing records by id: `Done` is how a write answers here. */
export interface Records<F extends Fields, Done extends { one: unknown; many: unknown; none: unknown }> {
  /** Writes the whole record, over one with the same id; gives its id. */
  put(record: InsertOf<F>): Done['one'];
  /** Writes whole records; gives their ids. More than 1,000 are read while the page has its turn: leave them as they are until then. */
  putMany(records: readonly InsertOf<F>[]): Done['many'];
  /** Writes a new record; fails with `already-exists` over one with the same id. */
  insert(record: InsertOf<F>): Done['one'];
  /** Writes new records, all or none. */
  insertMany(records: readonly InsertOf<F>[]): Done['many'];
  /** Changes some fields; fails with `not-found` when there is no such record. */
  patch(id: string, fields: PatchOf<F>): Done['none'];
  /** Changes some fields of some records, all or none. */
  patchMany(patches: readonly (readonly [id: string, fields: PatchOf<F>])[]): Done['none'];
  /** Deletes a record, if it is there. */
  delete(id: string): Done['none'];
  /** Deletes the records that are there. */
  deleteMany(ids: readonly string[]): Done['none'];
  /** The record, or undefined. */
  get(id: string): Promise<RowOf<F> | undefined>;
  /** The records in the order of the ids, undefined for each that is not there. */
  getMany(ids: readonly string[]): Promise<(RowOf<F> | undefined)[]>;
}

/** A collection inside a transaction. */
export interface TransactionCollection<F extends Fields = any> extends
  Records<F, { one: Promise<string>; many: Promise<string[]>; none: Promise<void> }>, Queryable<F, SnapshotQuery<F>> {}

/** A collection of a database. */
export interface Collection<F extends Fields = any> extends
  Records<F, { one: Write<string>; many: Write<string[]>; none: Write<void> }>, Queryable<F, Query<F>> {
  /** Calls back with every record, now and after every change, until the function that it returns is called. */
  watch: Watch<F>;
}

/** What a transaction is given: `Transaction<typeof schema>`. */
export type Transaction<S extends Schema = any> = { readonly [N in CollectionName<S>]: TransactionCollection<FieldsOf<S, N>> };

/** Settings and flags, on this device only. */
export interface KeyValue {
  /** Keeps a value, for `ttl` milliseconds or for good. */
  set(key: string, value: Value, options?: { ttl?: number }): Promise<void>;
  /** The value, or undefined. */
  get<T = Value>(key: string): Promise<T | undefined>;
  /** Forgets a value. */
  delete(key: string): Promise<void>;
  /** Every key that has a value. */
  keys(): Promise<string[]>;
}

// ---- Sync

/** The truth about sync, as of now. Times are milliseconds since 1970. */
export interface Status {
  /** What the last attempts say of the way to the server. */
  readonly online: 'unknown' | 'online' | 'offline';
  /** What sync is doing. */
  readonly phase: 'idle' | 'pushing' | 'pulling' | 'waiting' | 'paused' | 'disabled';
  /** Whether this page is the one that syncs. */
  readonly leader: boolean;
  /** Mutations that the server has not acknowledged. */
  readonly pending: number;
  /** Of these, mutations that are on the way. */
  readonly inFlight: number;
  /** Mutations that the server refused. */
  readonly parked: number;
  /** Records that wait for somebody to decide. */
  readonly conflicts: number;
  /** When the server last took a push. */
  readonly lastPushAt: number | null;
  /** When the server last answered a pull. */
  readonly lastPullAt: number | null;
  /** When it is tried again. */
  readonly nextAttemptAt: number | null;
  /**
   * Why nothing goes on just now; 'storage' while a pull of many pages waits for room, so that the app's own writes have it;
   * with `holm/full` 'save-data' while news are asked for more rarely, since the user saves data.
   */
  readonly why: string | null;
  /** With `holm/full`, once the server has answered: by how many milliseconds its clock is ahead of this device's. */
  readonly skew?: number;
  /** How the last attempt failed. */
  readonly error: HolmError | null;
  /** Whether what is saved survives this page. */
  readonly durable: boolean;
  /** Where it is saved. */
  readonly storage: 'indexeddb' | 'memory';
  /** Whether the browser syncs with every page closed. */
  readonly backgroundSync: boolean;
  /** Whether everything of the server has been here once. */
  readonly initialSyncDone: boolean;
}

/** What became of a write: the worst of its mutations. */
export interface Receipt {
  /** Where it stands. */
  readonly state: 'pending' | 'acknowledged' | 'parked' | 'discarded' | 'unknown';
  /** When the server's answer came. */
  readonly at?: number;
  /** Why it was refused. */
  readonly code?: ErrorCode;
  /** The same, in a sentence. */
  readonly message?: string;
  /** How many mutations it made. */
  readonly mutations: number;
}

/** Why a record is not on the server yet. */
export interface Explanation {
  /** Where it stands. */
  readonly standing: 'synced' | 'local-only' | 'in-flight' | 'queued' | 'offline' | 'waiting' | 'parked';
  /** What sync waits for, by the word of `sync.status.why`. */
  readonly why: string | null;
  /** When it is tried again. */
  readonly nextAttemptAt: number | null;
  /** Its mutations, oldest first. */
  readonly mutations: readonly { readonly mid: string; readonly kind: string; readonly state: string; readonly at: number; readonly code?: ErrorCode; readonly message?: string }[];
}

/** A mutation that the server refused. */
export interface Parked {
  /** Its own id, for retry and discard. */
  readonly mid: string;
  /** The collection of the record; empty for a call. */
  readonly collection: string;
  /** The record's id; of a call, the call's own. */
  readonly id: string;
  /** What a call called. */
  readonly call?: { readonly name: string; readonly args?: unknown };
  /** What the server said. */
  readonly reason: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly field?: string;
    /** The refused mutation that this one was written after, and means nothing without: they are retried and discarded together. */
    readonly after?: string;
  };
  /** The whole record as the app saw it; absent after a delete. */
  readonly mine?: Record<string, unknown>;
  /** When (wall clock, milliseconds). */
  readonly parkedAt: number;
}

/** Sync of one database. */
export interface Sync<S extends Schema = any> {
  /** The truth as of now: the same object until something in it changes. */
  readonly status: Status;
  /** Calls back after every change, until the function that it returns is called. */
  readonly subscribe: (listener: (status: Status) => void) => () => void;
  /** The status, for stores that take subscribe and getSnapshot. */
  readonly getSnapshot: () => Status;
  /** Pushes and pulls now, whatever the backoff says. */
  now(): Promise<void>;
  /** Leaves the network alone until `resume`. */
  pause(): void;
  /** Ends a pause. */
  resume(): void;
  /** What has become of a write, also after a reload. */
  receipt(receipt: string): Promise<Receipt>;
  /** Resolves when the server has acknowledged the write. */
  synced(receipt: string): Promise<void>;
  /** Why this record is not on the server yet. */
  explain(collection: CollectionName<S>, id: string): Promise<Explanation>;
  /** The mutations that the server refused, each with its reason and its data. */
  parked(): Promise<readonly Parked[]>;
  /** Sends a parked mutation once more, as a new one. */
  retry(mid: string): Promise<void>;
  /** The same with these fields in place of its own. */
  edit(mid: string, fields: Record<string, unknown>): Promise<void>;
  /** The parked mutations that met another's on the server. */
  conflicts(): Promise<readonly Conflict[]>;
  /** Settles a conflict: `'mine'`, `'theirs'`, or the fields of mine as they are to be. */
  resolve(mid: string, choice: 'mine' | 'theirs' | Record<string, unknown>): Promise<void>;
  /** Gives a parked mutation up; the record goes back to what the server has. */
  discard(mid: string): Promise<void>;
  /**
   * Makes room: removes the records of a collection from this device, which the server keeps. Records with mutations that wait stay.
   * `invalid-argument` while the collection is synced: open the database without it in `sync.scopes` first, and with it again to
   * have the records back.
   */
  evict(collection: CollectionName<S>): Promise<void>;
  /** Records that this device has from a server whose data began anew, and that this server does not have: kept aside. Of `holm/full`. */
  orphans(limit?: number): Promise<readonly Orphan[]>;
  /** Writes an orphan as a new record, for the server to have it again. `already-exists` where there is another by now. */
  adopt(collection: CollectionName<S>, id: string): Promise<void>;
  /** Lets go of an orphan. */
  forget(collection: CollectionName<S>, id: string): Promise<void>;
}

/** A record that the server lost. */
export interface Orphan {
  /** Its collection. */
  readonly collection: string;
  /** Its id. */
  readonly id: string;
  /** Its fields. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Where a scope stands. */
export interface ScopeStanding {
  /** What the server calls it. */
  readonly name: string;
  /** Its arguments; none for a whole collection. */
  readonly args: Readonly<Record<string, unknown>>;
  /** All of it is here, as far as this device knows. */
  readonly complete: boolean;
  /** The server does not let this user see it, or has no such scope: nothing of it is kept here. */
  readonly forbidden: boolean;
  /** The app unsubscribed from it, and some of its records are here still. */
  readonly leaving: boolean;
}

/** The parts of the server's data that this device keeps, beside those it was opened with. They outlive a reload. Of `holm/full`. */
export interface Scopes {
  /** Keeps a scope here from now on. Resolves when that is saved; its records come with the next pulls. */
  subscribe(name: string, args?: Record<string, unknown>): Promise<void>;
  /**
   * Keeps it no more. Its records leave this device, but for those of other scopes, and those with mutations that wait, which leave
   * with the last of these. `invalid-argument` for one that the database was opened with.
   */
  unsubscribe(name: string, args?: Record<string, unknown>): Promise<void>;
  /** Every scope, and where it stands. */
  list(): Promise<readonly ScopeStanding[]>;
}

// ---- Database

/** What the browser keeps of this origin, and what a saved write means. */
export interface DatabaseStorage {
  /**
   * What it waited for when a write of this database resolves: 'strict' for the disk, 'relaxed' for the operating system (a loss
   * of power may take the last moments), 'none' for nothing, in memory. As `open` was told, except where the browser cannot do it.
   */
  readonly durability: 'none' | 'relaxed' | 'strict';
  /** Asks the browser not to evict this origin when space is short; whether it agreed, null where it has no such promise. */
  persist(): Promise<boolean | null>;
  /** How many bytes this origin uses, and may use, as far as the browser tells, and whether it promised not to evict them. Null is what it does not tell. */
  estimate(): Promise<{ readonly usage: number | null; readonly quota: number | null; readonly persisted: boolean | null }>;
}

/** What every database has beside its collections. */
export interface DatabaseBase<S extends Schema = any> {
  /** The name it was opened by. */
  readonly name: string;
  /** Its sync. */
  readonly sync: Sync<S>;
  /** Which parts of the server's data are kept here. */
  readonly scopes: Scopes;
  /** Its storage. */
  readonly storage: DatabaseStorage;
  /**
   * Writes all or nothing. The function runs again when what it read has changed, from then on one after another of those that
   * want the same: so it should do nothing but this, soon. Nothing else goes ahead of it for two seconds; `contention` says that
   * it takes longer each time. `durability` is for this one, in place of the database's.
   */
  transaction<R>(work: (tx: Transaction<S>) => Promise<R> | R, options?: { durability?: 'relaxed' | 'strict' }): Write<R>;
  /**
   * Calls a function of the server, once however often it has to be sent, also after a reload. What `effect` writes is shown until the
   * outcome is here, and never sent: it runs as a transaction's function does, and is taken back if the server refuses. Resolves when
   * the call is saved on this device; `synced` when the server has done it. Only `holm/full` calls; elsewhere it fails with
   * `invalid-argument`, as it does without `sync`.
   */
  call(name: string, args?: Value, effect?: (tx: Transaction<S>) => unknown): Write<void>;
  /** Settings and flags under one name. */
  kv(namespace: string): KeyValue;
  /** Ends this handle; the last one closes the database. Every later call fails with `closed`. */
  close(): Promise<void>;
}

/** A database: its collections by name, and what is beside them. `Database<typeof schema>`. */
export type Database<S extends Schema = any> = DatabaseBase<S> & { readonly [N in CollectionName<S>]: Collection<FieldsOf<S, N>> };

/** How to sync. */
export interface SyncOptions {
  /** Where the server is; relative to the page. */
  url: string;
  /** Gives the token of the user; `reason` says why it is asked for. */
  getToken?: (reason: string) => Promise<string | undefined> | string | undefined;
  /**
   * Which parts of the server's data to keep here: collections by their names, or what the server has under a name with arguments
   * (those are of `holm/full`). Every collection when it is not said.
   */
  scopes?: readonly { name: string; args?: Record<string, unknown> }[];
}

/** How to open a database. */
export interface OpenOptions<S extends Schema = any> {
  /** The name of the database on this device. */
  name: string;
  /** What defineSchema gave. */
  schema: S;
  /** 'memory' keeps nothing: for tests, and where IndexedDB is missing. */
  storage?: 'indexeddb' | 'memory';
  /** 'strict' waits for the disk, 'relaxed', which it is when it is not said, for the operating system. */
  durability?: 'relaxed' | 'strict';
  /** How many bytes of stored data are kept in memory between reads; 32 MiB (33,554,432) when it is not said. */
  cacheBytes?: number;
  /** Without it the database stays on this device. */
  sync?: SyncOptions;
  /** Where the WebAssembly is, when it is not beside the package's files. */
  wasm?: URL | string | Request | Response | BufferSource | WebAssembly.Module;
}

/**
 * Opens a database, creating it the first time.
 *
 * A name that is open in this page already is shared: every call gives a handle of its own on the same connection, and
 * the last handle to close ends it. All of them must give the same options, else it fails with `invalid-argument`; of
 * `getToken` the first one is asked.
 *
 * Fails with `engine-unavailable` where the WebAssembly cannot be loaded: the message says in one sentence what is wrong.
 */
export function open<S extends Schema>(options: OpenOptions<S>): Promise<Database<S>>;
