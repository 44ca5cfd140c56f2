//! A source as written → [`SourceSpec`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::auth::auth;
use super::pagination::pagination;
use super::repeats::{self, Sent};
use super::schema::{self, Declared};
use super::values::{duration, header_name, header_value, pairs, pointer, url};
use super::words::{Words, strings};
use super::{SourceSpec, secrets};
use crate::codes;
use crate::definition::{Pagination, Pointer, Retry, Source, Template, default_timeout};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::tree::Node;

/// Reads `#[source(…)]`: the record's struct says the schema and the description.
pub fn source(node: &Node, findings: &mut Findings) -> Option<SourceSpec> {
    let words = Words::new(owner(node), node, findings)?;
    read(words)
}

/// Reads an entry of `sources`.
///
/// # Errors
/// Where it has findings: then what is known of it, if that is a name and fields.
pub(super) fn declared(
    node: &Node,
    findings: &mut Findings,
) -> Result<SourceSpec, Option<Box<SourceSpec>>> {
    let mut words = Words::new(owner(node), node, findings).ok_or(None)?;
    let description = words.string("description").map(|text| text.value);
    let table_destination_name = words.string("table_destination_name");
    let key = words.get("primary_key_in_dest");
    let primary_key_in_dest = key.map(|node| strings("primary_key_in_dest", node, words.findings));
    let schema_place = words.key_place("schema").cloned();
    let schema = words.get("schema").map(|node| schema::schema(node, words.findings));
    let name = words.name();
    let Some(mut spec) = read(words) else {
        let Some((name, Declared::Fields(schema, places))) = name.zip(schema.flatten()) else {
            return Err(None);
        };
        let mut spec = fields_only(name, schema_place);
        (spec.source.schema, spec.field_places) = (Some(schema), places);
        return Err(Some(Box::new(spec)));
    };
    spec.source.description = description;
    match schema {
        None => {}
        Some(Some(Declared::Fields(schema, places))) => {
            spec.source.schema = Some(schema);
            spec.field_places = places;
        }
        Some(Some(Declared::File(file))) => spec.schema_file = Some(file),
        Some(None) => return Err(None),
    }
    spec.data_path_place = node.get("data_path").map(|node| node.place.clone());
    let pagination = node.get("pagination");
    let next = pagination.and_then(|node| node.get("cursor_path").or_else(|| node.get("path")));
    spec.next_path_place = next.map(|node| node.place.clone());
    Ok(SourceSpec { schema_place, table_destination_name, primary_key_in_dest, ..spec })
}

/// A source of which no more than its fields is known. It is looked at, and never becomes a part
/// of a definition.
fn fields_only(name: Spanned<String>, schema_place: Option<Place>) -> SourceSpec {
    let source = Source {
        name: name.value.clone(),
        description: None,
        url: Template(String::new()),
        headers: Vec::new(),
        query_params: Vec::new(),
        auth: None,
        data_path: Pointer::default(),
        pagination: Pagination::None,
        retry: Retry::default(),
        timeout: default_timeout(),
        schema: None,
        reads: BTreeSet::new(),
    };
    SourceSpec {
        name,
        source,
        schema_file: None,
        data_path_place: None,
        next_path_place: None,
        schema_place,
        field_places: BTreeMap::new(),
        primary_key_in_dest: None,
        table_destination_name: None,
    }
}

/// `` source `orders` ``, or `a source` where its name is not known.
fn owner(node: &Node) -> String {
    super::name_of(node).map_or_else(|| "a source".to_owned(), |name| format!("source `{name}`"))
}

fn read(mut words: Words<'_, '_>) -> Option<SourceSpec> {
    let name = words.required_string("name", "name: orders");
    let address = words.required_string("url", "url: https://api.example.com/orders");
    if let Some(address) = &address {
        secrets::in_address(address, words.findings);
    }
    let url = address.clone().and_then(|address| url(address, words.findings));
    let headers = words.get("headers").map(|node| pairs("headers", node, words.findings));
    let headers = headers.unwrap_or_default();
    for (name, value) in &headers {
        header_name(name, words.findings);
        header_value(name, value, words.findings);
    }
    let query_params = words.get("query_params");
    let query_params =
        query_params.map(|node| pairs("query_params", node, words.findings)).unwrap_or_default();
    let auth = words.get("auth").map(|node| auth(node, words.findings));
    let auth_place = words.key_place("auth");
    let data_path = words.string("data_path");
    let data_path =
        data_path.map_or(Some(Pointer::default()), |text| pointer(&text, words.findings));
    let pages = words.get("pagination");
    let pagination =
        pages.map_or(Some(Pagination::None), |node| self::pagination(node, words.findings));
    let retry = words.get("retry");
    let retry = retry.map_or(Some(Retry::default()), |node| self::retry(node, words.findings));
    let timeout = words.get("timeout");
    let timeout =
        timeout.map_or(Some(default_timeout()), |node| duration("timeout", node, words.findings));
    let auth = auth.flatten();
    let sent = Sent {
        url: address.as_ref(),
        headers: &headers,
        query_params: &query_params,
        auth: auth.as_ref().zip(auth_place),
        pagination: pages,
    };
    repeats::check(&sent, words.findings);
    if !words.finish() {
        return None;
    }
    let name = name?;
    let source = Source {
        name: name.value.clone(),
        description: None,
        url: url?,
        headers: headers.into_iter().map(|(name, value)| (name.value, value)).collect(),
        query_params: query_params.into_iter().map(|(name, value)| (name.value, value)).collect(),
        auth,
        data_path: data_path?,
        pagination: pagination?,
        retry: retry?,
        timeout: timeout?,
        schema: None,
        reads: BTreeSet::new(),
    };
    Some(SourceSpec {
        name,
        source,
        schema_file: None,
        data_path_place: None,
        next_path_place: None,
        schema_place: None,
        field_places: BTreeMap::new(),
        primary_key_in_dest: None,
        table_destination_name: None,
    })
}

/// More than anybody waits for.
const MOST_ATTEMPTS: u64 = 1_000;

fn retry(node: &Node, findings: &mut Findings) -> Option<Retry> {
    let default = Retry::default();
    let mut words = Words::new("`retry`", node, findings)?;
    let max_attempts = words.number("max_attempts", 1..=MOST_ATTEMPTS, default.max_attempts.into());
    let mut delay = |word: &'static str, default: Duration| match words.get(word) {
        Some(node) => duration(word, node, words.findings),
        None => Some(default),
    };
    let min_delay = delay("min_delay_secs", default.min_delay);
    let max_delay = delay("max_delay_secs", default.max_delay);
    let max_place = words.key_place("max_delay_secs").unwrap_or(words.place).clone();
    if !words.finish() {
        return None;
    }
    let (min_delay, max_delay) = (min_delay?, max_delay?);
    if min_delay > max_delay {
        findings.push(
            Finding::error(
                codes::INVALID_VALUE,
                "`max_delay_secs` is less than `min_delay_secs`",
                &max_place,
            )
            .help("the wait grows from the one to the other"),
        );
        return None;
    }
    let max_attempts = u32::try_from(max_attempts).unwrap_or(u32::MAX);
    Some(Retry { max_attempts, min_delay, max_delay })
}
