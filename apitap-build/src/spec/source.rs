//! A source as written → [`SourceSpec`].

use std::collections::BTreeSet;

use super::{ApiSpec, Apis, SourceSpec, TableSpec};
use crate::definition::Template;
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::keys;
use crate::keys::group::Group as _;
use crate::keys::mapping::Mapping;
use crate::keys::schema::{FieldsSpec, SchemaKeysSpec};
use crate::keys::source::{Described, DescribedSpec, Request, check_address};
use crate::schema::notation;
use crate::tree::Node;

/// Reads `#[source(…)]`: the record's struct says the schema and the description.
pub fn source(node: &Node, apis: &Apis, findings: &mut Findings) -> Option<SourceSpec> {
    let (api, node) = apis.of(node, findings)?;
    once(findings, |findings| {
        let mut mapping = Mapping::new(owner(&node), &node, findings)?;
        let request = Request::read_keys(&mut mapping);
        check_address(&mut mapping);
        if !mapping.finish() {
            return None;
        }
        let request = request?;
        let untyped = BTreeSet::new();
        let table = TableSpec { name: request.name.clone(), declared: None, untyped };
        let described = Described::nothing(&request.at);
        Some(SourceSpec { table, request, api: api.map(base), described, carried: Vec::new() })
    })
}

fn base(api: &ApiSpec) -> (String, Spanned<Template>) {
    (api.name.value.clone(), api.url.clone())
}

/// What was said of an API is not said again of each source that has its keys.
fn once<T>(findings: &mut Findings, read: impl FnOnce(&mut Findings) -> T) -> T {
    let mut found = Findings::default();
    let read = read(&mut found);
    for finding in found.0 {
        let same = |other: &Finding| {
            (other.code, &other.place, &other.message)
                == (finding.code, &finding.place, &finding.message)
        };
        if !findings.0.iter().any(same) {
            findings.push(finding);
        }
    }
    read
}

/// Reads an entry of `sources`.
///
/// # Errors
/// Where it has findings: then what is known of it, if that is a name and fields.
pub(super) fn declared(
    node: &Node,
    apis: &Apis,
    findings: &mut Findings,
) -> Result<SourceSpec, Option<Box<TableSpec>>> {
    let Some((api, whole)) = apis.of(node, findings) else {
        // All else that is wrong is said: but where it is, and what it takes of its API.
        let known = once(findings, |findings| read(node, None, findings));
        return Err(match known {
            Ok(spec) => Some(Box::new(spec.table)),
            Err(known) => known,
        });
    };
    once(findings, |findings| read(&whole, api, findings))
}

fn read(
    node: &Node,
    api: Option<&ApiSpec>,
    findings: &mut Findings,
) -> Result<SourceSpec, Option<Box<TableSpec>>> {
    let mut mapping = Mapping::new(owner(node), node, findings).ok_or(None)?;
    let name = mapping.name();
    let schema_place = mapping.key_place("schema").cloned();
    let request = Request::read_keys(&mut mapping);
    check_address(&mut mapping);
    let described = Described::read_keys(&mut mapping);
    let whole = mapping.finish();
    let declared = described.as_ref().and_then(|spec| fields(spec, schema_place));
    match (request, described, whole) {
        (Some(request), Some(described), true) => {
            let untyped = BTreeSet::new();
            let table = TableSpec { name: request.name.clone(), declared, untyped };
            Ok(SourceSpec { table, request, api: api.map(base), described, carried: Vec::new() })
        }
        _ => Err(name.and_then(|name| known(name, node)).map(Box::new)),
    }
}

/// What queries see of a source that has findings: they are checked all the same.
fn known(name: Spanned<String>, node: &Node) -> Option<TableSpec> {
    // What a parent gives its records is not known.
    if node.get("for_each").is_some() {
        return None;
    }
    let (key, schema) = node.entries().iter().find(|(key, _)| key.value == "schema")?;
    let notation::Known { schema, places, untyped } = keys::schema::known(schema)?;
    let fields = Spanned::new(FieldsSpec { schema, places }, key.place.clone());
    Some(TableSpec { name, declared: Some(fields), untyped })
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
