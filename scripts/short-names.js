// Shortens the names that the engine and its glue call each other by. wasm-bindgen's end in 16 random digits, which no
// compression takes away; nobody but these two files reads them. The first import is named by a digest of them all, so that
// an engine and a glue of different builds do not fit each other by chance. What no browser reads is left out.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

import { Reader, number, section, sections, text } from './wasm-reader.js';

const [CUSTOM, IMPORTS, EXPORTS] = [0, 2, 7];

const [builtFile, wasmFile, glueFile] = process.argv.slice(2);
const GLUE = `./${basename(glueFile, '.js')}_bg.js`;
const SHORT_GLUE = 'h';
const short = { imports: new Map(), exports: new Map() };

function renamedWasm(bytes) {
  const parts = [bytes.subarray(0, 8)];
  for (const { id, body } of sections(bytes)) {
    if (id === CUSTOM) continue;
    const written = id === IMPORTS ? renamedImports(body) : id === EXPORTS ? renamedExports(body) : body;
    parts.push(section({ id, body: written }));
  }
  return Buffer.concat(parts);
}

function renamedImports(body) {
  const reader = new Reader(body);
  const count = reader.number();
  const parts = [number(count)];
  for (let n = 0; n < count; n++) {
    const [module, name] = [reader.name(), reader.name()];
    const start = reader.at;
    skipImport(reader);
    parts.push(text(module === GLUE ? SHORT_GLUE : module), text(module === GLUE ? shortened(short.imports, name, 'i') : name), body.subarray(start, reader.at));
  }
  return Buffer.concat(parts);
}

function skipImport(reader) {
  const kind = reader.byte();
  if (kind === 0) return void reader.number();
  if (kind !== 1 && kind !== 2) throw new Error(`An import of kind ${kind} is not expected.`);
  if (kind === 1) reader.byte();
  if (reader.byte() & 1) reader.number();
  reader.number();
}

function renamedExports(body) {
  const reader = new Reader(body);
  const count = reader.number();
  const parts = [number(count)];
  for (let n = 0; n < count; n++) {
    parts.push(text(shortened(short.exports, reader.name(), 'e')), Buffer.of(reader.byte()), number(reader.number()));
  }
  return Buffer.concat(parts);
}

function shortened(names, name, letter) {
  if (!names.has(name)) names.set(name, `__${letter}${names.size === 0 ? seam : names.size.toString(36)}`);
  return names.get(name);
}

/** Eight digits that stay the same while the names of all imports and exports do. */
function digest(wasm) {
  const module = new WebAssembly.Module(wasm);
  const names = [...WebAssembly.Module.imports(module), ...WebAssembly.Module.exports(module)].map(({ name }) => name);
  return createHash('sha256').update(names.join()).digest('hex').slice(0, 8);
}

const wasm = readFileSync(builtFile);
const seam = digest(wasm);
writeFileSync(wasmFile, renamedWasm(wasm));
const glue = readFileSync(glueFile, 'utf8')
  .replaceAll(JSON.stringify(GLUE), SHORT_GLUE)
  .replace(/\b__wb\w+/g, name => short.imports.get(name) ?? name)
  .replace(/\bwasm\.(\w+)/g, (text, name) => (short.exports.has(name) ? `wasm.${short.exports.get(name)}` : text));
for (const name of short.imports.values()) {
  if (!new RegExp(`\\b${name}\\b`).test(glue)) throw new Error(`The glue does not give the import ${name}.`);
}
writeFileSync(glueFile, glue);
