//! Headers and parameters that would be sent twice: by two keys of a source that do not know of each
//! other.

use super::declare::{Facts, KeyType as _, Mapping, Sent};
use super::filters::Filters;
use super::pagination::PaginationSpec;
use super::source::RequestSpec;
use crate::codes;
use crate::definition::{Incremental, Pagination, ParamsIn};
use crate::diagnostic::{Finding, Findings, Spanned};

/// Reports each name that is sent by two keys.
pub(super) fn check(spec: &RequestSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    let place = mapping.key_place("auth").unwrap_or(mapping.place);
    let sent = spec.auth.value.iter().flat_map(|auth| auth.sent());
    let (mut headers, mut of_auth, mut cookies) = (Vec::new(), Vec::new(), Vec::new());
    for sent in sent {
        match sent {
            Sent::Header(name) => headers.push(Spanned::new(name, place.clone())),
            Sent::Param(name) => of_auth.push(Spanned::new(name, place.clone())),
            Sent::Cookie(name) => cookies.push(Spanned::new(name, place.clone())),
        }
    }
    let before = mapping.findings.errors();
    check_cookies(&cookies, spec, mapping.findings);
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

/// The cookies of a header are sent beside the one of `auth`, but for one of the same name.
fn check_cookies(of_auth: &[Spanned<String>], spec: &RequestSpec, findings: &mut Findings) {
    let headers = spec.headers.value.iter();
    for (_, value) in headers.filter(|(name, _)| name.value.eq_ignore_ascii_case("cookie")) {
        for pair in value.value.0.split(';').filter_map(|pair| pair.split_once('=')) {
            let name = Spanned::new(pair.0.trim().to_owned(), value.place.clone());
            if let Some(first) = same(of_auth, &name) {
                findings.push(twice("cookie", &name, first));
            }
        }
    }
}

fn check_params(of_auth: Vec<Spanned<String>>, spec: &RequestSpec, findings: &mut Findings) {
    let mut facts = Facts::default();
    let in_body =
        spec.pagination.value.params_in().map(|place| place.value) == Some(ParamsIn::Body);
    if !in_body {
        Pagination::facts("pagination", &spec.pagination, &mut facts);
    }
    Option::<Incremental>::facts("incremental", &spec.incremental, &mut facts);
    Filters::facts("filters", &spec.filters, &mut facts);
    let mut params = facts.params;
    for (index, param) in params.iter().enumerate() {
        if let Some(first) = params.get(..index).and_then(|before| same(before, param)) {
            findings.push(twice("parameter", param, first));
        }
    }
    params.retain(|param| Some(&param.value) != given_first(spec));
    params.extend(of_auth);
    // A parameter that is written twice in one place is meant to be: `id=1&id=2`.
    let of_url = [&spec.url, &spec.path]
        .into_iter()
        .flat_map(|text| text.value.iter().flat_map(|address| in_address(&address.0, &text.place)));
    let of_url: Vec<_> = of_url.collect();
    let own = spec.query_params.value.iter().map(|(name, _)| name);
    for name in of_url.iter().chain(own) {
        if let Some(first) = same(&params, name) {
            findings.push(twice("parameter", name, first));
        }
    }
}

/// The parameter whose first value may be given in `url` or `query_params`: the first cursor, whose
/// place each next one takes.
fn given_first(spec: &RequestSpec) -> Option<&String> {
    match &spec.pagination.value {
        PaginationSpec::Cursor(cursor) => cursor.cursor_param.value.as_ref().map(|name| &name.0),
        _ => None,
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

#[cfg(test)]
mod tests {
    use crate::diagnostic::{Files, Findings};
    use crate::parse::yaml;
    use crate::spec::project;

    /// The messages about a source with these keys.
    fn check(keys: &str, expected: &[&str]) {
        let yaml = format!("sources: [{{name: a, url: \"http://h/?u=1\", {keys}}}]\ntargets: []\n");
        let (mut files, mut findings) = (Files::default(), Findings::default());
        let file = files.add("pipelines.yaml", &yaml);
        let node = yaml::parse(&files, file, &mut findings).expect("it is YAML");
        drop(project(&node, &mut findings));
        let found: Vec<_> = findings.0.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, expected, "{keys}");
    }

    #[test]
    fn the_first_cursor_may_be_given_and_no_other_parameter_of_the_pagination() {
        let cursor = |params: &str| {
            format!(
                "pagination: {{kind: cursor, cursor_path: /next, {params}}}, query_params: {{c: \"*\"}}"
            )
        };
        check(&cursor("cursor_param: c"), &[]);
        check(&cursor("cursor_param: u"), &[]);
        check(&cursor("cursor_param: a, page_size_param: c"), &["parameter `c` is sent twice"]);
        check(&cursor("cursor_param: c, page_size_param: c"), &["parameter `c` is sent twice"]);
        check(
            "auth: {api_key: {in: query, name: c, value: \"${KEY}\"}}, query_params: {c: \"1\"}",
            &["parameter `c` is sent twice"],
        );
    }

    #[test]
    fn the_cookies_of_a_header_stand_beside_the_one_of_auth() {
        let cookie = |header: &str| {
            format!(
                "auth: {{api_key: {{in: cookie, name: sid, value: \"${{KEY}}\"}}}}, headers: {{{header}}}"
            )
        };
        check(&cookie("Cookie: \"theme=${THEME}; lang=de\""), &[]);
        check(&cookie("cookie: \"theme=${THEME}; sid=1\""), &["cookie `sid` is sent twice"]);
    }
}
