// What the scripts need to read and write WebAssembly modules.

export const [CUSTOM, FUNCTIONS, CODE, DATA] = [0, 3, 10, 11];
export const FUNCTION_NAMES = 1;

/** Reads the parts of a WebAssembly module in order: bytes, numbers (LEB128) and names. */
export class Reader {
  at = 0;

  constructor(bytes) {
    this.bytes = bytes;
  }

  get atEnd() {
    return this.at === this.bytes.length;
  }

  byte() {
    return this.bytes[this.at++];
  }

  take(length) {
    return this.bytes.subarray(this.at, this.at += length);
  }

  number() {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  name() {
    return this.take(this.number()).toString();
  }
}

/** The sections of a module: the id and the content of each. */
export function* sections(wasm) {
  const reader = new Reader(wasm);
  reader.take(8);
  while (!reader.atEnd) yield { id: reader.byte(), body: reader.take(reader.number()) };
}

/** The types of a function section, by their numbers. */
export function functionTypes(functions) {
  const reader = new Reader(functions);
  return Array.from({ length: reader.number() }, () => reader.number());
}

/** The function bodies of a code section. */
export function functionBodies(code) {
  const reader = new Reader(code);
  return Array.from({ length: reader.number() }, () => reader.take(reader.number()));
}

/** The names of functions by their numbers, imports included, where a module has them. */
export function functionNames(wasm) {
  const found = new Map();
  for (const { id, body } of sections(wasm)) {
    const part = new Reader(body);
    if (id !== CUSTOM || part.name() !== 'name') continue;
    while (!part.atEnd) {
      const kind = part.byte();
      const list = new Reader(part.take(part.number()));
      if (kind !== FUNCTION_NAMES) continue;
      for (let left = list.number(); left > 0; left--) found.set(list.number(), list.name());
    }
  }
  return found;
}

/** A section as it is written. */
export function section({ id, body }) {
  return Buffer.concat([Buffer.of(id), number(body.length), body]);
}

/** A whole number as it is written: LEB128. */
export function number(value) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

/** A name as it is written. */
export function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}
