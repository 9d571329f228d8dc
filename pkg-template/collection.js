// A collection: its records by id, and the start of its queries. The same for a database and inside a transaction.

import { HolmError, holmError } from './errors.js';
import { Query } from './query.js';
import { encodeFields, isWellFormed, plainFields } from './walk.js';

const PART_RECORDS = 1_000; // of a list: some milliseconds of work, after which the page has its turn

/** @typedef {import('./records.js').Row} Row */
/** @typedef {'put' | 'insert' | 'patch' | 'delete'} Operation */
/**
 * What a collection stands on.
 * @typedef {object} Port
 * @property {<R>(op: Operation, collection: string, parts: () => Iterator<string>, answer: (ids: string[]) => R) => Promise<R>} write
 * @property {(collection: string, id: string) => object | undefined} known a record that is as it was when it was read last
 * @property {(collection: string, ids: () => string) => Promise<(object | undefined)[]>} read
 * @property {(collection: string, query: () => string) => Promise<object[]>} query
 * @property {(query: () => string) => Promise<number>} count
 * @property {(query: () => string) => Promise<any>} explain
 * @property {(collection: string, query: () => string, watcher: import('./query.js').Watcher) => () => void} watch
 */

export class Collection {
  #port;
  #name;

  /**
   * @param {Port} port
   * @param {string} name
   */
  constructor(port, name) {
    this.#port = port;
    this.#name = name;
  }

  /** @param {any} record */
  put(record) {
    return this.#port.write('put', this.#name, () => one(wholeText(record)), first);
  }

  /** @param {any[]} records */
  putMany(records) {
    return this.#port.write('put', this.#name, () => listTexts(records, recordTexts), all);
  }

  /** @param {any} record */
  insert(record) {
    return this.#port.write('insert', this.#name, () => one(wholeText(record)), first);
  }

  /** @param {any[]} records */
  insertMany(records) {
    return this.#port.write('insert', this.#name, () => listTexts(records, recordTexts), all);
  }

  /**
   * @param {string} id
   * @param {any} fields
   */
  patch(id, fields) {
    return this.#port.write('patch', this.#name, () => one(patchText([id, fields])), nothing);
  }

  /** @param {[string, any][]} patches */
  patchMany(patches) {
    return this.#port.write('patch', this.#name, () => listTexts(patches, textsBy(patchText)), nothing);
  }

  /** @param {string} id */
  delete(id) {
    return this.#port.write('delete', this.#name, () => one(`[${idText(id)}]`), nothing);
  }

  /** @param {string[]} ids */
  deleteMany(ids) {
    return this.#port.write('delete', this.#name, () => listTexts(ids, textsBy(id => `[${idText(id)}]`)), nothing);
  }

  /** @param {string} id */
  async get(id) {
    return this.#port.known(this.#name, id) ?? (await this.#port.read(this.#name, () => `[${idText(id)}]`))[0];
  }

  /** @param {string[]} ids */
  getMany(ids) {
    return this.#port.read(this.#name, () => listText(ids, idText));
  }

  /** @param {any} filter */
  where(filter) {
    return new Query(this.#port, this.#name).where(filter);
  }

  /** @param {...(string | string[])} keys */
  orderBy(...keys) {
    return new Query(this.#port, this.#name).orderBy(...keys);
  }

  /** @param {number} count */
  limit(count) {
    return new Query(this.#port, this.#name).limit(count);
  }

  all() {
    return new Query(this.#port, this.#name).all();
  }

  count() {
    return new Query(this.#port, this.#name).count();
  }

  /**
   * @param {(rows: any, diff: any) => void} onRows
   * @param {(error: HolmError) => void} [onError]
   */
  watch(onRows, onError) {
    return new Query(this.#port, this.#name).watch(onRows, onError);
  }
}

/** @param {string[]} ids */
const first = ids => ids[0];
/** @param {string[]} ids */
const all = ids => ids;
const nothing = () => undefined;

/** @param {any} record */
function wholeText(record) {
  const fields = encodeFields(record, { patch: false });
  return `[${record.id === undefined ? 'null' : idText(record.id)},${fields}]`;
}

/** @param {string} text */
const one = text => [`[${text}]`].values();

/**
 * The parts of a list, each as JSON. What follows the first is looked at when it is asked for.
 * @param {any} items
 * @param {(items: any[], start: number) => string} texts of some items, which begin there in the list
 */
function* listTexts(items, texts) {
  checkList(items);
  const list = items.slice(); // it is the caller's to change
  let start = 0;
  do {
    yield `[${texts(list.slice(start, start + PART_RECORDS), start)}]`;
    start += PART_RECORDS;
  } while (start < list.length);
}

/**
 * @param {any} items
 * @param {(item: any) => string} text
 */
function listText(items, text) {
  checkList(items);
  return `[${textsBy(text)(items, 0)}]`;
}

/** @param {any} items */
function checkList(items) {
  if (!Array.isArray(items)) throw new HolmError('invalid-argument', 'The Many form takes a list.');
}

/** @type {(text: (item: any) => string) => (items: any[], start: number) => string} */
const textsBy = text => (items, start) => Array.from(items, (item, index) => inList(() => text(item), start + index)).join(',');

/**
 * @param {any[]} records
 * @param {number} start where in the list they begin
 */
function recordTexts(records, start) {
  const rows = records.map(plainRow);
  return rows.includes(undefined) || 'toJSON' in rows ? textsBy(wholeText)(records, start) : JSON.stringify(rows).slice(1, -1);
}

/** @param {any} record */
function plainRow(record) {
  const fields = plainFields(record);
  if (!fields) return undefined;
  const { id } = record;
  if (id === undefined) return [null, fields];
  return typeof id === 'string' && id !== '' && id !== '__proto__' && isWellFormed(id) ? [id, fields] : undefined;
}

/** @param {any} pair */
function patchText(pair) {
  if (!Array.isArray(pair)) throw new HolmError('invalid-argument', 'patchMany takes a list of [id, fields].');
  const [id, fields] = pair;
  const text = idText(id);
  if (fields !== null && typeof fields === 'object' && Object.hasOwn(fields, 'id') && fields.id !== id) {
    throw new HolmError('invalid-id', 'The id of a record cannot be changed.', { field: 'id' });
  }
  return `[${text},${encodeFields(fields, { patch: true })}]`;
}

/**
 * @param {() => string} text
 * @param {number} index
 */
function inList(text, index) {
  try {
    return text();
  } catch (error) {
    const { code, message, field, cause } = holmError(error);
    throw new HolmError(code, `${message.slice(0, -1)} (index ${index} of the list).`, { field, cause });
  }
}

/**
 * An id as JSON. The engine checks its length; here only what JSON would change.
 * @param {unknown} id
 */
export function idText(id) {
  if (typeof id !== 'string' || id === '') throw new HolmError('invalid-id', 'A record id is a string that is not empty.', { field: 'id' });
  if (id === '__proto__') throw new HolmError('invalid-id', 'A record id cannot be __proto__.', { field: 'id' });
  if (!isWellFormed(id)) throw new HolmError('invalid-id', 'A record id cannot hold a lone surrogate.', { field: 'id' });
  return JSON.stringify(id);
}
