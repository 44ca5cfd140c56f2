//! An API as written → [`ApiSpec`]; a source → the same with what its API says.

use std::borrow::Cow;

use super::{Broken, name_of};
use crate::codes;
use crate::definition::Template;
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::keys::api::{Api, shared};
use crate::keys::group;
use crate::tree::Node;

/// An API as written: its own keys were checked, and what sources take of it is read with them.
#[derive(Debug, Clone)]
pub struct ApiSpec {
    /// The name by which sources name it.
    pub name: Spanned<String>,
    /// What their paths follow.
    pub url: Spanned<Template>,
    node: Node,
}

/// All APIs that sources may name.
#[derive(Debug, Default)]
pub struct Apis {
    /// In order.
    pub known: Vec<ApiSpec>,
    /// Those that have findings.
    pub broken: Broken,
}

impl Apis {
    /// Reads one, an entry of `apis` or `#[api(…)]`.
    pub fn read(&mut self, node: &Node, findings: &mut Findings) {
        let name = name_of(node);
        let owner =
            name.as_ref().map_or_else(|| "an api".to_owned(), |name| format!("api `{name}`"));
        match group::read::<Api>(owner, node, findings) {
            Some(spec) => {
                self.known.push(ApiSpec { name: spec.name, url: spec.url, node: node.clone() })
            }
            None => self.broken.add(name),
        }
    }

    /// The API that a source names, and the source with what that says. `None` where the name is
    /// that of no API, or of one with findings.
    pub(super) fn of<'n>(
        &self,
        source: &'n Node,
        findings: &mut Findings,
    ) -> Option<(Option<&ApiSpec>, Cow<'n, Node>)> {
        // What is not a text is a finding, where the source is read.
        let named = source.get("api").and_then(|node| Some((node, node.text()?)));
        let Some((node, name)) = named else { return Some((None, Cow::Borrowed(source))) };
        let found = self.known.iter().find(|api| api.name.value == name);
        let Some(api) = found else {
            if !self.broken.may_be(name) {
                findings.push(self.unknown(name, node));
            }
            return None;
        };
        Some((Some(api), Cow::Owned(shared(source, &api.node))))
    }

    fn unknown(&self, name: &str, node: &Node) -> Finding {
        let known = self.known.iter().map(|api| api.name.value.as_str());
        Finding::error(codes::UNKNOWN_API, format!("api `{name}` is not declared"), &node.place)
            .label("no such api")
            .suggest("api", name, known.chain(self.broken.names()))
    }
}

#[cfg(test)]
mod tests {
    use crate::definition::{Method, Source};
    use crate::diagnostic::{Files, Findings};
    use crate::parse::yaml;
    use crate::spec::project;

    /// The first source of a file with this API and these keys of the source.
    fn source(api: &str, keys: &str) -> Source {
        let text =
            format!("apis: [{{name: shop, {api}}}]\nsources: [{{name: a, {keys}}}]\ntargets: []\n");
        let (mut files, mut findings) = (Files::default(), Findings::default());
        let file = files.add("pipelines.yaml", &text);
        let node = yaml::parse(&files, file, &mut findings).expect("it is YAML");
        let project = project(&node, &mut findings);
        assert!(!findings.has_errors(), "{text}: {:?}", findings.0);
        project.sources.first().expect("it has a source").source()
    }

    #[test]
    fn a_path_follows_the_address_of_its_api() {
        let check = |url: &str, path: &str, expected: &str| {
            let source =
                source(&format!("url: \"{url}\""), &format!("api: shop, path: \"{path}\""));
            assert_eq!(source.url.0, expected);
        };
        check("https://h/v1", "/orders", "https://h/v1/orders");
        check("https://h/v1/", "orders?a=1", "https://h/v1/orders?a=1");
        check("${API:-https://h}", "/orders", "${API:-https://h}/orders");
    }

    #[test]
    fn what_a_source_says_itself_wins_and_names_are_taken_together() {
        let api = "url: \"https://h\", timeout: 5s, auth: {bearer: \"${A}\"}, \
                   rate_limit: {requests: 3, per: 1m}, headers: {A: 1, B: 2}, \
                   query_params: [{key: p, value: 1}, {key: q, value: 1}]";
        let names = |pairs: &[(String, crate::definition::Template)]| {
            let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", value.0));
            pairs.collect::<Vec<_>>().join(" ")
        };
        let plain = source(api, "api: shop, path: /a");
        assert_eq!((names(&plain.headers).as_str(), plain.timeout.as_secs()), ("A=1 B=2", 5));
        assert_eq!(names(&plain.query_params), "p=1 q=1");
        assert!(plain.auth.is_some());
        assert_eq!(plain.rate_limit.and_then(|limit| limit.scope).as_deref(), Some("shop"));
        let own = source(
            api,
            "api: shop, path: /a, timeout: 9s, headers: [{key: b, value: 3}], \
             query_params: {P: 2, q: 2}, rate_limit: {requests: 1, per: 1s, scope: mine}",
        );
        assert_eq!((names(&own.headers).as_str(), own.timeout.as_secs()), ("A=1 b=3", 9));
        assert_eq!(names(&own.query_params), "p=1 P=2 q=2");
        assert_eq!(own.rate_limit.and_then(|limit| limit.scope).as_deref(), Some("mine"));
        // A source with an address of its own has nothing of it.
        let apart = source(api, "url: \"https://other\"");
        assert_eq!((apart.headers.len(), apart.auth.is_some()), (0, false));
    }

    #[test]
    fn a_body_makes_a_source_a_post() {
        let method =
            |keys: &str| source("url: \"https://h\"", &format!("url: \"https://h\"{keys}")).method;
        assert_eq!(method(""), Method::Get);
        assert_eq!(method(", body: {json: {}}"), Method::Post);
        assert_eq!(method(", method: GET, body: {json: {}}"), Method::Get);
        assert_eq!(method(", method: PUT"), Method::Put);
    }

    /// The messages about a file.
    fn check(text: &str, expected: &[&str]) {
        let (mut files, mut findings) = (Files::default(), Findings::default());
        let file = files.add("pipelines.yaml", text);
        let node = yaml::parse(&files, file, &mut findings).expect("it is YAML");
        project(&node, &mut findings);
        let found: Vec<_> = findings.0.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_is_wrong_with_an_api_is_said_once() {
        let two = "[{name: a, api: shop, path: /a}, {name: b, api: shop, path: /b}]\ntargets: []\n";
        let of = |api: &str| format!("apis: [{{name: shop, {api}}}]\nsources: {two}");
        check(&of("url: \"https://h\", timeout: soon"), &["`timeout` cannot be `soon`"]);
        check(&of("url: h"), &["the address has no scheme"]);
        check(
            &of("url: \"https://h\", auth: {bearer: hunter2}"),
            &["the token is written into the file"],
        );
        check(
            &format!(
                "apis: [{{name: shop, url: \"https://h\"}}]\nsources: {}",
                two.replace("shop", "shpo")
            ),
            &["api `shpo` is not declared", "api `shpo` is not declared"],
        );
        check(
            &format!("sources: {two}"),
            &["api `shop` is not declared", "api `shop` is not declared"],
        );
        check(
            "apis: 1\nsources: []\ntargets: []\n",
            &["`apis` must be a list, not a whole number"],
        );
    }
}
