// Comes first in every page: when its script began, and every WebAssembly memory that it makes.

globalThis.scriptStart = performance.now();
globalThis.wasmMemories = [];

const { instantiate, instantiateStreaming, Memory } = WebAssembly;

const noted = result => {
  for (const thing of Object.values((result.instance ?? result).exports)) if (thing instanceof Memory) globalThis.wasmMemories.push(thing);
  return result;
};
WebAssembly.instantiate = async (...given) => noted(await instantiate(...given));
WebAssembly.instantiateStreaming = async (...given) => noted(await instantiateStreaming(...given));
WebAssembly.Memory = class extends Memory {
  constructor(descriptor) {
    super(descriptor);
    globalThis.wasmMemories.push(this);
  }
};
