//! From the package's JSON to a schema, naming the place of whatever is wrong.

use holm_protocol::ErrorCode;
use holm_store::SortedMap;
use serde_json::{Map, Value};

use super::{Collection, Column, ConflictPolicy, Field, Index, Kind, Schema};
use crate::Error;
use crate::value::parse_json;

/// Names of collections and fields stand in keys and messages.
const NAME_BYTES_MAX: usize = 64;

/// How deep field types may nest.
const TYPE_DEPTH_MAX: usize = 20;

type Fields = Map<String, Value>;

pub(super) fn schema(json: &str) -> Result<Schema, Error> {
    let value = parse_json(json, ErrorCode::InvalidSchema, "schema")?;
    let fields = object(&value, "schema")?;
    known(fields, &["version", "collections"], "schema")?;
    let version = fields.get("version").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
    let version = version
        .filter(|version| *version > 0)
        .ok_or_else(|| wrong("schema.version", "must be a whole number from 1"))?;
    let declared = fields.get("collections").ok_or_else(|| wrong("schema.collections", "is missing"))?;
    let mut collections = SortedMap::new();
    for (name, value) in object(declared, "collections")? {
        let place = format!("collections.{name}");
        if !name.starts_with(|first: char| first.is_ascii_alphabetic())
            || !name.bytes().all(is_word)
            || name.len() > NAME_BYTES_MAX
        {
            return Err(wrong(&place, "a collection's name is a letter, then letters, digits, _ and -, 64 at most"));
        }
        collections.insert(name.clone(), collection(name, value, &place)?);
    }
    let schema = Schema { version, collections };
    refs_resolve(&schema)?;
    Ok(schema)
}

fn collection(name: &str, value: &Value, place: &str) -> Result<Collection, Error> {
    let given = object(value, place)?;
    known(given, &["fields", "indexes", "conflict"], place)?;
    let declared = given.get("fields").ok_or_else(|| wrong(&format!("{place}.fields"), "is missing"))?;
    let fields = all_fields(declared, &format!("{place}.fields"), 0)?;
    let indexes = match given.get("indexes") {
        None => Vec::new(),
        Some(value) => all_indexes(value, &fields, &format!("{place}.indexes"))?,
    };
    let conflict = match given.get("conflict") {
        None => ConflictPolicy::default(),
        Some(value) => conflict(value, &format!("{place}.conflict"))?,
    };
    Ok(Collection { name: name.to_owned(), fields, indexes, conflict })
}

fn all_fields(value: &Value, place: &str, depth: usize) -> Result<SortedMap<String, Field>, Error> {
    let mut fields = SortedMap::new();
    for (name, value) in object(value, place)? {
        let place = format!("{place}.{name}");
        if depth == 0 {
            field_name(name, &place)?;
        }
        if name == "__proto__" {
            return Err(wrong(&place, "must not be named \"__proto__\""));
        }
        fields.insert(name.clone(), field(value, &place, depth)?);
    }
    Ok(fields)
}

/// A top-level field's name stands in queries (`-name`, `$…`), indexes (`name[]`) and paths (`name.inner`).
fn field_name(name: &str, place: &str) -> Result<(), Error> {
    let why = match name {
        "id" => "is the record's id, which every record has: do not declare it",
        "" => "a field's name must not be empty",
        _ if name.len() > NAME_BYTES_MAX => "a field's name has at most 64 bytes",
        _ if name.starts_with(['$', '-']) => "a field's name must not begin with $ or -",
        _ if name.contains(['[', ']', '.', ',', ' ']) || name.contains(char::is_control) => {
            "a field's name must not contain a bracket, a dot, a comma, a space or a control character"
        }
        _ => return Ok(()),
    };
    Err(wrong(place, why))
}

