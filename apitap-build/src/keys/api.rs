//! An entry of `apis`, and `#[api(…)]`: what several sources of one API share.
//!
//! A source that names it is read as if what it does not say itself were written there: `shared` makes
//! one tree of the two, so that there is one reader, and each value keeps the place where it stands.

use std::time::Duration;

use super::declare::keys;
use super::pairs::Pairs;
use super::values::Texts;
use super::{rules, source};
use crate::definition::{Auth, Pagination, RateLimit, ResponseRule, Retry, Template, Tls};
use crate::diagnostic::Spanned;
use crate::tree::{Node, Value};

keys! {
    /// What several sources of one API share.
    pub struct Api, spec ApiSpec {
        /// The name by which sources name it: `api: shop`.
        name: String = required("shop").filled(),
        /// What the `path` of each source follows.
        url: Template = required("https://api.example.com/v1")
            .filled()
            .rule(rules::base)
            .expressions()
            .example("${API_URL:-https://api.example.com}/v1"),
        /// Headers that are sent with every request; a source's own of the same name win.
        headers: Pairs = source::headers(),
        /// Query parameters that are sent with every request; a source's own of the same name win.
        query_params: Pairs = source::query_params(),
        /// How requests are authenticated: exactly one of its keys.
        auth: Option<Auth> = optional(),
        /// How to get the next page.
        pagination: Pagination = source::pagination(),
        /// What to do about 408, 429, 5xx, and broken connections and bodies.
        retry: Retry = absent().brief(),
        /// For one request, its body included.
        timeout: Duration = source::timeout(),
        /// What becomes of answers, before the defaults: the first that fits says it.
        on_response: Vec<ResponseRule> = source::on_response(),
        /// How often the API is asked.
        rate_limit: Option<RateLimit> = optional().example("{requests: 8, per: 1s}"),
        /// Other servers, to which a next page or a redirect may lead: they get the headers and credentials, too.
        allow_hosts: Texts = source::allow_hosts(),
        /// Certificates beside the usual ones.
        tls: Option<Tls> = optional().example("{ca_file: \"${CA_FILE}\"}"),
    }
}

/// The keys that say which API it is, and are not a source's.
const OWN: [&str; 2] = ["name", "url"];

/// A source with what its API says where it says nothing itself; headers and parameters by name.
pub(crate) fn shared(source: &Node, api: &Node) -> Node {
    let Value::Map(own) = &source.value else { return source.clone() };
    let mut entries = own.clone();
    for (key, value) in api.entries().iter().filter(|(key, _)| !OWN.contains(&&*key.value)) {
        let written = entries.iter_mut().find(|(known, _)| known.value == key.value);
        match (written, key.value.as_str()) {
            (Some((_, own)), "headers") => *own = together(own, value, str::eq_ignore_ascii_case),
            (Some((_, own)), "query_params") => *own = together(own, value, str::eq),
            (Some(_), _) => {}
            (None, _) => entries.push((key.clone(), value.clone())),
        }
    }
    Node { value: Value::Map(entries), ..source.clone() }
}

/// Names and values of an API and of a source, whose own win.
fn together(own: &Node, api: &Node, same: fn(&str, &str) -> bool) -> Node {
    let names = names(own);
    let is_own = |name: &str| names.iter().any(|own| same(own, name));
    let value = match (&own.value, &api.value) {
        (Value::Map(entries), Value::Map(shared)) => {
            let shared = shared.iter().filter(|(name, _)| !is_own(&name.value));
            Value::Map(shared.chain(entries).cloned().collect())
        }
        (Value::Map(_) | Value::List(_), Value::Map(_) | Value::List(_)) => {
            let shared = pairs(api).into_iter().filter(|pair| {
                let name = pair.get("key").and_then(Node::written);
                !name.is_some_and(|name| is_own(&name))
            });
            Value::List(shared.chain(pairs(own)).collect())
        }
        // What is neither is a finding, where it is read.
        _ => return own.clone(),
    };
    Node { value, ..own.clone() }
}

/// The names in a mapping, or in a list of `{key, value}`.
fn names(node: &Node) -> Vec<String> {
    let of_list =
        node.elements().iter().filter_map(|pair| Some(pair.get("key")?.written()?.into()));
    node.entries().iter().map(|(name, _)| name.value.clone()).chain(of_list).collect()
}

/// A mapping or a list of `{key, value}`, as the list.
fn pairs(node: &Node) -> Vec<Node> {
    let pair = |(name, value): &(Spanned<String>, Node)| {
        let entry = |key: &str, value| (Spanned::new(key.to_owned(), name.place.clone()), value);
        let name_node = Node::new(Value::String(name.value.clone()), name.place.clone());
        let entries = vec![entry("key", name_node), entry("value", value.clone())];
        Node::new(Value::Map(entries), name.place.clone())
    };
    match &node.value {
        Value::List(items) => items.clone(),
        _ => node.entries().iter().map(pair).collect(),
    }
}

/// The address of a source, at a path below its API's.
pub(crate) fn joined(base: &Template, path: &Template) -> Template {
    let base = base.0.trim_end().trim_end_matches('/');
    Template(format!("{base}/{}", path.0.trim_start().trim_start_matches('/')))
}
