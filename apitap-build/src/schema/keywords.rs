//! The keywords of JSON Schema and of OpenAPI's schemas → [`Type`]s, with the place of every field.
//!
//! What allows several kinds of values becomes `json`, which keeps each as it is; the field's
//! description says why. Knows nothing of operations or of where a schema is used.

use std::collections::{BTreeMap, BTreeSet};

use super::documents::{At, References};
use super::{Field, Item, Schema, Type, prose};
use crate::codes;
use crate::diagnostic::{Finding, Place, Spanned};
use crate::tree::{Node, Value};

/// Where each field was declared, by dotted path.
pub type Places = BTreeMap<String, Place>;

/// How deep records are taken apart; what is deeper is kept as JSON.
const MAX_DEPTH: usize = 12;
/// How many fields a schema is taken apart into; what comes later is kept as JSON.
const MAX_FIELDS: usize = 5_000;
/// How many schemas `allOf` and references may put together into one.
const MAX_PARTS: usize = 256;

/// A type as a schema says it.
struct Typed {
    ty: Type,
    nullable: bool,
    description: Option<String>,
    /// Why it is JSON, where nobody has asked for that.
    because: Option<&'static str>,
}

impl Typed {
    fn json(because: Option<&'static str>) -> Self {
        Self { ty: Type::Json, nullable: false, description: None, because }
    }
}

/// Reads schemas.
pub struct Reader<'r, 'a> {
    references: &'r References<'a>,
    /// The schemas that are being read, outermost first.
    within: Vec<&'a Node>,
    fields: usize,
    places: Places,
}

/// All that a schema says about one value, its references and `allOf` put together.
#[derive(Default)]
pub struct View<'a> {
    types: Vec<&'a str>,
    nullable: bool,
    /// The properties; of one that is written twice, the last.
    pub properties: Vec<(&'a Spanned<String>, At<'a>)>,
    required: BTreeSet<&'a str>,
    /// The schema of a list's elements.
    pub items: Option<At<'a>>,
    /// Whether other properties than those may be there, and what they are.
    pub others: Option<At<'a>>,
    /// Whether other properties are ruled out.
    closed: bool,
    /// Elements with a schema for each position.
    tuple: bool,
    format: Option<&'a str>,
    multiple_of: Option<String>,
    values: Option<&'a Node>,
    description: Option<&'a str>,
    write_only: bool,
    /// `oneOf` and `anyOf`.
    choices: Vec<Vec<At<'a>>>,
    /// The nodes that it was put together from.
    parts: Vec<&'a Node>,
}

impl View<'_> {
    /// Whether it is an object with properties.
    pub fn is_record(&self) -> bool {
        !self.properties.is_empty() && self.types.iter().all(|ty| *ty == "object")
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        self.types == ["array"] || (self.types.is_empty() && self.items.is_some())
    }

    /// Whether it is true or false, and nothing else.
    pub fn is_boolean(&self) -> bool {
        self.types == ["boolean"]
    }

    /// Whether a property that is not declared may be there all the same.
    pub fn is_open(&self) -> bool {
        !self.closed && (self.properties.is_empty() || self.others.is_some())
    }
}

impl<'r, 'a> Reader<'r, 'a> {
    /// A reader of schemas whose references mean these.
    pub fn new(references: &'r References<'a>) -> Self {
        Self { references, within: Vec::new(), fields: 0, places: Places::new() }
    }

    /// The fields of a record's schema, and where they are declared.
    ///
    /// # Errors
    /// A finding where the schema is not that of an object with properties.
    pub fn record(mut self, at: At<'a>) -> Result<(Schema, Places), Box<Finding>> {
        let view = self.record_view(at)?;
        self.within.extend(&view.parts);
        let fields = self.properties("", &view)?;
        Ok((Schema { fields }, self.places))
    }

