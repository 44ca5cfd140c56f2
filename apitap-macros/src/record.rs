//! Structs of plain Rust types ↔ schemas: which Rust type stands for which type of apitap.

use std::collections::BTreeMap;

use apitap_build::codes;
use apitap_build::diagnostic::{Finding, Findings, Place};
use apitap_build::schema::scalar::{DECIMAL, SCALARS, Scalar};
use apitap_build::schema::{self, Schema, Type, notation};
use apitap_build::tree::{Node, Value};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use crate::attribute::{self, Spans};
use crate::taken;

/// The names of each struct's fields, as the API and the query spell them, by the struct's name.
pub(crate) type FieldNames = BTreeMap<String, Vec<String>>;

/// A struct of the module, read.
pub(crate) struct Record {
    /// Its fields.
    pub(crate) schema: Schema,
    /// Where each field stands, by dotted path.
    pub(crate) places: BTreeMap<String, Place>,
}

/// Reads structs; knows those of the module by name.
pub(crate) struct Records<'a> {
    /// The module's structs.
    pub(crate) structs: &'a [syn::ItemStruct],
    /// Where places are kept.
    pub(crate) spans: &'a mut Spans,
    /// What is wrong with them.
    pub(crate) findings: &'a mut Findings,
    /// The names of the fields of each struct that was read, by the struct's.
    pub(crate) names: &'a mut FieldNames,
}

impl Records<'_> {
    /// The schema of a struct; `None` where it has findings.
    pub(crate) fn read(&mut self, item: &syn::ItemStruct) -> Option<Record> {
        let mut places = BTreeMap::new();
        let fields = self.fields(item, "", &mut vec![item.ident.to_string()], &mut places)?;
        Some(Record { schema: Schema { fields }, places })
    }

    fn fields(
        &mut self,
        item: &syn::ItemStruct,
        prefix: &str,
        inside: &mut Vec<String>,
        places: &mut BTreeMap<String, Place>,
    ) -> Option<Vec<schema::Field>> {
        if !item.generics.params.is_empty() {
            let help = "write the types of its fields out";
            return self.refuse(item.generics.span(), "a record cannot be generic", help);
        }
        let named = match &item.fields {
            syn::Fields::Named(named) => named,
            _ => {
                let help = "name each, as the API does: `pub id: i64`";
                return self.refuse(item.ident.span(), "a record needs named fields", help);
            }
        };
        let mut fields = Vec::new();
        let mut complete = true;
        for field in &named.named {
            let place = self.spans.place(field.ident.span());
            match self.field(field, prefix, inside, places) {
                Some(field) => fields.push((field, place)),
                None => complete = false,
            }
        }
        // A struct that is in several others is told of once.
        let is_new = !self.names.contains_key(&item.ident.to_string());
        if is_new && !taken::check_fields(&item.ident, &fields, self.findings) || !complete {
            return None;
        }
        let fields: Vec<_> = fields.into_iter().map(|(field, _)| field).collect();
        let names = fields.iter().map(|field| field.name.clone()).collect();
        self.names.insert(item.ident.to_string(), names);
        Some(fields)
    }

    fn field(
        &mut self,
        field: &syn::Field,
        prefix: &str,
        inside: &mut Vec<String>,
        places: &mut BTreeMap<String, Place>,
    ) -> Option<schema::Field> {
        let ident = field.ident.as_ref()?;
        let arguments = self.arguments(field)?;
        let name = arguments.name.unwrap_or_else(|| ident.unraw().to_string());
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        places.insert(path.clone(), self.spans.place(ident.span()));
        let (ty, nullable) =
            self.optional(&field.ty, arguments.ty.as_ref(), &path, inside, places)?;
        Some(schema::Field { name, ty, nullable, description: description(&field.attrs) })
    }

    fn optional(
        &mut self,
        ty: &syn::Type,
        decimal: Option<&Type>,
        path: &str,
        inside: &mut Vec<String>,
        places: &mut BTreeMap<String, Place>,
    ) -> Option<(Type, bool)> {
        match argument(ty, "Option") {
            Some(inner) => Some((self.ty(inner, decimal, path, inside, places)?, true)),
            None => Some((self.ty(ty, decimal, path, inside, places)?, false)),
        }
    }

    fn ty(
        &mut self,
        ty: &syn::Type,
        decimal: Option<&Type>,
        path: &str,
        inside: &mut Vec<String>,
        places: &mut BTreeMap<String, Place>,
    ) -> Option<Type> {
        if let Some(item) = argument(ty, "Vec") {
            if last_segment(item).is_some_and(|segment| segment.ident == "u8") {
                return Some(Type::Binary);
            }
            let (ty, nullable) = self.optional(item, decimal, path, inside, places)?;
            return Some(Type::List(Box::new(schema::Item { ty, nullable })));
        }
        let name = last_segment(ty).map(|segment| segment.ident.to_string());
        let structs = self.structs;
        if let Some(item) =
            structs.iter().find(|item| name.as_deref() == Some(&item.ident.to_string()))
        {
            return self.nested(item, ty, path, inside, places);
        }
        let scalar = name.as_deref().and_then(|name| match name {
            "Decimal" => Some(decimal.cloned().unwrap_or(DECIMAL)),
            name => named(name),
        });
        if scalar.is_none() {
            let place = self.spans.place(ty.span());
            let shown = quote::quote!(#ty).to_string().replace(' ', "");
            self.findings.push(
                Finding::error(
                    codes::UNSUPPORTED_FIELD_TYPE,
                    format!("a field cannot have the type `{shown}`"),
                    &place,
                )
                .help(match name.as_deref().and_then(meant) {
                    Some(meant) => format!("write `{meant}`"),
                    None => types(),
                }),
            );
        }
        scalar
    }

    fn nested(
        &mut self,
        item: &syn::ItemStruct,
        ty: &syn::Type,
        path: &str,
        inside: &mut Vec<String>,
        places: &mut BTreeMap<String, Place>,
    ) -> Option<Type> {
        let name = item.ident.to_string();
        if inside.contains(&name) {
            let message = format!("`{name}` contains itself");
            let place = self.spans.place(ty.span());
            self.findings.push(
                Finding::error(codes::NOT_A_RECORD, message, &place)
                    .note("a table's row has a fixed depth")
                    .help("keep the inner part as JSON: `Option<Value>`"),
            );
            return None;
        }
        inside.push(name);
        let fields = self.fields(item, path, inside, places);
        inside.pop();
        Some(Type::Record(fields?))
    }

    /// `#[field(name = "…", type = "…")]`.
    fn arguments(&mut self, field: &syn::Field) -> Option<FieldArguments> {
        let mut arguments = FieldArguments::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
            let node = match attribute::words(attribute, self.spans) {
                Ok(node) => node,
                Err(error) => {
                    let help = "write `#[field(name = \"…\")]`, with the name that the API uses";
                    return self.refuse(error.span(), &error.to_string(), help);
                }
            };
            let Value::Map(entries) = node.value else { continue };
            for (key, value) in entries {
                self.argument(&mut arguments, &key.value, &key.place, value)?;
            }
        }
        Some(arguments)
    }

    fn argument(
        &mut self,
        arguments: &mut FieldArguments,
        key: &str,
        place: &Place,
        value: Node,
    ) -> Option<()> {
        match (key, &value.value) {
            ("name", Value::String(name)) => arguments.name = Some(name.clone()),
            ("type", Value::String(_)) => {
                arguments.ty = Some(notation::ty(&value, self.findings)?.0)
            }
            ("name" | "type", other) => {
                let message = format!("`{key}` must be a string, not {}", other.describe());
                self.findings.push(
                    Finding::error(codes::UNKNOWN_ARGUMENT, message, &value.place)
                        .help("put it into quotes"),
                );
                return None;
            }
            _ => {
                self.findings.push(
                    Finding::error(
                        codes::UNKNOWN_ARGUMENT,
                        format!("`field` has no argument `{key}`"),
                        place,
                    )
                    .help("it has `name`, as the API spells it, and `type`, as in YAML"),
                );
                return None;
            }
        }
        Some(())
    }

    fn refuse<T>(&mut self, span: proc_macro2::Span, message: &str, help: &str) -> Option<T> {
        let place = self.spans.place(span);
        self.findings.push(Finding::error(codes::NOT_A_RECORD, message, &place).help(help));
        None
    }
}

