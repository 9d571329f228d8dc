//! From the package's JSON to a schema, naming the place of whatever is wrong.

#[cfg(feature = "full")]
use holm_protocol::Way;
use holm_protocol::{Data, ErrorCode, Value, quoted};
use holm_store::SortedMap;

#[cfg(feature = "full")]
use super::Refused;
use super::{Collection, Column, ConflictPolicy, Field, Index, Kind, Schema};
use crate::value::{Refusal, parse_json};
use crate::{Error, FULL};

/// Names of collections and fields stand in keys and messages.
const NAME_BYTES_MAX: usize = 64;

/// How deep field types may nest.
const TYPE_DEPTH_MAX: usize = 20;

/// What a collection may say.
#[cfg(feature = "full")]
const OF_EVERY_COLLECTION: &[&str] = &["fields", "indexes", "conflict", "coalesce", "parked"];
#[cfg(not(feature = "full"))]
const OF_EVERY_COLLECTION: &[&str] = &["fields", "indexes", "conflict", "coalesce"];

pub(super) fn schema(json: &str) -> Result<Schema, Error> {
    let value = parse_json(json, ErrorCode::InvalidSchema, "schema")?;
    whole(&value, json).map_err(|refusal| refusal.into_placed(ErrorCode::InvalidSchema))
}

fn whole(value: &Value, text: &str) -> Result<Schema, Refusal> {
    let (version, declared) = within("schema", head(value))?;
    let mut collections = SortedMap::new();
    for (name, value) in within("collections", object(declared))? {
        let collection = within("collections", within(name, collection(name, value)))?;
        collections.insert(name.clone(), collection);
    }
    let schema = Schema { version, collections, text: text.to_owned() };
    for collection in schema.collections() {
        let resolved = within("fields", refs_resolve(&schema, &collection.fields));
        within("collections", within(&collection.name, resolved))?;
    }
    Ok(schema)
}

fn head(value: &Value) -> Result<(u32, &Value), Refusal> {
    let given = object(value)?;
    known(given, &["version", "collections"])?;
    let version = given.get("version").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
    let version = version.filter(|version| *version > 0).ok_or_else(|| wrong("must be a whole number from 1"));
    Ok((within("version", version)?, need(given, "collections")?))
}

fn collection(name: &str, value: &Value) -> Result<Collection, Refusal> {
    let begins = name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    if !begins || !name.bytes().all(is_word) || name.len() > NAME_BYTES_MAX {
        return Err(wrong("a collection's name is a letter, then letters, digits, _ and -, 64 at most"));
    }
    let given = object(value)?;
    known(given, OF_EVERY_COLLECTION)?;
    let fields = within("fields", all_fields(need(given, "fields")?, 0))?;
    let indexes = match given.get("indexes") {
        None => Vec::new(),
        Some(value) => within("indexes", all_indexes(value, &fields))?,
    };
    let conflict = match given.get("conflict") {
        None => ConflictPolicy::default(),
        Some(value) => within("conflict", conflict(value))?,
    };
    #[cfg(feature = "full")]
    let greater = within("conflict", greater(given, &fields))?;
    #[cfg(feature = "full")]
    within("fields", ways_fit(&fields, conflict))?;
    let coalesce = given.get("coalesce").is_none() || flag(given, "coalesce")?;
    Ok(Collection {
        name: name.to_owned(),
        fields,
        indexes,
        conflict,
        coalesce,
        #[cfg(feature = "full")]
        greater,
        #[cfg(feature = "full")]
        refused: within("parked", refused(given))?,
    })
}

fn all_fields(value: &Value, depth: usize) -> Result<SortedMap<String, Field>, Refusal> {
    let mut fields = SortedMap::new();
    for (name, value) in object(value)? {
        let field = field_name(name, depth).and_then(|()| field(value, depth));
        fields.insert(name.clone(), within(name, field)?);
    }
    Ok(fields)
}

/// A top-level field's name stands in queries (`-name`, `$…`), indexes (`name[]`) and paths (`name.inner`).
fn field_name(name: &str, depth: usize) -> Result<(), Refusal> {
    let is_path = |character: char| matches!(character, '[' | ']' | '.' | ',' | ' ') || character.is_control();
    Err(wrong(match name {
        "__proto__" => "must not be named \"__proto__\"",
        _ if depth > 0 => return Ok(()),
        "id" => "is the record's id, which every record has: do not declare it",
        "" => "a field's name must not be empty",
        _ if name.len() > NAME_BYTES_MAX => "a field's name has at most 64 bytes",
        _ if name.starts_with(['$', '-']) => "a field's name must not begin with $ or -",
        _ if name.contains(is_path) => {
            "a field's name must not contain a bracket, a dot, a comma, a space or a control character"
        }
        _ => return Ok(()),
    }))
}

