//! Headers and parameters that would be sent twice: by two keys of a source that do not know of each
//! other.

use super::declare::{KeyType as _, Mapping, Sent};
use super::source::RequestSpec;
use crate::codes;
use crate::definition::Pagination;
use crate::diagnostic::{Finding, Findings, Spanned};

/// Reports each name that is sent by two keys.
pub(super) fn check(spec: &RequestSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    let place = mapping.key_place("auth").unwrap_or(mapping.place);
    let sent = spec.auth.value.iter().flat_map(|auth| auth.sent());
    let (mut headers, mut of_auth) = (Vec::new(), Vec::new());
    for sent in sent {
        match sent {
            Sent::Header(name) => headers.push(Spanned::new(name, place.clone())),
            Sent::Param(name) => of_auth.push(Spanned::new(name, place.clone())),
        }
    }
    let before = mapping.findings.errors();
    check_headers(headers, spec, mapping.findings);
    check_params(of_auth, spec, mapping.findings);
    mapping.findings.errors() == before
}

fn check_headers(mut headers: Vec<Spanned<String>>, spec: &RequestSpec, findings: &mut Findings) {
    for (name, _) in &spec.headers.value {
        match headers.iter().find(|other| other.value.eq_ignore_ascii_case(&name.value)) {
            Some(first) => findings.push(twice("header", name, first)),
            None => headers.push(name.clone()),
        }
    }
}

fn check_params(of_auth: Vec<Spanned<String>>, spec: &RequestSpec, findings: &mut Findings) {
    let mut params = Vec::new();
    Pagination::params(&spec.pagination, &mut params);
    for (index, param) in params.iter().enumerate() {
        if let Some(first) = params.get(..index).and_then(|before| same(before, param)) {
            findings.push(twice("parameter", param, first));
        }
    }
    params.extend(of_auth);
    // A parameter that is written twice in one place is meant to be: `id=1&id=2`.
    let of_url = in_address(&spec.url.value.0, &spec.url.place);
    let own = spec.query_params.value.iter().map(|(name, _)| name);
    for name in of_url.iter().chain(own) {
        if let Some(first) = same(&params, name) {
            findings.push(twice("parameter", name, first));
        }
    }
}

fn same<'a>(all: &'a [Spanned<String>], name: &Spanned<String>) -> Option<&'a Spanned<String>> {
    all.iter().find(|other| other.value == name.value)
}

/// The names of the parameters in an address.
fn in_address(url: &str, place: &crate::diagnostic::Place) -> Vec<Spanned<String>> {
    let Some((_, query)) = url.split_once('?') else { return Vec::new() };
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    names.map(|name| Spanned::new(name.to_owned(), place.clone())).collect()
}

fn twice(kind: &str, name: &Spanned<String>, first: &Spanned<String>) -> Finding {
    let message = format!("{kind} `{}` is sent twice", name.value);
    Finding::error(codes::SENT_TWICE, message, &name.place)
        .related(&first.place, "it is sent by this, too")
        .help("remove one of them")
}
