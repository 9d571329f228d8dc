//! [`IndexedDbDisk`] where the browser plays along.

use std::pin::pin;

use holm::indexeddb::IndexedDbDisk;
use holm_store::{BlockId, Disk, DiskError, Durability, Generation, LogSeq, Since, StoredManifest};
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{begin, fresh_name, js, log, open};

const RELAXED: Durability = Durability::Relaxed;

fn manifest(generation: u64, folded: u64) -> StoredManifest {
    StoredManifest { generation: Generation(generation), folded: LogSeq(folded), bytes: vec![generation as u8; 3] }
}

#[wasm_bindgen_test]
async fn what_was_appended_is_there_after_a_reopen() {
    let name = fresh_name();
    let disk = open(&name).await;
    disk.append(LogSeq(1), b"one", RELAXED).await.expect("it appends");
    disk.append(LogSeq(2), b"two", Durability::Strict).await.expect("it appends");
    disk.close();
    let disk = open(&name).await;
    assert_eq!(log(&disk).await, [(1, b"one".to_vec()), (2, b"two".to_vec())]);
}

#[wasm_bindgen_test]
async fn a_wrong_position_is_stale_and_rolls_the_generator_back() {
    let disk = open(&fresh_name()).await;
    for wrong in [2, 7, 0] {
        assert_eq!(disk.append(LogSeq(wrong), b"no", RELAXED).await, Err(DiskError::Stale));
    }
    assert_eq!(disk.append(LogSeq(1), b"yes", RELAXED).await, Ok(()));
    assert_eq!(disk.append(LogSeq(1), b"no", RELAXED).await, Err(DiskError::Stale));
    assert_eq!(log(&disk).await, [(1, b"yes".to_vec())]);
}

#[wasm_bindgen_test]
async fn a_dropped_append_does_not_commit() {
    let disk = open(&fresh_name()).await;
    {
        let mut append = pin!(disk.append(LogSeq(9), b"never compared", RELAXED));
        begin(append.as_mut()).await;
    }
    assert_eq!(disk.append(LogSeq(1), b"first", RELAXED).await, Ok(()));
    assert_eq!(log(&disk).await, [(1, b"first".to_vec())]);
}

async fn hammer(disk: &IndexedDbDisk, writer: u8, writes: u8) {
    let mut tail = LogSeq(0);
    for number in 0..writes {
        loop {
            match disk.append(tail.next(), &[writer, number], RELAXED).await {
                Ok(()) => break,
                Err(DiskError::Stale) => {
                    let loaded = disk.load(Since { seq: tail, ..Since::default() }).await.expect("it loads");
                    tail = loaded.entries.last().map_or(tail, |(seq, _)| *seq);
                }
                Err(other) => panic!("{other}"),
            }
        }
        tail = tail.next();
    }
}