fn field(value: &Value, place: &str, depth: usize) -> Result<Field, Error> {
    if depth > TYPE_DEPTH_MAX {
        return Err(wrong(place, "types nest deeper than 20 levels; use json"));
    }
    let given = object(value, place)?;
    let kind = kind(given, place, depth)?;
    let mut field = Field {
        kind,
        optional: flag(given, "optional", place)?,
        nullable: flag(given, "nullable", place)?,
        default: None,
    };
    if let Some(default) = given.get("default") {
        let place = format!("{place}.default");
        if depth > 0 {
            return Err(wrong(&place, "a default is for the fields of a record, not for those within them"));
        }
        field.check(default, 1).map_err(|refusal| wrong(&place, &refusal.into_error("default").message))?;
        field.default = Some(default.clone());
    }
    Ok(field)
}

fn kind(given: &Fields, place: &str, depth: usize) -> Result<Kind, Error> {
    let at = |key: &str| format!("{place}.{key}");
    let need = |key: &str| given.get(key).ok_or_else(|| wrong(&at(key), "is missing"));
    let name = need("type")?.as_str().ok_or_else(|| wrong(&at("type"), "must be a string"))?;
    let (kind, own) = match name {
        "string" => (Kind::String, None),
        "number" => (Kind::Number, None),
        "integer" => (Kind::Integer, None),
        "boolean" => (Kind::Boolean, None),
        "timestamp" => (Kind::Timestamp, None),
        "date" => (Kind::Date, None),
        "bigint" => (Kind::BigInt, None),
        "bytes" => (Kind::Bytes, None),
        "json" => (Kind::Json, None),
        "array" => {
            let of = field(need("of")?, &at("of"), depth + 1)?;
            if of.optional {
                return Err(wrong(&at("of"), "an element cannot be optional, only nullable"));
            }
            (Kind::Array(Box::new(of)), Some("of"))
        }
        "object" => (Kind::Object(all_fields(need("fields")?, &at("fields"), depth + 1)?), Some("fields")),
        "ref" => {
            let to = need("to")?.as_str().ok_or_else(|| wrong(&at("to"), "must be a collection's name"))?;
            (Kind::Ref(to.to_owned()), Some("to"))
        }
        "enum" => (Kind::Enum(enum_values(need("values")?, &at("values"))?), Some("values")),
        _ => return Err(wrong(&at("type"), &format!("unknown type {name:?}"))),
    };
    let allowed = ["type", "optional", "nullable", "default"].into_iter().chain(own);
    known(given, &allowed.collect::<Vec<_>>(), place)?;
    Ok(kind)
}

fn enum_values(value: &Value, place: &str) -> Result<Vec<String>, Error> {
    let values = strings(value, place)?;
    if values.is_empty() {
        return Err(wrong(place, "must not be empty"));
    }
    Ok(values)
}

fn all_indexes(value: &Value, fields: &SortedMap<String, Field>, place: &str) -> Result<Vec<Index>, Error> {
    let given = value.as_array().ok_or_else(|| wrong(place, "must be an array"))?;
    let mut indexes: Vec<Index> = Vec::new();
    for (position, value) in given.iter().enumerate() {
        let place = format!("{place}[{position}]");
        let index = index(value, fields, &place)?;
        if let Some(same) = indexes.iter().find(|other| other.number == index.number) {
            let why = match same.spec() == index.spec() {
                true => "is declared twice".to_owned(),
                false => format!("its short name is also that of [{}]: order the columns otherwise", same.spec()),
            };
            return Err(wrong(&place, &why));
        }
        indexes.push(index);
    }
    Ok(indexes)
}

