//! The catalog.

use std::rc::Rc;

use holm::indexeddb::catalog::{Catalog, CatalogEntry, Opened};
use holm::timer;
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{fresh_name, js};

async fn entry(catalog: &Catalog, name: &str) -> Option<CatalogEntry> {
    catalog.list().await.into_iter().find(|entry| entry.name == name)
}

#[wasm_bindgen_test]
async fn it_remembers_what_was_opened_and_how_much_waited() {
    let (catalog, name) = (Catalog::new(timer::sleeper()), fresh_name());
    let opened = |schema, now_ms| Opened { name: &name, format: 1, schema, now_ms };
    catalog.record_pending(&name, 4).await;
    assert_eq!(entry(&catalog, &name).await, None);
    catalog.record_open(opened(2, 1_000)).await;
    catalog.record_pending(&name, 23).await;
    catalog.record_open(opened(3, 1_800_000_000_000)).await;
    let expected = CatalogEntry {
        name: name.clone(),
        format: 1,
        schema: 3,
        created_ms: 1_000,
        opened_ms: 1_800_000_000_000,
        pending: 23,
    };
    assert_eq!(entry(&catalog, &name).await, Some(expected));
}

#[wasm_bindgen_test]
async fn it_never_fails() {
    let catalog = Catalog::new(Rc::new(|_| Box::pin(std::future::ready(()))));
    catalog.record_open(Opened { name: &fresh_name(), format: 1, schema: 1, now_ms: 1 }).await;
    assert_eq!(catalog.list().await, []);
    let catalog = Catalog::new(timer::sleeper());
    js(
        "const open = IDBFactory.prototype.open;
         IDBFactory.prototype.open = () => { throw new DOMException('not here', 'SecurityError') };
         globalThis.restore = () => { IDBFactory.prototype.open = open };",
        "",
    )
    .await;
    catalog.record_pending("any", 1).await;
    assert_eq!(catalog.list().await, []);
    js("globalThis.restore()", "").await;
}
