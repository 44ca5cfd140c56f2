//! Schemas → structs of plain Rust types, nested records first named, then written below.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{docs, text};
use crate::names;
use crate::schema::notation::type_text;
use crate::schema::{Field, Type, scalar};

/// The structs of one module: names already given, types already used.
#[derive(Default)]
pub(super) struct Structs {
    taken: BTreeSet<String>,
    /// Without attributes that only `#[pipeline]` understands.
    pub(super) plain: bool,
    /// What `apitap::types` must provide.
    pub(super) types: BTreeSet<&'static str>,
}

impl Structs {
    /// A name that no other struct of the module, and no type that it uses, has.
    pub(super) fn reserve(&mut self, name: &str) -> String {
        const IMPORTED: [&str; 10] = [
            "DateTime",
            "Decimal",
            "NaiveDate",
            "NaiveTime",
            "Option",
            "String",
            "Utc",
            "Uuid",
            "Value",
            "Vec",
        ];
        self.taken.extend(IMPORTED.map(str::to_owned));
        names::unique(name, "", &mut self.taken)
    }

    /// Writes a struct, then those of its nested records, which can do the same.
    pub(super) fn write(
        &mut self,
        out: &mut String,
        name: &str,
        derives: &[&str],
        attributes: &str,
        fields: &[Field],
    ) {
        let mut nested = Vec::new();
        let mut body = String::new();
        let idents = names::identifiers(fields.iter().map(|field| field.name.as_str()));
        for (field, ident) in fields.iter().zip(idents) {
            let ty = self.ty(name, &field.name, &field.ty, &mut nested);
            let ty = self.optional(ty, field.nullable);
            let mut item = String::new();
            docs(&mut item, field.description.as_deref());
            if !self.plain {
                words(&mut item, &ident, field);
            }
            let _ = writeln!(item, "pub {ident}: {ty},");
            item.lines().for_each(|line| {
                let _ = writeln!(body, "    {line}");
            });
        }
        let _ = write!(out, "#[derive({})]\n{attributes}", derives.join(", "));
        if body.is_empty() {
            let _ = writeln!(out, "pub struct {name} {{}}");
        } else {
            let _ = write!(out, "pub struct {name} {{\n{body}}}\n");
        }
        for (name, fields) in nested {
            out.push('\n');
            self.write(out, &name, derives, "", &fields);
        }
    }

    /// `ty`, or `Option<ty>`.
    pub(super) fn optional(&mut self, ty: String, nullable: bool) -> String {
        if !nullable {
            return ty;
        }
        self.types.insert("Option");
        format!("Option<{ty}>")
    }

    /// The Rust type of single values of a type.
    pub(super) fn scalar(&mut self, ty: &Type) -> String {
        self.ty("", "", ty, &mut Vec::new())
    }

    fn ty(
        &mut self,
        owner: &str,
        field: &str,
        ty: &Type,
        nested: &mut Vec<(String, Vec<Field>)>,
    ) -> String {
        let mut import = |name: &'static str| {
            self.types.insert(name);
            name.to_owned()
        };
        match ty {
            Type::List(item) => {
                import("Vec");
                let inner = self.ty(owner, field, &item.ty, nested);
                format!("Vec<{}>", self.optional(inner, item.nullable))
            }
            Type::Record(fields) => {
                let name = self.reserve(&format!("{owner}{}", names::camel(field)));
                nested.push((name.clone(), fields.clone()));
                name
            }
            ty => {
                let rust = scalar::of(ty).map(|scalar| scalar.rust).unwrap_or_default();
                let names = rust.split(['<', '>']);
                names.filter(|name| name.starts_with(char::is_uppercase)).for_each(|name| {
                    import(name);
                });
                rust.to_owned()
            }
        }
    }
}

/// `#[field(…)]`, where the Rust field alone does not say it.
fn words(out: &mut String, ident: &str, field: &Field) {
    let mut words = Vec::new();
    if ident.strip_prefix("r#").unwrap_or(ident) != field.name {
        words.push(format!("name = {}", text(&field.name)));
    }
    if let Some(decimal) = decimal(&field.ty) {
        words.push(format!("type = {}", text(&type_text(decimal, true))));
    }
    if !words.is_empty() {
        let _ = writeln!(out, "#[field({})]", words.join(", "));
    }
}

/// The decimal of a field or of its list's elements: Rust's `Decimal` has no digits of its own.
fn decimal(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Decimal { .. } => Some(ty),
        Type::List(item) => decimal(&item.ty),
        _ => None,
    }
}
