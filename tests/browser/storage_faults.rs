//! [`IndexedDbDisk`] where the browser does not play along.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use holm::indexeddb::{IndexedDbDisk, StorageEvent};
use holm::{scope, timer};
use holm_store::{BlockId, Disk, DiskError, Durability, Generation, LogSeq, Since, StoredManifest};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{fresh_name, impatient, js, log, open, options};

const RELAXED: Durability = Durability::Relaxed;

/// A factory that keeps the last database it opened in `globalThis.lastDatabase`.
const SPY: &str = "return { open(name, version) {
    const request = indexedDB.open(name, version);
    request.addEventListener('success', () => { globalThis.lastDatabase = request.result });
    return request;
} }";

async fn open_spied(name: &str) -> IndexedDbDisk {
    let (mut options, _) = options(name);
    options.factory = Some(js(SPY, "").await.unchecked_into());
    IndexedDbDisk::open(options).await.expect("it opens")
}

fn is_unavailable<T>(result: &Result<T, DiskError>) -> bool {
    matches!(result, Err(DiskError::Unavailable(_)))
}

#[wasm_bindgen_test]
async fn without_a_factory_there_is_no_storage() {
    let (mut options, _) = options(&fresh_name());
    options.factory = None;
    assert!(is_unavailable(&IndexedDbDisk::open(options).await));
}

#[wasm_bindgen_test]
async fn a_factory_that_throws_is_no_storage() {
    let (mut options, _) = options(&fresh_name());
    let factory = js("return { open() { throw new DOMException('not here', 'SecurityError') } }", "").await;
    options.factory = Some(factory.unchecked_into());
    assert!(is_unavailable(&IndexedDbDisk::open(options).await));
}

#[wasm_bindgen_test]
async fn an_open_that_hangs_is_blocked() {
    let (mut options, _) = options(&fresh_name());
    options.factory = Some(js("return { open() { return new EventTarget() } }", "").await.unchecked_into());
    options.sleep = impatient(20);
    assert!(matches!(IndexedDbDisk::open(options).await, Err(DiskError::Blocked(_))));
}

#[wasm_bindgen_test]
async fn an_open_that_was_given_up_leaves_no_empty_database() {
    let name = fresh_name();
    let (mut hasty, _) = options(&name);
    hasty.sleep = Rc::new(|_| Box::pin(std::future::ready(())));
    assert!(matches!(IndexedDbDisk::open(hasty).await, Err(DiskError::Blocked(_))));
    let disk = open(&name).await;
    assert_eq!(disk.append(LogSeq(1), b"x", RELAXED).await, Ok(()));
}

#[wasm_bindgen_test]
async fn another_version_is_newer_and_stays_untouched() {
    let name = fresh_name();
    let make = "await new Promise((resolve, reject) => {
        const request = indexedDB.open(`holm.${name}.1`, 2);
        request.onupgradeneeded = () => request.result.createObjectStore('theirs');
        request.onsuccess = () => { request.result.close(); resolve() };
        request.onerror = reject;
    })";
    js(make, &name).await;
    assert!(matches!(IndexedDbDisk::open(options(&name).0).await, Err(DiskError::Newer(_))));
}

#[wasm_bindgen_test]
async fn data_that_the_browser_lost_is_told() {
    let (mut options, events) = options(&fresh_name());
    let factory = "return { open(name, version) {
        const request = indexedDB.open(name, version);
        const tell = event => Object.defineProperties(event, {
            dataLoss: { value: 'total' }, dataLossMessage: { value: 'damaged' } });
        request.addEventListener('upgradeneeded', tell);
        return request;
    } }";
    options.factory = Some(js(factory, "").await.unchecked_into());
    let disk = IndexedDbDisk::open(options).await.expect("it opens");
    assert_eq!(*events.borrow(), [StorageEvent::DataLoss(String::from("total: damaged"))]);
    assert_eq!(disk.append(LogSeq(1), b"x", RELAXED).await, Ok(()));
}

#[wasm_bindgen_test]
async fn a_transaction_behind_a_hog_is_given_up_and_writes_nothing() {
    let name = fresh_name();
    let (mut options, _) = options(&name);
    options.sleep = impatient(100);
    let disk = IndexedDbDisk::open(options).await.expect("it opens");
    let hog = "const db = await new Promise(resolve => {
            const request = indexedDB.open(`holm.${name}.1`, 1);
            request.onsuccess = () => resolve(request.result);
        });
        const transaction = db.transaction('log', 'readwrite');
        const spin = () => { if (!globalThis.stopHog) transaction.objectStore('log').get(0).onsuccess = spin };
        globalThis.stopHog = false;
        spin();
        globalThis.hogEnds = new Promise(resolve => { transaction.oncomplete = resolve });";
    js(hog, &name).await;
    let behind = disk.append(LogSeq(1), b"behind", RELAXED).await;
    assert!(matches!(behind, Err(DiskError::Blocked(_))), "{behind:?}");
    js("globalThis.stopHog = true; await globalThis.hogEnds", "").await;
    assert_eq!(log(&disk).await, []);
    assert_eq!(disk.append(LogSeq(1), b"after", RELAXED).await, Ok(()));
}

