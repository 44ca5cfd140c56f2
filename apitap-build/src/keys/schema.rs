//! `schema` of a source: its fields and their types, or the files that show them.
//!
//! `sample: orders.json` names a file, `sample: string` is a field: a value with a `.` or a `/` in
//! it is never a type. What the files hold is not known here.

use std::collections::BTreeMap;

use super::declare::keys;
use super::group;
use super::key::{Info, KeyType};
use super::printed::Printed;
use super::shape::Shape;
use super::values::Texts;
use crate::codes;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::schema::notation::type_text;
use crate::schema::{Field, Schema, Type, notation};
use crate::tree::{Node, Value};

/// The keys that name files.
const KINDS: [&str; 3] = ["sample", "json_schema", "openapi"];

/// What `schema` says.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaKeys {
    /// The fields.
    Fields(Fields),
    /// Files that show them.
    Files(SchemaFiles),
}

/// [`SchemaKeys`] as it was written.
#[expect(clippy::large_enum_variant, reason = "there are a few of them, for a moment")]
#[derive(Debug, Clone)]
pub enum SchemaKeysSpec {
    /// The fields.
    Fields(FieldsSpec),
    /// Files that show them.
    Files(SchemaFilesSpec),
}

keys! {
    /// A file that shows the fields, and fields that are declared besides.
    pub struct SchemaFiles, spec SchemaFilesSpec {
        /// Pages or records of the API as it has sent them, JSON or JSONL: one file or several. `apitap sample` writes one.
        sample: Option<Texts> = optional()
            .files()
            .example("samples/orders.json")
            .example("[samples/orders.json, samples/old.jsonl]"),
        /// The JSON Schema of a record.
        json_schema: Option<String> = optional().files().example("order.schema.json"),
        /// An operation of an OpenAPI document, 3.0 or 3.1.
        openapi: Option<OpenApi> = optional(),
        /// Fields that are as they are declared here, whatever the file shows.
        fields: Option<Fields> = optional().example("{amount: \"decimal(12,2)\"}"),
    }
    rules: vec![Rule::one_of(KINDS.map(|kind| vec![kind]).to_vec())];
}

keys! {
    /// An operation of an OpenAPI document.
    pub struct OpenApi, spec OpenApiSpec {
        /// The document.
        file: String = required("api.yaml").filled().files(),
        /// Its `operationId`, or method and path.
        operation: String = required("GET /orders").filled().example("listOrders"),
    }
}

/// The fields of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Schema);

/// The fields of a record as they were written.
#[derive(Debug, Clone, Default)]
pub struct FieldsSpec {
    /// The fields.
    pub schema: Schema,
    /// Where each is declared, by dotted path.
    pub places: BTreeMap<String, Place>,
}

impl KeyType for SchemaKeys {
    type Spec = SchemaKeysSpec;

    fn read(_: &Info, node: &Node, findings: &mut Findings) -> Option<SchemaKeysSpec> {
        let named = named(node);
        match &named[..] {
            [] => fields(node, findings).map(SchemaKeysSpec::Fields),
            [(kind, _)] if stands_alone(kind, node, findings) => {
                let files = group::read::<SchemaFiles>("`schema`".to_owned(), node, findings);
                files.map(SchemaKeysSpec::Files)
            }
            [_] => None,
            [(first, _), (second, _), ..] => {
                findings.push(two_files(first, second));
                None
            }
        }
    }

    fn plain(spec: &SchemaKeysSpec) -> Self {
        match spec {
            SchemaKeysSpec::Fields(fields) => Self::Fields(Fields::plain(fields)),
            SchemaKeysSpec::Files(files) => Self::Files(SchemaFiles::plain(files)),
        }
    }

    fn at(self, place: &Place) -> SchemaKeysSpec {
        match self {
            Self::Fields(fields) => SchemaKeysSpec::Fields(fields.at(place)),
            Self::Files(files) => SchemaKeysSpec::Files(files.at(place)),
        }
    }

