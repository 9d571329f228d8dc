//! The arguments of a call, by position. The package checks what an app gives; what is missing here is empty.

use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type TextEncoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextEncoder;

    #[wasm_bindgen(method)]
    fn encode(this: &TextEncoder, text: &JsValue) -> Uint8Array;
}

pub struct Given(pub Array);

impl Given {
    pub fn text(&self, at: u32) -> String {
        self.0.get(at).as_string().unwrap_or_default()
    }

    /// A text as UTF-8, for long ones: the browser encodes faster than the glue between it and us.
    pub fn bytes(&self, at: u32) -> Vec<u8> {
        TextEncoder::new().encode(&self.0.get(at)).to_vec()
    }

    /// A whole number, if one was given.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
    pub fn whole(&self, at: u32) -> Option<u64> {
        self.0.get(at).as_f64().map(|number| number as u64)
    }

    /// The number that `now` gave for a watch or a transaction.
    #[allow(clippy::cast_possible_truncation)] // it was a `u32`
    pub fn handle(&self, at: u32) -> u32 {
        self.whole(at).unwrap_or(u64::MAX) as u32
    }

    pub fn function(&self, at: u32) -> Function {
        self.0.get(at).unchecked_into()
    }
}
