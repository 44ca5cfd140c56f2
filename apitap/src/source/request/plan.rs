//! A source's request, with nothing left to look up: what is sent, whatever the page.

use reqwest::Method;
use serde_json::Value;

use super::template::RequestText;
use crate::definition::{Pointer, Source};
use crate::environment::Environment;
use crate::{Error, Result};

/// What to ask for. Built once from definition and environment.
///
/// Two that are equal make the same requests. It has no `Debug`: it holds secrets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestPlan {
    pub(super) method: Method,
    pub(super) url: RequestText,
    /// Query parameters, in order, behind those of the URL.
    pub(super) query: Vec<(String, RequestText)>,
    pub(super) headers: Vec<(String, RequestText)>,
    pub(super) body: Body,
    /// Servers besides the source's own to which a next page may lead: `https://cdn.example.com`. They
    /// get no credentials.
    pub(super) allowed_hosts: Vec<String>,
}

/// What a request sends besides its headers.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// `application/json`.
    Json(Value),
    /// `application/x-www-form-urlencoded`: names and values, in order.
    Form(Vec<(String, String)>),
}

impl RequestPlan {
    /// Puts the environment's values into a source's texts. What is missing is in the environment's
    /// [`check`](Environment::check); what cannot be sent is found when it is made an endpoint.
    pub fn resolve(source: &Source, environment: &mut Environment) -> Self {
        let pairs = |pairs: &[(String, _)], environment: &mut Environment| {
            let pair = |(name, text): &(String, _)| {
                (name.clone(), RequestText::resolve(text, environment))
            };
            pairs.iter().map(pair).collect()
        };
        Self {
            method: Method::GET,
            url: RequestText::resolve(&source.url, environment),
            headers: pairs(&source.headers, environment),
            query: pairs(&source.query_params, environment),
            body: Body::None,
            allowed_hosts: Vec::new(),
        }
    }

    /// The same as a `POST` with a body.
    #[must_use]
    pub fn post(self, body: Body) -> Self {
        Self { method: Method::POST, body, ..self }
    }

    /// The same with servers to which a next page may lead, credentials left off.
    #[must_use]
    pub fn allow_hosts(self, hosts: Vec<String>) -> Self {
        Self { allowed_hosts: hosts, ..self }
    }
}

impl Body {
    /// The bytes and their `Content-Type`, with the values of one page put in.
    ///
    /// # Errors
    /// There is no place for a value: the request has no body, or the pointer leads through a text.
    pub(super) fn with(
        &self,
        values: &[(Pointer, String)],
    ) -> Result<Option<(Vec<u8>, &'static str)>> {
        match self {
            Self::None => match values.first() {
                None => Ok(None),
                Some((at, _)) => Err(unfit(at, "the request has no body")),
            },
            Self::Json(json) => {
                let mut json = json.clone();
                for (at, value) in values {
                    set(&mut json, at, value)?;
                }
                Ok(Some((json.to_string().into_bytes(), "application/json")))
            }
            Self::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                let name_of = |at: &Pointer| at.tokens().next().unwrap_or_default();
                let own = fields
                    .iter()
                    .filter(|(name, _)| !values.iter().any(|(at, _)| name_of(at) == *name));
                form.extend_pairs(own);
                form.extend_pairs(values.iter().map(|(at, value)| (name_of(at), value)));
                let bytes = form.finish().into_bytes();
                Ok(Some((bytes, "application/x-www-form-urlencoded")))
            }
        }
    }
}

/// Puts a text at a pointer, making the objects on the way that are not there.
fn set(json: &mut Value, at: &Pointer, text: &str) -> Result<()> {
    let mut place = json;
    for token in at.tokens() {
        if place.is_null() {
            *place = Value::Object(serde_json::Map::new());
        }
        place = match place {
            Value::Object(members) => members.entry(token).or_insert(Value::Null),
            Value::Array(elements) => {
                let index = token.parse::<usize>().ok();
                let element = index.and_then(|index| elements.get_mut(index));
                element.ok_or_else(|| unfit(at, "the list of the body is shorter"))?
            }
            _ => return Err(unfit(at, "the body has a value on the way there")),
        };
    }
    *place = Value::String(text.to_owned());
    Ok(())
}

fn unfit(at: &Pointer, why: &str) -> Error {
    Error::config(format!("the pagination cannot put its value into the request's body: {why}"))
        .at_path(at.0.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(body: &Body, values: &[(&str, &str)], expected: std::result::Result<&str, &str>) {
        let values: Vec<_> = values
            .iter()
            .map(|(at, value)| (Pointer((*at).to_owned()), (*value).to_owned()))
            .collect();
        let found = body.with(&values).map(|sent| {
            sent.map(|(bytes, _)| String::from_utf8(bytes).unwrap()).unwrap_or_default()
        });
        let found = found.map_err(|error| error.message().to_owned());
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn a_cursor_goes_into_a_json_body() {
        let body = Body::Json(json!({"query": "{ orders }", "variables": {"first": 10}}));
        check(&body, &[], Ok(r#"{"query":"{ orders }","variables":{"first":10}}"#));
        check(
            &body,
            &[("/variables/after", "a")],
            Ok(r#"{"query":"{ orders }","variables":{"after":"a","first":10}}"#),
        );
        check(&Body::Json(json!({})), &[("/page/after", "a")], Ok(r#"{"page":{"after":"a"}}"#));
        check(&Body::Json(json!([{"x": 1}])), &[("/0/after", "a")], Ok(r#"[{"after":"a","x":1}]"#));
        check(
            &body,
            &[("/query/after", "a")],
            Err(
                "the pagination cannot put its value into the request's body: the body has a value \
                 on the way there",
            ),
        );
    }

    #[test]
    fn a_cursor_goes_into_a_form() {
        let body = Body::Form(vec![
            ("after".to_owned(), "*".to_owned()),
            ("q".to_owned(), "a b".to_owned()),
        ]);
        check(&body, &[], Ok("after=*&q=a+b"));
        check(&body, &[("/after", "x&y")], Ok("q=a+b&after=x%26y"));
    }

    #[test]
    fn without_a_body_there_is_no_place_for_a_cursor() {
        check(&Body::None, &[], Ok(""));
        check(
            &Body::None,
            &[("/after", "a")],
            Err("the pagination cannot put its value into the request's body: the request has no \
                 body"),
        );
    }
}
