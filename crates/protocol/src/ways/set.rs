//! Sets: what one put in or took out of an array, done to another.

use crate::order::sort;
use crate::{Value, to_json_text};

/// `theirs` in its order, without what `mine` lacks of `before`, and after it what `mine` has beside `before`.
pub(super) fn merge(before: &[Value], mine: &[Value], theirs: &[Value]) -> Vec<Value> {
    if before == theirs {
        return mine.to_vec();
    }
    let (known, kept, there) = (Texts::of(before), Texts::of(mine), Texts::of(theirs));
    let stays = |item: &&Value| !known.has(item) || kept.has(item);
    let is_new = |item: &&Value| !known.has(item) && !there.has(item);
    theirs.iter().filter(stays).chain(mine.iter().filter(is_new)).cloned().collect()
}

/// The JSON texts of some values, to be looked up.
struct Texts(Vec<String>);

impl Texts {
    fn of(items: &[Value]) -> Self {
        let mut texts = items.iter().map(|item| to_json_text(item)).collect();
        sort(&mut texts, &Ord::cmp);
        Self(texts)
    }

    fn has(&self, item: &Value) -> bool {
        self.0.binary_search(&to_json_text(item)).is_ok()
    }
}