fn field(value: &Value, depth: usize) -> Result<Field, Refusal> {
    if depth > TYPE_DEPTH_MAX {
        return Err(wrong("types nest deeper than 20 levels; use json"));
    }
    let given = object(value)?;
    let kind = kind(given, depth)?;
    let (optional, nullable) = (flag(given, "optional")?, flag(given, "nullable")?);
    #[cfg(feature = "full")]
    let way = within("merge", way(given, &kind, depth))?;
    let mut field = Field {
        kind,
        optional,
        nullable,
        default: None,
        #[cfg(feature = "full")]
        way,
    };
    if let Some(default) = given.get("default") {
        let fits = match depth {
            0 => field.check(default, 1),
            _ => Err(wrong("a default is for the fields of a record, not for those within them")),
        };
        within("default", fits)?;
        field.default = Some(default.clone());
    }
    Ok(field)
}

fn kind(given: &Data, depth: usize) -> Result<Kind, Refusal> {
    let named = need(given, "type")?.as_str().ok_or_else(|| wrong("must be a string"));
    let (kind, own) = match within("type", named)? {
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
            let of = within("of", field(need(given, "of")?, depth + 1))?;
            if of.optional {
                return Err(wrong("an element cannot be optional, only nullable").in_field("of"));
            }
            (Kind::Array(Box::new(of)), Some("of"))
        }
        "object" => {
            let fields = within("fields", all_fields(need(given, "fields")?, depth + 1))?;
            (Kind::Object(fields), Some("fields"))
        }
        "ref" => {
            let to = need(given, "to")?.as_str().ok_or_else(|| wrong("must be a collection's name"));
            (Kind::Ref(within("to", to)?.to_owned()), Some("to"))
        }
        "enum" => {
            let values = within("values", strings(need(given, "values")?))?;
            if values.is_empty() {
                return Err(wrong("must not be empty").in_field("values"));
            }
            (Kind::Enum(values), Some("values"))
        }
        unknown => return Err(wrong(format!("unknown type {}", quoted(unknown))).in_field("type")),
    };
    let allowed = [
        "type",
        "optional",
        "nullable",
        "default",
        #[cfg(feature = "full")]
        "merge",
        own.unwrap_or("type"),
    ];
    known(given, if own.is_some() { &allowed } else { &allowed[..allowed.len() - 1] })?;
    Ok(kind)
}

/// What becomes of what is shown of a refused write.
#[cfg(feature = "full")]
fn refused(given: &Data) -> Result<Refused, Refusal> {
    match given.get("parked").map(Value::as_str) {
        None | Some(Some("revert")) => Ok(Refused::Revert),
        Some(Some("keep")) => Ok(Refused::Keep),
        Some(_) => Err(wrong("must be revert or keep")),
    }
}

/// The field that `{ lastWrite }` names.
#[cfg(feature = "full")]
fn greater(given: &Data, fields: &SortedMap<String, Field>) -> Result<Option<String>, Refusal> {
    let Some(policy) = given.get("conflict").and_then(Value::as_object) else { return Ok(None) };
    known(policy, &["lastWrite"])?;
    let name = need(policy, "lastWrite")?.as_str().unwrap_or_default();
    match fields.get(name).map(|field| &field.kind) {
        Some(Kind::Number | Kind::Integer | Kind::Timestamp | Kind::Date | Kind::String) => Ok(Some(name.to_owned())),
        _ => Err(wrong("must be a declared field that holds numbers, dates or strings").in_field("lastWrite")),
    }
}

/// Where not the fields are merged but a record is taken whole, a field has no way of its own.
#[cfg(feature = "full")]
fn ways_fit(fields: &SortedMap<String, Field>, policy: ConflictPolicy) -> Result<(), Refusal> {
    let own = fields.iter().find(|(_, field)| policy != ConflictPolicy::Merge && field.way.is_some());
    own.map_or(Ok(()), |(name, _)| {
        Err(wrong("is for a collection whose conflict is merge").in_field("merge").in_field(name))
    })
}

/// In which way of its own a field merges.
#[cfg(feature = "full")]
fn way(given: &Data, kind: &Kind, depth: usize) -> Result<Option<Way>, Refusal> {
    let Some(named) = given.get("merge") else { return Ok(None) };
    let way = Way::named(named.as_str().unwrap_or_default());
    Err(wrong(match (way, kind) {
        (Way::Latest, _) => "must be counter, set or text",
        _ if depth > 0 => "is for the fields of a record, not for those within them",
        (Way::Counter, Kind::Number | Kind::Integer) | (Way::Set, Kind::Array(_)) | (Way::Text, Kind::String) => {
            return Ok(Some(way));
        }
        (Way::Counter, _) => "counter is for a number or an integer",
        (Way::Set, _) => "set is for an array",
        (Way::Text, _) => "text is for a string",
    }))
}

fn all_indexes(value: &Value, fields: &SortedMap<String, Field>) -> Result<Vec<Index>, Refusal> {
    let given = value.as_array().ok_or_else(|| wrong("must be an array"))?;
    let mut indexes: Vec<Index> = Vec::new();
    for (position, value) in given.iter().enumerate() {
        let index = index(value, fields).and_then(|index| differs(index, &indexes));
        indexes.push(index.map_err(|refusal| refusal.in_item(position))?);
    }
    Ok(indexes)
}

