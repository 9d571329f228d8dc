//! JSON text to [`Value`]s (RFC 8259), in one small reader that is compiled once.

use std::borrow::Cow;

use super::{FromJson, Number, Unfit, Value, number, to_json_text};
use crate::Data;

/// How deep arrays and objects may nest: deeper ones overflow stacks.
const DEPTH_MAX: usize = 128;

/// Parses JSON text.
///
/// # Errors
/// [`Unfit`] for what is not JSON, holds a number beyond every `f64`, or nests deeper than 128 levels.
pub fn parse(text: &[u8]) -> Result<Value, Unfit> {
    let mut value = Value::Null;
    Parser::whole(text, &mut |parser| {
        value = parser.value()?;
        Ok(())
    })?;
    Ok(value)
}

/// Some fields of a JSON object, in the order of `names`; the others are skipped over unread.
///
/// # Errors
/// [`Unfit`], where that is noticed.
pub fn pick(text: &[u8], names: &[&str]) -> Result<Vec<Option<Value>>, Unfit> {
    let mut found = vec![None; names.len()];
    let mut parser = Parser::new(text);
    parser.fields(&mut |name, parser| {
        match names.iter().position(|wanted| *wanted == name) {
            Some(position) => found[position] = Some(parser.value()?),
            None => parser.skip()?,
        }
        Ok(())
    })?;
    Ok(found)
}

const BROKEN: &str = "not valid JSON";

/// Takes the name of a field, and has its value read.
pub type See<'t, 's> = dyn FnMut(Cow<'t, str>, &mut Parser<'t>) -> Result<(), Unfit> + 's;

