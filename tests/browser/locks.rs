//! The locks, by the Web Locks API and without it.

use std::pin::pin;

use holm::locks::WebLocks;
use holm::{limit, scope, timer};
use holm_store::LockName;
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{begin, fresh_name, impatient};

const SHORT_MS: u32 = 50;

/// Two tabs' locks of one database, with and without the API.
fn pairs() -> [(WebLocks, WebLocks); 2] {
    [scope::lock_manager(), None].map(|manager| {
        let name = fresh_name();
        (WebLocks::new(manager.clone(), &name), WebLocks::new(manager, &name))
    })
}

#[wasm_bindgen_test]
async fn one_holds_it_at_a_time() {
    for (one, two) in pairs() {
        let held = one.lock(LockName::Sync).await;
        assert!(two.try_lock(LockName::Sync).await.is_none());
        assert!(two.try_lock(LockName::Write).await.is_some());
        assert!(limit::within(&impatient(SHORT_MS), 0, two.lock(LockName::Sync)).await.is_none());
        drop(held);
        drop(two.lock(LockName::Sync).await);
        assert!(!one.lock(LockName::Sync).await.is_lost());
    }
}

#[wasm_bindgen_test]
async fn databases_do_not_share_locks() {
    for manager in [scope::lock_manager(), None] {
        let _held = WebLocks::new(manager.clone(), &fresh_name()).lock(LockName::Write).await;
        assert!(WebLocks::new(manager, &fresh_name()).try_lock(LockName::Write).await.is_some());
    }
}

#[wasm_bindgen_test]
async fn the_waiting_get_it_and_the_dropped_do_not_keep_it() {
    for (one, two) in pairs() {
        let held = one.lock(LockName::Write).await;
        {
            let mut dropped = pin!(two.lock(LockName::Write));
            begin(dropped.as_mut()).await;
        }
        let mut waiting = pin!(two.lock(LockName::Write));
        begin(waiting.as_mut()).await;
        drop(held);
        let got = limit::within(&timer::sleeper(), 2_000, waiting).await.expect("it gets the lock");
        assert!(one.try_lock(LockName::Write).await.is_none());
        drop(got);
    }
}

#[wasm_bindgen_test]
async fn a_stolen_lock_is_lost() {
    let name = fresh_name();
    let (one, two) = (WebLocks::new(scope::lock_manager(), &name), WebLocks::new(scope::lock_manager(), &name));
    let old = one.lock(LockName::Sync).await;
    assert!(!old.is_lost());
    let new = two.steal(LockName::Sync).await;
    timer::sleep(SHORT_MS).await;
    assert!(old.is_lost());
    drop(old);
    assert!(one.try_lock(LockName::Sync).await.is_none());
    assert!(!new.is_lost());
}
