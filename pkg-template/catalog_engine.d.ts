// The catalog's WebAssembly as this package calls it: what the build puts into catalog_engine.js.

import type { KnownDatabase } from './catalog.d.ts';

/** Instantiates the WebAssembly. */
export default function init(source?: { module_or_path: unknown }): Promise<unknown>;

/** Notes a database in place of what was known of it. */
export function note_database(entry: KnownDatabase): Promise<void>;

export function list_databases(): Promise<KnownDatabase[]>;
