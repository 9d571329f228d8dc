// The salvage's WebAssembly as this package calls it: what the build puts into salvage_engine.js.

/** Instantiates the WebAssembly. */
export default function init(source?: { module_or_path: unknown }): Promise<unknown>;

/** Gives some lines at a time to `take`, then the last one, as JSON, in the promise. */
export function salvage_database(name: string, take: (lines: string) => void): Promise<string>;
