//! The security that an OpenAPI document asks for → the `auth` of a source, or a comment.

use apitap_build::schema::documents::{At, Documents};
use apitap_build::tree::Node;

use super::quoted;

/// How a source authenticates.
#[derive(Default)]
pub(super) struct Auth {
    /// A line of YAML, which may be a comment; none where the operation is open to all.
    pub(super) line: Option<String>,
    /// The query parameter that it sends.
    pub(super) query_param: Option<String>,
}

/// What `GET` of a path asks for; the first of the alternatives counts.
pub(super) fn of(documents: &Documents, path: &str) -> Auth {
    let Some(root) = documents.root() else { return Auth::default() };
    let references = documents.references();
    let follow = |node| references.follow(At { file: root.file, node }).ok().map(|at| at.node);
    let operation = root
        .node
        .get("paths")
        .and_then(|paths| paths.get(path))
        .and_then(follow)
        .and_then(|around| around.get("get"));
    let security = operation.and_then(|node| node.get("security"));
    let security = security.or_else(|| root.node.get("security"));
    let Some(first) = security.and_then(|node| node.elements().first()) else {
        return Auth::default();
    };
    let names: Vec<_> = first.entries().iter().map(|(name, _)| name.value.as_str()).collect();
    let schemes = root.node.get("components").and_then(|node| node.get("securitySchemes"));
    match names[..] {
        [] => Auth::default(),
        [name] => schemes
            .and_then(|schemes| schemes.get(name))
            .and_then(follow)
            .and_then(scheme)
            .unwrap_or_else(|| unknown(&names)),
        _ => unknown(&names),
    }
}

fn unknown(names: &[&str]) -> Auth {
    let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    let line = format!("# auth: the document asks for {}", names.join(" and "));
    Auth { line: Some(line), query_param: None }
}

/// A scheme that `auth` has keys for.
fn scheme(scheme: &Node) -> Option<Auth> {
    let text = |key| scheme.get(key).and_then(Node::text);
    let kind = text("scheme").map(str::to_ascii_lowercase);
    let line = match (text("type")?, kind.as_deref()) {
        ("http", Some("bearer")) => "auth: {bearer: \"${API_TOKEN}\"}".to_owned(),
        ("http", Some("basic")) => {
            "auth: {basic: {username: \"${API_USERNAME}\", password: \"${API_PASSWORD}\"}}"
                .to_owned()
        }
        ("apiKey", _) => {
            let place = text("in").filter(|at| ["header", "query", "cookie"].contains(at))?;
            let name = text("name")?;
            let line = format!(
                "auth: {{api_key: {{in: {place}, name: {}, value: \"${{API_KEY}}\"}}}}",
                quoted(name)
            );
            let query_param = (place == "query").then(|| name.to_owned());
            return Some(Auth { line: Some(line), query_param });
        }
        _ => return None,
    };
    Some(Auth { line: Some(line), query_param: None })
}
