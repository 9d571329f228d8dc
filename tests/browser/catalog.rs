//! The catalog.

use std::rc::Rc;

use holm::indexeddb::catalog::{CatalogEntry, list, note};
use holm::limit::Sleep;
use holm::timer;
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{fresh_name, js};

fn entry(name: &str, schema: u32, pending: usize) -> CatalogEntry {
    CatalogEntry { name: name.to_owned(), schema, opened_at: 1_800_000_000_000, pending }
}

#[wasm_bindgen_test]
async fn it_remembers_what_was_opened_and_how_much_waited() {
    let (sleep, name) = (timer::sleeper(), fresh_name());
    note(&sleep, &entry(&name, 2, 0)).await;
    note(&sleep, &entry(&fresh_name(), 2, 4)).await;
    note(&sleep, &entry(&name, 3, 23)).await;
    let listed: Vec<_> = list(&sleep).await.into_iter().filter(|entry| entry.name == name).collect();
    assert_eq!(listed, [entry(&name, 3, 23)]);
}

#[wasm_bindgen_test]
async fn it_never_fails() {
    let no_time: Sleep = Rc::new(|_| Box::pin(std::future::ready(())));
    note(&no_time, &entry(&fresh_name(), 1, 1)).await;
    assert_eq!(list(&no_time).await, []);
    js(
        "const open = IDBFactory.prototype.open;
         IDBFactory.prototype.open = () => { throw new DOMException('not here', 'SecurityError') };
         globalThis.restore = () => { IDBFactory.prototype.open = open };",
        "",
    )
    .await;
    note(&timer::sleeper(), &entry("any", 1, 1)).await;
    assert_eq!(list(&timer::sleeper()).await, []);
    js("globalThis.restore()", "").await;
}
