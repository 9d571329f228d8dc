/** The address of the WebAssembly, for bundlers whose loader gives one: esbuild with `--loader:.wasm=file`. It is what `open` takes as `wasm`. */
declare const address: string;
export default address;
