//! Conditions on one field, as questions about encoded keys.

use super::needle::Needle;
use crate::keys::{Class, Order, after_prefix, push_string, push_value, string_prefix};
use crate::records::pick;
use holm_protocol::Value;

/// The field that stands for the record's id.
pub(super) const ID: &str = "id";

/// Encoded bytes of one ascending component.
pub(super) type Key = Vec<u8>;

/// One condition; all of a query's must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// The field; meaningless for `Pending`.
    pub field: String,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// The value is this one.
    Eq(Key),
    /// The value is not this one.
    Ne(Key),
    /// The value is one of these, which are sorted.
    In(Vec<Key>),
    /// The value's key lies in this range.
    Within(Range),
    /// The value is an array that has this element.
    Has(Key),
    /// The value is a string with this text somewhere in it.
    Contains(Needle),
    /// The record has, or has not, mutations that the server has not acknowledged.
    Pending(bool),
}

/// Keys from `from` up to, and without, `until`; both end where a component, a string prefix or a class ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub from: Key,
    pub until: Key,
}

impl Range {
    pub(super) fn below(key: Key) -> Self {
        Self { from: Class::of(&key).first(), until: key }
    }

    pub(super) fn up_to(key: &[u8]) -> Self {
        Self { from: Class::of(key).first(), until: after_prefix(key) }
    }

    pub(super) fn above(key: &[u8]) -> Self {
        Self { from: after_prefix(key), until: Class::of(key).end() }
    }

    pub(super) fn from(key: Key) -> Self {
        Self { until: Class::of(&key).end(), from: key }
    }

    pub(super) fn starting_with(prefix: &str) -> Self {
        let from = string_prefix(prefix);
        Self { until: after_prefix(&from), from }
    }

    /// What lies in both.
    pub(super) fn and(self, other: &Self) -> Self {
        Self { from: self.from.max(other.from.clone()), until: self.until.min(other.until.clone()) }
    }

    fn contains(&self, key: &[u8]) -> bool {
        self.from.as_slice() <= key && key < self.until.as_slice()
    }
}

impl Condition {
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.test, Test::Pending(_))
    }
}

/// Several conditions, ready to be asked of many stored records; `Pending` is not asked here.
pub(super) struct Filter<'q> {
    fields: Vec<&'q str>,
    /// With the position of the field among `fields`; `None` is the id.
    tests: Vec<(Option<usize>, &'q Test)>,
    /// What a record that matches has somewhere in its bytes: looking there is cheaper than taking fields out.
    needles: Vec<&'q Needle>,
}

impl<'q> Filter<'q> {
    pub(super) fn new(conditions: &[&'q Condition]) -> Self {
        let mut filter = Self { fields: Vec::new(), tests: Vec::new(), needles: Vec::new() };
        for condition in conditions.iter().filter(|condition| !condition.is_pending()) {
            let position = (condition.field != ID).then(|| filter.position(&condition.field));
            filter.tests.push((position, &condition.test));
            if let (Some(_), Test::Contains(needle)) = (position, &condition.test)
                && needle.stands_as_it_is()
            {
                filter.needles.push(needle);
            }
        }
        filter
    }

    fn position(&mut self, field: &'q str) -> usize {
        if let Some(position) = self.fields.iter().position(|known| *known == field) {
            return position;
        }
        self.fields.push(field);
        self.fields.len() - 1
    }

    /// Whether the stored record matches.
    pub(super) fn matches(&self, id: &dyn Fn() -> String, record: &[u8]) -> bool {
        if self.tests.is_empty() {
            return true;
        }
        if !self.needles.iter().all(|needle| needle.is_in(record)) {
            return false;
        }
        let values = if self.fields.is_empty() { Vec::new() } else { pick(record, &self.fields) };
        self.tests.iter().all(|(position, test)| match position {
            Some(position) => holds(test, values[*position].as_ref().unwrap_or(&Value::Null)),
            None => id_holds(test, &id()),
        })
    }
}

fn holds(test: &Test, value: &Value) -> bool {
    match (test, value) {
        (Test::Has(element), Value::Array(items)) => items.iter().any(|item| encoded(item) == *element),
        (Test::Contains(needle), Value::String(text)) => needle.is_in(text.as_bytes()),
        (Test::Has(_) | Test::Contains(_), _) => false,
        _ => key_holds(test, &encoded(value)),
    }
}

fn id_holds(test: &Test, id: &str) -> bool {
    if let Test::Contains(needle) = test {
        return needle.is_in(id.as_bytes());
    }
    let mut key = Key::new();
    push_string(&mut key, id);
    key_holds(test, &key)
}

fn key_holds(test: &Test, key: &Key) -> bool {
    match test {
        Test::Eq(operand) => key == operand,
        Test::Ne(operand) => key != operand,
        Test::In(operands) => operands.binary_search(key).is_ok(),
        Test::Within(range) => range.contains(key),
        Test::Has(_) | Test::Contains(_) | Test::Pending(_) => true,
    }
}

/// A value as an ascending component.
pub(super) fn encoded(value: &Value) -> Key {
    let mut key = Key::new();
    push_value(&mut key, value, Order::Ascending);
    key
}
