/** A database of this origin, as it was when a page that imports the catalog last opened or closed it. */
export interface KnownDatabase {
  readonly name: string;
  /** The version of its schema. */
  readonly schema: number;
  /** Wall clock, in milliseconds. */
  readonly openedAt: number;
  /** How many writes the server did not have yet. */
  readonly pending: number;
}

/**
 * The databases of this origin, by name; empty where nothing can be read. Rejects with `engine-unavailable` or `offline`
 * when the catalog's WebAssembly, a file of its own, cannot be loaded.
 */
export function databases(): Promise<KnownDatabase[]>;
