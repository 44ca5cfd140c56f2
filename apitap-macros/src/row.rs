//! The `#[target]` struct against what its query yields: field by field, the caret on the field.

use apitap_build::codes;
use apitap_build::diagnostic::{Finding, Findings, Place};
use apitap_build::nearest::{did_you_mean, nearest};
use apitap_build::schema::notation::type_text;
use apitap_build::schema::{Field, Schema, Type};

use crate::record::{Record, rust_type};

/// Reports how the struct differs from the query's columns; a field may be wider than needed.
pub(crate) fn check(item: &Place, row: &Record, query: &Schema, findings: &mut Findings) {
    let names: Vec<_> = query.fields.iter().map(|field| field.name.as_str()).collect();
    for field in &row.schema.fields {
        let place = row.places.get(&field.name).unwrap_or(item);
        match query.field(&field.name) {
            Some(column) => compare(field, column, place, findings),
            None => findings.push(
                Finding::error(
                    codes::FIELD_NOT_SELECTED,
                    format!("the query yields no column `{}`", field.name),
                    place,
                )
                .help(did_you_mean("column", &field.name, names.iter().copied())),
            ),
        }
    }
    // The column of a field that is only misspelled is not missing, too.
    let misspelled: Vec<_> = row
        .schema
        .fields
        .iter()
        .filter(|field| query.field(&field.name).is_none())
        .filter_map(|field| nearest(&field.name, names.iter().copied()))
        .collect();
    let missing = query.fields.iter().filter(|column| {
        row.schema.field(&column.name).is_none() && !misspelled.contains(&column.name.as_str())
    });
    for column in missing {
        let ty = rust_type(&column.ty, column.nullable);
        let message = format!("the query yields `{}`, for which there is no field", column.name);
        findings.push(
            Finding::error(codes::COLUMN_WITHOUT_FIELD, message, item)
                .help(format!("add the field `pub {}: {ty}`", column.name)),
        );
    }
}

fn compare(field: &Field, column: &Field, place: &Place, findings: &mut Findings) {
    let name = &field.name;
    if !same(&field.ty, &column.ty) {
        findings.push(
            Finding::error(
                codes::FIELD_TYPE_MISMATCH,
                format!(
                    "`{name}` is {}, but the query yields {}",
                    shown(&field.ty, field.nullable),
                    shown(&column.ty, column.nullable)
                ),
                place,
            )
            .help(match column.ty {
                Type::Record(_) => "give the struct these fields, of these types".to_owned(),
                _ => format!(
                    "write `{}`, or CAST in the query",
                    rust_type(&column.ty, column.nullable)
                ),
            }),
        );
    } else if column.nullable && !field.nullable {
        findings.push(
            Finding::error(
                codes::FIELD_NOT_NULLABLE,
                format!("`{name}` may be null in what the query yields"),
                place,
            )
            .help(format!(
                "write `{}`, or use coalesce({name}, …) in the query",
                rust_type(&column.ty, true)
            )),
        );
    }
}

/// A type as Rust writes it; a record's fields as a schema does.
fn shown(ty: &Type, nullable: bool) -> String {
    match ty {
        Type::Record(_) => format!("`{}`", type_text(ty, nullable)),
        Type::List(item) if matches!(item.ty, Type::Record(_)) => {
            format!("`{}`", type_text(ty, nullable))
        }
        ty => format!("`{}`", rust_type(ty, nullable)),
    }
}

/// Whether a Rust field of one type holds values of the other: a `Decimal` holds any decimal.
fn same(field: &Type, column: &Type) -> bool {
    match (field, column) {
        (Type::Decimal { .. }, Type::Decimal { .. }) => true,
        (Type::List(a), Type::List(b)) => same(&a.ty, &b.ty) && (a.nullable || !b.nullable),
        (Type::Record(a), Type::Record(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    a.name == b.name && same(&a.ty, &b.ty) && (a.nullable || !b.nullable)
                })
        }
        (a, b) => a == b,
    }
}

/// The table's columns may be null where the struct says so: the user decides.
pub(crate) fn widen(query: &mut Schema, row: &Schema) {
    for column in &mut query.fields {
        column.nullable |= row.field(&column.name).is_some_and(|field| field.nullable);
        let described = row.field(&column.name).and_then(|field| field.description.clone());
        column.description = described.or_else(|| column.description.take());
    }
}