fn differs(index: Index, others: &[Index]) -> Result<Index, Refusal> {
    let Some(same) = others.iter().find(|other| other.number == index.number) else { return Ok(index) };
    if same.spec() == index.spec() {
        return Err(wrong("is declared twice"));
    }
    Err(wrong(format!("its short name is also that of [{}]: order the columns otherwise", same.spec())))
}

fn index(value: &Value, fields: &SortedMap<String, Field>) -> Result<Index, Refusal> {
    let (specs, unique) = match value {
        Value::Object(given) => {
            known(given, &["fields", "unique"])?;
            (need(given, "fields")?, flag(given, "unique")?)
        }
        specs => (specs, false),
    };
    let specs = match specs {
        Value::String(one) => vec![one.clone()],
        many => strings(many)?,
    };
    if specs.is_empty() {
        return Err(wrong("an index needs a field"));
    }
    let mut columns: Vec<Column> = Vec::new();
    for spec in &specs {
        let column = Column::parse(spec);
        column_fits(&column, fields)?;
        if columns.iter().any(|other| other.field == column.field) {
            return Err(wrong(format!("names {} twice", quoted(&column.field))));
        }
        if column.each && columns.iter().any(|other| other.each) {
            return Err(wrong("only one field of an index can be an array's elements"));
        }
        columns.push(column);
    }
    let index = Index::new(columns);
    Ok(if unique { index.unique() } else { index })
}

fn column_fits(column: &Column, fields: &SortedMap<String, Field>) -> Result<(), Refusal> {
    let why = match (fields.get(&column.field).map(|field| &field.kind), column.each) {
        (None, _) if column.field == "id" => "but records are sorted by it already",
        (None, _) => "which is not a declared field",
        (Some(Kind::Json | Kind::Object(_)), _) => "which has no order",
        (Some(Kind::Array(of)), true) if !matches!(of.kind, Kind::Json | Kind::Object(_)) => return Ok(()),
        (Some(Kind::Array(_)), true) => "whose elements have no order",
        (Some(_), true) => "which is not an array",
        (Some(_), false) => return Ok(()),
    };
    Err(wrong(format!("names {column}, {why}")))
}

fn conflict(value: &Value) -> Result<ConflictPolicy, Refusal> {
    Ok(match value.as_str() {
        Some("merge") => ConflictPolicy::Merge,
        Some("last-write") => ConflictPolicy::LastWrite,
        Some("manual") => ConflictPolicy::Manual,
        Some("server") if FULL => ConflictPolicy::Server,
        Some("client") if FULL => ConflictPolicy::Client,
        Some("custom") if FULL => ConflictPolicy::Custom,
        None if FULL && value.as_object().is_some() => ConflictPolicy::Greater,
        _ => {
            return Err(wrong(match FULL {
                true => "must be merge, last-write, server, client, custom, manual or { lastWrite: a field }",
                false => "must be merge, last-write or manual, without holm/full",
            }));
        }
    })
}

fn refs_resolve(schema: &Schema, fields: &SortedMap<String, Field>) -> Result<(), Refusal> {
    fn resolve(schema: &Schema, kind: &Kind) -> Result<(), Refusal> {
        match kind {
            Kind::Ref(to) if !schema.collections.contains_key(to) => {
                Err(wrong(format!("names {}, which is not a declared collection", quoted(to))).in_field("to"))
            }
            Kind::Array(of) => within("of", resolve(schema, &of.kind)),
            Kind::Object(fields) => within("fields", refs_resolve(schema, fields)),
            _ => Ok(()),
        }
    }
    fields.iter().try_for_each(|(name, field)| within(name, resolve(schema, &field.kind)))
}

fn object(value: &Value) -> Result<&Data, Refusal> {
    value.as_object().ok_or_else(|| wrong("must be an object"))
}

fn need<'a>(given: &'a Data, key: &str) -> Result<&'a Value, Refusal> {
    given.get(key).ok_or_else(|| wrong("is missing").in_field(key))
}

fn known(given: &Data, keys: &[&str]) -> Result<(), Refusal> {
    match given.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(unknown) => Err(wrong(format!("is unknown here; known are {}", keys.join(", "))).in_field(unknown)),
        None => Ok(()),
    }
}

fn flag(given: &Data, key: &str) -> Result<bool, Refusal> {
    match given.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong("must be true or false").in_field(key)),
    }
}

const STRINGS: &str = "must be an array of strings";

fn strings(value: &Value) -> Result<Vec<String>, Refusal> {
    let mut texts = Vec::new();
    let Value::Array(items) = value else { return Err(wrong(STRINGS)) };
    for item in items {
        texts.push(item.as_str().ok_or_else(|| wrong(STRINGS))?.to_owned());
    }
    Ok(texts)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// What is wrong with something is told with the name of that.
fn within<T>(name: &str, found: Result<T, Refusal>) -> Result<T, Refusal> {
    found.map_err(|refusal| refusal.in_field(name))
}

fn wrong(why: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidSchema, why)
}
