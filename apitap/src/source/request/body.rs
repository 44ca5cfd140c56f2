//! `body` → the bytes that a request sends, with the values of one page put in.
//!
//! ```text
//! definition → BodyText (values for ${NAME}) → Body (values for {…}) → bytes
//! ```

use apitap_build::secret_names::is_secret;
use serde_json::Value;

use super::expression::Scope;
use super::template::RequestText;
use crate::definition::{self, Json, Pairs, Pointer, Template};
use crate::environment::Environment;
use crate::{Error, Result};

/// What a request sends, with the environment's values in it; equal ones send the same where the names
/// of their expressions have the same values.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) enum BodyText {
    #[default]
    None,
    Json(JsonText),
    Form(Vec<(String, RequestText)>),
    Text(RequestText),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum JsonText {
    Text(RequestText),
    /// A number, a boolean or null.
    Plain(Value),
    List(Vec<JsonText>),
    Object(Vec<(String, JsonText)>),
}

impl BodyText {
    /// Puts the environment's values in.
    pub(super) fn resolve(body: &definition::Body, environment: &mut Environment) -> Self {
        match body {
            definition::Body::Json(Json(json)) => {
                Self::Json(JsonText::resolve("", json, environment))
            }
            definition::Body::Form(Pairs(pairs)) => {
                let pair = |(name, value): &(String, Template)| {
                    (name.clone(), text(name, value, environment))
                };
                Self::Form(pairs.iter().map(pair).collect())
            }
            definition::Body::Text(value) => Self::Text(RequestText::resolve(value, environment)),
        }
    }

    /// Whether an expression in it uses one of these names.
    pub(super) fn uses(&self, names: &[&str]) -> bool {
        match self {
            Self::None => false,
            Self::Json(json) => json.uses(names),
            Self::Form(fields) => fields.iter().any(|(_, text)| text.uses(names)),
            Self::Text(text) => text.uses(names),
        }
    }

    /// Puts the values of expressions in.
    ///
    /// # Errors
    /// An expression has no value.
    pub(super) fn at(&self, scope: &Scope) -> Result<Body> {
        Ok(match self {
            Self::None => Body::None,
            Self::Json(json) => Body::Json(json.at(scope)?),
            Self::Form(fields) => {
                let mut form = Vec::new();
                for (name, value) in fields {
                    form.extend(value.text(scope)?.map(|value| (name.clone(), value)));
                }
                Body::Form(form)
            }
            Self::Text(text) => Body::Text(text.text(scope)?.unwrap_or_default()),
        })
    }
}

impl JsonText {
    /// `name` is that of the member.
    fn resolve(name: &str, json: &Value, environment: &mut Environment) -> Self {
        match json {
            Value::String(value) => Self::Text(text(name, &Template(value.clone()), environment)),
            Value::Array(elements) => Self::List(
                elements.iter().map(|element| Self::resolve(name, element, environment)).collect(),
            ),
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| {
                    (name.clone(), Self::resolve(name, value, environment))
                };
                Self::Object(members.iter().map(member).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Plain(json.clone()),
        }
    }

    fn uses(&self, names: &[&str]) -> bool {
        match self {
            Self::Text(text) => text.uses(names),
            Self::Plain(_) => false,
            Self::List(elements) => elements.iter().any(|element| element.uses(names)),
            Self::Object(members) => members.iter().any(|(_, value)| value.uses(names)),
        }
    }

    fn at(&self, scope: &Scope) -> Result<Value> {
        Ok(match self {
            Self::Text(text) => text.json(scope)?,
            Self::Plain(value) => value.clone(),
            Self::List(elements) => Value::Array(
                elements.iter().map(|element| element.at(scope)).collect::<Result<_>>()?,
            ),
            Self::Object(members) => {
                let member = |(name, value): &(String, Self)| Ok((name.clone(), value.at(scope)?));
                Value::Object(members.iter().map(member).collect::<Result<_>>()?)
            }
        })
    }
}

/// A text, which is a secret where its name says so.
fn text(name: &str, value: &Template, environment: &mut Environment) -> RequestText {
    match is_secret(name) {
        true => RequestText::secret(value, environment),
        false => RequestText::resolve(value, environment),
    }
}

/// What a request sends besides its headers.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) enum Body {
    /// Nothing.
    #[default]
    None,
    /// `application/json`.
    Json(Value),
    /// `application/x-www-form-urlencoded`: names and values, in order.
    Form(Vec<(String, String)>),
    /// `text/plain`.
    Text(String),
}

impl Body {
    /// The texts in it, some of which may be secrets.
    pub(super) fn values(&self) -> Vec<String> {
        let mut values = Vec::new();
        match self {
            Self::None => {}
            Self::Json(json) => texts(json, &mut values),
            Self::Form(pairs) => values.extend(pairs.iter().map(|(_, value)| value.clone())),
            Self::Text(text) => values.push(text.clone()),
        }
        values
    }

    /// Whether it is a question in GraphQL: the member `query` of a JSON body says so by how it begins.
    pub(super) fn is_graphql(&self) -> bool {
        let Self::Json(Value::Object(members)) = self else { return false };
        let text = members.get("query").and_then(Value::as_str).unwrap_or_default();
        // Comments may stand before it.
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let begin = lines.collect::<Vec<_>>().join(" ");
        let word = begin.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next();
        let names_one = matches!(word, Some("query" | "mutation" | "subscription" | "fragment"));
        begin.trim_start().starts_with('{') || names_one && begin.contains('{')
    }

    /// The bytes and their `Content-Type`, with the values of one page put in.
    ///
    /// # Errors
    /// There is no place for a value: the request has no body, or the pointer leads through a text.
    pub(super) fn with(
        &self,
        values: &[(Pointer, Value)],
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
                form.extend_pairs(values.iter().map(|(at, value)| (name_of(at), plain(value))));
                let bytes = form.finish().into_bytes();
                Ok(Some((bytes, "application/x-www-form-urlencoded")))
            }
            Self::Text(text) => match values.first() {
                None => Ok(Some((text.clone().into_bytes(), "text/plain; charset=utf-8"))),
                Some((at, _)) => Err(unfit(at, "the body is a text")),
            },
        }
    }
}

/// The texts of a JSON value.
fn texts(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::String(text) => found.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|element| texts(element, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A value as the field of a form has it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts a value at a pointer, making the objects on the way that are not there.
fn set(json: &mut Value, at: &Pointer, value: &Value) -> Result<()> {
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
    *place = value.clone();
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
        let values: Vec<_> =
            values.iter().map(|(at, value)| (Pointer((*at).to_owned()), (*value).into())).collect();
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
