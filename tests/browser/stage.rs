//! What the tests stand on: fresh names, short limits, and JavaScript to play the other tab.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use holm::indexeddb::{IndexedDbDisk, StorageEvent, StorageOptions};
use holm::limit::Sleep;
use holm::{scope, timer};
use holm_store::{Disk, LogSeq, Since};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A database name that no test used before.
pub fn fresh_name() -> String {
    thread_local!(static NEXT: Cell<u32> = const { Cell::new(0) });
    let number = NEXT.replace(NEXT.get() + 1);
    format!("test-{}-{number}", scope::now_ms())
}

/// The options of a page, with events kept.
pub fn options(name: &str) -> (StorageOptions, Rc<RefCell<Vec<StorageEvent>>>) {
    let events = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&events);
    let options = StorageOptions {
        factory: scope::factory(),
        another_factory: Rc::new(|| None),
        name: String::from(name),
        sleep: timer::sleeper(),
        on_event: Rc::new(move |event| heard.borrow_mut().push(event)),
    };
    (options, events)
}

/// Opens the database `name`.
pub async fn open(name: &str) -> IndexedDbDisk {
    IndexedDbDisk::open(options(name).0).await.expect("it opens")
}

/// A timer for which every limit is over after so many milliseconds.
pub fn impatient(ms: u32) -> Sleep {
    Rc::new(move |_| Box::pin(timer::sleep(ms)) as Pin<Box<dyn Future<Output = ()>>>)
}

/// All entries of the log.
pub async fn log(disk: &IndexedDbDisk) -> Vec<(u64, Vec<u8>)> {
    let loaded = disk.load(Since::default()).await.expect("it loads");
    loaded.entries.into_iter().map(|(LogSeq(seq), entry)| (seq, entry)).collect()
}

/// Polls a future once, to begin what it does.
pub async fn begin(future: Pin<&mut impl Future>) {
    let mut future = Some(future);
    poll_fn(|context| {
        if let Some(future) = future.take() {
            let _ = future.poll(context);
        }
        Poll::Ready(())
    })
    .await;
}

/// Evaluates the body of an async JavaScript function with the argument `name`.
pub async fn js(body: &str, name: &str) -> JsValue {
    let source = format!("return (async () => {{ {body} }})()");
    let promise: Promise = Function::new_with_args("name", &source)
        .call1(&JsValue::NULL, &JsValue::from_str(name))
        .expect("it runs")
        .unchecked_into();
    JsFuture::from(promise).await.expect("it does not throw")
}