#[wasm_bindgen_test]
async fn two_connections_that_race_lose_nothing() {
    let name = fresh_name();
    let (one, two) = (open(&name).await, open(&name).await);
    let (mut a, mut b) = (pin!(hammer(&one, 1, 100)), pin!(hammer(&two, 2, 100)));
    let mut left = 2;
    let (mut a_runs, mut b_runs) = (true, true);
    std::future::poll_fn(|context| {
        if a_runs && a.as_mut().poll(context).is_ready() {
            (a_runs, left) = (false, left - 1);
        }
        if b_runs && b.as_mut().poll(context).is_ready() {
            (b_runs, left) = (false, left - 1);
        }
        if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    let log = log(&one).await;
    let positions: Vec<u64> = log.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(positions, (1..=200).collect::<Vec<u64>>());
    for writer in [1, 2] {
        let numbers: Vec<u8> = log.iter().filter(|(_, entry)| entry[0] == writer).map(|(_, entry)| entry[1]).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<u8>>());
    }
}

#[wasm_bindgen_test]
async fn a_trimmed_position_is_never_given_again() {
    let disk = open(&fresh_name()).await;
    for seq in 1..=3 {
        disk.append(LogSeq(seq), b"x", RELAXED).await.expect("it appends");
    }
    disk.publish(&manifest(1, 3), LogSeq(3), None, RELAXED).await.expect("it publishes");
    assert_eq!(disk.append(LogSeq(3), b"old tab", RELAXED).await, Err(DiskError::Stale));
    assert_eq!(disk.append(LogSeq(1), b"old tab", RELAXED).await, Err(DiskError::Stale));
    assert_eq!(disk.append(LogSeq(4), b"y", RELAXED).await, Ok(()));
}

#[wasm_bindgen_test]
async fn only_one_publish_of_a_generation_wins() {
    let name = fresh_name();
    let (one, two) = (open(&name).await, open(&name).await);
    for seq in 1..=4 {
        one.append(LogSeq(seq), &[seq as u8], RELAXED).await.expect("it appends");
    }
    one.publish(&manifest(1, 3), LogSeq(2), None, RELAXED).await.expect("it publishes");
    assert_eq!(two.publish(&manifest(1, 4), LogSeq(4), None, RELAXED).await, Err(DiskError::Stale));
    assert_eq!(two.publish(&manifest(3, 4), LogSeq(4), None, RELAXED).await, Err(DiskError::Stale));
    let loaded = two.load(Since::default()).await.expect("it loads");
    assert_eq!(loaded.manifest, Some(manifest(1, 3)));
    assert_eq!(loaded.entries, [(LogSeq(3), vec![3]), (LogSeq(4), vec![4])]);
    let known = two.load(Since { seq: LogSeq(4), generation: Generation(1) }).await.expect("it loads");
    assert_eq!((known.manifest, known.entries), (None, vec![(LogSeq(4), vec![4])]));
}

#[wasm_bindgen_test]
async fn blocks_come_in_the_order_asked_and_go_when_dropped() {
    let disk = open(&fresh_name()).await;
    let id = BlockId;
    let big = vec![7; 300_000];
    disk.write_blocks(&[(id(2), b"B".to_vec()), (id(1), big.clone()), (id(0), Vec::new())], RELAXED)
        .await
        .expect("it writes");
    let read = disk.read_blocks(&[id(1), id(9), id(2), id(0)]).await.expect("it reads");
    assert_eq!(read, [Some(big), None, Some(b"B".to_vec()), Some(Vec::new())]);
    disk.drop_blocks(&[id(1), id(9)], RELAXED).await.expect("it drops");
    assert_eq!(disk.read_blocks(&[id(1), id(2)]).await, Ok(vec![None, Some(b"B".to_vec())]));
    assert_eq!(disk.read_blocks(&[]).await, Ok(Vec::new()));
    assert_eq!(disk.write_blocks(&[], RELAXED).await, Ok(()));
    assert_eq!(disk.drop_blocks(&[], RELAXED).await, Ok(()));
}

#[wasm_bindgen_test]
async fn each_operation_opens_only_the_object_stores_it_needs_and_writers_wait_for_one_another() {
    let disk = open(&fresh_name()).await;
    js(
        "const begin = IDBDatabase.prototype.transaction; globalThis.begun = [];
         IDBDatabase.prototype.transaction = function (stores, mode, options) {
           globalThis.begun.push([...stores].join('+') + ' ' + mode + ' ' + (options?.durability ?? ''));
           return begin.call(this, stores, mode, options);
         };
         globalThis.restore = () => { IDBDatabase.prototype.transaction = begin };",
        "",
    )
    .await;
    let id = BlockId(1);
    disk.load(Since::default()).await.expect("it loads");
    disk.append(LogSeq(1), b"x", Durability::Strict).await.expect("it appends");
    disk.write_blocks(&[(id, vec![1])], RELAXED).await.expect("it writes");
    disk.read_blocks(std::slice::from_ref(&id)).await.expect("it reads");
    disk.publish(&manifest(1, 1), LogSeq(0), None, RELAXED).await.expect("it publishes");
    disk.drop_blocks(&[id], RELAXED).await.expect("it drops");
    let begun = js("globalThis.restore(); return globalThis.begun.join(', ')", "").await;
    assert_eq!(
        begun.as_string().expect("a text"),
        "manifest+log readonly , log readwrite strict, blocks+log readwrite relaxed, blocks readonly , \
         manifest+log readwrite relaxed, blocks+log readwrite relaxed"
    );
}
