//! What files show, with the fields that the YAML file declares besides: these count.

use crate::codes;
use crate::diagnostic::{Finding, Findings};
use crate::keys::schema::FieldsSpec;
use crate::nearest::nearest;
use crate::schema::keywords::Places;
use crate::schema::{Field, Schema, Type};

/// Declares the fields of the YAML file over those that were found.
pub(super) fn declare(
    file: &FieldsSpec,
    schema: &mut Schema,
    places: &mut Places,
    findings: &mut Findings,
) {
    let shown: Vec<_> = schema.fields.iter().map(|field| field.name.clone()).collect();
    for field in &file.schema.fields {
        let near = nearest(&field.name, shown.iter().map(String::as_str));
        if let (false, Some(near)) = (shown.contains(&field.name), near)
            && file.schema.field(near).is_none()
            && let Some(place) = file.places.get(&field.name)
        {
            let message = format!("the file shows no field `{}`", field.name);
            findings.push(
                Finding::warning(codes::FIELD_NOT_SHOWN, message, place)
                    .help(format!("a similar field exists: `{near}`"))
                    .help("it is added all the same: the API may send what the file does not show"),
            );
        }
    }
    overlay(&mut schema.fields, &file.schema.fields);
    for path in file.places.keys() {
        // What a field was before has places within that are gone, unless they are declared anew.
        let is_record = |field: &Field| matches!(field.ty, Type::Record(_) | Type::List(_));
        if !find(&schema.fields, path).is_some_and(is_record) {
            places.retain(|known, _| !known.starts_with(&format!("{path}.")));
        }
    }
    places.extend(file.places.iter().map(|(path, place)| (path.clone(), place.clone())));
}

fn overlay(fields: &mut Vec<Field>, declared: &[Field]) {
    for field in declared {
        match fields.iter_mut().find(|known| known.name == field.name) {
            Some(known) => {
                known.nullable = field.nullable;
                retype(&mut known.ty, &field.ty);
            }
            None => fields.push(field.clone()),
        }
    }
}

/// A record that is declared says something about its own fields only.
fn retype(known: &mut Type, declared: &Type) {
    match (known, declared) {
        (Type::Record(known), Type::Record(declared)) => overlay(known, declared),
        (Type::List(known), Type::List(declared)) => {
            known.nullable = declared.nullable;
            retype(&mut known.ty, &declared.ty);
        }
        (known, declared) => *known = declared.clone(),
    }
}

/// The field at a dotted path; a name may have dots of its own.
fn find<'a>(fields: &'a [Field], path: &str) -> Option<&'a Field> {
    fields.iter().find_map(|field| match path.strip_prefix(field.name.as_str()) {
        Some("") => Some(field),
        Some(rest) => find(within(&field.ty), rest.strip_prefix('.')?),
        None => None,
    })
}

fn within(ty: &Type) -> &[Field] {
    match ty {
        Type::Record(fields) => fields,
        Type::List(item) => within(&item.ty),
        _ => &[],
    }
}
