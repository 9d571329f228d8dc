//! From the package's JSON to a query, naming the field or operator that does not fit.

use holm_protocol::{Data, ErrorCode, Value, quoted};

use super::condition::{Condition, ID, Key, Range, Test, encoded};
use super::needle::Needle;
use super::{Query, SortKey, plan};
use crate::Error;
use crate::keys::Class;
use crate::schema::{Collection, Column, Field, Kind, Schema};
use crate::value::{Refusal, Shape, TAG, look_through, parse_json};
use holm_protocol::order::sort_distinct;

/// Values in one `in`: each is looked for by itself.
const IN_VALUES_MAX: usize = 10_000;

pub(super) fn query(json: &str, schema: &Schema) -> Result<Query, Error> {
    let value = parse_json(json, ErrorCode::InvalidQuery, "query")?;
    let given = value.as_object().ok_or_else(|| wrong("query", "must be an object"))?;
    let known = ["collection", "where", "orderBy", "limit"];
    if let Some(unknown) = given.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(wrong(unknown, &format!("is unknown in a query; known are {}", known.join(", "))));
    }
    let name = given.get("collection").and_then(Value::as_str);
    let collection = schema.collection(name.ok_or_else(|| wrong("collection", "must be a collection's name"))?)?;
    let conditions = match given.get("where") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(fields)) => all_conditions(collection, fields)?,
        Some(_) => return Err(wrong("where", "must be an object of conditions")),
    };
    let order = given.get("orderBy").map_or(Ok(Vec::new()), |value| order(collection, value))?;
    let limit = match given.get("limit") {
        None | Some(Value::Null) => None,
        Some(value) => Some(whole(value).ok_or_else(|| wrong("limit", "must be a whole number from 0"))?),
    };
    let plans = plan::plans(collection, &conditions, &order, limit);
    Ok(Query { collection: collection.name.clone(), conditions, order, limit, plans })
}

fn all_conditions(collection: &Collection, given: &Data) -> Result<Vec<Condition>, Error> {
    let mut conditions = Vec::new();
    for (name, asked) in given {
        if name == "$pending" {
            let pending = asked.as_bool().ok_or_else(|| wrong(name, "must be true or false"))?;
            conditions.push(Condition { field: name.clone(), test: Test::Pending(pending) });
            continue;
        }
        let operand = Operand { collection, name, field: field(collection, name)? };
        match asked {
            Value::Object(operators) if !operators.contains_key(TAG) => {
                if operators.is_empty() {
                    return Err(wrong(name, "has no operator; use eq to compare with an object"));
                }
                for (operator, value) in operators {
                    conditions.push(Condition { field: name.clone(), test: operand.test(operator, value)? });
                }
            }
            value => conditions.push(Condition { field: name.clone(), test: operand.test("eq", value)? }),
        }
    }
    Ok(conditions)
}

/// The declared field of this name; `None` for the id.
fn field<'s>(collection: &'s Collection, name: &str) -> Result<Option<&'s Field>, Error> {
    if name == ID {
        return Ok(None);
    }
    let field = collection.field(name).ok_or_else(|| {
        let known: Vec<&str> = collection.fields.keys().map(String::as_str).collect();
        wrong(name, &format!("is not a field of {}; it has id, {}", collection.name, known.join(", ")))
    });
    field.map(Some)
}

/// What the operands of one field must fit.
struct Operand<'s> {
    collection: &'s Collection,
    name: &'s str,
    field: Option<&'s Field>,
}