#[derive(Default)]
struct FieldArguments {
    name: Option<String>,
    ty: Option<Type>,
}

/// What a field can be.
fn types() -> String {
    let types: Vec<_> = SCALARS.iter().map(|scalar| format!("`{}`", scalar.rust)).collect();
    let types = types.join(", ");
    format!("use {types}, a struct of this module, or `Vec` or `Option` of these")
}

/// What stands for types that databases do not have.
pub(crate) fn meant(name: &str) -> Option<&'static str> {
    Some(match name {
        "i8" | "u8" => "i16",
        "u16" => "i32",
        "u32" | "u64" | "usize" | "isize" => "i64",
        "i128" | "u128" => "Decimal",
        "str" | "char" => "String",
        "HashMap" | "BTreeMap" => "Value",
        "NaiveDateTime" | "SystemTime" | "Instant" => "DateTime<Utc>",
        _ => return None,
    })
}

/// The type that a Rust type of single values stands for, by its last path segment; `Decimal` has
/// digits besides.
pub(crate) fn scalar(ty: &syn::Type) -> Option<Type> {
    let name = last_segment(ty)?.ident.to_string();
    named(&name).filter(|ty| *ty != DECIMAL)
}

/// The type that a name of Rust stands for; `Vec` is none without its elements.
fn named(name: &str) -> Option<Type> {
    let outer = |scalar: &Scalar| scalar.rust.split('<').next() == Some(name);
    let scalar = SCALARS.iter().find(|scalar| outer(scalar) && scalar.ty != Type::Binary)?;
    Some(scalar.ty.clone())
}

/// The Rust type that stands for a type, for messages.
pub(crate) fn rust_type(ty: &Type, nullable: bool) -> String {
    let name = match ty {
        Type::List(item) => format!("Vec<{}>", rust_type(&item.ty, item.nullable)),
        Type::Record(_) => "a struct".to_owned(),
        ty => schema::scalar::of(ty).map_or_else(String::new, |scalar| scalar.rust.to_owned()),
    };
    if nullable { format!("Option<{name}>") } else { name }
}

/// The text of `///` comments.
pub(crate) fn description(attributes: &[syn::Attribute]) -> Option<String> {
    let lines: Vec<_> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(syn::MetaNameValue {
                value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }),
                ..
            }) => Some(text.value().trim().to_owned()),
            _ => None,
        })
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

pub(crate) fn last_segment(ty: &syn::Type) -> Option<&syn::PathSegment> {
    match ty {
        syn::Type::Path(path) => path.path.segments.last(),
        syn::Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}

/// The `T` of `wrapper<T>`.
pub(crate) fn argument<'a>(ty: &'a syn::Type, wrapper: &str) -> Option<&'a syn::Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == wrapper)?;
    match &segment.arguments {
        syn::PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(syn::GenericArgument::Type(ty)) => Some(ty),
            _ => None,
        },
        _ => None,
    }
}
