//! The inline notation of schemas: `int64!`, `decimal(12,2)`, `[string]`, `{id: int64!}`.
//!
//! Spelling → [`Type`] (with the compiler, which knows places) and [`Type`] → spelling.

use super::{Type, scalar};
#[cfg(feature = "compiler")]
pub use read::{Known, known, schema, ty};

#[cfg(feature = "compiler")]
mod read;

/// Whether that is the name of a scalar type.
#[cfg(feature = "compiler")]
pub(crate) fn is_type_name(name: &str) -> bool {
    scalar::named(name).is_some()
}

/// A type as it is written in a schema; `!` where it is not null.
pub fn type_text(ty: &Type, nullable: bool) -> String {
    let text = match ty {
        Type::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        Type::List(item) => format!("[{}]", type_text(&item.ty, item.nullable)),
        Type::Record(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|field| format!("{}: {}", field.name, type_text(&field.ty, field.nullable)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        ty => scalar::of(ty).map_or_else(String::new, |scalar| scalar.name.to_owned()),
    };
    if nullable { text } else { format!("{text}!") }
}

/// A field as it is written in the YAML file: `name: type`.
pub fn yaml(field: &super::Field) -> String {
    format!("{}: {}", yaml_name(&field.name), yaml_type(&field.ty, field.nullable, false))
}

/// Within brackets and braces, a comma and a brace of a type would be YAML's: it is quoted.
fn yaml_type(ty: &Type, nullable: bool, within: bool) -> String {
    match ty {
        Type::List(item) => format!("[{}]", yaml_type(&item.ty, item.nullable, true)),
        Type::Record(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|f| format!("{}: {}", yaml_name(&f.name), yaml_type(&f.ty, f.nullable, true)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Type::Decimal { .. } if within => format!("\"{}\"", type_text(ty, nullable)),
        scalar => type_text(scalar, nullable),
    }
}

fn yaml_name(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["null", "true", "false"].contains(&name.to_ascii_lowercase().as_str());
    if plain { name.to_owned() } else { quoted(name) }
}

/// A name in double quotes, as YAML reads it: what cannot be seen, or turns the reading direction, as
/// its number.
fn quoted(name: &str) -> String {
    let mut quoted = String::from("\"");
    for character in name.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' ' => quoted.push(' '),
            _ if character.is_ascii_graphic() || character.is_alphanumeric() => {
                quoted.push(character);
            }
            _ => quoted.push_str(&match u32::from(character) {
                number @ 0..=0xffff => format!("\\u{number:04x}"),
                number => format!("\\U{number:08x}"),
            }),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_yaml_whatever_they_hold() {
        let check = |name: &str, expected: &str| assert_eq!(yaml_name(name), expected);
        check("placed_at", "placed_at");
        check("naïve name", "\"naïve name\"");
        check("a\"b\\c: {", r#""a\"b\\c: {""#);
        check("x\u{1b}[2J\n\u{202e}y\u{1f600}", r#""x\u001b[2J\u000a\u202ey\U0001f600""#);
        check("true", "\"true\"");
    }
}
