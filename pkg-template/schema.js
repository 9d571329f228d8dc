// The schema an app declares. Here only its shape is made; the engine checks that it holds together.

import { HolmError } from './errors.js';
import { encode, isWellFormed } from './walk.js';

// What a database has beside its collections, now and in time, and what would make it look like a promise.
const RESERVED = new Set([
  'call', 'close', 'collection', 'conflicts', 'constructor', 'export', 'files', 'import', 'kv', 'name', 'open', 'schema', 'scopes',
  'signOut', 'storage', 'sync', 'then', 'toJSON', 'transaction', 'undo', 'version',
]);

/** One field of a collection: a type, and what may stand in its place. */
export class Field {
  /** @param {Record<string, unknown>} shape */
  constructor(shape) {
    this.shape = Object.freeze(shape);
    Object.freeze(this);
  }

  /** The field may be missing. */
  optional() {
    return new Field({ ...this.shape, optional: true });
  }

  /** The field may be null. */
  nullable() {
    return new Field({ ...this.shape, nullable: true });
  }

  /**
   * What a new record gets when the field is missing.
   * @param {unknown} value
   */
  default(value) {
    return new Field({ ...this.shape, default: JSON.parse(encode(value, 'default')) });
  }

  /**
   * How it merges.
   * @param {string} way
   */
  merge(way) {
    return new Field({ ...this.shape, merge: way });
  }
}

/** @param {string} type */
const plain = type => () => new Field({ type });

/** The types a field can have. */
export const t = Object.freeze({
  string: plain('string'),
  number: plain('number'),
  integer: plain('integer'),
  boolean: plain('boolean'),
  timestamp: plain('timestamp'),
  date: plain('date'),
  bigint: plain('bigint'),
  bytes: plain('bytes'),
  json: plain('json'),
  /** @param {Field} of */
  array: of => new Field({ type: 'array', of: shapeOf(of, 't.array(…)') }),
  /** @param {Record<string, Field>} fields */
  object: fields => new Field({ type: 'object', fields: shapesOf(fields, 't.object(…)') }),
  /** @param {string} collection */
  ref: collection => {
    if (typeof collection !== 'string') throw invalid("t.ref(…) takes a collection's name");
    return new Field({ type: 'ref', to: collection });
  },
  /** @param {readonly string[]} values */
  enum: values => {
    const strings = Array.isArray(values) && values.length > 0 && values.every(value => typeof value === 'string' && isWellFormed(value));
    if (!strings) throw invalid('t.enum(…) takes a list of strings without lone surrogates');
    return new Field({ type: 'enum', values: [...values] });
  },
});

/** A declared schema: its version, the names of its collections, its text for the engine, and what settles conflicts here. */
export class Schema {
  /**
   * @param {number} version
   * @param {Record<string, unknown>} collections
   * @param {Record<string, import('./conflicts.js').Resolver>} resolvers by collection
   */
  constructor(version, collections, resolvers) {
    this.version = version;
    this.collections = Object.freeze(Object.keys(collections));
    this.text = JSON.stringify({ version, collections });
    this.resolvers = Object.freeze(resolvers);
    Object.freeze(this);
  }
}

/**
 * @param {any} declaration
 * @returns {Schema}
 */
export function defineSchema(declaration) {
  const { version, collections, ...rest } = declaration ?? {};
  if (!Number.isSafeInteger(version) || version < 1) throw invalid('A schema has a version: 1, 2, 3 …');
  if (!isPlain(collections)) throw invalid('A schema has collections: { name: { fields } }');
  for (const name of Object.keys(rest)) throw invalid(`A schema has version and collections, no "${name}"`, name);
  /** @type {Record<string, unknown>} */
  const shapes = {};
  /** @type {Record<string, import('./conflicts.js').Resolver>} */
  const resolvers = {};
  for (const [name, collection] of Object.entries(collections)) {
    if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) throw invalid(`A collection cannot be named "${name}"`, name);
    if (RESERVED.has(name)) throw invalid(`"${name}" is a word of the database itself; give the collection another name`, name);
    shapes[name] = collectionShape(name, collection);
    if (typeof collection.conflict === 'function') resolvers[name] = collection.conflict;
  }
  return new Schema(version, shapes, resolvers);
}

/**
 * @param {string} name
 * @param {any} collection
 */
function collectionShape(name, collection) {
  if (!isPlain(collection) || !isPlain(collection.fields)) throw invalid(`Collection "${name}" has no fields`, name);
  if (Object.hasOwn(collection.fields, 'id')) throw invalid('Every record has an id already; it is not declared', `${name}.id`);
  const { fields, indexes = [], conflict, ...rest } = collection;
  const policy = conflict === undefined ? {} : { conflict: typeof conflict === 'function' ? 'custom' : conflict };
  if (!Array.isArray(indexes)) throw invalid('indexes is a list', `${name}.indexes`);
  return { fields: shapesOf(fields, name), indexes: indexes.map(index => (typeof index === 'string' ? [index] : index)), ...policy, ...rest };
}

/**
 * @param {Record<string, Field>} fields
 * @param {string} where
 */
function shapesOf(fields, where) {
  if (!isPlain(fields)) throw invalid(`${where} takes an object of fields`, where);
  /** @type {Record<string, unknown>} */
  const shapes = {};
  for (const [name, field] of Object.entries(fields)) {
    if (name === '__proto__' || name.startsWith('$') || !isWellFormed(name)) throw invalid(`A field cannot be named "${name}"`, `${where}.${name}`);
    shapes[name] = shapeOf(field, `${where}.${name}`);
  }
  return shapes;
}

/**
 * @param {Field} field
 * @param {string} where
 */
function shapeOf(field, where) {
  if (!(field instanceof Field)) throw invalid(`${where} has no type; use t.string(), t.number() …`, where);
  return field.shape;
}

/** @param {unknown} value */
function isPlain(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * @param {string} sentence
 * @param {string} [field]
 */
function invalid(sentence, field) {
  return new HolmError('invalid-schema', `${sentence}.`, { field });
}
