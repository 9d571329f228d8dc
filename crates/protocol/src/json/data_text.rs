//! A record's fields that nobody needs to look into.

use super::parse::See;
use super::{FromJson, Parser, ToJson, Unfit, from_json_text, to_json_text};
use crate::Data;

/// A record's fields as JSON text, written as [`to_json_text`] writes [`Data`].
///
/// ```
/// use holm_protocol::{DataText, from_json_text};
/// let text: DataText = from_json_text(br#"{ "b": 1.0, "a": "x" }"#).expect("an object");
/// assert_eq!(text.as_str(), r#"{"a":"x","b":1}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataText(String);

impl DataText {
    /// What [`DataText::as_str`] gave before.
    #[must_use]
    pub fn again(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if self.0.is_empty() { "{}" } else { &self.0 }
    }

    /// Shows the name of each field, and has its value read.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn fields<'t>(&'t self, see: &mut See<'t, '_>) -> Result<(), Unfit> {
        Parser::whole(self.as_str().as_bytes(), &mut |parser| parser.fields(see))
    }

    /// The fields.
    ///
    /// # Errors
    /// [`Unfit`], if it was not made of JSON.
    pub fn data(&self) -> Result<Data, Unfit> {
        from_json_text(self.as_str().as_bytes())
    }
}

impl From<&Data> for DataText {
    fn from(data: &Data) -> Self {
        Self(to_json_text(data))
    }
}

impl FromJson for DataText {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        self.0 = parser.object_text()?;
        Ok(())
    }
}

impl ToJson for DataText {
    fn write(&self, text: &mut String) {
        text.push_str(self.as_str());
    }

    fn is_empty(&self) -> bool {
        self.as_str() == "{}"
    }
}