    fn print(&self, info: &Info) -> Printed {
        match self {
            Self::Fields(fields) => fields.print(info),
            Self::Files(files) => files.print(info),
        }
    }

    fn shape(info: &Info) -> Shape {
        Shape::Either(vec![Shape::Fields, SchemaFiles::shape(info)])
    }
}

impl KeyType for Fields {
    type Spec = FieldsSpec;

    fn read(_: &Info, node: &Node, findings: &mut Findings) -> Option<FieldsSpec> {
        let (schema, places) = notation::schema(node, findings)?;
        Some(FieldsSpec { schema, places })
    }

    fn plain(spec: &FieldsSpec) -> Self {
        Self(spec.schema.clone())
    }

    fn at(self, place: &Place) -> FieldsSpec {
        let mut places = BTreeMap::new();
        place_all("", &self.0.fields, place, &mut places);
        FieldsSpec { schema: self.0, places }
    }

    fn print(&self, _: &Info) -> Printed {
        print_fields(&self.0.fields)
    }

    fn shape(_: &Info) -> Shape {
        Shape::Fields
    }
}

fn place_all(path: &str, fields: &[Field], place: &Place, places: &mut BTreeMap<String, Place>) {
    for field in fields {
        let path = match path {
            "" => field.name.clone(),
            path => format!("{path}.{}", field.name),
        };
        if let Type::Record(fields) = &field.ty {
            place_all(&path, fields, place, places);
        }
        places.insert(path, place.clone());
    }
}

fn print_fields(fields: &[Field]) -> Printed {
    let entry = |field: &Field| match &field.ty {
        // A record and a list have no place for the `!` behind them.
        Type::Record(_) | Type::List(_) if !field.nullable => {
            (format!("{}!", field.name), print_type(&field.ty, true))
        }
        ty => (field.name.clone(), print_type(ty, field.nullable)),
    };
    Printed::Map(fields.iter().map(entry).collect())
}

fn print_type(ty: &Type, nullable: bool) -> Printed {
    match ty {
        Type::Record(fields) => print_fields(fields),
        Type::List(item) => Printed::List(vec![print_type(&item.ty, item.nullable)]),
        scalar => Printed::Text(type_text(scalar, nullable)),
    }
}

/// The names and types of a function's arguments.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arguments(pub Schema);

impl KeyType for Arguments {
    type Spec = FieldsSpec;

    fn read(info: &Info, node: &Node, findings: &mut Findings) -> Option<FieldsSpec> {
        Fields::read(info, node, findings)
    }

    fn plain(spec: &FieldsSpec) -> Self {
        Self(spec.schema.clone())
    }

    fn at(self, place: &Place) -> FieldsSpec {
        Fields(self.0).at(place)
    }

    fn print(&self, _: &Info) -> Printed {
        print_fields(&self.0.fields)
    }

    fn shape(_: &Info) -> Shape {
        Shape::Arguments
    }
}

/// The type of a single value, and whether it may be null.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueType {
    /// The type.
    pub ty: Type,
    /// Whether it may be null.
    pub nullable: bool,
}

impl KeyType for ValueType {
    type Spec = Self;

    fn read(_: &Info, node: &Node, findings: &mut Findings) -> Option<Self> {
        let (ty, nullable) = notation::ty(node, findings)?;
        Some(Self { ty, nullable })
    }

    fn plain(spec: &Self) -> Self {
        spec.clone()
    }

    fn at(self, _: &Place) -> Self {
        self
    }

    fn print(&self, _: &Info) -> Printed {
        print_type(&self.ty, self.nullable)
    }

    fn shape(_: &Info) -> Shape {
        Shape::ValueType
    }
}

