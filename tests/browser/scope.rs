//! The scope and the timer.

use holm::{scope, timer};
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::js;

#[wasm_bindgen_test]
async fn a_page_has_everything() {
    assert_eq!(scope::kind(), scope::ScopeKind::Page);
    assert!(scope::factory().is_some() && scope::another_factory().is_some());
    assert!(scope::lock_manager().is_some() && scope::document_target().is_some());
    let mut drawn = [[0; 32]; 2];
    drawn.iter_mut().for_each(|bytes| scope::fill_random(bytes));
    assert_ne!(drawn[0], drawn[1]);
    assert!(scope::now_ms() > 1_600_000_000_000);
}

#[wasm_bindgen_test]
async fn a_getter_that_throws_is_no_storage() {
    js(
        "const real = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB');
         Object.defineProperty(globalThis, 'indexedDB', {
           configurable: true, get() { throw new DOMException('sandboxed', 'SecurityError') } });
         globalThis.restore = () => Object.defineProperty(globalThis, 'indexedDB', real);",
        "",
    )
    .await;
    let factory = scope::factory();
    js("globalThis.restore()", "").await;
    assert!(factory.is_none());
}

#[wasm_bindgen_test]
async fn the_browser_tells_whether_data_is_to_be_saved() {
    for (connection, saves) in [("{ saveData: true }", true), ("{ saveData: false }", false), ("undefined", false)] {
        let stage = "Object.defineProperty(navigator, 'connection', { configurable: true, value: ";
        js(&format!("{stage}{connection} }})"), "").await;
        assert_eq!(scope::saves_data(), saves, "{connection}");
    }
    js("delete navigator.connection", "").await;
}

#[wasm_bindgen_test]
async fn a_sleep_is_not_shorter_than_asked() {
    let began = scope::now_ms();
    timer::sleep(30).await;
    assert!(scope::now_ms() - began >= 29);
}