#[wasm_bindgen_test]
async fn success_of_the_request_is_not_success() {
    let disk = open(&fresh_name()).await;
    js(
        "const commit = IDBTransaction.prototype.commit;
         IDBTransaction.prototype.commit = function () { this.abort() };
         globalThis.restore = () => { IDBTransaction.prototype.commit = commit };",
        "",
    )
    .await;
    let appended = disk.append(LogSeq(1), b"x", RELAXED).await;
    js("globalThis.restore()", "").await;
    assert!(matches!(appended, Err(DiskError::Aborted(_))), "{appended:?}");
    assert_eq!(log(&disk).await, []);
}

#[wasm_bindgen_test]
async fn a_quota_error_at_commit_is_full() {
    let disk = open(&fresh_name()).await;
    js(
        "const error = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'error');
         const commit = IDBTransaction.prototype.commit;
         IDBTransaction.prototype.commit = function () { this.abort() };
         Object.defineProperty(IDBTransaction.prototype, 'error', {
           configurable: true, get: () => new DOMException('no room', 'QuotaExceededError') });
         globalThis.restore = () => {
           IDBTransaction.prototype.commit = commit;
           Object.defineProperty(IDBTransaction.prototype, 'error', error);
         };",
        "",
    )
    .await;
    let appended = disk.append(LogSeq(1), b"x", RELAXED).await;
    js("globalThis.restore()", "").await;
    assert_eq!(appended, Err(DiskError::Full("QuotaExceededError: no room".into())));
    assert_eq!(disk.append(LogSeq(1), b"x", RELAXED).await, Ok(()));
}

#[wasm_bindgen_test]
async fn a_lost_connection_is_opened_again() {
    let disk = open_spied(&fresh_name()).await;
    disk.append(LogSeq(1), b"one", RELAXED).await.expect("it appends");
    js("globalThis.lastDatabase.close()", "").await;
    disk.append(LogSeq(2), b"two", RELAXED).await.expect("it appends on another connection");
    js("globalThis.lastDatabase.close()", "").await;
    assert_eq!(log(&disk).await, [(1, b"one".to_vec()), (2, b"two".to_vec())]);
}

#[wasm_bindgen_test]
async fn a_close_by_the_browser_is_told_and_healed() {
    let (mut options, events) = options(&fresh_name());
    options.factory = Some(js(SPY, "").await.unchecked_into());
    let disk = IndexedDbDisk::open(options).await.expect("it opens");
    js("globalThis.lastDatabase.close(); globalThis.lastDatabase.dispatchEvent(new Event('close'))", "").await;
    assert_eq!(*events.borrow(), [StorageEvent::ConnectionLost]);
    assert_eq!(disk.append(LogSeq(1), b"x", RELAXED).await, Ok(()));
}

#[wasm_bindgen_test]
async fn a_write_whose_connection_breaks_is_unknown() {
    let disk = open(&fresh_name()).await;
    js(
        "const commit = IDBTransaction.prototype.commit;
         IDBTransaction.prototype.commit = function () {
           commit.call(this);
           this.dispatchEvent(new Event('abort'));
         };
         const error = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'error');
         Object.defineProperty(IDBTransaction.prototype, 'error', {
           configurable: true, get: () => new DOMException('Connection lost', 'UnknownError') });
         globalThis.restore = () => {
           IDBTransaction.prototype.commit = commit;
           Object.defineProperty(IDBTransaction.prototype, 'error', error);
         };",
        "",
    )
    .await;
    let appended = disk.append(LogSeq(1), b"x", RELAXED).await;
    js("globalThis.restore()", "").await;
    assert_eq!(appended, Err(DiskError::Unknown("UnknownError: Connection lost".into())));
    assert_eq!(log(&disk).await, [(1, b"x".to_vec())]);
}

#[wasm_bindgen_test]
async fn a_deletion_elsewhere_is_let_through_and_never_answered_with_an_empty_store() {
    let name = fresh_name();
    let (options, events) = options(&name);
    let disk = IndexedDbDisk::open(options).await.expect("it opens");
    disk.append(LogSeq(1), b"x", RELAXED).await.expect("it appends");
    js(DELETE, &name).await;
    assert_eq!(*events.borrow(), [StorageEvent::TakenAway]);
    assert!(is_unavailable(&disk.append(LogSeq(2), b"y", RELAXED).await));
    assert!(is_unavailable(&disk.load(Since::default()).await));
    assert_eq!(exists(&name).await, JsValue::FALSE);
}