/// A JSON text, read up to some place.
#[derive(Clone, Copy, Debug)]
pub struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    /// What was read is what [`to_json_text`] would write.
    is_canonical: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, depth: 0, is_canonical: true }
    }

    /// Has a whole text read.
    pub(crate) fn whole(text: &'t [u8], read: &mut dyn FnMut(&mut Self) -> Result<(), Unfit>) -> Result<(), Unfit> {
        let mut parser = Self::new(text);
        read(&mut parser)?;
        match parser.peek() {
            None => Ok(()),
            Some(_) => Err(BROKEN.into()),
        }
    }

    /// Reads an object into slots, by `names` that each end with a space; one of the first, which are `needed`, counts as null where
    /// it is absent.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn fill(&mut self, names: &str, needed: usize, slots: &mut [&mut dyn FromJson]) -> Result<(), Unfit> {
        let mut found = 0_u32;
        // Most often a field is the next that is known.
        let mut known = words(names).enumerate().cycle();
        self.fields(&mut |name, parser| match known
            .by_ref()
            .take(slots.len())
            .find(|(_, known)| *known == name.as_bytes())
        {
            Some((position, _)) => {
                found |= 1 << position;
                slots[position].read(parser).map_err(|unfit| unfit.within(&name))
            }
            None => parser.check(),
        })?;
        for (position, name) in words(names).enumerate().take(needed) {
            if found & (1 << position) == 0 {
                let name = text(name)?;
                slots[position].read(&mut Parser::new(b"null")).map_err(|unfit| unfit.within(name))?;
            }
        }
        Ok(())
    }

    /// Reads one of some words that each end with a space, and tells which.
    ///
    /// # Errors
    /// [`Unfit`], which says `what` it is not.
    pub fn one_of(&mut self, all: &str, what: &'static str) -> Result<usize, Unfit> {
        let word = self.string()?;
        Ok(words(all).position(|known| known == word.as_bytes()).ok_or(what)?)
    }

    /// Goes past null, if that comes next.
    ///
    /// # Errors
    /// [`Unfit`] for what only begins like it.
    pub fn null(&mut self) -> Result<bool, Unfit> {
        let is_null = self.peek() == Some(b'n');
        if is_null {
            self.word("null", Value::Null)?;
        }
        Ok(is_null)
    }

    /// Has each item of a list read.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn items(&mut self, read: &mut dyn FnMut(&mut Self) -> Result<(), Unfit>) -> Result<(), Unfit> {
        if self.peek() != Some(b'[') {
            return Err("not a list".into());
        }
        self.list(b']', read)
    }

    /// Reads a list of two.
    pub(super) fn pair(&mut self, parts: [&mut dyn FromJson; 2]) -> Result<(), Unfit> {
        let mut parts = parts.into_iter();
        self.items(&mut |parser| parts.next().ok_or("not a list of two")?.read(parser))?;
        if parts.next().is_some() { Err("not a list of two".into()) } else { Ok(()) }
    }

    /// The text of an object, as [`to_json_text`] writes it: no tree is made of it where it is so already.
    ///
    /// # Errors
    /// [`Unfit`].
    pub(super) fn object_text(&mut self) -> Result<String, Unfit> {
        if self.peek() != Some(b'{') {
            return Err("not an object".into());
        }
        let (from, depth) = (self.at, self.depth);
        self.is_canonical = true;
        self.check()?;
        if self.is_canonical {
            return Ok(text(&self.text[from..self.at])?.to_owned());
        }
        (self.at, self.depth) = (from, depth);
        Ok(to_json_text(&self.value()?))
    }

    /// Goes past a value, looking at all of it.
    ///
    /// # Errors
    /// [`Unfit`] for what is not JSON.
    pub(crate) fn check(&mut self) -> Result<(), Unfit> {
        match self.peek().ok_or(BROKEN)? {
            b'{' => {
                let mut last: Option<Cow<'_, str>> = None;
                self.fields(&mut |name, parser| {
                    parser.is_canonical &= last.as_ref().is_none_or(|last| *last < name);
                    last = Some(name);
                    parser.check()
                })
            }
            b'[' => self.list(b']', &mut |parser| parser.check()),
            b'"' => self.string().map(drop),
            b'n' | b't' | b'f' => self.value().map(drop),
            _ => {
                let text = self.number()?;
                if !number::is_plain(text) {
                    self.is_canonical = false;
                    Number::parse(text).ok_or(BROKEN)?;
                }
                Ok(())
            }
        }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// [`Unfit`] for what is not JSON.
    pub fn value(&mut self) -> Result<Value, Unfit> {
        Ok(match self.peek().ok_or(BROKEN)? {
            b'{' => {
                let mut fields = Data::new();
                fields.read(self)?;
                Value::Object(fields)
            }
            b'[' => {
                let mut items = Vec::new();
                items.read(self)?;
                Value::Array(items)
            }
            b'"' => Value::String(self.string()?.into_owned()),
            b'n' => self.word("null", Value::Null)?,
            b't' => self.word("true", Value::Bool(true))?,
            b'f' => self.word("false", Value::Bool(false))?,
            _ => Value::Number(Number::parse(self.number()?).ok_or(BROKEN)?),
        })
    }

    /// Shows the name of each field, and has its value read.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn fields(&mut self, see: &mut See<'t, '_>) -> Result<(), Unfit> {
        if self.peek() != Some(b'{') {
            return Err("not an object".into());
        }
        self.list(b'}', &mut |parser| {
            let name = parser.string()?;
            parser.expect(b':')?;
            see(name, parser)
        })
    }

    /// Has each part read of what begins here and goes on, with commas, up to `end`.
    fn list(&mut self, end: u8, read: &mut dyn FnMut(&mut Self) -> Result<(), Unfit>) -> Result<(), Unfit> {
        self.expect(if end == b']' { b'[' } else { b'{' })?;
        if self.depth == DEPTH_MAX {
            return Err("nests deeper than 128 levels".into());
        }
        self.depth += 1;
        if self.peek() != Some(end) {
            read(self)?;
            while self.peek() == Some(b',') {
                self.at += 1;
                read(self)?;
            }
        }
        self.depth -= 1;
        self.expect(end)
    }

    /// Reads a string.
    ///
    /// # Errors
    /// [`Unfit`] for what is none.
    pub fn string(&mut self) -> Result<Cow<'t, str>, Unfit> {
        self.expect(b'"').map_err(|_| "not a string")?;
        let mut text = self.plain()?;
        while self.text.get(self.at) == Some(&b'\\') {
            self.at += 1;
            // What has a shorter form is written in that.
            self.is_canonical &= !matches!(self.text.get(self.at), Some(b'u' | b'/'));
            let escaped = self.escaped()?;
            text.to_mut().push(escaped);
            let plain = self.plain()?;
            text.to_mut().push_str(&plain);
        }
        // Not after white space: a line break does not belong into a string.
        if self.text.get(self.at) != Some(&b'"') {
            return Err(BROKEN.into());
        }
        self.at += 1;
        Ok(text)
    }

    /// The text up to the next quote or backslash.
    fn plain(&mut self) -> Result<Cow<'t, str>, Unfit> {
        let bytes = self.run(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        Ok(Cow::Borrowed(text(bytes)?))
    }

    /// The text of what may be a number.
    fn number(&mut self) -> Result<&'t str, Unfit> {
        text(self.run(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')))
    }

    fn escaped(&mut self) -> Result<char, Unfit> {
        let byte = *self.text.get(self.at).ok_or(BROKEN)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\x08',
            b'f' => '\x0C',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.code_unit()?;
                let is_pair = (0xD800..0xDC00).contains(&unit) && self.text[self.at..].starts_with(b"\\u");
                let code = if is_pair {
                    self.at += 2;
                    let low = self.code_unit()?.checked_sub(0xDC00).filter(|low| *low < 0x400).ok_or(BROKEN)?;
                    0x10000 + ((unit - 0xD800) << 10) + low
                } else {
                    unit
                };
                char::from_u32(code).ok_or(BROKEN)?
            }
            _ => return Err(BROKEN.into()),
        })
    }

    fn code_unit(&mut self) -> Result<u32, Unfit> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.text.get(self.at).and_then(|byte| char::from(*byte).to_digit(16)).ok_or(BROKEN)?;
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Unfit> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(BROKEN.into());
        }
        self.at += word.len();
        Ok(value)
    }

    /// Goes past a value, which is looked at only as far as to find its end.
    ///
    /// # Errors
    /// [`Unfit`] where there is no end.
    pub fn skip(&mut self) -> Result<(), Unfit> {
        let mut open = 0_usize;
        loop {
            match self.peek().ok_or(BROKEN)? {
                b'"' => self.skip_string(),
                b',' | b']' | b'}' if open == 0 => return Ok(()),
                byte => {
                    self.at += 1;
                    match byte {
                        b'[' | b'{' => open += 1,
                        b']' | b'}' => open -= 1,
                        _ => {}
                    }
                }
            }
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
    }

    /// The bytes from here on that are of a kind.
    fn run(&mut self, is_of_it: impl Fn(u8) -> bool) -> &'t [u8] {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|byte| !is_of_it(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unfit> {
        if self.peek() != Some(byte) {
            return Err(BROKEN.into());
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is no white space.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => {
                    self.is_canonical = false;
                    self.at += 1;
                }
                found => return found.copied(),
            }
        }
    }
}

/// Words that each end with a space.
fn words(all: &str) -> impl Iterator<Item = &[u8]> + Clone {
    all.as_bytes().split_inclusive(|byte| *byte == b' ').map(|word| &word[..word.len() - 1])
}

fn text(bytes: &[u8]) -> Result<&str, Unfit> {
    Ok(std::str::from_utf8(bytes).map_err(|_| BROKEN)?)
}

#[cfg(test)]
mod tests;