    /// What a schema says, where only one of its choices remains: that one.
    ///
    /// # Errors
    /// A reference leads nowhere.
    pub fn view(&self, at: At<'a>) -> Result<View<'a>, Box<Finding>> {
        let mut view = View::default();
        self.gather(at, &mut view)?;
        for _ in 0..MAX_DEPTH {
            if view.is_record() || view.is_list() || view.choices.len() != 1 {
                break;
            }
            let Some(only) = self.only_choice(&mut view)? else { break };
            view.choices.clear();
            self.gather(only, &mut view)?;
        }
        Ok(view)
    }

    fn record_view(&self, at: At<'a>) -> Result<View<'a>, Box<Finding>> {
        let view = self.view(at)?;
        if view.is_record() {
            return Ok(view);
        }
        let (found, help) = if !view.choices.is_empty() {
            ("one of several kinds", "leave only the one that the API sends")
        } else if view.is_list() {
            ("a list", "each record must be an object")
        } else if view.others.is_some() {
            ("an object whose keys are not known", "describe its `properties`")
        } else if view.types.is_empty() || view.types == ["object"] {
            ("without `properties`", "describe its `properties`")
        } else {
            ("not an object", "each record must be an object with `properties`")
        };
        Err(Box::new(
            Finding::error(
                codes::SCHEMA_NOT_RECORD,
                format!("the record is {found}"),
                &at.node.begin(),
            )
            .label("fields are wanted here")
            .help(format!("{help}, or write the fields into the YAML file")),
        ))
    }

    /// Adds what a schema says, its references and `allOf` included.
    fn gather(&self, at: At<'a>, view: &mut View<'a>) -> Result<(), Box<Finding>> {
        if view.parts.len() >= MAX_PARTS
            || view.parts.iter().any(|part| std::ptr::eq(*part, at.node))
        {
            return Ok(());
        }
        view.parts.push(at.node);
        let here = |node| At { file: at.file, node };
        // What stands beside a reference counts more than what it leads to.
        for (key, node) in at.node.entries() {
            match (key.value.as_str(), &node.value) {
                ("type", Value::String(ty)) => add_types(view, &[ty]),
                ("type", Value::List(types)) => {
                    add_types(view, &types.iter().filter_map(Node::text).collect::<Vec<_>>());
                }
                ("nullable", Value::Bool(true)) => view.nullable = true,
                ("writeOnly", Value::Bool(true)) => view.write_only = true,
                ("description" | "title", Value::String(text))
                    if view.description.is_none()
                        || key.value == "description" && view.parts.len() == 1 =>
                {
                    view.description = Some(text);
                }
                ("format", Value::String(format)) => view.format = view.format.or(Some(format)),
                ("multipleOf", Value::Float(step)) => view.multiple_of = Some(step.to_string()),
                ("enum", Value::List(_)) => view.values = view.values.or(Some(node)),
                ("const", _) => view.values = view.values.or(Some(node)),
                ("items", Value::List(_)) | ("prefixItems", _) => view.tuple = true,
                ("items", Value::Map(_)) => view.items = view.items.or(Some(here(node))),
                ("required", Value::List(names)) => {
                    view.required.extend(names.iter().filter_map(Node::text));
                }
                ("additionalProperties", Value::Bool(false)) => view.closed = true,
                ("additionalProperties", Value::Map(_) | Value::Bool(true)) => {
                    view.others = Some(here(node));
                }
                ("properties", Value::Map(properties)) => {
                    for (name, node) in properties {
                        view.properties.retain(|(known, _)| known.value != name.value);
                        view.properties.push((name, here(node)));
                    }
                }
                ("oneOf" | "anyOf", Value::List(choices)) => {
                    let choices = choices.iter().filter(|choice| says_more(choice)).map(here);
                    let choices: Vec<_> = choices.collect();
                    if !choices.is_empty() {
                        view.choices.push(choices);
                    }
                }
                _ => {}
            }
        }
        if let Some(meant) = self.references.step(at)? {
            self.gather(meant, view)?;
        }
        for part in at.node.get("allOf").map(Node::elements).unwrap_or_default() {
            self.gather(here(part), view)?;
        }
        Ok(())
    }

    /// The choice that remains when null is left out; that null is one is noted.
    fn only_choice(&self, view: &mut View<'a>) -> Result<Option<At<'a>>, Box<Finding>> {
        let mut left = Vec::new();
        for choice in view.choices.first().cloned().unwrap_or_default() {
            match self.is_null(choice)? {
                true => view.nullable = true,
                false => left.push(choice),
            }
        }
        Ok(match left[..] {
            [only] => Some(only),
            _ => None,
        })
    }

    fn is_null(&self, at: At<'a>) -> Result<bool, Box<Finding>> {
        let node = self.references.follow(at)?.node;
        let only_null = node.get("enum").is_some_and(|values| {
            !values.elements().is_empty()
                && values.elements().iter().all(|value| value.value == Value::Null)
        });
        Ok(node.get("type").and_then(Node::text) == Some("null")
            || matches!(node.get("type").map(|ty| &ty.value), Some(Value::Null))
            || node.get("const").is_some_and(|value| value.value == Value::Null)
            || only_null)
    }

    fn properties(&mut self, path: &str, view: &View<'a>) -> Result<Vec<Field>, Box<Finding>> {
        let mut fields = Vec::new();
        for (name, at) in &view.properties {
            let path = match path {
                "" => name.value.clone(),
                path => format!("{path}.{}", name.value),
            };
            let inner = self.view(*at)?;
            // What only goes to the API never comes from it.
            if inner.write_only {
                continue;
            }
            self.places.insert(path.clone(), name.place.clone());
            let typed = self.typed(&path, &inner)?;
            let required = view.required.contains(name.value.as_str());
            let mut field = Field::new(&name.value, typed.ty, typed.nullable || !required);
            field.description = described(typed.description, typed.because);
            fields.push(field);
        }
        Ok(fields)
    }

    fn typed(&mut self, path: &str, view: &View<'a>) -> Result<Typed, Box<Finding>> {
        self.fields += 1;
        let is_within = |part: &Node| self.within.iter().any(|outer| std::ptr::eq(*outer, part));
        let mut typed = if view.parts.iter().any(|part| is_within(part)) {
            Typed::json(Some("it contains itself"))
        } else if self.within.len() >= MAX_DEPTH * 8 || path.matches('.').count() > MAX_DEPTH {
            Typed::json(Some("it is nested too deep"))
        } else if self.fields > MAX_FIELDS {
            Typed::json(Some("there are too many fields"))
        } else {
            let before = self.within.len();
            self.within.extend(&view.parts);
            let typed = self.kind(path, view);
            self.within.truncate(before);
            typed?
        };
        typed.nullable |= view.nullable || allows_null(view.values);
        typed.description = view.description.map(str::to_owned);
        Ok(typed)
    }

    fn kind(&mut self, path: &str, view: &View<'a>) -> Result<Typed, Box<Finding>> {
        if view.is_record() {
            let fields = self.properties(path, view)?;
            return Ok(match fields.is_empty() {
                true => Typed::json(None),
                false => scalar(Type::Record(fields)),
            });
        }
        if view.tuple && view.types != ["object"] {
            return Ok(Typed::json(Some("each position of the list has a type of its own")));
        }
        if view.is_list() {
            let Some(items) = view.items else { return Ok(Typed::json(None)) };
            let inner = self.view(items)?;
            let item = self.typed(path, &inner)?;
            let list = Type::List(Box::new(Item { ty: item.ty, nullable: item.nullable }));
            return Ok(Typed { because: item.because, ..scalar(list) });
        }
        let types: BTreeSet<_> = view.types.iter().copied().collect();
        let found = match types.into_iter().collect::<Vec<_>>()[..] {
            [] => return self.chosen(path, view),
            ["object" | "null"] => return Ok(Typed::json(None)),
            ["string"] => string(view.format),
            ["integer"] => integer(view.format),
            ["number"] => number(view.format, view.multiple_of.as_deref()),
            ["integer", "number"] => Type::Float64,
            ["boolean"] => Type::Bool,
            _ => return Ok(Typed::json(Some("it may be of several kinds"))),
        };
        Ok(scalar(found))
    }

    /// What has no type of its own: the values or the choices say it.
    fn chosen(&mut self, path: &str, view: &View<'a>) -> Result<Typed, Box<Finding>> {
        if let Some(values) = view.values {
            let values = match &values.value {
                Value::List(values) => values.as_slice(),
                _ => std::slice::from_ref(values),
            };
            return Ok(of_values(values));
        }
        let [choices] = &view.choices[..] else {
            let because = (!view.choices.is_empty()).then_some("it may be of several kinds");
            // What says nothing of types allows null, too.
            return Ok(Typed { nullable: true, ..Typed::json(because) });
        };
        let (mut known, mut nullable): (Option<Type>, bool) = (None, false);
        for choice in choices {
            if self.is_null(*choice)? {
                nullable = true;
                continue;
            }
            let inner = self.view(*choice)?;
            let is_scalar = !inner.is_record() && !inner.is_list() && inner.choices.is_empty();
            let found = if is_scalar { Some(self.typed(path, &inner)?) } else { None };
            nullable |= found.as_ref().is_some_and(|found| found.nullable);
            let found = found.map_or(Type::Json, |found| found.ty);
            known = Some(match known {
                None => found,
                Some(known) => either(known, found),
            });
        }
        let ty = known.unwrap_or(Type::Json);
        let because = (ty == Type::Json).then_some("it may be of several kinds");
        Ok(Typed { nullable, because, ..scalar(ty) })
    }
}

/// Takes types; of several schemas that must all hold, those that all of them allow.
fn add_types<'a>(view: &mut View<'a>, types: &[&'a str]) {
    view.nullable |= types.contains(&"null");
    let types = types.iter().copied().filter(|ty| *ty != "null");
    if view.types.is_empty() {
        view.types = types.collect();
        if view.types.is_empty() {
            view.types.push("null");
        }
    } else {
        let both: Vec<_> = types.filter(|ty| view.types.contains(ty)).collect();
        if !both.is_empty() {
            view.types = both;
        }
    }
}

/// Whether a choice says anything about types: `{required: [a]}` only says what must be there.
fn says_more(choice: &Node) -> bool {
    choice.entries().iter().any(|(key, _)| !matches!(key.value.as_str(), "required" | "not"))
}

fn scalar(ty: Type) -> Typed {
    Typed { ty, nullable: false, description: None, because: None }
}

/// The type that holds the values of both.
fn either(one: Type, other: Type) -> Type {
    use Type::{Date, Float32, Float64, Int16, Int32, Int64, Json, String, Time, Timestamp, Uuid};
    let text = |ty: &Type| matches!(ty, String | Date | Time | Timestamp | Uuid);
    let whole = |ty: &Type| matches!(ty, Int16 | Int32 | Int64);
    let real = |ty: &Type| whole(ty) || matches!(ty, Float32 | Float64);
    match (one, other) {
        (one, other) if one == other => one,
        (one, other) if text(&one) && text(&other) => String,
        (one, other) if whole(&one) && whole(&other) => Int64,
        (one, other) if real(&one) && real(&other) => Float64,
        _ => Json,
    }
}

fn string(format: Option<&str>) -> Type {
    match format {
        Some("date-time") => Type::Timestamp,
        Some("date") => Type::Date,
        Some("time") => Type::Time,
        Some("uuid") => Type::Uuid,
        Some("byte" | "base64") => Type::Binary,
        _ => Type::String,
    }
}

fn integer(format: Option<&str>) -> Type {
    match format {
        Some("int8" | "int16" | "uint8") => Type::Int16,
        Some("int32" | "uint16") => Type::Int32,
        Some("uint64") => Type::Decimal { precision: 20, scale: 0 },
        _ => Type::Int64,
    }
}

/// `multipleOf: 0.01` counts hundredths: exact, as amounts of money are.
fn number(format: Option<&str>, multiple_of: Option<&str>) -> Type {
    let places = multiple_of
        .and_then(|step| step.strip_prefix("0."))
        .filter(|digits| digits.trim_start_matches('0') == "1" && digits.len() <= 18);
    match (format, places) {
        (_, Some(digits)) => {
            Type::Decimal { precision: 38, scale: u8::try_from(digits.len()).unwrap_or(18) }
        }
        (Some("int32"), _) => Type::Int32,
        (Some("int64"), _) => Type::Int64,
        // A value of `float` is mostly written with more digits than 32 bits hold.
        _ => Type::Float64,
    }
}

/// The type of an `enum` or a `const` that does not say it.
fn of_values(values: &[Node]) -> Typed {
    let mut known: Option<Type> = None;
    for value in values {
        let ty = match &value.value {
            Value::Null => continue,
            Value::Bool(_) => Type::Bool,
            Value::Integer(_) => Type::Int64,
            Value::Float(_) => Type::Float64,
            Value::String(_) => Type::String,
            Value::List(_) | Value::Map(_) => Type::Json,
        };
        known = Some(match known {
            None => ty,
            Some(known) => either(known, ty),
        });
    }
    scalar(known.unwrap_or(Type::Json))
}

fn allows_null(values: Option<&Node>) -> bool {
    values.is_some_and(|values| values.elements().iter().any(|value| value.value == Value::Null))
}

/// The description, and why the field is JSON where it was not asked for.
fn described(description: Option<String>, because: Option<&str>) -> Option<String> {
    let summary = description.as_deref().and_then(prose::summary);
    let because = because.map(|because| format!("Kept as JSON: {because}."));
    match (summary, because) {
        (Some(summary), Some(because)) => Some(format!("{summary}\n\n{because}")),
        (summary, because) => summary.or(because),
    }
}

#[cfg(test)]
mod tests;