const DELETE: &str = "await new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(`holm.${name}.1`);
    request.onsuccess = resolve;
    request.onerror = reject;
})";

async fn exists(name: &str) -> JsValue {
    js("return (await indexedDB.databases()).some(known => known.name === `holm.${name}.1`)", name).await
}

#[wasm_bindgen_test]
async fn a_database_that_vanished_is_not_made_again() {
    let name = fresh_name();
    let (mut options, events) = options(&name);
    options.factory = Some(js(SPY, "").await.unchecked_into());
    options.another_factory = Rc::new(|| panic!("this factory is not dead"));
    let disk = IndexedDbDisk::open(options).await.expect("it opens");
    disk.append(LogSeq(1), b"x", RELAXED).await.expect("it appends");
    js("globalThis.lastDatabase.close()", "").await;
    js(DELETE, &name).await;
    assert!(is_unavailable(&disk.append(LogSeq(2), b"y", RELAXED).await));
    assert!(is_unavailable(&disk.load(Since::default()).await));
    assert_eq!(*events.borrow(), [StorageEvent::TakenAway]);
    timer::sleep(50).await;
    assert_eq!(exists(&name).await, JsValue::FALSE);
}

#[wasm_bindgen_test]
async fn another_realms_factory_heals_a_dead_one_and_does_everything() {
    let (mut options, _) = options(&fresh_name());
    let dead =
        "return { open() { throw new DOMException('Connection to Indexed Database server lost', 'UnknownError') } }";
    options.factory = Some(js(dead, "").await.unchecked_into());
    options.another_factory = Rc::new(scope::another_factory);
    let disk = IndexedDbDisk::open(options).await.expect("it opens by the other factory");
    let (id, bytes) = (BlockId(1), vec![1, 2, 3]);
    let manifest = StoredManifest { generation: Generation(1), folded: LogSeq(1), bytes: bytes.clone() };
    disk.append(LogSeq(1), b"x", RELAXED).await.expect("it appends");
    assert_eq!(disk.append(LogSeq(1), b"x", RELAXED).await, Err(DiskError::Stale));
    disk.write_blocks(&[(id, bytes.clone())], Durability::Relaxed).await.expect("it writes");
    disk.publish(&manifest, LogSeq(0), None, Durability::Relaxed).await.expect("it publishes");
    assert_eq!(disk.read_blocks(std::slice::from_ref(&id)).await, Ok(vec![Some(bytes)]));
    disk.drop_blocks(&[id], Durability::Relaxed).await.expect("it drops");
    let loaded = disk.load(Since::default()).await.expect("it loads");
    assert_eq!(loaded.manifest, Some(manifest));
    assert_eq!(loaded.entries, [(LogSeq(1), b"x".to_vec())]);
}

#[wasm_bindgen_test]
async fn other_factories_are_not_made_without_end() {
    let (mut options, _) = options(&fresh_name());
    let asked = Rc::new(Cell::new(0));
    let dying = "const real = indexedDB; let opens = 0; return { open(name, version) {
        if (++opens > 1) throw new DOMException('Connection to Indexed Database server lost', 'UnknownError');
        const request = real.open(name, version);
        request.addEventListener('success', () => { globalThis.lastDatabase = request.result });
        return request;
    } }";
    options.factory = Some(js(dying, "").await.unchecked_into());
    options.another_factory = Rc::new({
        let asked = Rc::clone(&asked);
        move || {
            asked.set(asked.get() + 1);
            None
        }
    });
    let disk = IndexedDbDisk::open(options).await.expect("it opens");
    js("globalThis.lastDatabase.close()", "").await;
    for _ in 0..20 {
        assert!(is_unavailable(&disk.load(Since::default()).await));
    }
    assert_eq!(asked.get(), 5);
}

#[wasm_bindgen_test]
async fn a_reopen_by_another_factory_keeps_the_log() {
    let disk = open(&fresh_name()).await;
    disk.append(LogSeq(1), b"x", RELAXED).await.expect("it appends");
    disk.reopen(scope::another_factory().expect("a page")).await.expect("it opens again");
    assert_eq!(disk.append(LogSeq(2), b"y", RELAXED).await, Ok(()));
    assert_eq!(log(&disk).await.len(), 2);
}

#[wasm_bindgen_test]
async fn a_closed_disk_fails_and_what_ran_still_completes() {
    let name = fresh_name();
    let disk = open(&name).await;
    {
        let mut running = pin!(disk.append(LogSeq(1), b"x", RELAXED));
        super::stage::begin(running.as_mut()).await;
        disk.close();
        assert_eq!(running.await, Ok(()));
    }
    assert!(is_unavailable(&disk.load(Since::default()).await));
    assert_eq!(log(&open(&name).await).await, [(1, b"x".to_vec())]);
}
