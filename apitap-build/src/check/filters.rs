//! `filters` → whether each can be sent: its field is one that the API sends, and its values have an
//! order and a spelling that the API shares.

use crate::codes::{self, Code};
use crate::definition::FilterOp;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::keys::filters::FilterKeysSpec;
use crate::nearest::did_you_mean;
use crate::schema::notation::type_text;
use crate::schema::{Field, Schema, Type};
use crate::spec::SourceSpec;

/// The filters of a source.
pub(super) fn check_source(source: &SourceSpec, findings: &mut Findings) {
    for (field, answer) in &source.request.filters.value {
        findings.extend(check(source, field, &answer.value));
    }
}

fn error(message: impl Into<String>, place: &Place) -> Finding {
    Finding::error(codes::INVALID_FILTER, message, place)
}

fn check(source: &SourceSpec, name: &Spanned<String>, answer: &FilterKeysSpec) -> Option<Finding> {
    let Some(declared) = &source.table.declared else {
        let message = format!("source `{}` declares no schema", source.table.name.value);
        let finding = Finding::error(codes::NO_SCHEMA, message, &name.place);
        return Some(
            finding
                .help(format!("declare at least this field: `schema: {{{}: string}}`", name.value)),
        );
    };
    let first = name.value.split('.').next().unwrap_or_default();
    if source.carried.iter().any(|field| field.name == first) {
        let message = format!("`{}` is no field that the API sends", name.value);
        let help = "it is what the source is requested for: write it into the request instead";
        return Some(error(message, &name.place).help(help));
    }
    let Some(field) = declared.value.schema.path(&name.value).and_then(|mut path| path.pop())
    else {
        let (of, schema) = (&source.table.name.value, &declared.value.schema);
        let finding = unknown_field(of, schema, name, codes::INVALID_FILTER);
        return Some(finding.related(&declared.place, "it declares its fields here"));
    };
    let at = declared.value.places.get(&name.value).unwrap_or(&declared.place);
    let found = unsendable(name, field, answer).or_else(|| formless(name, field, answer));
    found.map(|finding| finding.related(at, "it is declared here"))
}

/// That a source has no field of that name, at the first part of the name that no field has.
pub(super) fn unknown_field(
    source: &str,
    schema: &Schema,
    name: &Spanned<String>,
    code: &'static Code,
) -> Finding {
    let (mut inside, mut shown) = (schema.fields.as_slice(), String::new());
    for token in name.value.split('.') {
        shown = if shown.is_empty() { token.to_owned() } else { format!("{shown}.{token}") };
        match inside.iter().find(|field| field.name == token) {
            Some(Field { ty: Type::Record(fields), .. }) => inside = fields,
            Some(_) => inside = &[],
            None => {
                let known: Vec<_> = inside.iter().map(|field| field.name.as_str()).collect();
                let message = format!("field `{shown}` not found in source `{source}`");
                let place = name.part(shown.len() - token.len()..shown.len());
                let finding = Finding::error(code, message, &place);
                // The suggestion replaces this part only: not the whole, where its place is not known.
                return match token == name.value || place != name.place {
                    true => finding.suggest("field", token, known),
                    false => finding.help(did_you_mean("field", token, known)),
                };
            }
        }
    }
    Finding::error(code, "the name of a field is empty", &name.place)
}

/// Why no value of the field can be sent so.
fn unsendable(name: &Spanned<String>, field: &Field, answer: &FilterKeysSpec) -> Option<Finding> {
    let name = &name.value;
    let ty = type_text(&field.ty, true);
    let (op, place) = (answer.op.value, &answer.op.place);
    let ordered = op != FilterOp::Equal;
    match &field.ty {
        Type::Binary | Type::Json | Type::List(_) | Type::Record(_) => {
            let message = format!("`{name}` is of the type {ty}: no parameter holds its values");
            Some(
                error(message, &answer.param.place)
                    .help("take a field with a text, a number or a time, or leave the filter out"),
            )
        }
        Type::String | Type::Uuid | Type::Bool if ordered => {
            let message =
                format!("`{}` cannot be sent for `{name}`, which is of the type {ty}", op.name());
            Some(error(message, place).help(
                "the API may order such values in another way than SQL: `\"=\"` is what both know",
            ))
        }
        _ => None,
    }
}

/// What is wrong with the format of its values.
fn formless(name: &Spanned<String>, field: &Field, answer: &FilterKeysSpec) -> Option<Finding> {
    let format = answer.format.value.as_ref()?;
    let place = &answer.format.place;
    let name = &name.value;
    match field.ty {
        Type::Timestamp => None,
        Type::Date => {
            let (message, help) = crate::expression::date_format_problem(&format.to_string())?;
            Some(error(message, place).help(help))
        }
        _ => {
            let message = format!("`format` does nothing: `{name}` is not a time");
            Some(error(message, place).help("remove it: other values are sent as they are"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Files;
    use crate::fix::{apply, changes};

    /// A field as a file spells it, and the file with the sure changes.
    fn check(written: &str, name: &str, expected: &str) {
        let text = format!("field: {written}");
        let file = Files::default().add("pipelines.yaml", text.as_str());
        let updated_at = Field::new("updated_at", Type::Timestamp, false);
        let meta = Field::new("meta", Type::Record(vec![updated_at.clone()]), false);
        let schema = Schema { fields: vec![updated_at, meta] };
        let place = Place::text(file, "field: ".len()..text.len());
        let name = Spanned::new(name.to_owned(), place);
        let finding = unknown_field("orders", &schema, &name, codes::INVALID_INCREMENTAL);
        let fixed = apply(&text, &changes(file, &[finding]));
        assert_eq!(fixed, Some(format!("field: {expected}")));
    }

    #[test]
    fn a_fix_replaces_the_wrong_part_of_a_name_only() {
        check("updatd_at", "updatd_at", "updated_at");
        check("meta.updatd_at", "meta.updatd_at", "meta.updated_at");
        check("mta.updated_at", "mta.updated_at", "meta.updated_at");
        check(r"meta\x2eupdatd_at", "meta.updatd_at", r"meta\x2eupdatd_at");
    }
}
