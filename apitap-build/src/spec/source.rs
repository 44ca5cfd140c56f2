//! A source as written → [`SourceSpec`].

use super::{SourceSpec, TableSpec};
use crate::diagnostic::{Findings, Place, Spanned};
use crate::keys::group::Group as _;
use crate::keys::mapping::Mapping;
use crate::keys::schema::{FieldsSpec, SchemaKeysSpec};
use crate::keys::source::{Described, DescribedSpec, Request};
use crate::tree::Node;

/// Reads `#[source(…)]`: the record's struct says the schema and the description.
pub fn source(node: &Node, findings: &mut Findings) -> Option<SourceSpec> {
    let mut mapping = Mapping::new(owner(node), node, findings)?;
    let request = Request::read_keys(&mut mapping);
    if !mapping.finish() {
        return None;
    }
    let request = request?;
    let table = TableSpec { name: request.name.clone(), declared: None };
    let described = Described::nothing(&request.at);
    Some(SourceSpec { table, request, described })
}

/// Reads an entry of `sources`.
///
/// # Errors
/// Where it has findings: then what is known of it, if that is a name and fields.
pub(super) fn declared(
    node: &Node,
    findings: &mut Findings,
) -> Result<SourceSpec, Option<Box<TableSpec>>> {
    let mut mapping = Mapping::new(owner(node), node, findings).ok_or(None)?;
    let name = mapping.name();
    let schema_place = mapping.key_place("schema").cloned();
    let request = Request::read_keys(&mut mapping);
    let described = Described::read_keys(&mut mapping);
    let whole = mapping.finish();
    let declared = described.as_ref().and_then(|spec| fields(spec, schema_place));
    match (request, described, whole) {
        (Some(request), Some(described), true) => {
            let table = TableSpec { name: request.name.clone(), declared };
            Ok(SourceSpec { table, request, described })
        }
        _ => {
            let known = name.zip(declared);
            Err(known.map(|(name, fields)| Box::new(TableSpec { name, declared: Some(fields) })))
        }
    }
}

/// The fields that are declared, and where their schema is.
fn fields(described: &DescribedSpec, place: Option<Place>) -> Option<Spanned<FieldsSpec>> {
    match &described.schema.value {
        Some(SchemaKeysSpec::Fields(fields)) => {
            Some(Spanned::new(fields.clone(), place.unwrap_or(described.schema.place.clone())))
        }
        _ => None,
    }
}

/// `` source `orders` ``, or `a source` where its name is not known.
fn owner(node: &Node) -> String {
    super::name_of(node).map_or_else(|| "a source".to_owned(), |name| format!("source `{name}`"))
}
