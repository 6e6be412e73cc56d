//! A schema as Avro writes it in JSON, and how a value of each of its types is passed over.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::datum::Datum;
use crate::row::shown;

/// How deep values may lie in one another: a linked list of more is no row.
const DEPTH_MAX: usize = 128;

/// Where a type stands among the types of its schema. A type that names itself makes a circle.
pub(super) type TypeIndex = usize;

/// The types of a file's rows.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    types: Vec<Type>,
    /// Whether no value of a type takes up any byte, by type: then nothing bounds how many of them a list has.
    is_nothing: Vec<bool>,
    /// The full name of the record that a row is.
    name: String,
    root: TypeIndex,
}

#[derive(Debug, Clone)]
pub(super) enum Type {
    Null,
    Boolean,
    Whole(Meaning),
    Float,
    Double,
    Bytes,
    Text,
    Fixed(u64),
    Enum(Vec<String>),
    Array(TypeIndex),
    Map(TypeIndex),
    Union(Vec<TypeIndex>),
    Record(Vec<Field>),
}

/// What a whole number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Number,
    /// Days since 1970-01-01.
    Date,
    /// Units, of which a second has so many, since 1970, in UTC or in local time.
    Timestamp {
        units_a_second: u32,
        is_local: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) index: TypeIndex,
}

impl Schema {
    /// Reads the schema of a file, whose rows must be records.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(text).map_err(|error| format!("its schema is not JSON: {error}"))?;
        let mut parser = Parser::default();
        let root = parser.parse(&json, "").map_err(|reason| format!("its schema is wrong: {reason}"))?;
        let Parser { types, is_nothing, .. } = parser;
        let name = match (&types[root], &json) {
            (Type::Record(_), Value::Object(object)) => full_name(object, "")?,
            _ => return Err("its rows are no records".to_owned()),
        };
        Ok(Self { types, is_nothing, name, root })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The fields of a row.
    pub(super) fn fields(&self) -> &[Field] {
        match &self.types[self.root] {
            Type::Record(fields) => fields,
            _ => &[],
        }
    }

    pub(super) fn of(&self, index: TypeIndex) -> &Type {
        &self.types[index]
    }

    pub(super) fn is_nothing(&self, index: TypeIndex) -> bool {
        self.is_nothing[index]
    }

    /// Which type of a union follows.
    pub(super) fn branch(branches: &[TypeIndex], datum: &mut Datum<'_>) -> Result<TypeIndex, String> {
        let number = datum.long()?;
        let branch = usize::try_from(number).ok().and_then(|index| branches.get(index));
        branch.copied().ok_or_else(|| format!("a union of {} types has no type {number}", branches.len()))
    }

    /// Passes over a value. Values without bytes are never looped over, so the bytes that are there bound the work.
    pub(super) fn skip(&self, index: TypeIndex, datum: &mut Datum<'_>) -> Result<(), String> {
        self.skip_at(index, datum, 0)
    }

    fn skip_at(&self, index: TypeIndex, datum: &mut Datum<'_>, depth: usize) -> Result<(), String> {
        if self.is_nothing(index) {
            return Ok(());
        }
        if depth == DEPTH_MAX {
            return Err(format!("values lie more than {DEPTH_MAX} deep in one another"));
        }
        match self.of(index) {
            Type::Null => Ok(()),
            Type::Boolean => datum.take(1).map(drop),
            Type::Whole(_) | Type::Enum(_) => datum.long().map(drop),
            Type::Float => datum.take(4).map(drop),
            Type::Double => datum.take(8).map(drop),
            Type::Bytes | Type::Text => datum.bytes().map(drop),
            Type::Fixed(size) => datum.take(*size).map(drop),
            Type::Array(items) => {
                let is_nothing = self.is_nothing(*items);
                skip_list(datum, is_nothing, |datum| self.skip_at(*items, datum, depth + 1))
            }
            // A key takes up at least the byte of its length.
            Type::Map(values) => skip_list(datum, false, |datum| {
                datum.bytes()?;
                self.skip_at(*values, datum, depth + 1)
            }),
            Type::Union(branches) => self.skip_at(Self::branch(branches, datum)?, datum, depth + 1),
            Type::Record(fields) => fields.iter().try_for_each(|field| self.skip_at(field.index, datum, depth + 1)),
        }
    }
}

