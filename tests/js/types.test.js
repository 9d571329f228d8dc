// The hand-written types as text: nothing in them goes without a word, and everything in them is there. What they mean is
// tested in tests/types.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { openDatabase } from '../../pkg-template/database.js';
import { HolmError } from '../../pkg-template/errors.js';
import { defineSchema, t } from '../../pkg-template/schema.js';
import { fakeModule } from './fake-engine.js';

const text = path => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The lines that declare something for the app and have no comment above them. */
function undocumented(types) {
  const lines = types.split('\n');
  let open = false;
  return lines.filter((line, number) => {
    if (/^\S.*\{$/.test(line)) open = line.startsWith('export');
    const declares = line.startsWith('export ') || (open && /^ {2}(readonly )?[\w$'~]+\??[:(<].*;$/.test(line));
    return declares && !lines[number - 1]?.endsWith('*/') && !/^ {2}(version|collections): /.test(line);
  });
}

for (const file of ['index.d.ts', 'service-worker.d.ts', 'testing.d.ts']) {
  test(`everything in ${file} is documented`, async () => {
    assert.deepEqual(undocumented(await text(`pkg-template/${file}`)), []);
  });
}

test('what lacks a word is found', () => {
  const types = '/** A thing. */\nexport interface Thing {\n  /** Its name. */\n  name: string;\n  size?: number;\n}\n\nexport type Other = 1;\n';
  assert.deepEqual(undocumented(types), ['  size?: number;', 'export type Other = 1;']);
});

/** The names that an interface, a class or a constant of the types declares. */
function members(types, name) {
  const start = types.search(new RegExp(`^export (interface|class|const) ${name}\\b`, 'm'));
  assert(start >= 0, name);
  const [head] = types.slice(start).match(/^[^]*?\{(\n|\})/);
  const body = head.endsWith('}') ? '' : types.slice(start + head.length, types.indexOf('\n}', start));
  const own = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(<]/gm)].map(match => match[1]).filter(member => member !== 'constructor');
  const inherited = [...head.matchAll(/\b(Records|Queryable)</g)].flatMap(([, base]) => (base === name ? [] : members(types, base)));
  return [...own, ...inherited];
}

test('what the types declare is there', async () => {
  const types = await text('pkg-template/index.d.ts');
  const schema = defineSchema({ version: 1, collections: { tasks: { fields: { title: t.string() } } } });
  const db = await openDatabase(fakeModule(), { name: 'declared', schema });
  const write = db.tasks.put({ title: 'x' });
  await write;
  const transaction = await db.transaction(tx => ({ collection: tx.tasks, query: tx.tasks.limit(1) }));
  for (const [name, value] of Object.entries({
    t, HolmError: new HolmError('internal', 'x'), Schema: schema, DatabaseBase: db, Collection: db.tasks, Query: db.tasks.limit(1),
    TransactionCollection: transaction.collection, SnapshotQuery: transaction.query, KeyValue: db.kv('a'), Sync: db.sync, Write: write, Field: t.string(),
  })) {
    const declared = members(types, name);
    assert(declared.length > 0, name);
    assert.deepEqual(declared.filter(member => !(member in value) && `${name}.${member}` !== 'HolmError.cause'), [], name);
  }
  await db.close();
});

test('the error codes are those of the wire, each with its meaning', async () => {
  const rust = await text('crates/protocol/src/error.rs');
  const table = rust.slice(rust.indexOf('\ncodes! {'));
  const known = [...table.matchAll(/^ {4}(?:#\[default\] )?\w+ "([a-z-]+)" \w+ \w+ "(.*)";$/gm)].map(([, code, meaning]) => `${code}: ${meaning}`);
  const types = await text('pkg-template/index.d.ts');
  const union = types.slice(types.indexOf('type ErrorCode ='), types.indexOf("';", types.indexOf('type ErrorCode =')) + 1);
  const typed = [...union.matchAll(/\/\*\* (.*) \*\/\n {2}\| '([a-z-]+)'/g)].map(([, meaning, code]) => `${code}: ${meaning}`);
  assert(known.length > 30);
  assert.deepEqual(typed, known);
});
