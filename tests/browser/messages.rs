//! Broadcasts between tabs, and hints of the browser.

use std::cell::RefCell;
use std::rc::Rc;

use holm::broadcast::Broadcast;
use holm::connectivity::{Connectivity, Hint};
use holm::{scope, timer};
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{fresh_name, js};

fn listen(name: &str) -> (Broadcast, Rc<RefCell<Vec<String>>>) {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&heard);
    (Broadcast::join(name, move |text| kept.borrow_mut().push(text)), heard)
}

#[wasm_bindgen_test]
async fn a_text_reaches_all_others_of_the_database() {
    let name = fresh_name();
    let ((one, heard_one), (two, heard_two), (other, heard_other)) =
        (listen(&name), listen(&name), listen(&fresh_name()));
    one.post("committed 5");
    timer::sleep(100).await;
    assert_eq!(*heard_two.borrow(), ["committed 5"]);
    drop(two);
    one.post("committed 6");
    timer::sleep(100).await;
    assert_eq!((heard_two.borrow().len(), heard_one.borrow().len(), heard_other.borrow().len()), (1, 0, 0));
    drop(other);
}

#[wasm_bindgen_test]
async fn without_the_api_nothing_arrives_and_nothing_breaks() {
    js("globalThis.kept = BroadcastChannel; globalThis.BroadcastChannel = undefined", "").await;
    let (alone, heard) = listen(&fresh_name());
    alone.post("x");
    js("globalThis.BroadcastChannel = globalThis.kept", "").await;
    assert!(heard.borrow().is_empty());
}

#[wasm_bindgen_test]
async fn events_of_the_page_are_hints_until_it_is_dropped() {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&heard);
    let listening = Connectivity::listen(scope::global_target(), scope::document_target(), move |hint| {
        kept.borrow_mut().push(hint);
    });
    let fire = "for (const type of ['online', 'offline', 'pagehide']) dispatchEvent(new Event(type));
        dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false }));
        dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
        for (const type of ['freeze', 'resume']) document.dispatchEvent(new Event(type));
        for (const hidden of [true, false]) {
          Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
          document.dispatchEvent(new Event('visibilitychange'));
        }
        delete document.hidden;";
    js(fire, "").await;
    let expected = [
        Hint::Online,
        Hint::Offline,
        Hint::Leaving,
        Hint::Restored,
        Hint::Frozen,
        Hint::Resumed,
        Hint::Hidden,
        Hint::Visible,
    ];
    assert_eq!(*heard.borrow(), expected);
    drop(listening);
    js(fire, "").await;
    assert_eq!(heard.borrow().len(), expected.len());
}