/// Passes over the blocks of an array or a map: each says how many items it has, or that and its size.
fn skip_list(
    datum: &mut Datum<'_>,
    is_nothing: bool,
    mut item: impl FnMut(&mut Datum<'_>) -> Result<(), String>,
) -> Result<(), String> {
    loop {
        let count = datum.long()?;
        match count {
            0 => return Ok(()),
            ..0 => drop(datum.bytes()?),
            _ if is_nothing => {}
            _ => (0..count).try_for_each(|_| item(datum))?,
        }
    }
}

#[derive(Default)]
struct Parser {
    types: Vec<Type>,
    is_nothing: Vec<bool>,
    named: HashMap<String, TypeIndex>,
}

impl Parser {
    /// `serde_json` reads no deeper than 128 levels, so neither does this.
    fn parse(&mut self, json: &Value, namespace: &str) -> Result<TypeIndex, String> {
        match json {
            Value::String(name) => self.type_named(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.parse(branch, namespace));
                let branches = branches.collect::<Result<_, _>>()?;
                Ok(self.add(Type::Union(branches)))
            }
            Value::Object(object) => self.parse_object(object, namespace),
            _ => Err("a type is neither a name, a list nor an object".to_owned()),
        }
    }

    fn type_named(&mut self, name: &str, namespace: &str) -> Result<TypeIndex, String> {
        Ok(match name {
            "null" => self.add(Type::Null),
            "boolean" => self.add(Type::Boolean),
            "int" | "long" => self.add(Type::Whole(Meaning::Number)),
            "float" => self.add(Type::Float),
            "double" => self.add(Type::Double),
            "bytes" => self.add(Type::Bytes),
            "string" => self.add(Type::Text),
            _ => {
                let full = if name.contains('.') { name.to_owned() } else { joined(namespace, name) };
                let found = self.named.get(&full).or_else(|| self.named.get(name)).copied();
                found.ok_or_else(|| format!("the type `{}` is not defined", shown(name)))?
            }
        })
    }

    fn parse_object(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<TypeIndex, String> {
        let part = |name: &str| object.get(name).ok_or_else(|| format!("a type has no `{name}`"));
        let Some(kind) = part("type")?.as_str() else {
            return self.parse(&object["type"], namespace);
        };
        match kind {
            "int" | "long" => Ok(self.add(Type::Whole(meaning(object)))),
            "array" => {
                let items = self.parse(part("items")?, namespace)?;
                Ok(self.add(Type::Array(items)))
            }
            "map" => {
                let values = self.parse(part("values")?, namespace)?;
                Ok(self.add(Type::Map(values)))
            }
            "fixed" => {
                let size = part("size")?.as_u64().ok_or("a fixed type has no size")?;
                self.add_named(object, namespace, Type::Fixed(size))
            }
            "enum" => {
                let symbols = part("symbols")?.as_array().ok_or("an enum has no list of symbols")?;
                let symbols = symbols.iter().map(|symbol| symbol.as_str().unwrap_or_default().to_owned()).collect();
                self.add_named(object, namespace, Type::Enum(symbols))
            }
            "record" | "error" => self.parse_record(object, namespace),
            other => self.type_named(other, namespace),
        }
    }

    fn parse_record(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<TypeIndex, String> {
        // Its fields may name it already.
        let index = self.add_named(object, namespace, Type::Record(Vec::new()))?;
        self.is_nothing[index] = false;
        let name = full_name(object, namespace)?;
        let namespace = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let mut fields = Vec::new();
        for field in object.get("fields").and_then(Value::as_array).ok_or("a record has no list of fields")? {
            let (Some(name), Some(of)) = (field.get("name").and_then(Value::as_str), field.get("type")) else {
                return Err("a field has no name or no type".to_owned());
            };
            fields.push(Field { name: name.to_owned(), index: self.parse(of, namespace)? });
        }
        // A field without bytes says nothing, and passing over it a million times would take time.
        fields.retain(|field| !self.is_nothing[field.index]);
        self.is_nothing[index] = fields.is_empty();
        self.types[index] = Type::Record(fields);
        Ok(index)
    }

    fn add_named(&mut self, object: &Map<String, Value>, namespace: &str, of: Type) -> Result<TypeIndex, String> {
        let name = full_name(object, namespace)?;
        let index = self.add(of);
        match self.named.insert(name, index) {
            None => Ok(index),
            Some(_) => Err(format!("the type `{}` is defined twice", shown(&full_name(object, namespace)?))),
        }
    }

    fn add(&mut self, of: Type) -> TypeIndex {
        self.is_nothing.push(matches!(of, Type::Null | Type::Fixed(0)));
        self.types.push(of);
        self.types.len() - 1
    }
}

fn meaning(object: &Map<String, Value>) -> Meaning {
    let (is_local, unit) = match object.get("logicalType").and_then(Value::as_str) {
        Some("date") => return Meaning::Date,
        Some(name) => match name.strip_prefix("local-timestamp-") {
            Some(unit) => (true, unit),
            None => (false, name.strip_prefix("timestamp-").unwrap_or("")),
        },
        None => return Meaning::Number,
    };
    let units_a_second = match unit {
        "millis" => 1_000,
        "micros" => 1_000_000,
        "nanos" => 1_000_000_000,
        _ => return Meaning::Number,
    };
    Meaning::Timestamp { units_a_second, is_local }
}

fn full_name(object: &Map<String, Value>, enclosing: &str) -> Result<String, String> {
    let name = object.get("name").and_then(Value::as_str).ok_or("a type that needs a name has none")?;
    if name.contains('.') {
        return Ok(name.to_owned());
    }
    let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(enclosing);
    Ok(joined(namespace, name))
}

fn joined(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}
