//! Says on the console why the engine died; without it, JS sees only `unreachable`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// Installs the hook.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| console_error(&format!("holm: {info}"))));
}
