//! Fields that merge in a way of their own: counters, sets and texts. Decided alike by server and engine.
//!
//! A writer says what he had before his eyes and what he made of it; what a row has becomes that, changed as he changed it. The
//! server's order is everybody's, so that a merge of three plain values needs no state of its own to end alike everywhere.

mod counter;
mod set;
mod text;

use crate::{Fields, FromJson, Parser, ToJson, Unfit, Value, json_fields};

/// In which way a field merges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// The value of the later edit; also any way that this version does not know.
    #[default]
    Latest,
    /// A number: what was added is added.
    Counter,
    /// An array: what was put in is put in, what was taken out is taken out.
    Set,
    /// A string: what was typed is typed, what was deleted is deleted.
    Text,
}

impl Way {
    /// The way of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "counter" => Self::Counter,
            "set" => Self::Set,
            "text" => Self::Text,
            _ => Self::Latest,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Counter => "counter",
            Self::Set => "set",
            Self::Text => "text",
        }
    }

    /// Whether a value is of this way.
    #[must_use]
    pub fn takes(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::Counter, Value::Number(_)) | (Self::Set, Value::Array(_)) | (Self::Text, Value::String(_))
        )
    }

    /// What counts as nothing; a field that merges as any other has no such value.
    fn nothing(self) -> Option<Value> {
        match self {
            Self::Latest => None,
            Self::Counter => Some(Value::from(0)),
            Self::Set => Some(Value::Array(Vec::new())),
            Self::Text => Some(Value::String(String::new())),
        }
    }

    /// What `now`, which was made of it, is without what a writer did who made `mine` of `before`; `None` as for [`Self::merge`].
    ///
    /// ```
    /// use holm_protocol::{Way, json};
    /// let without = Way::Counter.undo(Some(&json!(3)), &json!(5), &json!(9));
    /// assert_eq!(without, Some(json!(7)));
    /// ```
    #[must_use]
    pub fn undo(self, before: Option<&Value>, mine: &Value, now: &Value) -> Option<Value> {
        let before = before.filter(|before| !before.is_null()).cloned();
        self.merge(Some(mine), &before.or_else(|| self.nothing())?, Some(now))
    }

    /// What a row's value `theirs` becomes where a writer made `mine` of `before`; `None` where these are not of the way, so
    /// that the field merges as any other. What is not there, or null, counts as 0, as an empty list or text.
    ///
    /// ```
    /// use holm_protocol::{Way, json};
    /// let merged = Way::Counter.merge(Some(&json!(3)), &json!(4), Some(&json!(10)));
    /// assert_eq!(merged, Some(json!(11)));
    /// let merged = Way::Set.merge(Some(&json!(["a", "b"])), &json!(["b", "c"]), Some(&json!(["a", "b", "d"])));
    /// assert_eq!(merged, Some(json!(["b", "d", "c"])));
    /// let merged = Way::Text.merge(Some(&json!("buy milk")), &json!("buy oat milk"), Some(&json!("buy milk today")));
    /// assert_eq!(merged, Some(json!("buy oat milk today")));
    /// ```
    #[must_use]
    pub fn merge(self, before: Option<&Value>, mine: &Value, theirs: Option<&Value>) -> Option<Value> {
        let nothing = self.nothing()?;
        let or_nothing = |value: Option<&'_ Value>| value.filter(|value| !value.is_null()).cloned();
        let before = or_nothing(before).unwrap_or_else(|| nothing.clone());
        let theirs = or_nothing(theirs).unwrap_or(nothing);
        match (self, &before, mine, &theirs) {
            (Self::Counter, Value::Number(before), Value::Number(mine), Value::Number(theirs)) => {
                theirs.moved(before, mine).map(Value::Number)
            }
            (Self::Set, Value::Array(before), Value::Array(mine), Value::Array(theirs)) => {
                Some(Value::Array(set::merge(before, mine, theirs)))
            }
            (Self::Text, Value::String(before), Value::String(mine), Value::String(theirs)) => {
                Some(Value::String(text::merge(before, mine, theirs)))
            }
            _ => None,
        }
    }
}

impl FromJson for Way {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = Self::named(&parser.string()?);
        Ok(())
    }
}

impl ToJson for Way {
    fn write(&self, text: &mut String) {
        self.name().write(text);
    }
}

/// How one field of a mutation merges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnWay {
    /// In which way.
    pub way: Way,
    /// What the writer had before his eyes; absent where that was nothing.
    pub before: Option<Value>,
}

json_fields!(OwnWay { way; before });

/// How fields of a mutation merge that do so in a way of their own, by name.
pub type Ways = Fields<OwnWay>;
