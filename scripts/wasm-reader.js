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