fn two_files(first: &Spanned<String>, second: &Spanned<String>) -> Finding {
    let message =
        format!("`{}` and `{}` both say what a record looks like", first.value, second.value);
    Finding::error(codes::CONFLICTING_SCHEMA, message, &second.place)
        .related(&first.place, "the first one")
        .help("keep one of them; single fields can be declared besides, under `fields`")
}

/// The fields of a `schema` that has findings; `None` where it names files, or no fields.
pub(crate) fn known(node: &Node) -> Option<notation::Known> {
    let is_of_files = |(key, _): &(Spanned<String>, Node)| KINDS.contains(&key.value.as_str());
    match node.entries() {
        entries if entries.iter().any(is_of_files) => None,
        _ => notation::known(node),
    }
}

/// The files that the schemas of a YAML file name, and whether those may refer to others.
pub(crate) fn files(project: &Node) -> Vec<(Spanned<String>, bool)> {
    let sources = project.get("sources").map(Node::elements).unwrap_or_default();
    let schemas = sources.iter().filter_map(|source| source.get("schema"));
    let named = schemas.flat_map(named).flat_map(|(kind, value)| {
        let files = match kind.value.as_str() {
            "openapi" => value.get("file").into_iter().collect(),
            _ => texts(value),
        };
        let refers = kind.value != "sample";
        files.into_iter().filter_map(move |file| {
            Some((Spanned::new(file.text()?.to_owned(), file.place.clone()), refers))
        })
    });
    named.collect()
}

/// The words of a schema that name files.
fn named(node: &Node) -> Vec<(&Spanned<String>, &Node)> {
    let names_files = |(key, value): &&(Spanned<String>, Node)| match key.value.as_str() {
        "openapi" => value.get("file").is_some_and(is_file),
        kind => {
            let texts = texts(value);
            KINDS.contains(&kind) && !texts.is_empty() && texts.into_iter().all(is_file)
        }
    };
    node.entries().iter().filter(names_files).map(|(key, value)| (key, value)).collect()
}

/// One value, or the elements of a list.
fn texts(node: &Node) -> Vec<&Node> {
    match &node.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    }
}

/// No type has a `.` or a `/` in it.
fn is_file(node: &Node) -> bool {
    node.text().is_some_and(|text| text.contains(['.', '/']))
}

fn fields(node: &Node, findings: &mut Findings) -> Option<FieldsSpec> {
    if let [(key, value)] = node.entries()
        && KINDS.contains(&key.value.as_str())
        && notation::ty(value, &mut Findings::default()).is_none()
    {
        let (message, help) = match (key.value.as_str(), value.text()) {
            ("openapi", _) => (
                "`openapi` names no file".to_owned(),
                "write `openapi: {file: api.yaml, operation: listOrders}`".to_owned(),
            ),
            (kind, Some(text)) => (
                format!("`{text}` is neither a type nor a file's name"),
                format!("a file's name has a `.` or a `/` in it: `{kind}: ./{text}`"),
            ),
            (kind, None) => {
                (format!("`{kind}` names no file"), format!("write `{kind}: orders.json`"))
            }
        };
        findings.push(Finding::error(codes::CONFLICTING_SCHEMA, message, &value.place).help(help));
        return None;
    }
    let (schema, places) = notation::schema(node, findings)?;
    Some(FieldsSpec { schema, places })
}

/// Whether nothing but `fields` stands beside the word that names files.
fn stands_alone(kind: &Spanned<String>, node: &Node, findings: &mut Findings) -> bool {
    let others = node.entries().iter().map(|(key, _)| key);
    let others = others.filter(|key| key.value != kind.value && key.value != "fields");
    let before = findings.0.len();
    for key in others {
        findings.push(
            Finding::error(
                codes::CONFLICTING_SCHEMA,
                format!("field `{}` stands beside a file that shows the fields", key.value),
                &key.place,
            )
            .related(&kind.place, "the file is named here")
            .help(format!("put it under `fields`, as in `fields: {{{}: int64!}}`", key.value)),
        );
    }
    findings.0.len() == before
}
