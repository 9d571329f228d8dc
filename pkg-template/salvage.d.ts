/** Everything readable of a database. */
export interface Salvage {
  /** How many lines of each kind the file has. */
  readonly counts: {
    /** Records. */
    readonly records: number;
    /** Mutations that wait for the server. */
    readonly pending: number;
    /** Mutations that the server refused. */
    readonly parked: number;
    /** Records that the server lost, kept aside. */
    readonly orphans: number;
    /** Key-value entries. */
    readonly kv: number;
  };
  /** What could not be read, each in a sentence; empty where nothing is damaged. */
  readonly lost: readonly string[];
  /** Lines of JSON, each a `SalvageLine`. Values that JSON has not (dates, bytes) stand as on the wire: `{"$holm":["date",0]}`. */
  readonly file: Blob;
}

/** When a field was written; `stamp` is that of all fields which `stamps` does not name. */
interface Stamped {
  readonly data?: Record<string, unknown>;
  readonly stamp?: string;
  readonly stamps?: Record<string, string>;
}

/** A change that this device made. */
interface SalvagedMutation extends Stamped {
  readonly collection: string;
  readonly id: string;
  readonly kind: 'create' | 'put' | 'patch' | 'delete';
  /** Its own name, by which a server knows whether it has it. */
  readonly mid: string;
  /** Its place in the order of writes. */
  readonly order: number;
  /** 'pending', or that it may be on its way. */
  readonly state: 'pending' | { readonly frozen: number };
  /** When (wall clock, milliseconds). */
  readonly at: number;
}

/** One line of the file. */
export type SalvageLine =
  /** The first: what this is. `schema` is the version of the app's schema. */
  | { readonly type: 'salvage'; readonly format: 1; readonly database: string; readonly at: number; readonly schema: number }
  /** A record as the app saw it, and whether the server lacks something of it. */
  | { readonly type: 'record'; readonly collection: string; readonly id: string; readonly pending: boolean; readonly value: Record<string, unknown> }
  /** A mutation that waits for the server. */
  | { readonly type: 'pending'; readonly from: 'outbox' } & SalvagedMutation
  /** Mutations of one record that are damaged: together they did this, as the record tells beside what the server had of it. */
  | { readonly type: 'pending'; readonly from: 'record'; readonly collection: string; readonly id: string; readonly kind: 'put' | 'patch' | 'delete'; readonly orders: readonly number[] } & Stamped
  /** A mutation that the server refused; `mine` is the whole record as the app saw it, absent after a delete. */
  | { readonly type: 'parked'; readonly reason: { readonly code: string; readonly message: string; readonly field?: string }; readonly parkedAt: number; readonly mine?: Record<string, unknown> } & SalvagedMutation
  /** A record that a server whose data began anew has no more, as the app saw it (`db.sync.orphans` of `holm/full`). */
  | { readonly type: 'orphan'; readonly collection: string; readonly id: string; readonly value: Record<string, unknown> }
  /** A key-value entry. */
  | { readonly type: 'kv'; readonly namespace: string; readonly key: string; readonly value: unknown; readonly expiresAt?: number }
  /** The last. */
  | { readonly type: 'end' } & Pick<Salvage, 'counts' | 'lost'>;

/**
 * Reads everything readable of a database on this device, and changes nothing: of one that `open` fails to open with
 * `storage-corrupt`, or beside whoever has it open.
 *
 * Where something newer is damaged, an older value may be given, or a record that was deleted.
 *
 * Fails with `not-found` where there is no database of that name, `storage-unavailable` without IndexedDB or where the
 * database is not one of Holm's, `newer-version-in-use` for one of a later version, `invalid-argument` for what is no name; and,
 * when its WebAssembly, a file of its own, cannot be loaded, with `engine-unavailable` or `offline`.
 */
export function salvage(name: string): Promise<Salvage>;