fn index(value: &Value, fields: &SortedMap<String, Field>, place: &str) -> Result<Index, Error> {
    let (specs, unique) = match value {
        Value::Object(given) => {
            known(given, &["fields", "unique"], place)?;
            let specs = given.get("fields").ok_or_else(|| wrong(&format!("{place}.fields"), "is missing"))?;
            (specs, flag(given, "unique", place)?)
        }
        specs => (specs, false),
    };
    let specs = match specs {
        Value::String(one) => vec![one.clone()],
        many => strings(many, place)?,
    };
    if specs.is_empty() {
        return Err(wrong(place, "an index needs a field"));
    }
    let mut columns: Vec<Column> = Vec::new();
    for spec in &specs {
        let column = Column::parse(spec);
        column_fits(&column, fields, place)?;
        if columns.iter().any(|other| other.field == column.field) {
            return Err(wrong(place, &format!("names {:?} twice", column.field)));
        }
        if column.each && columns.iter().any(|other| other.each) {
            return Err(wrong(place, "only one field of an index can be an array's elements"));
        }
        columns.push(column);
    }
    let index = Index::new(columns);
    Ok(if unique { index.unique() } else { index })
}

fn column_fits(column: &Column, fields: &SortedMap<String, Field>, place: &str) -> Result<(), Error> {
    let name = &column.field;
    if name == "id" {
        return Err(wrong(place, "must not name \"id\": records are sorted by it already"));
    }
    let field =
        fields.get(name).ok_or_else(|| wrong(place, &format!("names {name:?}, which is not a declared field")))?;
    let why = match (&field.kind, column.each) {
        (Kind::Json | Kind::Object(_), _) => "which has no order",
        (Kind::Array(of), true) if !matches!(of.kind, Kind::Json | Kind::Object(_)) => return Ok(()),
        (Kind::Array(_), true) => "whose elements have no order",
        (_, true) => "which is not an array",
        (_, false) => return Ok(()),
    };
    Err(wrong(place, &format!("names {column}, {why}")))
}

fn conflict(value: &Value, place: &str) -> Result<ConflictPolicy, Error> {
    Ok(match value.as_str() {
        Some("merge") => ConflictPolicy::Merge,
        Some("last-write") => ConflictPolicy::LastWrite,
        Some("server") => ConflictPolicy::Server,
        Some("client") => ConflictPolicy::Client,
        Some("custom") => ConflictPolicy::Custom,
        Some("manual") => ConflictPolicy::Manual,
        _ => return Err(wrong(place, "must be merge, last-write, server, client, custom or manual")),
    })
}

fn refs_resolve(schema: &Schema) -> Result<(), Error> {
    fn resolve(schema: &Schema, kind: &Kind, place: &str) -> Result<(), Error> {
        match kind {
            Kind::Ref(to) if !schema.collections.contains_key(to) => {
                Err(wrong(&format!("{place}.to"), &format!("names {to:?}, which is not a declared collection")))
            }
            Kind::Array(of) => resolve(schema, &of.kind, &format!("{place}.of")),
            Kind::Object(fields) => fields
                .iter()
                .try_for_each(|(name, field)| resolve(schema, &field.kind, &format!("{place}.fields.{name}"))),
            _ => Ok(()),
        }
    }
    for collection in schema.collections() {
        for (name, field) in collection.fields.iter() {
            resolve(schema, &field.kind, &format!("collections.{}.fields.{name}", collection.name))?;
        }
    }
    Ok(())
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Fields, Error> {
    value.as_object().ok_or_else(|| wrong(place, "must be an object"))
}

fn known(given: &Fields, keys: &[&str], place: &str) -> Result<(), Error> {
    match given.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(unknown) => {
            Err(wrong(&format!("{place}.{unknown}"), &format!("is unknown here; known are {}", keys.join(", "))))
        }
        None => Ok(()),
    }
}

fn flag(given: &Fields, key: &str, place: &str) -> Result<bool, Error> {
    match given.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(&format!("{place}.{key}"), "must be true or false")),
    }
}

fn strings(value: &Value, place: &str) -> Result<Vec<String>, Error> {
    let texts = value.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)));
    texts.and_then(Iterator::collect::<Option<Vec<_>>>).ok_or_else(|| wrong(place, "must be an array of strings"))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn wrong(place: &str, why: &str) -> Error {
    Error::new(ErrorCode::InvalidSchema, format!("{place}: {why}")).with_field(place)
}