impl Operand<'_> {
    fn test(&self, operator: &str, value: &Value) -> Result<Test, Error> {
        self.asked(operator, value).map_err(|refusal| {
            let mut error = refusal.into_error(&format!("{}.{} {operator}", self.collection.name, self.name));
            error.code = ErrorCode::InvalidQuery;
            error.with_field(self.name)
        })
    }

    fn asked(&self, operator: &str, value: &Value) -> Result<Test, Refusal> {
        Ok(match operator {
            "eq" => Test::Eq(self.value(value)?),
            "ne" => Test::Ne(self.value(value)?),
            "lt" => Test::Within(Range::below(self.bound(value)?)),
            "lte" => Test::Within(Range::up_to(&self.bound(value)?)),
            "gt" => Test::Within(Range::above(&self.bound(value)?)),
            "gte" => Test::Within(Range::from(self.bound(value)?)),
            "in" => Test::In(self.values(value)?),
            "has" => Test::Has(self.element(value)?),
            "startsWith" => Test::Within(Range::starting_with(self.text(value)?)),
            "contains" => Test::Contains(Needle::new(self.text(value)?)),
            _ => {
                return Err(unfit(
                    "is no operator; there are eq, ne, lt, lte, gt, gte, in, has, startsWith and contains",
                ));
            }
        })
    }

    /// An operand that is looked for in the text of the field's values.
    fn text<'v>(&self, value: &'v Value) -> Result<&'v str, Refusal> {
        match (self.field.map(|field| &field.kind), value) {
            (None | Some(Kind::String | Kind::Ref(_) | Kind::Enum(_) | Kind::Json), Value::String(text)) => Ok(text),
            (_, Value::String(_)) => Err(unfit("is for fields that hold a string")),
            _ => Err(unfit("takes a string")),
        }
    }

    /// An operand that the field itself could hold; null stands for absent.
    fn value(&self, value: &Value) -> Result<Key, Refusal> {
        look_through(value, 1)?;
        match self.field {
            _ if value.is_null() => {}
            None if value.as_str().is_some() => {}
            None => return Err(not("a string", value)),
            Some(field) => field.check(value, 1)?,
        }
        Ok(encoded(value))
    }

    /// An operand of the same kind as the field's values, for comparing.
    fn bound(&self, value: &Value) -> Result<Key, Refusal> {
        let expected = match self.field.map(|field| &field.kind) {
            Some(Kind::Integer) => Some(("a number", Value::from(0))),
            None | Some(Kind::Enum(_) | Kind::Ref(_)) => Some(("a string", Value::from(""))),
            Some(_) => None,
        };
        let key = match expected {
            Some(_) => look_through(value, 1).map(|()| encoded(value))?,
            None => self.value(value)?,
        };
        match expected {
            _ if Class::of(&key).is_null() => Err(unfit("cannot compare with null; use eq or ne")),
            Some((noun, like)) if Class::of(&encoded(&like)) != Class::of(&key) => Err(not(noun, value)),
            _ => Ok(key),
        }
    }

    fn values(&self, value: &Value) -> Result<Vec<Key>, Refusal> {
        let Value::Array(items) = value else { return Err(unfit("takes an array")) };
        if items.len() > IN_VALUES_MAX {
            return Err(unfit(format!("takes at most {IN_VALUES_MAX} values")));
        }
        let mut keys = Vec::new();
        for item in items {
            keys.push(self.value(item)?);
        }
        sort_distinct(&mut keys);
        Ok(keys)
    }

    fn element(&self, value: &Value) -> Result<Key, Refusal> {
        let Some(Kind::Array(of)) = self.field.map(|field| &field.kind) else {
            return Err(unfit("is for fields that hold an array"));
        };
        Operand { field: Some(of), ..*self }.value(value)
    }
}

fn not(noun: &str, value: &Value) -> Refusal {
    unfit(format!("must be {noun}, not {}", Shape::of(value).noun()))
}

fn unfit(why: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidQuery, why)
}

fn order(collection: &Collection, value: &Value) -> Result<Vec<SortKey>, Error> {
    let specs: Vec<&str> = match value {
        Value::Null => Vec::new(),
        Value::String(one) => vec![one],
        Value::Array(many) => {
            let mut names = Vec::new();
            for name in many {
                names.push(name.as_str().ok_or_else(|| wrong("orderBy", "must name fields"))?);
            }
            names
        }
        _ => return Err(wrong("orderBy", "must name fields")),
    };
    let mut order: Vec<SortKey> = Vec::new();
    for spec in specs {
        let Column { field: name, order: direction, each } = Column::parse(spec);
        let found = if each { None } else { Some(field(collection, &name)?) };
        let kind = found.flatten().map(|field| &field.kind);
        if each || matches!(kind, Some(Kind::Json | Kind::Object(_))) {
            return Err(
                wrong("orderBy", &format!("cannot sort by {}, which has no order", quoted(spec))).with_field(name)
            );
        }
        if order.iter().any(|key| key.field == name) {
            return Err(wrong("orderBy", &format!("names {} twice", quoted(&name))).with_field(name));
        }
        order.push(SortKey { field: name, order: direction });
    }
    // Ids differ: nothing after them decides.
    if let Some(id) = order.iter().position(|key| key.field == ID) {
        order.truncate(id + 1);
    }
    Ok(order)
}

fn whole(value: &Value) -> Option<usize> {
    value.as_u64().map(|whole| usize::try_from(whole).unwrap_or(usize::MAX))
}

fn wrong(place: &str, why: &str) -> Error {
    Error::new(ErrorCode::InvalidQuery, format!("{place}: {why}")).with_field(place)
}
