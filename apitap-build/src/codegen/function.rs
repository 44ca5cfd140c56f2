//! A function that YAML names by its path → the `#[function]` that delegates to it.

use std::fmt::Write as _;

use super::structs::Structs;
use super::text;
use crate::definition::{Function, Map};
use crate::schema::Type;
use crate::schema::notation::type_text;

/// Writes `#[function] fn name(…) -> … { path(…) }`, so that rustc holds the path against what the
/// YAML file says.
pub(super) fn write(out: &mut String, function: &Function, structs: &mut Structs) {
    let path = function.path.as_deref().unwrap_or(&function.name);
    let parameters: Vec<_> = function
        .parameters
        .iter()
        .map(|field| {
            let ty = match field.ty {
                Type::String => "&str".to_owned(),
                Type::Binary => "&[u8]".to_owned(),
                ref ty => structs.scalar(ty),
            };
            format!("{}: {}", field.name, structs.optional(ty, field.nullable))
        })
        .collect();
    let arguments: Vec<_> = function.parameters.iter().map(|field| field.name.as_str()).collect();
    let returns = structs.scalar(&function.returns.ty);
    let mut returns = structs.optional(returns, function.returns.nullable);
    if function.fallible {
        returns = format!("::core::result::Result<{returns}, impl ::core::fmt::Display>");
    }
    let attribute = match function.returns.ty {
        Type::Decimal { .. } => {
            format!("#[function(returns = {})]", text(&type_text(&function.returns.ty, true)))
        }
        _ => "#[function]".to_owned(),
    };
    let _ = writeln!(out, "/// `{}` in SQL.\n{attribute}", function.name);
    let line = format!("fn {}({}) -> {returns} {{", function.name, parameters.join(", "));
    // As rustfmt breaks it, four columns in.
    if line.len() <= WIDTH {
        let _ = writeln!(out, "{line}");
    } else {
        let _ = writeln!(out, "fn {}(", function.name);
        parameters.iter().for_each(|parameter| {
            let _ = writeln!(out, "    {parameter},");
        });
        let _ = writeln!(out, ") -> {returns} {{");
    }
    let _ = writeln!(out, "    {path}({})\n}}", arguments.join(", "));
}

/// Writes `#[map] fn name(record: Record) -> … { path(record) }`.
pub(super) fn write_map(out: &mut String, map: &Map, record: &str, row: &str) {
    let path = map.path.as_deref().unwrap_or(&map.name);
    let rows = format!("impl ::core::iter::IntoIterator<Item = {row}>");
    let error = "impl ::core::fmt::Display";
    let mut returns = match map.fallible {
        true => format!("::core::result::Result<{rows}, {error}>"),
        false => rows.clone(),
    };
    if format!(") -> {returns} {{").len() > WIDTH && map.fallible {
        returns = format!("::core::result::Result<\n    {rows},\n    {error},\n>");
    }
    let name = crate::names::identifier(&map.name);
    let _ = writeln!(out, "/// The rows of a record.\n#[map]");
    let line = format!("fn {name}(record: {record}) -> {returns} {{");
    if line.len() <= WIDTH {
        let _ = writeln!(out, "{line}");
    } else {
        let _ = writeln!(out, "fn {name}(\n    record: {record},\n) -> {returns} {{");
    }
    let _ = writeln!(out, "    {path}(record)\n}}");
}

/// The longest line within a module.
const WIDTH: usize = 96;
