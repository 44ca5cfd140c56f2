//! Headers and parameters that would be sent twice: by two words of a source that do not know of
//! each other.

use crate::codes;
use crate::definition::{ApiKey, ApiKeyPlace, Auth, Template};
use crate::diagnostic::{Finding, Findings, Place, Spanned};
use crate::tree::{Node, Value};

/// What a source sends, and where each was written.
pub(super) struct Sent<'a> {
    pub(super) url: Option<&'a Spanned<String>>,
    pub(super) headers: &'a [(Spanned<String>, Template)],
    pub(super) query_params: &'a [(Spanned<String>, Template)],
    pub(super) auth: Option<(&'a Auth, &'a Place)>,
    pub(super) pagination: Option<&'a Node>,
}

/// Reports each name that is sent by two words.
pub(super) fn check(sent: &Sent<'_>, findings: &mut Findings) {
    let mut headers: Vec<Spanned<String>> = Vec::new();
    let of_auth = sent.auth.and_then(|(auth, place)| {
        let name = match auth {
            Auth::Bearer(_) | Auth::Basic(_) => "Authorization",
            Auth::ApiKey(ApiKey { place: ApiKeyPlace::Header, name, .. }) => name,
            Auth::ApiKey(ApiKey { place: ApiKeyPlace::Cookie, .. }) => "Cookie",
            // What a type of the user's sends is not known.
            Auth::ApiKey(ApiKey { place: ApiKeyPlace::Query, .. }) | Auth::Custom(_) => {
                return None;
            }
        };
        Some(Spanned::new(name.to_owned(), place.clone()))
    });
    headers.extend(of_auth);
    for (name, _) in sent.headers {
        match headers.iter().find(|other| other.value.eq_ignore_ascii_case(&name.value)) {
            Some(first) => findings.push(twice("header", name, first)),
            None => headers.push(name.clone()),
        }
    }
    let mut params = of_pagination(sent.pagination);
    for (index, param) in params.iter().enumerate() {
        if let Some(first) = params.get(..index).and_then(|before| same(before, param)) {
            findings.push(twice("parameter", param, first));
        }
    }
    if let Some((Auth::ApiKey(ApiKey { place: ApiKeyPlace::Query, name, .. }), place)) = sent.auth {
        params.push(Spanned::new(name.clone(), place.clone()));
    }
    // A parameter that is written twice in one place is meant to be: `id=1&id=2`.
    let of_url = sent.url.map(in_address).unwrap_or_default();
    let own = sent.query_params.iter().map(|(name, _)| name);
    for name in of_url.iter().chain(own) {
        if let Some(first) = same(&params, name) {
            findings.push(twice("parameter", name, first));
        }
    }
}

fn same<'a>(all: &'a [Spanned<String>], name: &Spanned<String>) -> Option<&'a Spanned<String>> {
    all.iter().find(|other| other.value == name.value)
}

/// The parameters that the pagination sets: the values of its words that end in `_param`.
fn of_pagination(node: Option<&Node>) -> Vec<Spanned<String>> {
    let Some(Value::Map(entries)) = node.map(|node| &node.value) else { return Vec::new() };
    let entries = entries.iter().filter(|(key, _)| key.value.ends_with("_param"));
    entries
        .filter_map(|(_, node)| match &node.value {
            Value::String(name) => Some(Spanned::new(name.clone(), node.place.clone())),
            _ => None,
        })
        .collect()
}

/// The names of the parameters in an address.
fn in_address(url: &Spanned<String>) -> Vec<Spanned<String>> {
    let Some((_, query)) = url.value.split_once('?') else { return Vec::new() };
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    names.map(|name| Spanned::new(name.to_owned(), url.place.clone())).collect()
}

fn twice(kind: &str, name: &Spanned<String>, first: &Spanned<String>) -> Finding {
    let message = format!("{kind} `{}` is sent twice", name.value);
    Finding::error(codes::SENT_TWICE, message, &name.place)
        .related(&first.place, "it is sent by this, too")
        .help("remove one of them")
}
